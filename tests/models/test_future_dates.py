"""A record that was refused for its date counts when its time has come: by the clock of the run, not by that of the night it landed."""

from __future__ import annotations

from datetime import datetime

from orchestration import warehouse
from orchestration.landing.feeds import FEEDS
from orchestration.landing.ingest import ingest
from orchestration.workspace import Workspace
from tests.models.conftest import failures, run_dbt
from tests.pipeline.trade import FEEDS as TRADE
from tests.pipeline.trade import call, land

CLOCK_OF_THE_SERVER = datetime(2026, 9, 1)  # a month back
CALLS = [
    call("before", "2026-09-01T10:00:00", 61),
    call("of the night", "2026-10-01T10:00:00", 61),
    call("before midnight", "2026-10-01T23:59:00", 61),
    call("before midnight", "2026-10-02T00:01:00", 61, sequence=2),
    call("next year", "2027-10-01T10:00:00", 61),
]


def test_a_night_that_landed_under_a_wrong_clock_is_billed_once_it_is_right(new_workspace: Workspace) -> None:
    """A server whose clock was a month back when a night landed: its calls waited in quarantine for ever, and nobody paid for them."""
    new_workspace.create(tuple(feed.name for feed in FEEDS))
    for feed, rows in TRADE.items():
        land(new_workspace, feed, "first", rows)
    land(new_workspace, "cdrs/standard", "night", CALLS)
    with warehouse.connect(new_workspace) as connection:
        ingest(new_workspace, connection, "test")

    assert _rated(new_workspace, CLOCK_OF_THE_SERVER, is_first=True) == (["before"], 4, "2026-09-30 10:00:00")
    rated, waiting, due = _rated(new_workspace, datetime(2026, 10, 2, 12))
    assert rated == ["before midnight", "of the night"]  # the day that was right already is not rated again
    assert (waiting, due[:10]) == (1, "2027-09-30")
    assert _rated(new_workspace, datetime(2026, 10, 3)) == ([], 1, due)


def _rated(workspace: Workspace, now: datetime, is_first: bool = False) -> tuple[list[str], int, str]:
    """The calls that a run at that moment rates, how many records wait for their date, and when the next one is due."""
    with warehouse.connect(workspace) as connection:
        connection.execute("update raw.clock set began_at = ?", [now])
    chosen = ("--select", "+int_calls_attributed", "--resource-type", "model", "--resource-type", "seed")
    results = run_dbt(workspace, "build", *chosen, *(["--full-refresh"] if is_first else []))
    assert not failures(results), "\n".join(failures(results))
    with warehouse.connect(workspace) as connection:
        days = connection.execute("select cdr_date from intermediate.int_days_to_rate").fetchall()
        rated = connection.execute(
            "select distinct call_id from intermediate.int_call_records "
            "where reject_reason is null and cdr_date in (select cdr_date from intermediate.int_days_to_rate) order by 1"
        ).fetchall()
        connection.execute("delete from raw.rated_days where cdr_date in (select cdr_date from intermediate.int_days_to_rate)")
        connection.executemany("insert into raw.rated_days (cdr_date, through_file_id) values (?, 1000)", days or [(datetime(1, 1, 1),)])
        ((waiting,),) = connection.execute(
            "select count(*) from intermediate.int_call_records where reject_reason = 'future_date'"
        ).fetchall()
        ((due,),) = connection.execute("select next_due_at::varchar from raw.clock").fetchall()
        return [call_id for (call_id,) in rated], waiting, due
