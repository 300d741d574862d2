"""The models against an independent rater, call by call and charge by charge."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import duckdb
import pytest

from orchestration import warehouse
from orchestration.landing.ingest import ingest
from orchestration.workspace import SEEDS_DIR, Workspace
from tests.models import charge_oracle, oracle
from tests.models.conftest import failures, run_dbt

SHOWN = 10


@pytest.fixture(scope="module")
def built(demo_workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect(demo_workspace, read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def refused(built: duckdb.DuckDBPyConnection) -> frozenset[oracle.Place]:
    return frozenset(built.execute("select file, line from marts.quarantine").fetchall())


@pytest.fixture(scope="module")
def books(demo_workspace: Workspace, refused: frozenset[oracle.Place]) -> oracle.Books:
    return oracle.read_books(demo_workspace.landing, SEEDS_DIR, refused)


def test_every_call_is_rated_as_an_independent_rater_does(demo_workspace: Workspace) -> None:
    """A customer would pay another price than the rules say, another customer would, or a call would be missing."""
    assert not _wrong_calls(demo_workspace)


def test_late_records_change_only_the_calls_they_belong_to(demo_workspace: Workspace, new_workspace: Workspace) -> None:
    """A correction would be billed beside what it corrects, or a part of a long call as a call of its own, on its own day.

    The warehouse is built further, not anew: the days that the late file touches are rated again, and only those.
    """
    shutil.copytree(demo_workspace.landing, new_workspace.landing)
    _copy_warehouse(demo_workspace, new_workspace)
    with warehouse.connect(new_workspace, read_only=True) as connection:
        corrected, longer, over_midnight, moved = connection.execute(
            """
            select records.account, records.caller, records.callee, records.started_at, records.call_id, coalesce(records.leg, 'pbx')
            from raw.cdrs_standard as records
            inner join marts.calls as calls using (file_id, line)
            where calls.status = 'rated' and calls.records = 1 and calls.call_date between '2026-10-05' and '2026-10-08'
            order by calls.call_key limit 4
            """
        ).fetchall()
    late = new_workspace.feed("cdrs/standard") / "zz-late.csv"
    with late.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["account", "caller", "callee", "started_at", "call_id", "leg", "sequence", "duration_s"])
        rows.writerow([*corrected, 0, 7])
        rows.writerow([*longer, 1, 3600])
        rows.writerow([*_on_another_day(over_midnight, 1), 1, 100])
        rows.writerow([*_on_another_day(moved, -1), 0, 55])
    with warehouse.connect(new_workspace) as connection:
        ingest(new_workspace, connection, "late")
    results = run_dbt(new_workspace, "build", "--exclude-resource-type", "unit_test")
    assert not failures(results), "\n".join(failures(results))
    assert not _wrong_calls(new_workspace)
    with warehouse.connect(new_workspace, read_only=True) as connection:
        assert connection.execute("select count(*) from intermediate.int_days_to_rate").fetchone()[0] <= 8


def test_calls_that_are_rated_a_partner_at_a_time_are_the_same(demo_workspace: Workspace, new_workspace: Workspace) -> None:
    """Of a large history, which is rated a partner at a time, a call would be lost, doubled, or put into another partner's file."""
    shutil.copytree(demo_workspace.landing, new_workspace.landing)
    _copy_warehouse(demo_workspace, new_workspace)
    for arguments in (["--full-refresh"], []):
        with warehouse.connect(new_workspace) as connection:
            connection.execute("update raw.rated_days set through_file_id = 0 where cdr_date > date '2026-09-20'")
        results = run_dbt(
            new_workspace, "build", "--select", "+calls", "--resource-type", "model", "--vars", "calls_rated_at_once: 0", *arguments
        )
        assert not failures(results), "\n".join(failures(results))
        assert not _wrong_calls(new_workspace)
    for file in new_workspace.rated.glob("*.duckdb"):
        with duckdb.connect(str(file), read_only=True) as partner:
            assert partner.execute("select distinct partner_id from calls").fetchall() == [(file.stem,)]


def _copy_warehouse(source: Workspace, target: Workspace) -> None:
    shutil.copy(source.warehouse, target.warehouse)
    shutil.copytree(source.rated, target.rated)


def _on_another_day(record: tuple[str, ...], days: int) -> tuple[str, ...]:
    account, caller, callee, started_at, *key = record
    on = date.fromisoformat(started_at[:10]) + timedelta(days=days)
    return account, caller, callee, f"{on}{started_at[10:]}", *key


def _wrong_calls(workspace: Workspace) -> str:
    """Where the published calls differ from what the independent rater makes of the same landed files; empty where they agree."""
    with warehouse.connect(workspace, read_only=True) as connection:
        refused = frozenset(connection.execute("select file, line from marts.quarantine").fetchall())
        columns = [field.name for field in fields(oracle.Rated)]
        rows = connection.execute(
            f"select files.file, calls.line, {', '.join(f'calls.{column}' for column in columns)}"
            " from marts.calls as calls inner join raw.files as files using (file_id)"
        ).fetchall()
    books = oracle.read_books(workspace.landing, SEEDS_DIR, refused)
    calls = oracle.calls_of(oracle.read_records(workspace.landing, refused))
    expected = {call.first.place: rated for call in calls if (rated := oracle.rate(books, call))}
    actual = {(file, line): dict(zip(columns, values, strict=True)) for file, line, *values in rows}
    missing_or_extra = [f"{place} is in one of both only" for place in set(actual) ^ set(expected)]
    wrong = [
        f"{place}: " + ", ".join(f"{name} is {actual[place][name]}, should be {value}" for name, value in differing)
        for place, rated in expected.items()
        if place in actual and (differing := [(name, value) for name, value in asdict(rated).items() if actual[place][name] != value])
    ]
    return _some(missing_or_extra + wrong) if missing_or_extra or wrong else ""


def test_the_comparison_meets_every_kind_of_call(built: duckdb.DuckDBPyConnection) -> None:
    """The test above would prove little without each dialect, status and line type, parts, on-net, abroad, and a plan in percent."""
    met = built.execute(
        """
        select
            count(distinct source), count(distinct status), count(distinct line_type), max(records) > 1, bool_or(is_onnet),
            bool_or(is_international), bool_or(rate_country = '*'), bool_or(rate_line_type = 'FIX' and line_type = 'SPECIAL'),
            bool_or(leg = 'airtime')
        from marts.calls
        """
    ).fetchone()
    assert met == (4, 4, 3, True, True, True, True, True, True)


def test_every_order_line_is_charged_as_an_independent_reader_does(built: duckdb.DuckDBPyConnection, books: oracle.Books) -> None:
    """A customer would pay for days without the service, twice, or at another markup. Published amounts have 6 decimals, twice rounded."""
    last_month: date = built.execute("select last_month_start from intermediate.int_billing_horizon").fetchone()[0]
    expected = {
        (*key, charge.invoice_month): (charge.purchase_eur, charge.sale_eur)
        for key, charge in charge_oracle.order_charges(books, last_month).items()
        if charge.invoice_month >= _billing_from(books, key[0])
    }
    actual = {
        (partner_id, order_id, str(line_number), kind, month, invoice_month): (purchase, sale)
        for partner_id, order_id, line_number, kind, month, invoice_month, purchase, sale in built.execute(
            "select partner_id, order_id, line_number, kind, month, invoice_month, purchase_eur, sale_eur"
            " from marts.service_charges where kind in ('nrc', 'mrc')"
        ).fetchall()
    }
    assert set(actual) == set(expected), _some(set(actual) ^ set(expected))
    wrong = [
        f"{key}: is {actual[key]}, should be {amounts}"
        for key, amounts in expected.items()
        if any(abs(_exact(is_now) - should) >= Fraction(1, 100_000) for is_now, should in zip(actual[key], amounts, strict=True))
    ]
    assert not wrong, _some(wrong)


def test_every_pbx_is_billed_as_an_independent_reader_does(built: duckdb.DuckDBPyConnection, books: oracle.Books) -> None:
    """Seats of another month, customer or edition would be billed, or those of a PBX that was not read for nothing."""
    last_day: date = built.execute("select last_date from intermediate.int_billing_horizon").fetchone()[0]
    expected = {
        key: charge
        for key, charge in charge_oracle.seat_charges(books, last_day).items()
        if key[2] >= _billing_from(books, books.customers[key[1],][-1].row["partner_id"])
    }
    actual = {
        tuple(key): (quantity, None if sale is None else _exact(sale))
        for *key, quantity, sale in built.execute(
            "select pbx_id, customer_id, month, quantity, sale_eur from marts.service_charges where kind = 'seat'"
        ).fetchall()
    }
    assert actual == expected
    assert {quantity is None for quantity, _ in expected.values()} == {True, False}, (
        "the demo has PBXs that were read, and some that were not"
    )


def test_the_comparison_meets_every_rule_of_a_charge(built: duckdb.DuckDBPyConnection) -> None:
    """The test above would prove little without part months, advance, a changed quantity, an amount, one taken back, and one overtaken."""
    met = built.execute(
        """
        select
            bool_or(days < days_in_month), bool_or(invoice_month < month), bool_or(kind = 'nrc' and charges.quantity < lines.quantity),
            bool_or(charges.continues_line is not null and days < days_in_month), bool_or(is_exception),
            bool_or(service_code = 'NET-VDSL' and service_plan_id like '%-diensten' and not is_exception and month >= '2026-11'),
            bool_or(service_code = 'NET-VDSL' and is_exception), bool_or(status_reason = 'below_purchase')
        from (
            select service_charges.*, continues_line
            from marts.service_charges
            left join marts.order_lines using (partner_id, order_id, line_number)
        ) as charges
        left join (select partner_id, order_id, line_number, quantity from marts.order_lines) as lines
            using (partner_id, order_id, line_number)
        """
    ).fetchone()
    assert met == (True,) * 8


def _billing_from(books: oracle.Books, partner_id: str) -> str:
    return books.partners[partner_id,][-1].row.get("billing_from", "")[:7]


def _exact(amount: Decimal) -> Fraction:
    return Fraction(amount)


def _some(differences: Iterable[object]) -> str:
    listed = sorted(map(str, differences))
    return "\n".join([f"{len(listed)} differences", *listed[:SHOWN]])
