"""Fails if a publication disturbs readers, if a wrong snapshot becomes current, or if building on the last one drifts."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration import serving, warehouse
from orchestration.errors import TiktellerError
from orchestration.pipeline.runs import is_up_to_date
from orchestration.serving import publishing
from orchestration.warehouse import builds
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
            publishing.publish(workspace, edition, builds.rules_fingerprint())
        assert serving.current_snapshot(workspace, partner).name == "two.duckdb"
        assert reader.execute("select count(*), sum(sale_eur) from calls").fetchone() == before


def test_a_snapshot_that_does_not_match_is_not_published(workspace: Workspace) -> None:
    # Fails if a bookkeeping error of ours reaches a partner (a call was rated, but what is summed up does not know), or keeps others back.
    first, *others = serving.published_partners(workspace)
    before = totals(workspace)
    current = serving.current_snapshot(workspace, first)
    with duckdb.connect(str(rated_calls(workspace))) as rated:
        rated.execute("update calls set sale_eur = sale_eur + 1 where status = 'rated' and cdr_date = '2026-09-10'")
    publication = publishing.publish(workspace, "wrong", builds.rules_fingerprint())
    ((held,), is_sound) = (publication.held, publication.is_sound)
    assert (held.partner_id, held.snapshot, is_sound) == (first, current.stem, False)
    assert "does not match the warehouse" in held.reasons[0]
    assert serving.current_snapshot(workspace, first) == current
    assert {serving.current_snapshot(workspace, each).stem for each in (*others, PLATFORM)} == {"wrong"}
    assert totals(workspace) == before
    assert not is_up_to_date(workspace)


@pytest.mark.parametrize("fault", ["a log beside it", "no file", "no database"])
def test_calls_that_were_not_written_to_their_end_are_not_published(workspace: Workspace, fault: str) -> None:
    # Fails if a file is copied without what its log still holds: the last calls would be missing.
    file = rated_calls(workspace)
    if fault == "no file":
        file.unlink()
    elif fault == "no database":
        file.write_bytes(b"x" * 5000)
    else:
        file.with_suffix(".duckdb.wal").touch()
    publication = publishing.publish(workspace, "half", builds.rules_fingerprint())
    assert [each.partner_id for each in publication.held] == [file.stem]
    assert serving.current_snapshot(workspace, file.stem).stem != "half"
    assert (warehouse.damage(workspace) is not None) == (fault == "no database")


def test_who_is_no_partner_any_more_sees_nothing(workspace: Workspace) -> None:
    # Fails if a partner that left goes on seeing, and billing by, what it had.
    gone = workspace.serving / "gone"
    shutil.copytree(workspace.serving / serving.published_partners(workspace)[0], gone)
    publishing.publish(workspace, "without", builds.rules_fingerprint())
    assert "gone" not in serving.published_partners(workspace)


def test_a_snapshot_that_is_gone_is_noticed(workspace: Workspace) -> None:
    # Fails if a partner stays without figures, since a run says that there is nothing new.
    partners = serving.published_partners(workspace)
    serving.current_snapshot(workspace, partners[0]).unlink()
    assert serving.published_partners(workspace) == partners[1:]
    with pytest.raises(TiktellerError, match="nothing is published"):
        serving.current_snapshot(workspace, partners[0])
    assert not is_up_to_date(workspace)


@pytest.mark.parametrize("name", ["../kustlijn", "a/b", "", ".hidden", "_platform/../kustlijn"])
def test_a_partner_id_cannot_lead_out_of_its_folder(workspace: Workspace, name: str) -> None:
    with pytest.raises(TiktellerError, match="is not a partner id"):
        serving.current_snapshot(workspace, name)
