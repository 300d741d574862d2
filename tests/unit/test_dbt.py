"""Fails if what the checks refused, or a kill left half done, is kept and published by the next run, which would not look at it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.warehouse import builds
from orchestration.workspace import Workspace


def test_only_a_build_that_went_well_is_built_upon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    assert builds.begin_build(workspace), "a new warehouse"
    assert builds.begin_build(workspace), "killed or refused before it went well"
    builds.build_went_well(workspace)
    assert not builds.begin_build(workspace)
    assert builds.begin_build(workspace), "the one that began just now never ended"
    builds.build_went_well(workspace)
    monkeypatch.setattr(builds, "rules_fingerprint", lambda: "other rules")
    assert builds.begin_build(workspace)


def test_a_changed_rule_is_another_fingerprint(tmp_path: Path) -> None:
    from orchestration.warehouse.builds import code_fingerprint

    model = tmp_path / "models" / "calls.sql"
    model.parent.mkdir()
    model.write_text("select 1")
    before = code_fingerprint([tmp_path])
    assert code_fingerprint([tmp_path]) == before
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "compiled.sql").write_text("select 1")
    assert code_fingerprint([tmp_path]) == before, "what dbt compiles is no rule"
    model.write_text("select 2")
    assert code_fingerprint([tmp_path]) != before
