"""What several kinds of test stand on: one small demo workspace, landed, built and published by the command line as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.workspace import PROJECT_ROOT, Workspace

DEMO_CALLS, DEMO_MONTHS, DEMO_SEED = 12_000, 2, 7


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults-long", action="store_true", help="the long campaign of tests/faults and random books (make faults)")
    parser.addoption("--year", action="store_true", help="twelve month ends in a row, instead of two (make year)")


def tikteller(workspace: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "orchestration.cli", "--workspace", str(workspace), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_ROOT, env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)})
    if check and done.returncode:
        pytest.fail(f"tikteller {' '.join(arguments)} exited with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}")
    return done


@pytest.fixture(scope="session")
def demo_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The demo, published: 12,000 calls over two months and all the dirt. Read it; who changes it copies it first."""
    root = tmp_path_factory.mktemp("demo") / "workspace"
    tikteller(root, "init")
    tikteller(root, "demo-data", "--calls", str(DEMO_CALLS), "--months", str(DEMO_MONTHS), "--seed", str(DEMO_SEED))
    tikteller(root, "run")
    return Workspace(root)
