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


def in_warehouse(workspace: Workspace, statement: str) -> None:
    with duckdb.connect(str(workspace.warehouse)) as warehouse:
        warehouse.execute(statement)


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


def test_building_on_the_last_snapshot_equals_building_anew(workspace: Workspace) -> None:
    # Fails if a day that was rated again, or emptied, keeps its old rows in a partner's file.
    in_warehouse(
        workspace,
        """
        update marts.calls set sale_eur = 1, margin_eur = 1 - purchase_eur where cdr_date = '2026-09-10' and status = 'rated';
        delete from marts.calls where cdr_date = '2026-09-11';
        update raw.rated_days set through_file_id = through_file_id + 1 where cdr_date in ('2026-09-10', '2026-09-11');
        """,
    )
    built_upon = publishing.publish(workspace, "upon", dbt.rules_fingerprint())
    assert [snapshot.days_replaced for snapshot in built_upon] == [2, 2]
    seen = totals(workspace)
    anew = publishing.publish(workspace, "anew", "other rules")
    assert all(snapshot.days_replaced > 2 for snapshot in anew)
    assert totals(workspace) == seen


def test_a_snapshot_that_does_not_match_is_not_published(workspace: Workspace) -> None:
    # Fails if a bookkeeping error of ours reaches a partner: a price changed, but no day says so.
    before = totals(workspace)
    current = serving.current_snapshot(workspace, PLATFORM)
    in_warehouse(workspace, "update marts.calls set sale_eur = sale_eur + 1 where status = 'rated' and cdr_date = '2026-09-10'")
    with pytest.raises(TiktellerError, match="does not match the warehouse"):
        publishing.publish(workspace, "wrong", dbt.rules_fingerprint())
    assert serving.current_snapshot(workspace, PLATFORM) == current
    assert totals(workspace) == before


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
