"""The app as a partner has it: the frame and its pages, on the published demo."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.serving import current_snapshot, published_partners
from orchestration.workspace import PROJECT_ROOT, Workspace

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS_TO_START = 60


@dataclass(frozen=True)
class Served:
    """A running app and the file that it shows for its first partner."""

    url: str
    partner_id: str
    snapshot: Path


@pytest.fixture(scope="session")
def partner_id(demo_workspace: Workspace) -> str:
    """The partner that the app opens with."""
    return published_partners(demo_workspace)[0]


@pytest.fixture(scope="session")
def snapshot(demo_workspace: Workspace, partner_id: str) -> Path:
    return current_snapshot(demo_workspace, partner_id)


@pytest.fixture(scope="session")
def served(demo_workspace: Workspace, partner_id: str, snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The app in a process of its own on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (tmp_path_factory.mktemp("app") / "app.log").open("w+")
    command = [sys.executable, "-m", "streamlit", "run", "apps/dashboard.py", "--server.address=127.0.0.1", f"--server.port={port}"]
    environment = os.environ | {"TIKTELLER_WORKSPACE": str(demo_workspace.root), "PYTHONPATH": str(PROJECT_ROOT)}
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(f"{url}/_stcore/health", process, Path(log.name))
        yield Served(url, partner_id, snapshot)
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def wait_until_up(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the app did not answer on {url}\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium of the machine. Where there is none browser tests are skipped, but never in CI: there it is a failure."""
    candidates = (os.environ.get("CHROMIUM"), *map(shutil.which, CHROMIUM_NAMES))
    found = next((path for path in candidates if path), None)
    if found:
        return found
    message = "no Chromium found (chromium, chromium-browser, google-chrome, or CHROMIUM=path): browser tests did not run"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
