"""Files of ours are looked at before they are believed: of what was lost, cut off, swapped or is older one line is said.

The workspace has everything that a partner's month leaves: two partners, one invoice approved and published, one approved since.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration import cli, serving, state, warehouse
from orchestration.pipeline.runs import is_up_to_date
from orchestration.state import store
from orchestration.warehouse import builds
from orchestration.workspace import PLATFORM, Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask
from tests.pipeline.trade import PARTNERS, call, land, open_trade

SELLER = {
    "street": "Kade 2",
    "postal_code": "1000 AA",
    "city": "Amsterdam",
    "vat_number": "NL000000012B01",
    "coc_number": "12345678",
    "iban": "NL91ABNA0417164300",
}
MONTH = "2026-09"
SEAL = "makes it anew"
RESTORE = "put the newest backup of the state in its place"


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("billed") / "workspace"
    workspace = open_trade(root)
    land(workspace, "partners", "sellers", [partner | SELLER for partner in PARTNERS])
    rows = [
        call(f"{customer}-{day}", f"2026-{day}T10:00:00+02:00", 61, customer=customer)
        for customer in ("noord-1", "noord-2", "west-1")
        for day in ("09-10", "10-10")
    ]
    land(workspace, "cdrs/standard", "calls", rows)
    tikteller(root, "run")
    tikteller(root, "invoices", "approve", f"noord-1-{MONTH}", "--partner", "noord", "--no-run")
    shutil.copy(workspace.state, root.parent / "published.db")
    tikteller(root, "run")
    tikteller(root, "invoices", "approve", f"west-1-{MONTH}", "--partner", "west", "--no-run")
    return workspace


@pytest.fixture
def workspace(billed: Workspace, tmp_path: Path) -> Workspace:
    copy = Workspace(tmp_path / "workspace")
    shutil.copytree(billed.root, copy.root)
    return copy


def said(capsys: pytest.CaptureFixture[str], workspace: Workspace, *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    code = cli.main(["--workspace", str(workspace.root), *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out + err


def snapshot(workspace: Workspace, owner: str) -> Path:
    return serving.current_snapshot(workspace, owner)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])


def cut_tables(workspace: Workspace) -> None:
    """The file opens, and some of what is in it is gone."""
    with duckdb.connect(str(snapshot(workspace, "noord"))) as opened:
        opened.execute("delete from invoice_lines where invoice_id = 'noord-2-2026-09'")


DAMAGES: dict[str, Callable[[Workspace], object]] = {
    "gone": lambda w: snapshot(w, "noord").unlink(),
    "empty": lambda w: snapshot(w, "noord").write_bytes(b""),
    "cut off": lambda w: cut(snapshot(w, "noord")),
    "west's": lambda w: shutil.copy(snapshot(w, "west"), snapshot(w, "noord")),
    "the platform's": lambda w: shutil.copy(snapshot(w, PLATFORM), snapshot(w, "noord")),
    "some other database": lambda w: (snapshot(w, "noord").unlink(), duckdb.connect(str(snapshot_path(w))).close()),
    "pointed elsewhere": lambda w: (w.serving / "noord" / "current").write_text("../west/x.duckdb\n"),
    "pointed at nothing": lambda w: (w.serving / "noord" / "current").write_text(""),
}


def snapshot_path(workspace: Workspace) -> Path:
    """Where noord's snapshot is, though it is not there."""
    return workspace.serving / "noord" / (workspace.serving / "noord" / "current").read_text().strip()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_snapshot_that_is_not_the_one_that_was_written_shows_nothing(
    workspace: Workspace, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Noord would see, and approve, what is west's; or go without figures while the run says that there is nothing new."""
    DAMAGES[damage](workspace)
    for question in (
        ("sql", "select * from invoices", "--partner", "noord"),
        ("invoices", "approve", "--partner", "noord", "--month", MONTH, "--no-run"),
        ("invoices", "credit", "INV1", "--partner", "noord", "--reason", "r", "--no-run"),
        ("close", MONTH, "--partner", "noord", "--no-run"),
        ("explain", "noord-1-09-10", "--partner", "noord"),
    ):
        code, text = said(capsys, workspace, *question)
        assert code == 1, (question, text)
        assert "west-1" not in text, question
        assert text.count("\n") == 1, text
        assert SEAL in text or "nothing is published for partner 'noord'" in text
    assert said(capsys, workspace, "sql", "select count(*) from calls", "--partner", "west")[0] == 0
    code, text = said(capsys, workspace, "status")
    assert code == 0
    assert "WARNING" in text
    assert "noord" in text.split("WARNING")[1]
    assert not is_up_to_date(workspace)


def test_a_snapshot_with_rows_gone_is_not_decided_on(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """An invoice would be approved that lacks a line of its own."""
    cut_tables(workspace)
    code, text = said(capsys, workspace, "invoices", "approve", "--partner", "noord", "--month", MONTH, "--no-run")
    assert code == 1
    assert "its table invoice_lines is not what was published" in text
    assert not is_up_to_date(workspace)


STATES: dict[str, Callable[[Workspace], object]] = {
    "lost": lambda w: w.state.unlink(),
    "empty": lambda w: w.state.write_bytes(b""),
    "cut off": lambda w: w.state.write_bytes(w.state.read_bytes()[:1500]),
    "no database": lambda w: w.state.write_bytes(b"no database" * 500),
    "begun anew": lambda w: (w.state.unlink(), store._engine.cache_clear(), state.engine(w)),
    "an older one": lambda w: shutil.copy(w.root.parent / "published.db", w.state),
}


@pytest.mark.parametrize("remembered", [True, False], ids=["remembered beside it", "known to the snapshots alone"])
@pytest.mark.parametrize("damage", STATES)
def test_a_state_that_was_lost_gives_no_number_twice(
    billed: Workspace, workspace: Workspace, damage: str, remembered: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two customers would get an invoice of one number, and what was approved would be a draft again with the next run."""
    shutil.copy(billed.root.parent / "published.db", workspace.root.parent / "published.db")
    STATES[damage](workspace)
    store._engine.cache_clear()
    if not remembered:
        workspace.state_seen.unlink()
    before = snapshot(workspace, "noord")
    refused = damage != "an older one" or remembered
    for question in (("invoices", "approve", "--partner", "noord", "--month", MONTH, "--no-run"), ("run",)):
        if not refused:
            continue  # no run has seen what was decided since that copy, and nothing tells of it
        code, text = said(capsys, workspace, *question)
        assert code == 1, text
        assert "INV" not in text
        assert RESTORE in text or "put its newest backup in its place" in text, text
        assert text.count("\n") == 1, text
    assert snapshot(workspace, "noord") == before
    if refused:
        code, text = said(capsys, workspace, "status")
        assert "WARNING: the state" in text, text
    store._engine.cache_clear()


def test_what_can_be_made_anew_is_by_the_next_run_with_a_line_for_each(workspace: Workspace) -> None:
    """A disk that was full once would kill every later run; a partner would stay without its figures."""
    expected = {owner: ask(workspace, owner, "select count(*), sum(sale_eur) from calls") for owner in ("noord", "west")}
    snapshot(workspace, "noord").unlink()
    shutil.copy(snapshot(workspace, PLATFORM), snapshot(workspace, "west"))
    cut(workspace.last_run)
    cut(workspace.dbt_target / "manifest.json")
    cut(workspace.dbt_target / "partial_parse.msgpack")
    cut(workspace.dbt_target / "run_results.json")
    workspace.warehouse.write_bytes(b"no database" * 1000)
    cut(workspace.rated / "noord.duckdb")
    assert warehouse.damage(workspace)
    told = tikteller(workspace.root, "run").stderr
    assert f"made anew from landing/: {workspace.warehouse} is damaged" in told
    assert "nothing is published for partner 'noord'" in told
    assert "is the snapshot of '_platform', not of 'west'" in told
    assert {owner: ask(workspace, owner, "select count(*), sum(sale_eur) from calls") for owner in expected} == expected
    assert json.loads(workspace.last_run.read_text())["published"]
    assert ask(workspace, "west", "select count(*) from invoices where status = 'approved'") == [(1,)]
    assert is_up_to_date(workspace)


@pytest.mark.parametrize("file", ["manifest.json", "rules", "prepared_for"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut off"])
def test_what_dbt_left_is_not_believed_blindly(workspace: Workspace, file: str, damage: str) -> None:
    """A run would go on with half the rules, or end before it began."""
    damaged = workspace.dbt_target / file
    if damage == "gone":
        damaged.unlink()
    elif damage == "empty":
        damaged.write_bytes(b"")
    else:
        cut(damaged)
    assert json.loads(builds.prepare_manifest(workspace).read_bytes())["nodes"]
    assert builds.is_built(workspace) == (file != "rules"), "what was not noted to have gone well is built anew"
