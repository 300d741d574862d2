"""A command timed as a whole: wall, CPU, and the memory of all its processes together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from orchestration.workspace import PROJECT_ROOT, Workspace

LOOKS_EVERY_S = 0.1


@dataclass(frozen=True)
class Measured:
    """Wall seconds; of a command also its CPU seconds and the highest sum of its processes' memory, in MiB."""

    what: str
    seconds: float
    cpu_s: float | None = None
    memory_mib: float | None = None


@contextmanager
def step(what: str) -> Iterator[None]:
    print(f"... {what}", file=sys.stderr, flush=True)
    yield


def timed(what: str, *command: str) -> Measured:
    """Run a command in a process of its own. Raises CalledProcessError when it fails."""
    with step(what):
        before, began = os.times(), time.monotonic()
        process = psutil.Popen(
            command,
            cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, _memory(process))
            time.sleep(LOOKS_EVERY_S)
        seconds, after = time.monotonic() - began, os.times()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(what, seconds, cpu_s, peak / 2**20)


def _memory(process: psutil.Process) -> int:
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            try:
                total += each.memory_info().rss
            except psutil.Error:  # it has ended meanwhile
                continue
    except psutil.Error:
        pass
    return total


def tikteller(workspace: Workspace, what: str, *arguments: str) -> Measured:
    return timed(what, sys.executable, "-m", "orchestration.cli", "--workspace", str(workspace.root), *arguments)
