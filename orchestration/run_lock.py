"""One run at a time: DuckDB has one writer, and two runs would land the same files."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from orchestration.errors import TiktellerError
from orchestration.workspace import Workspace


@contextmanager
def held(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace's lock, or say who does. The system lets it go when the process ends, however it ends."""
    workspace.root.mkdir(parents=True, exist_ok=True)
    handle = os.open(workspace.run_lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
            raise TiktellerError(f"a run is going on in {workspace.root} ({holder})", fix="wait for it; tikteller status") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n".encode(), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def shared(workspace: Workspace, wait_s: float = 60) -> Iterator[None]:
    """For those who decide on what is published: many at once, but not while a run may replace it. Waits a while for a run to end."""
    workspace.root.mkdir(parents=True, exist_ok=True)
    handle = os.open(workspace.run_lock, os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + wait_s
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    who = os.read(handle, 200).decode(errors="replace").strip() or "another process"
                    raise TiktellerError(f"a run is going on in {workspace.root} ({who})", fix="wait for it; tikteller status") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def holder(workspace: Workspace) -> str | None:
    """Who runs, such as ``process 4711 since 2026-11-22 03:30:00 UTC``; None when nobody does."""
    try:
        handle = os.open(workspace.run_lock, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(handle, 200).decode(errors="replace").strip() or "another process"
    else:
        return None
    finally:
        os.close(handle)
