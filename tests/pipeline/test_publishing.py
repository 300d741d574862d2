"""Fails if a publication disturbs readers, if a wrong snapshot becomes current, or if building on the last one drifts."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration import dbt, publishing, serving
from orchestration.errors import TiktellerError
from orchestration.workspace import PLATFORM, Workspace
from tests.pipeline.readers import totals


@pytest.fixture
def workspace(demo_workspace: Workspace, tmp_path: Path) -> Workspace:
    copy = Workspace(tmp_path / "workspace")
    shutil.copytree(demo_workspace.root, copy.root, symlinks=True)
    return copy


def rated_calls(workspace: Workspace) -> Path:
    return workspace.rated / f"{serving.published_partners(workspace)[0]}.duckdb"


def test_a_reader_keeps_what_it_opened(workspace: Workspace) -> None:
    # Fails if a page's numbers change between two of its queries.
    partner = serving.published_partners(workspace)[0]
    opened = serving.current_snapshot(workspace, partner)
    with serving.connect(opened) as reader:
        before = reader.execute("select count(*), sum(sale_eur) from calls").fetchone()
        for edition in ("one", "two"):
            publishing.publish(workspace, edition, dbt.rules_fingerprint())
        assert serving.current_snapshot(workspace, partner).name == "two.duckdb"
        assert reader.execute("select count(*), sum(sale_eur) from calls").fetchone() == before


def test_a_snapshot_that_does_not_match_is_not_published(workspace: Workspace) -> None:
    # Fails if a bookkeeping error of ours reaches a partner: a call was rated, but what is summed up does not know.
    before = totals(workspace)
    current = serving.current_snapshot(workspace, PLATFORM)
    with duckdb.connect(str(rated_calls(workspace))) as rated:
        rated.execute("update calls set sale_eur = sale_eur + 1 where status = 'rated' and cdr_date = '2026-09-10'")
    with pytest.raises(TiktellerError, match="does not match the warehouse"):
        publishing.publish(workspace, "wrong", dbt.rules_fingerprint())
    assert serving.current_snapshot(workspace, PLATFORM) == current
    assert totals(workspace) == before


@pytest.mark.parametrize("fault", ["a log beside it", "no file"])
def test_calls_that_were_not_written_to_their_end_are_not_published(workspace: Workspace, fault: str) -> None:
    # Fails if a file is copied without what its log still holds: the last calls would be missing.
    file = rated_calls(workspace)
    if fault == "no file":
        file.unlink()
    else:
        file.with_suffix(".duckdb.wal").touch()
    with pytest.raises(TiktellerError, match="are not whole"):
        publishing.publish(workspace, "half", dbt.rules_fingerprint())


def test_a_partner_without_a_snapshot_of_the_last_run_is_not_published(workspace: Workspace) -> None:
    # Fails if a partner that left goes on seeing, and billing by, what it had.
    partners = serving.published_partners(workspace)
    serving.current_snapshot(workspace, partners[0]).unlink()
    assert serving.published_partners(workspace) == partners[1:]
    with pytest.raises(TiktellerError, match="nothing is published"):
        serving.current_snapshot(workspace, partners[0])


@pytest.mark.parametrize("name", ["../kustlijn", "a/b", "", ".hidden", "_platform/../kustlijn"])
def test_a_partner_id_cannot_lead_out_of_its_folder(workspace: Workspace, name: str) -> None:
    with pytest.raises(TiktellerError, match="is not a partner id"):
        serving.current_snapshot(workspace, name)
