"""The fraud guard against an independent one in plain Python: exact fractions, written from DOMAIN 6 and the landed files, no SQL."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import duckdb
import pytest

from orchestration import serving, warehouse
from orchestration.errors import TiktellerError
from orchestration.output import Answer
from orchestration.rules.ids_backtest import BacktestRequest, backtest, judge
from orchestration.workspace import SEEDS_DIR, Workspace
from tests.conftest import tikteller
from tests.models import oracle

PREMIUM = re.compile(r"31(90\d{5,8}|18\d\d)")
"""Dutch premium numbers: 0900 and its kin with four or seven digits more, and the four digits of 18xx."""


@dataclass(frozen=True)
class Call:
    call_key: str
    call_id: str
    partner_id: str
    customer_id: str
    call_date: date
    started_at: datetime
    duration_s: int
    callee: str
    country: str | None
    status: str
    status_reason: str | None
    sale_eur: Decimal | None

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self.duration_s)

    @property
    def is_usage(self) -> bool:
        is_watched = self.country not in (None, "NL") or bool(PREMIUM.fullmatch(self.callee))
        return is_watched and self.status in ("rated", "unrated")


@pytest.fixture(scope="module")
def built(demo_workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect(demo_workspace, read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def calls_by_customer(built: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[Call]]:
    """What was rated (the rater's own test checks that), in the order in which it ended, by partner and customer.

    A customer that moves begins anew: what it called at another partner is not its new partner's to know.
    """
    columns = ", ".join(Call.__dataclass_fields__)
    found = defaultdict(list)
    for row in built.execute(f"select {columns} from marts.calls").fetchall():
        call = Call(*row)
        found[call.partner_id, call.customer_id].append(call)
    return {customer: sorted(calls, key=lambda call: (call.ended_at, call.call_key)) for customer, calls in found.items()}


@pytest.fixture(scope="module")
def books(demo_workspace: Workspace, built: duckdb.DuckDBPyConnection) -> oracle.Books:
    refused = frozenset(built.execute("select file, line from marts.quarantine").fetchall())
    return oracle.read_books(demo_workspace.landing, SEEDS_DIR, refused)


def stages_of(typed: str) -> list[Fraction]:
    """The limits of a range from low to high; none where one of them is no amount."""
    limits = []
    for piece in typed.split("-"):
        found = re.fullmatch(r"\s*(?:€\s*)?(\d+)(?:[.,](\d\d?))?\s*", piece)
        if not found:
            return []
        limits.append(Fraction(f"{found[1]}.{found[2] or 0}"))
    return sorted(set(limits))


def expected_day(calls: list[Call], on: date, limits: list[Fraction]) -> dict[str, object]:
    """What the guard should say of one customer's day. ``calls`` are all of the customer's, in the order of their ends."""

    def usage(of: date) -> Fraction:
        return sum((Fraction(call.sale_eur or 0) for call in calls if call.is_usage and call.call_date == of), Fraction(0))

    first = min(call.call_date for call in calls)
    past = sum((usage(on - timedelta(days=back)) for back in range(1, 61)), Fraction(0))
    days = min(60, max(1, (on - first).days))
    passed = [limit for limit in limits if usage(on) > past / days + limit]
    day = {
        "usage_eur": usage(on),
        "average_eur": Fraction(oracle.rounded(past / days, 6)),
        "average_days": days,
        "stage": len(passed),
        "stage_action": "none" if not passed else "block" if len(passed) == len(limits) else "warn",
        "limit_eur": passed[-1] if passed else limits[0] if limits else None,
        "is_alarm": bool(passed),
        "crossed_call_id": None,
        "excess_eur": Fraction(0),
    }
    if passed:
        so_far = Fraction(0)
        for call in calls:
            if call.is_usage and call.call_date == on:
                so_far += Fraction(call.sale_eur or 0)
                if so_far > past / days + passed[-1]:
                    day["crossed_call_id"] = call.call_id
                    break
        day["excess_eur"] = usage(on) - Fraction(oracle.rounded(past / days, 6)) - passed[-1]
    return day


def test_every_day_is_judged_as_an_independent_guard_does(
    built: duckdb.DuckDBPyConnection, calls_by_customer: dict[tuple[str, str], list[Call]], books: oracle.Books
) -> None:
    """Fraud would go on unseen, a customer would be blocked for nothing, or the wrong call would be blamed."""
    columns = list(expected_day(next(iter(calls_by_customer.values())), date(2026, 10, 1), []))
    actual = {
        (partner, customer, on): dict(zip(columns, values, strict=True))
        for partner, customer, on, *values in built.execute(
            f"select partner_id, customer_id, call_date, {', '.join(columns)} from marts.ids_days"
        ).fetchall()
    }
    expected = {
        (partner, customer, on): expected_day(calls, on, stages_of(books.customers[customer,][-1].row["ids_range_eur"]))
        for (partner, customer), calls in calls_by_customer.items()
        for on in {call.call_date for call in calls}
    }
    assert actual.keys() == expected.keys()
    wrong = [f"{key}: {actual[key]} should be {day}" for key, day in expected.items() if actual[key] != day]
    assert not wrong, "\n".join([f"{len(wrong)} differences", *wrong[:10]])


def test_the_comparison_meets_warnings_blocks_and_customers_without_a_limit(built: duckdb.DuckDBPyConnection) -> None:
    """The test above would prove little of a guard that never speaks."""
    met = dict(built.execute("select stage_action, count(*) from marts.ids_days group by all").fetchall())
    assert met["warn"] >= 1
    assert met["block"] >= 2
    assert met["none"] > 1000
    assert built.execute("select count(distinct customer_id) from marts.ids_days where limit_eur is null").fetchone()[0] > 10


def test_what_can_still_come_is_channels_times_longest_call_times_dearest_rate(
    built: duckdb.DuckDBPyConnection, calls_by_customer: dict[tuple[str, str], list[Call]], books: oracle.Books
) -> None:
    """A partner would trust a limit that lets more pass than it says, since a call is rated only when it ends."""
    channels = defaultdict(int)
    for timeline in books.accounts.values():
        for term in timeline:
            channels[term.row["customer_id"]] += int(term.row["channels"])  # those of the demo are valid from 2023 on
    wrong, compared = [], 0
    for partner, customer, on, *actual in built.execute(
        "select partner_id, customer_id, call_date, channels, longest_call_s, dearest_minute_rate_eur, residual_exposure_eur"
        " from marts.ids_days"
    ).fetchall():
        own = calls_by_customer[partner, customer]
        window = [call for call in own if call.is_usage and on - timedelta(days=60) <= call.call_date <= on]
        sold = [call for call in window if call.status == "rated" and call.status_reason is None]
        rates = [oracle.minute_rate(books, customer, call.callee, call.call_date) for call in sold]
        longest = max((call.duration_s for call in window), default=None)
        dearest = oracle.rounded(max(rates), 8) if rates else None
        exposure = None if longest is None or dearest is None else oracle.rounded(channels[customer] * longest * Fraction(dearest) / 60, 6)
        compared += exposure is not None
        if actual != [channels[customer], longest, dearest, exposure]:
            wrong.append(f"{customer} {on}: {actual} should be {[channels[customer], longest, dearest, exposure]}")
    assert not wrong, "\n".join([f"{len(wrong)} differences", *wrong[:10]])
    assert compared > 1000


def test_the_known_bursts_of_the_demo_are_found(demo_workspace: Workspace, built: duckdb.DuckDBPyConnection) -> None:
    """The demo would show a guard that misses what it is there for, or hide a limit that nobody can read."""
    answers = json.loads(demo_workspace.demo_answers.read_text())
    assert {alarm["stage"] for alarm in answers["expected_alarms"]} == {1, 3}
    for alarm in answers["expected_alarms"]:
        (stage,) = built.execute(
            "select stage from marts.ids_days where customer_id = ? and call_date = ?", [alarm["customer_id"], alarm["call_date"]]
        ).fetchone()
        assert stage >= alarm["stage"], alarm
    unreadable = built.execute("select customer_id from marts.ids_ranges where range_problem is not null").fetchall()
    assert [customer for (customer,) in unreadable] == answers["expected_unreadable_ranges"]


# The back-test ------------------------------------------------------------------------------------------------------------------


def rows_of(answer: Answer) -> list[dict[str, object]]:
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


SHARED = ("call_date", "stage", "stage_action", "limit_eur", "usage_eur", "average_eur", "excess_eur", "crossed_call_id", "crossed_at")


def test_a_customers_own_range_gives_what_is_published(demo_workspace: Workspace) -> None:
    """A partner would choose a limit by numbers that the guard then does not keep."""
    alarms = 0
    for partner in serving.published_partners(demo_workspace):
        with serving.connect(serving.current_snapshot(demo_workspace, partner)) as connection:
            ranges = connection.execute("select customer_id, ids_range_eur from ids_ranges where stages > 0 order by all").fetchall()
            days = connection.execute(
                f"select customer_id, {', '.join(SHARED)} from ids_days where is_alarm order by customer_id, call_date"
            ).fetchall()
            crossings = connection.execute(
                "select customer_id, call_date, stage, after_eur, saved_eur from ids_crossings order by customer_id, call_date, stage"
            ).fetchall()
            found = {
                customer: rows_of(judge(connection, BacktestRequest(partner, typed, customer)).crossings) for customer, typed in ranges
            }
        everything = [row for customer in sorted(found) for row in found[customer]]
        highest = {(row["customer_id"], row["call_date"]): row for row in everything}  # each day's last, in the order of their stages
        assert [tuple(row[column] for column in ("customer_id", *SHARED)) for row in highest.values()] == days
        assert [
            tuple(row[column] for column in ("customer_id", "call_date", "stage", "after_eur", "saved_eur")) for row in everything
        ] == crossings
        assert all(row["own_stage"] == highest[row["customer_id"], row["call_date"]]["stage"] for row in everything)
        alarms += len(days)
    assert alarms >= 3


def test_a_block_saves_what_began_after_it(demo_workspace: Workspace, calls_by_customer: dict[tuple[str, str], list[Call]]) -> None:
    """A partner would be promised savings on calls that were going on when the guard spoke: those end as they please."""
    found = backtest(demo_workspace, BacktestRequest("kustlijn", "10-25", "kl-006", date(2026, 10, 17), date(2026, 10, 17)))
    calls = [call for call in calls_by_customer["kustlijn", "kl-006"] if call.is_usage and call.call_date == date(2026, 10, 17)]
    assert [row["limit_eur"] for row in rows_of(found.crossings)] == [10, 25]
    for row in rows_of(found.crossings):
        place = next(place for place, call in enumerate(calls) if call.call_id == row["crossed_call_id"])
        assert row["crossed_at"] == calls[place].ended_at
        later = calls[place + 1 :]
        assert row["after_eur"] == sum(call.sale_eur or 0 for call in later)
        saved = sum(call.sale_eur or 0 for call in later if call.started_at >= row["crossed_at"])
        assert row["saved_eur"] == saved
        assert 0 < saved < row["after_eur"]
    assert (found.judged_days, found.judged_customers) == (1, 1)


def test_the_summary_counts_every_stage_also_one_that_caught_nothing(demo_workspace: Workspace) -> None:
    """A limit that would never have spoken would look like one that was not asked about."""
    found = backtest(demo_workspace, BacktestRequest("kustlijn", "120-40-100000"))
    crossings, summary = rows_of(found.crossings), rows_of(found.summary)
    assert [(row["stage"], row["stage_action"], row["limit_eur"]) for row in summary] == [
        (1, "warn", 40),
        (2, "warn", 120),
        (3, "block", 100000),
    ]
    for row in summary:
        of_stage = [crossing for crossing in crossings if crossing["stage"] == row["stage"]]
        assert row["days"] == len(of_stage)
        assert row["customers"] == len({crossing["customer_id"] for crossing in of_stage})
        assert row["usual_days"] == sum(bool(crossing["is_usual"]) for crossing in of_stage)
        assert row["own_alarm_days"] == sum(crossing["own_stage"] > 0 for crossing in of_stage)
        for amount in ("excess_eur", "after_eur", "saved_eur"):
            assert row[amount] == sum((crossing[amount] for crossing in of_stage), Decimal(0))
    assert summary[0]["days"] >= 2
    assert summary[2]["days"] == 0


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (BacktestRequest("kustlijn", "40 80 120"), "--range"),
        (BacktestRequest("kustlijn", "40-80", "bh-001"), "bh-001 is no customer of kustlijn"),
        (BacktestRequest("kustlijn", "40-80", None, date(2026, 10, 2), date(2026, 10, 1)), "--from 2026-10-02"),
        (BacktestRequest("nobody", "40-80"), "nobody"),
        (BacktestRequest("kustlijn", "1'; drop table calls; --"), "--range"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_with_its_fix(demo_workspace: Workspace, request_: BacktestRequest, named: str) -> None:
    """A typing error would give an empty answer, which reads as: this limit catches nothing."""
    with pytest.raises(TiktellerError, match=named) as refusal:
        backtest(demo_workspace, request_)
    assert refusal.value.fix


def test_the_verb_shows_people_the_summary_first_and_gives_programs_exact_rows(demo_workspace: Workspace) -> None:
    """A script would read rounded amounts, or a person would have to count days by hand."""
    question = ("ids-backtest", "--partner", "kustlijn", "--range", "40-80-120", "--customer", "kl-006")
    shown = tikteller(demo_workspace.root, *question).stdout
    assert shown.index("1 customers judged") < shown.index("usual_days") < shown.index("crossed_call_id")
    rows = json.loads(tikteller(demo_workspace.root, *question, "--format", "json").stdout)
    assert {(row["call_date"], row["stage"]) for row in rows} >= {("2026-10-17", 3), ("2026-10-18", 3)}
    assert all(
        Decimal(row["usage_eur"]) == Decimal(row["excess_eur"]) + Decimal(row["average_eur"]) + Decimal(row["limit_eur"]) for row in rows
    )
    summary = json.loads(tikteller(demo_workspace.root, *question, "--format", "json", "--summary").stdout)
    assert [row["stage_action"] for row in summary] == ["warn", "warn", "block"]
