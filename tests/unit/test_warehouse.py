"""Who holds the warehouse: our own dbt that outlived its run is waited for, anybody else is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration import warehouse
from orchestration.errors import TiktellerError
from orchestration.warehouse import connection
from orchestration.workspace import Workspace

HOLD = "import duckdb, sys; connection = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    duckdb.connect(str(workspace.warehouse)).close()
    return workspace


def hold(workspace: Workspace, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(workspace.warehouse), name]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_the_dbt_of_a_killed_run_is_waited_for(workspace: Workspace) -> None:
    """Whoever starts the run anew after a kill would be refused by what is left of it, at night, with nobody there to try once more."""
    holder = hold(workspace, "tikteller-dbt")
    told: list[str] = []

    def progress(step: str, *_: object) -> None:
        told.append(step)
        assert holder.stdin is not None
        holder.stdin.close()  # it has done its work

    warehouse.wait_for_leftover(workspace, progress)
    assert told == [f"waiting for process {holder.pid}, what is left of a run that was killed"]
    assert holder.wait(timeout=10) == 0
    warehouse.connect(workspace).close()


def test_anybody_else_is_named_at_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run would hang for ten minutes because an analyst has the warehouse open."""
    monkeypatch.setattr(connection, "LEFTOVER_PATIENCE_S", 3600)
    holder = hold(workspace, "somebody")
    try:
        warehouse.wait_for_leftover(workspace, lambda *_: pytest.fail("nobody is to be waited for"))
        with pytest.raises(TiktellerError, match=f"in use by process {holder.pid}"):
            warehouse.connect(workspace)
    finally:
        holder.kill()
        holder.wait()
