"""dbt on a warehouse of one's own, without Dagster around it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestration import warehouse
from orchestration.landing import ledger
from orchestration.warehouse import builds
from orchestration.workspace import Workspace


def run_dbt(workspace: Workspace, *arguments: str, into: str = "tests") -> list[dict[str, Any]]:
    """Run dbt on the workspace's warehouse; the results of its run, one of each node, also of those that failed."""
    target = workspace.dbt_target / into
    command = [builds.EXECUTABLE, *arguments, "--target-path", str(target), "--log-path", str(target / "log")]
    done = subprocess.run(command, env=os.environ | builds.environment(workspace), capture_output=True, text=True)
    results = target / "run_results.json"
    if not results.exists():
        pytest.fail(f"dbt {' '.join(arguments)} did not run\n{done.stdout[-5000:]}\n{done.stderr[-2000:]}")
    return list(json.loads(results.read_text())["results"])


def failures(results: list[dict[str, Any]]) -> list[str]:
    """What failed, each with what dbt says of it; not what was skipped because of it."""
    return [f"{result['unique_id']}: {result['message']}" for result in results if result["status"] not in ("success", "pass", "skipped")]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[dict[str, Any]]]:
    """A workspace in which nothing has landed, built and tested, and dbt's results; ``scratch`` is kept beside it."""
    workspace = Workspace(tmp_path_factory.mktemp("built") / "workspace")
    workspace.root.mkdir()
    with warehouse.connect(workspace) as connection:
        ledger.create_raw(connection)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TIKTELLER_SCRATCH", str(workspace.root / "scratch.duckdb"))
        return workspace, run_dbt(workspace, "build")


@pytest.fixture
def new_workspace(tmp_path: Path) -> Workspace:
    """A workspace in which nothing has landed."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.root.mkdir()
    return workspace
