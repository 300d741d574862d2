"""Fails if what was billed changes afterwards, or if what comes late is billed in the wrong month, twice, or never."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask
from tests.pipeline.trade import call, land, open_trade

SEPTEMBER = [
    call("first", "2026-09-01T00:00:00", 61),
    call("last second", "2026-09-30T23:59:59", 61),
    call("next month", "2026-10-01T00:00:00", 61),
    call("corrected later", "2026-09-10T10:00:00", 61),
    call("sent again later", "2026-09-11T10:00:00", 61),
    call("dearer later", "2026-09-12T10:00:00", 61, "0049301234567"),
    call("no price yet", "2026-09-13T10:00:00", 61, "0033123456789"),
    # 23:59:59 on the last of September in New York is the first of October in Amsterdam
    call("west last second", "2026-09-30T23:59:59", 61, customer="west-1"),
    call("west with offset", "2026-10-01T05:59:59+02:00", 61, customer="west-1"),
    call("west next month", "2026-10-01T06:00:00+02:00", 61, customer="west-1"),
    # spring and autumn, both changes of the clock
    call("before spring", "2026-03-29T01:59:59", 61),
    call("after spring", "2026-03-29T03:00:00", 61),
    call("autumn first pass", "2026-10-25T02:30:00+02:00", 61),
    call("autumn second pass", "2026-10-25T02:30:00+01:00", 61),
    call("autumn without offset", "2026-10-25T02:30:00", 61),
    call("dearer in an open month", "2026-10-12T10:00:00", 61, "0049301234567"),
    call("end of october", "2026-10-31T12:00:00", 61),
]
LATE = [
    call("late for september", "2026-09-20T10:00:00", 61),
    call("sent again later", "2026-09-11T10:00:00", 61),
    call("corrected later", "2026-09-10T10:00:00", 3600),
    call("west late for september", "2026-09-20T10:00:00", 61, customer="west-1"),
]
CALLS = "select call_id, billing_month, sale_eur from calls order by call_id"
MONTHS = "select billing_month, count(*), sum(sale_eur) from calls where status = 'rated' group by 1 order by 1"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, tuple], dict[str, tuple]]:
    """September of one partner closed, then late records and a dearer deck; what was published before and after."""
    workspace = open_trade(tmp_path_factory.mktemp("late") / "workspace")
    land(workspace, "cdrs/standard", "september", SEPTEMBER)
    tikteller(workspace.root, "run")
    before = _calls(workspace)
    tikteller(workspace.root, "close", "2026-09", "--partner", "noord", "--no-run")
    land(workspace, "cdrs/standard", "late", LATE)
    germany = {"deck_id": "world", "destination": "Duitsland vast", "connection_fee_eur": "0", "valid_from": "2026-01-01"}
    land(
        workspace,
        "purchase_rates",
        "later",
        [
            germany | {"prefix": "49", "minute_rate_eur": "0.0900"},
            germany | {"prefix": "33", "destination": "Frankrijk vast", "minute_rate_eur": "0.0120"},
        ],
    )
    tikteller(workspace.root, "run")
    return workspace, before, _calls(workspace)


def _calls(workspace: Workspace) -> dict[str, tuple]:
    return {
        f"{partner}: {call_id}": (month, sale) for partner in ("noord", "west") for call_id, month, sale in ask(workspace, partner, CALLS)
    }


def test_a_call_stands_in_the_month_of_its_partner(closed: tuple) -> None:
    """A call at 23:59:59 would be billed a month late, or on another day's price where the clock changes."""
    workspace, before, _ = closed
    assert before["noord: last second"][0] == "2026-09"
    assert before["noord: next month"][0] == "2026-10"
    assert before["west: west last second"][0] == before["west: west with offset"][0] == "2026-09"
    assert before["west: west next month"][0] == "2026-10"
    instants = dict(ask(workspace, "noord", "select call_id, started_at::varchar from calls"))
    assert instants["before spring"] == "2026-03-29 00:59:59"
    assert instants["after spring"] == "2026-03-29 01:00:00"
    assert instants["autumn first pass"] == "2026-10-25 00:30:00"
    assert instants["autumn second pass"] == instants["autumn without offset"] == "2026-10-25 01:30:00"


def test_a_closed_month_never_changes(closed: tuple) -> None:
    """An invoice that was sent would no longer be what the books say: by a correction, a dearer deck, or a call that came later."""
    workspace, before, after = closed
    september = {key: value for key, value in before.items() if value[0] == "2026-09" and value[1] is not None and key.startswith("noord")}
    assert {key: after[key] for key in september} == september
    # the guard would prove nothing if the later deck changed nothing: 61 s of 175 % of 0.0900 in a month that is open
    assert after["noord: dearer in an open month"] == ("2026-10", Decimal("0.1851"))
    assert before["noord: dearer in an open month"] == ("2026-10", Decimal("0.0464"))
    reasons = ask(workspace, "noord", "select line, reason from quarantine where file like '%late.csv'")
    assert reasons == [(4, "billed_before")]
    counts = ask(workspace, "noord", "select rows_kept, rows_duplicate, rows_quarantined from ingested_files where file like '%late.csv'")
    assert counts == [(1, 1, 1)]


def test_a_late_call_is_billed_in_the_first_open_month(closed: tuple) -> None:
    """It would never be paid, or stand on an invoice that was sent already; where the month is open it is still its own."""
    _, before, after = closed
    assert after["noord: late for september"] == ("2026-10", Decimal("0.0453"))
    assert after["west: west late for september"] == ("2026-09", Decimal("0.0453"))
    assert before["noord: no price yet"] == ("2026-09", None)
    assert after["noord: no price yet"] == ("2026-10", Decimal("0.0464"))  # the deck has a row now


def test_rebuilt_from_landing_and_state_it_says_the_same(closed: tuple, tmp_path: Path) -> None:
    """The warehouse is said to be rebuildable at any time: what was billed would then depend on when somebody did."""
    workspace, _, after = closed
    copy = Workspace(tmp_path / "copy")
    shutil.copytree(workspace.landing, copy.landing)
    shutil.copy(workspace.state, copy.state)
    tikteller(copy.root, "run")
    assert _calls(copy) == after
    for partner in ("noord", "west"):
        assert ask(copy, partner, MONTHS) == ask(workspace, partner, MONTHS)


def test_rerating_gives_the_same_bytes(closed: tuple) -> None:
    """`rerate` would be a way to change what nobody meant to change."""
    workspace, _, after = closed
    done = tikteller(workspace.root, "rerate", "--from", "2026-09-01", "--to", "2026-10-31", "--partner", "noord")
    assert "nothing changed" in done.stdout
    assert _calls(workspace) == after


def test_a_month_that_is_not_over_cannot_be_closed(closed: tuple) -> None:
    """Calls of tomorrow would be late today."""
    workspace, _, _ = closed
    refused = tikteller(workspace.root, "close", "2026-11", "--partner", "noord", "--no-run", check=False)
    assert refused.returncode == 1
    assert "is not over" in refused.stderr
    again = tikteller(workspace.root, "close", "2026-09", "--partner", "noord", "--no-run", check=False)
    assert "is closed already" in again.stderr
