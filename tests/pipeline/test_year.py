"""Fails if a year of month ends loses or gains a cent: what customers were invoiced, what is published, and what was called and delivered.

Twelve month ends in a row, as finance lives them (``make year``; the suite has two): the month's files land, some of its days only when
its invoices are out, a customer changes his plan, an invoice is credited, the month is closed. The three sums are one query each.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.demo.acts import ACT_DAY, EXEMPTED
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask

PARTNERS = ("binnenhaven", "kustlijn")
LAST_MONTH = date(2026, 10, 1)  # the demo's last
CALLS_A_MONTH = 2_500
LATE_EVERY = 9  # of the files of call records, one in nine comes when the invoices of its month are out
CHANGED_IN, CREDITED_IN = 0, 1  # which month of the year, from 0
DAY_OF_FILE = re.compile(r"\d{4}-\d{2}-\d{2}")

INVOICED = "select sum(net_eur), sum(gross_eur) from invoices where status in ('approved', 'credited')"
ON_LINES = """
    select
        sum(lines.amount_eur),
        sum(lines.exact_eur) filter (where invoices.kind = 'invoice'),
        count(*) filter (where invoices.kind = 'invoice' and lines.amount_eur <> round(lines.exact_eur, 2))
    from invoice_lines as lines
    inner join invoices using (invoice_id)
    where invoices.status in ('approved', 'credited')
"""
SOLD = f"""
    with billed as (
        select customer_id, month from invoices where kind = 'invoice' and status in ('approved', 'credited')
    ),
    sold as (
        select customer_id, billing_month as month, sale_eur from calls
        where status = 'rated' and not (customer_id = '{EXEMPTED}' and call_date >= date '{ACT_DAY}')  -- shown, and billed to nobody
        union all
        select customer_id, invoice_month as month, sale_eur from service_charges where status_reason is null
    )
    select sum(sale_eur) from sold semi join billed using (customer_id, month)
"""


@dataclass
class Year:
    """A workspace after its last month end, and what was decided on the way: by partner and month, the invoices and the credit notes."""

    workspace: Workspace
    months: list[str]
    approved: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    credited: dict[str, dict[str, Any]] = field(default_factory=dict)
    late_days: dict[str, set[str]] = field(default_factory=dict)
    moved_customer: str = ""
    moved_to: str = ""


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Year:
    count = 12 if request.config.getoption("--year") else 2
    folder = tmp_path_factory.mktemp("year")
    everything = Workspace(folder / "everything")
    tikteller(everything.root, "demo-data", "--calls", str(CALLS_A_MONTH * count), "--months", str(count), "--seed", "5")
    lived = Year(Workspace(folder / "workspace"), months_until(LAST_MONTH, count))
    tikteller(lived.workspace.root, "init")
    land(lived.workspace, everything, [file for file in everything.landing.rglob("*.*") if "cdrs" not in file.parts])
    records = sorted(file for file in (everything.landing / "cdrs").rglob("*.*"))
    undated = [file for file in records if not DAY_OF_FILE.search(file.name)]  # calls of all months, repeated and broken ones
    held_back: list[Path] = []
    for place, month in enumerate(lived.months):
        of_month = [file for file in records if DAY_OF_FILE.search(file.name) and month in file.name]
        late = [file for file in of_month[::LATE_EVERY] if not file.name.endswith((f"{month}-01.csv", f"{month}-31.csv"))]
        land(lived.workspace, everything, [*held_back, *sorted(set(of_month) - set(late)), *(undated if month == lived.months[-1] else ())])
        held_back = late
        lived.late_days[month] = {DAY_OF_FILE.findall(file.name)[-1] for file in late}
        if place == CHANGED_IN:
            change_plan(lived, after=month)
        tikteller(lived.workspace.root, "run")
        for partner in PARTNERS:
            lived.approved[partner, month] = told(lived, "invoices", "approve", "--partner", partner, "--month", month, "--no-run")
            if place == CREDITED_IN:
                wrong = lived.approved[partner, lived.months[place - 1]][0]["invoice_number"]
                (lived.credited[partner],) = told(
                    lived, "invoices", "credit", wrong, "--partner", partner, "--reason", "agreed", "--no-run"
                )
            tikteller(lived.workspace.root, "close", month, "--partner", partner, "--no-run")
    tikteller(lived.workspace.root, "run")
    return lived


def months_until(last: date, count: int) -> list[str]:
    months = [last]
    while len(months) < count:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return [f"{month:%Y-%m}" for month in months]


def land(workspace: Workspace, source: Workspace, files: list[Path]) -> None:
    for file in files:
        place = workspace.landing / file.relative_to(source.landing)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place)


def told(year: Year, *arguments: str) -> list[dict[str, Any]]:
    rows = json.loads(tikteller(year.workspace.root, *arguments, "--format", "json").stdout, parse_float=Decimal)
    return rows if isinstance(rows, list) else [rows]


def change_plan(year: Year, after: str) -> None:
    """A customer with a plan of his own gets another of his partner's from the next month on."""
    folder = year.workspace.landing / "customer_plans"
    with (folder / "demo-1.csv").open(encoding="utf-8-sig") as file:
        plans = [row for row in csv.DictReader(file) if row["call_plan_id"]]
    customer = next(row for row in plans if row["customer_id"] and not row["valid_to"])
    year.moved_customer = customer["customer_id"]
    year.moved_to = next(
        row["call_plan_id"]
        for row in plans
        if row["partner_id"] == customer["partner_id"] and row["call_plan_id"] != customer["call_plan_id"]
    )
    first = (date.fromisoformat(f"{after}-28") + timedelta(days=5)).replace(day=1)
    (folder / "changed.csv").write_text(
        f"customer_id,partner_id,call_plan_id,valid_from\n{year.moved_customer},{customer['partner_id']},{year.moved_to},{first}\n"
    )


@pytest.mark.parametrize("partner", PARTNERS)
def test_invoices_lines_and_what_was_sold_are_one_sum(year: Year, partner: str) -> None:
    """Finance would book another sum than customers were asked for, or customers be asked for other calls than they made."""
    ((net, gross),) = ask(year.workspace, partner, INVOICED)
    ((on_lines, exact, not_rounded),) = ask(year.workspace, partner, ON_LINES)
    ((sold,),) = ask(year.workspace, partner, SOLD)
    decided = [each for month in year.months for each in year.approved[partner, month]]
    assert gross == sum(Decimal(each["gross_eur"]) for each in (*decided, year.credited[partner]))
    assert net == on_lines
    assert not_rounded == 0
    assert exact == sold
    assert len(decided) > 20 * len(year.months)


@pytest.mark.parametrize("partner", PARTNERS)
def test_numbers_go_on_without_a_gap(year: Year, partner: str) -> None:
    """The tax office would ask for an invoice that is not there."""
    numbers = ask(year.workspace, partner, "select invoice_number from invoices where invoice_number is not null order by 1")
    digits = sorted(int(re.sub(r"\D", "", number)) for (number,) in numbers)
    assert digits == list(range(digits[0], digits[0] + len(digits)))


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_day_that_came_late_is_billed_a_month_later(year: Year, partner: str) -> None:
    """A call would be lost with its month, or be billed in a month whose invoices are out."""
    for month, next_month in zip(year.months, year.months[1:], strict=False):
        days = ", ".join(f"'{day}'" for day in sorted(year.late_days[month]))
        late = ask(
            year.workspace,
            partner,
            f"""
            select billing_month, count(*)
            from calls
            where call_date in ({days}) and strftime(call_date, '%Y-%m') <> billing_month and status = 'rated'
            group by billing_month
            """,
        )
        assert dict(late).get(next_month, 0) > 0, (month, late)


def test_a_changed_plan_prices_what_comes_after(year: Year) -> None:
    """A customer would pay by the plan that he left, or the bills that he has paid would change."""
    partner = next(each for each in PARTNERS if ask(year.workspace, each, f"from customers where customer_id = '{year.moved_customer}'"))
    plans = ask(
        year.workspace,
        partner,
        f"""
        select strftime(call_date, '%Y-%m') > '{year.months[CHANGED_IN]}', call_plan_id, count(*)
        from calls where customer_id = '{year.moved_customer}' and status = 'rated' group by all order by 1
        """,
    )
    assert [(is_after, plan == year.moved_to) for is_after, plan, _ in plans] == [(False, False), (True, True)], plans
