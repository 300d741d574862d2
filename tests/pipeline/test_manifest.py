"""dbt's manifest: parsed once for all workspaces, and never yesterday's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestration.warehouse import builds
from orchestration.workspace import Workspace


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the dbt project that a test may change; nothing is parsed in it yet."""
    copy = tmp_path / "dbt_project"
    shutil.copytree(builds.DBT_PROJECT_DIR, copy, ignore=shutil.ignore_patterns("target", "logs"))
    (tmp_path / "seeds").symlink_to(builds.SEEDS_DIR)
    monkeypatch.setattr(builds, "DBT_PROJECT_DIR", copy)
    monkeypatch.setattr(builds, "PARSED_DIR", copy / "target")
    return copy


def a_workspace(folder: Path) -> Workspace:
    folder.mkdir()
    return Workspace(folder)


def test_a_second_workspace_is_not_parsed_for_and_a_changed_rule_is(project: Path, tmp_path: Path) -> None:
    # Fails if every new workspace waits for dbt, or if Dagster goes on with the rules of yesterday.
    first, second = a_workspace(tmp_path / "first"), a_workspace(tmp_path / "second")
    builds.prepare_manifest(first)
    made = (project / "target" / "manifest.json").stat().st_mtime_ns
    manifest = builds.prepare_manifest(second)
    assert (project / "target" / "manifest.json").stat().st_mtime_ns == made
    assert manifest.read_bytes() == (project / "target" / "manifest.json").read_bytes()
    assert "0 files deleted, 0 files added, 0 files changed" in parse(second)

    (project / "models" / "one_more.sql").write_text("select 1 as one")
    assert "model.tikteller.one_more" in builds.prepare_manifest(second).read_text()
    assert "model.tikteller.one_more" in builds.prepare_manifest(first).read_text()


def test_a_project_that_cannot_be_written_is_parsed_into_the_workspace(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fails if the platform runs only as the user who installed it.
    monkeypatch.setattr(os, "access", lambda path, mode: path != project)  # root may write anywhere
    manifest = builds.prepare_manifest(a_workspace(tmp_path / "workspace"))
    assert "model.tikteller.calls" in manifest.read_text()
    assert not (project / "target").exists()


def parse(workspace: Workspace) -> str:
    """What dbt says when it parses for the workspace, whose copy it starts from."""
    target = str(workspace.dbt_target)
    command = [builds.EXECUTABLE, "--log-level", "debug", "parse", "--target-path", target, "--log-path", target]
    return subprocess.run(command, env=os.environ | builds.environment(workspace), capture_output=True, text=True, check=True).stdout
