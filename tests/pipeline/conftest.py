"""A published demo to decide on: approve, remind, collect. Each test has its own, and changes what is published as it likes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.workspace import Workspace
from tests.postgres import running_postgres


def published_copy(demo: Workspace, root: Path) -> Workspace:
    """What readers see of the demo, and an empty landing."""
    shutil.copytree(demo.serving, root / "serving", symlinks=True)
    (root / "landing").mkdir()
    return Workspace(root)


@pytest.fixture(params=["sqlite", "postgresql"])
def decisive(
    request: pytest.FixtureRequest, demo_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """What is published of the demo, nothing decided yet; the decisions in SQLite or in PostgreSQL."""
    workspace = published_copy(demo_workspace, tmp_path / "workspace")
    if request.param == "sqlite":
        yield workspace
        return
    with running_postgres() as url:
        monkeypatch.setenv("TIKTELLER_STATE_URL", url)
        yield workspace
