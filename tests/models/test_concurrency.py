"""How many calls stood on the line at once: the models against a sweep in plain Python, over the demo and over a night of late records."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

from orchestration import warehouse
from orchestration.landing import ledger
from orchestration.landing.ingest import ingest
from orchestration.workspace import Workspace
from tests.models.conftest import failures, run_dbt

SHOWN = 10
Peaks = dict[tuple[str, str, date], tuple[int, datetime]]
"""Partner, customer and local day -> the peak, and the first instant (UTC) of the day at which it was reached."""


def test_every_day_has_the_peak_of_an_independent_sweep(demo_workspace: Workspace) -> None:
    """A partner would sell a line, channels or a licence for calls that never stood there together."""
    assert not _wrong_peaks(demo_workspace)


def test_the_sweep_meets_what_makes_it_hard(demo_workspace: Workspace) -> None:
    """The test above would prove little without overlapping calls, nights, and calls that do not count."""
    with warehouse.connect(demo_workspace, read_only=True) as connection:
        met = connection.execute(
            """
            select
                (select max(peak_calls) >= 3 from marts.concurrency),
                (select count(*) > 0 from intermediate.int_concurrency_hours where first_cdr_date < call_date),
                (select count(*) > 0 from marts.concurrency where call_date = date '2026-10-25'),
                (select count(distinct status_reason) = 3 from marts.calls where status_reason in ('internal', 'feature_code', 'inbound')),
                (select count(*) > 0 from marts.calls where leg = 'airtime')
            """
        ).fetchone()
    assert met == (True, True, True, True, True)


def test_late_records_change_the_days_on_which_their_calls_stand_and_no_other(new_workspace: Workspace) -> None:
    """A late call would leave a day's peak too low, a corrected one too high; or every night would count all days of all years again."""
    _land(new_workspace, "partners", "partner_id,name,tier,deck_id", "p,Partner,premium,deck")
    _land(new_workspace, "customers", "customer_id,partner_id,name", "C,p,C", "D,p,D", "E,p,E")
    _land(new_workspace, "accounts", "account,customer_id", "c,C", "d,D", "e,E")
    records = "call_id,sequence,account,caller,callee,started_at,duration_s,disposition"
    _land(
        new_workspace, "cdrs/standard", records,
        "over midnight,0,c,0201234567,0301234567,2026-10-05T23:50:00+02:00,1800,answered",
        "in parts,0,c,0201234567,0301234567,2026-10-06T20:00:00+02:00,86000,answered",
        "in parts,1,c,0201234567,0301234567,2026-10-06T20:00:01+02:00,86000,answered",
        "of another,0,d,0201234567,0301234567,2026-10-08T10:00:00+02:00,60,answered",
        "alone,0,e,0201234567,0301234567,2026-10-25T10:00:00+02:00,60,answered",
        "to midnight,0,d,0201234567,0301234567,2026-10-10T23:00:00+02:00,86400,answered",
        "to midnight,1,d,0201234567,0301234567,2026-10-10T23:00:01+02:00,3600,answered",  # 25 hours: the 10th and the 11th, not the 12th
        "before,0,d,0201234567,0301234567,2026-10-01T10:00:00+02:00,60,answered",
        "after,0,d,0201234567,0301234567,2026-10-20T10:00:00+02:00,60,answered",
    )  # fmt: skip
    _build(new_workspace)
    assert not _wrong_peaks(new_workspace)
    assert _days(new_workspace, "C") == [date(2026, 10, day) for day in (5, 6, 7, 8)]

    with warehouse.connect(new_workspace) as connection:  # a mark that a day which is counted again loses
        connection.execute("update intermediate.int_concurrency_hours set peak_calls = 99 where customer_id = 'D'")
    _land(
        new_workspace, "cdrs/standard", records,
        "late,0,c,0201234567,0301234567,2026-10-06T00:10:00+02:00,60,answered",  # beside the call from the day before
        "late over midnight,0,d,0201234567,0301234567,2026-10-16T23:59:00+02:00,120,answered",
        "in parts,1,c,0201234567,0301234567,2026-10-06T20:00:01+02:00,60,answered",  # it ended a day sooner
        "alone,0,e,0201234567,0301234567,2026-10-25T10:00:00+02:00,0,no_answer",
    )  # fmt: skip
    _build(new_workspace)
    with warehouse.connect(new_workspace) as connection:
        marked = connection.execute("select call_date from intermediate.int_concurrency_hours where peak_calls = 99 order by 1").fetchall()
        connection.execute("update marts.concurrency set peak_calls = 1 where peak_calls = 99")
    assert {day for (day,) in marked} == {date(2026, 10, day) for day in (1, 10, 11, 20)}
    assert not _wrong_peaks(new_workspace)
    assert _days(new_workspace, "C") == [date(2026, 10, day) for day in (5, 6, 7)]
    assert _days(new_workspace, "E") == []


def test_the_demo_has_a_customer_for_every_advice(demo_workspace: Workspace) -> None:
    """A partner who tries the demo would not see what the page is for."""
    with warehouse.connect(demo_workspace, read_only=True) as connection:
        partners, bottlenecks, reasons, is_exceeded = connection.execute(
            """
            select
                count(distinct partner_id),
                list_sort(list(distinct bottleneck) filter (bottleneck is not null)),
                list_sort(list(distinct line_reason) filter (line_reason is not null)),
                bool_or(bottleneck = 'line' and headroom_calls < 0)
            from marts.line_capacity
            """
        ).fetchone()
        lines = connection.execute("select distinct line_id from marts.line_capacity where customer_id in ('kl-003', 'kl-005')").fetchall()
    assert (partners, is_exceeded) == (2, True)
    assert bottlenecks == ["license", "line", "trunk_channels"]
    assert reasons == ["assumed_framing", "unknown_access_profile"]
    assert {line for (line,) in lines} == {"kl-003-line", "kl-003-backup", "kl-005-fibre"}, "what ended, or is to come, is no line now"


# The sweep -------------------------------------------------------------------------------------------------------------------------


def _wrong_peaks(workspace: Workspace) -> str:
    """Where the published peaks differ from the sweep over the published calls; empty where they agree."""
    with warehouse.connect(workspace, read_only=True) as connection:
        zones = dict(connection.execute("select partner_id, time_zone from marts.partners").fetchall())
        calls = connection.execute(
            "select partner_id, customer_id, started_at, duration_s, status, coalesce(status_reason, '') from marts.calls"
        ).fetchall()
        published = {
            (partner, customer, day): (peak, peak_at)
            for partner, customer, day, peak, peak_at in connection.execute(
                "select partner_id, customer_id, call_date, peak_calls, peak_at from marts.concurrency"
            ).fetchall()
        }
    by_customer = defaultdict(list)
    for partner, customer, started_at, duration_s, status, reason in calls:
        if status != "unanswered" and reason not in ("internal", "feature_code"):
            by_customer[partner, customer].append((started_at, started_at + timedelta(seconds=duration_s)))
    expected: Peaks = {}
    for (partner, customer), spans in by_customer.items():
        expected |= {(partner, customer, day): peak for day, peak in _sweep(spans, ZoneInfo(zones[partner])).items()}
    wrong = [
        f"{key}: is {published.get(key)}, should be {expected.get(key)}"
        for key in sorted(published.keys() | expected.keys())
        if published.get(key) != expected.get(key)
    ]
    return "\n".join([f"{len(wrong)} differences", *wrong[:SHOWN]]) if wrong else ""


def _sweep(spans: Iterable[tuple[datetime, datetime]], zone: ZoneInfo) -> dict[date, tuple[int, datetime]]:
    """One customer's calls, from and until (UTC, until excluded): per local day the peak and when it was first reached.

    Walks through the beginnings of calls, and of days, in time; a heap holds the ends of the calls that go on.
    """
    spans = sorted(spans)
    first, last = (_local(moment, zone).date() for moment in (spans[0][0], max(until for _, until in spans)))
    midnights = [(_midnight(first + timedelta(days=n), zone), None) for n in range((last - first).days + 1)]
    going_on: list[datetime] = []
    peaks: dict[date, tuple[int, datetime]] = {}
    for moment, until in sorted([*spans, *midnights], key=lambda step: (step[0], step[1] is not None)):
        while going_on and going_on[0] <= moment:
            heappop(going_on)
        if until is not None:
            heappush(going_on, until)
        day = _local(moment, zone).date()
        if len(going_on) > peaks.get(day, (0, None))[0]:
            peaks[day] = (len(going_on), moment)
    return peaks


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=UTC).astimezone(zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC).replace(tzinfo=None)


# A workspace of a few rows ---------------------------------------------------------------------------------------------------------


def _land(workspace: Workspace, feed: str, header: str, *rows: str) -> None:
    folder = workspace.feed(feed)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{len(list(folder.iterdir()))}.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(line.split(",") for line in (header, *rows))


def _build(workspace: Workspace) -> None:
    with warehouse.connect(workspace) as connection:
        ledger.create_raw(connection)
        ingest(workspace, connection, "now")
    results = run_dbt(workspace, "build", "--select", "+concurrency", "+partners", "--resource-type", "model", "--resource-type", "seed")
    assert not failures(results), "\n".join(failures(results))


def _days(workspace: Workspace, customer: str) -> list[date]:
    with warehouse.connect(workspace, read_only=True) as connection:
        return [
            row[0]
            for row in connection.execute("select call_date from marts.concurrency where customer_id = ? order by 1", [customer]).fetchall()
        ]
