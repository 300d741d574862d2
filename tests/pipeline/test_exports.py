"""Fails if what finance exports is not what is published, to the last decimal, in any report and any kind of file."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pyarrow import parquet

from orchestration import cli, serving
from orchestration.reports import REPORTS
from orchestration.workspace import Workspace
from tests.pipeline.readers import ask

UNPUBLISHED = {"deck-changes": "comes with the changes of decks"}
REQUIRED = {"commission-statement": {"--reseller": "select min(reseller_id) from commissions"}}
"""Parameters that a report cannot do without, and where to find one."""

# Asked of the published tables by other words than the report's own: how many rows, and what its money adds up to
FOUND = {
    "margins": "select count(*), sum(sale_eur), sum(purchase_eur), sum(margin_eur) from margins",
    "invoices": "select count(*), sum(net_eur), sum(vat_eur), sum(gross_eur) from invoices",
    "invoice-lines": "select count(*), sum(duration_s), sum(amount_eur), sum(exact_eur), sum(purchase_eur) from invoice_lines",
    "vat": """
        select (select count(*) from (select distinct month, vat_category, vat_percent from invoice_lines)),
            sum(net_eur), sum(vat_eur), sum(gross_eur) from invoices
    """,
    "calls": "select count(*), sum(duration_s), sum(billed_s), sum(sale_eur), sum(purchase_eur), sum(margin_eur) from calls",
    "commissions": """
        select count(distinct (lines.partner_id, lines.month, lines.reseller_id)),
            sum(amount_eur) filter (where lines.kind in ('calls', 'airtime')),
            null, sum(amount_eur) filter (where lines.kind not in ('calls', 'airtime')), null, null
        from invoice_lines as lines join invoices using (invoice_id) where lines.reseller_id is not null
    """,
    "commission-statement": """
        select null, sum(call_sale_eur + service_sale_eur), sum(commission_eur)
        from commissions where reseller_id = (select min(reseller_id) from commissions)
    """,
    "ageing": """
        select null, null, null, null, null, null, null, sum(open_eur), sum(paid_eur) filter (where bucket = 'no_invoice') from open_items
    """,
    "open-items": """
        select count(*), sum(gross_eur), sum(credited_eur), sum(paid_eur), sum(open_eur), sum(paid_later_eur)
        from open_items where bucket <> 'settled'
    """,
    "price-list": "select count(*) from price_list",
    "purchase-reconciliation": """
        select count(*), sum(invoiced_s), sum(purchase_billed_s), sum(invoiced_eur), sum(purchase_eur),
            sum(invoiced_eur) - sum(purchase_eur), null, null, null
        from purchase_reconciliation
    """,
    "service-price-list": "select count(*) from service_prices",
}  # fmt: skip

PUBLISHED_REPORTS = [name for name in REPORTS if name not in UNPUBLISHED]


def exported(workspace: Workspace, folder: Path, name: str, form: str, *arguments: str) -> Path:
    file = folder / f"{name}.{form}"
    assert cli.main(("--workspace", str(workspace.root), "export", name, "--out", str(file), *arguments)) == 0
    return file


def required(workspace: Workspace, partner: str, name: str) -> list[str]:
    return [word for option, asking in REQUIRED.get(name, {}).items() for word in (option, ask(workspace, partner, asking)[0][0])]


def as_text(value: Any) -> str:
    """A value as a CSV has it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat(" ")
        case _:
            return str(value)


def as_cell(name: str, value: Any) -> Any:
    """A value as openpyxl reads it from a cell."""
    match value:
        case bool():
            return value
        case int() if name.endswith("_s"):
            return timedelta(seconds=value)
        case Decimal() | int():
            return Decimal(value)
        case date() if not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day)
        case datetime():
            return value.replace(microsecond=0)
        case "":
            return None
        case _:
            return value


def read_cell(name: str, value: Any) -> Any:
    if name.endswith("_s") and value is not None and not isinstance(value, timedelta):
        return timedelta(0)  # midnight, as openpyxl has it
    if isinstance(value, datetime):
        return (value + timedelta(milliseconds=500)).replace(microsecond=0)
    return Decimal(repr(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


@pytest.mark.parametrize("name", PUBLISHED_REPORTS)
def test_every_kind_of_file_holds_what_is_published(demo_workspace: Workspace, tmp_path: Path, name: str) -> None:
    for partner in serving.published_partners(demo_workspace):
        arguments = ["--partner", partner, *required(demo_workspace, partner, name)]
        table = parquet.read_table(exported(demo_workspace, tmp_path, name, "parquet", *arguments))
        columns, rows = table.column_names, list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        count, *sums = ask(demo_workspace, partner, FOUND[name])[0]
        assert len(rows) == (count if count is not None else len(rows))
        assert len(rows) > 0

        with exported(demo_workspace, tmp_path, name, "csv", *arguments).open(encoding="utf-8", newline="") as stream:
            heading, *lines = list(csv.reader(stream))
        assert heading == columns
        assert [[cell.removeprefix("'") for cell in line] for line in lines] == [[as_text(value) for value in row] for row in rows]

        sheet, about = load_workbook(exported(demo_workspace, tmp_path, name, "xlsx", *arguments)).worksheets
        _, *cells, total = list(sheet.iter_rows(values_only=True))
        assert [[read_cell(column, cell) for column, cell in zip(columns, row, strict=True)] for row in cells] == [
            [as_cell(column, value) for column, value in zip(columns, row, strict=True)] for row in rows
        ]
        for column, expected in zip(REPORTS[name].sums, sums, strict=True):
            found = read_cell(column, total[columns.index(column)])
            assert found == as_cell(column, sum(row[columns.index(column)] or 0 for row in rows)), (partner, column)
            assert expected is None or found == as_cell(column, int(expected) if column.endswith("_s") else expected), (partner, column)
        meanings = {row[0]: row[1] for row in about.iter_rows(values_only=True)}
        assert [column for column in sheet.iter_rows(max_row=1, values_only=True) for column in column if not meanings.get(column)] == []


def test_all_partners_together_are_each_of_them(demo_workspace: Workspace, tmp_path: Path) -> None:
    # Fails if the file of all partners leaves one out, or counts what belongs to the platform twice.
    for name in PUBLISHED_REPORTS:
        if name in REQUIRED:
            continue
        together = parquet.read_table(exported(demo_workspace, tmp_path, name, "parquet")).to_pylist()
        apart = [
            row
            for partner in serving.published_partners(demo_workspace)
            for row in parquet.read_table(exported(demo_workspace, tmp_path, name, "parquet", "--partner", partner)).to_pylist()
        ]
        # a customer that moved stands with both partners: the order of all together is not that of one after another
        assert sorted(str(row) for row in together if row["partner_id"]) == sorted(map(str, apart)), name


def test_one_month_can_be_asked_of_every_report_that_goes_by_months(demo_workspace: Workspace, tmp_path: Path) -> None:
    # Fails if finance cannot export a month, or gets another month's rows with it.
    partner = serving.published_partners(demo_workspace)[0]
    for name in PUBLISHED_REPORTS:
        report = REPORTS[name]
        if report.month:
            asked = ["--partner", partner, "--month", "2026-10", *required(demo_workspace, partner, name)]
            rows = parquet.read_table(exported(demo_workspace, tmp_path, name, "parquet", *asked)).to_pylist()
            assert {row[report.month] for row in rows} == {"2026-10"}, name


PRICED_CALLS = """
    select
        sale_eur, billed_s, connection_fee_min_eur, connection_fee_max_eur, sale_minute_min_eur, sale_minute_max_eur
    from calls
    left join price_list
        on calls.call_plan_id = price_list.call_plan_id and calls.country = price_list.country and calls.line_type = price_list.line_type
    where call_date = (select max(call_date) from calls) and calls.status = 'rated' and calls.status_reason is null
"""


def test_a_price_list_is_what_calls_are_rated_at(demo_workspace: Workspace) -> None:
    # Fails if a customer is shown another minute than it pays: every rated call of the newest day costs what the list says, rounded as some
    # plan rounds, between the cheapest and the dearest number of its destination.
    for partner in serving.published_partners(demo_workspace):
        calls = ask(demo_workspace, partner, PRICED_CALLS)
        assert calls
        for sale, billed_s, fee_min, fee_max, minute_min, minute_max in calls:
            least, most = fee_min + billed_s * minute_min / 60, fee_max + billed_s * minute_max / 60
            units = [Decimal(1).scaleb(-decimals) for decimals in range(7)]
            assert any(least.quantize(unit, ROUND_HALF_UP) <= sale <= most.quantize(unit, ROUND_HALF_UP) for unit in units)
