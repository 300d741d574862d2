"""Fails if a report answers another question than was asked, or an error leaves somebody to guess what there is."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from string import Template

import duckdb
import pyarrow as pa
import pytest
from openpyxl import load_workbook
from pyarrow import parquet

from orchestration import cli
from orchestration.reports import REPORTS
from orchestration.reports.definition import PARAMETERS, kind_of
from orchestration.workspace import PLATFORM, Workspace
from tests.unit.test_cli import publish, usage

EVIL = '=HYPERLINK("http://x","y")'
PUBLISHED = Path(__file__).with_name("published_month.sql")


def tables(partner: str, short: str) -> str:
    """The statements that make a partner's file."""
    return Template(PUBLISHED.read_text(encoding="utf-8")).substitute(partner=partner, short=short)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("exports") / "w")
    made.create(("orders",))
    publish(made, "p1", tables("p1", "a"))
    publish(made, "p2", tables("p2", "b"))
    publish(made, PLATFORM, "create table partners as select unnest(['p1', 'p2']) as partner_id")
    return made


@pytest.fixture
def export(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run ``tikteller export``; gives exit code, what it said, and the file."""

    def run(*arguments: str, form: str = "csv") -> tuple[int, str, Path]:
        file = tmp_path / f"out.{form}"
        code = cli.main(("--workspace", str(workspace.root), "export", *arguments, "--out", str(file)))
        said = capsys.readouterr()
        assert [each.name for each in tmp_path.iterdir()] in ([], [file.name]), "something was left behind"
        return code, (said.out + said.err).strip(), file

    return run


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# Errors ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("profits",), 2, "there is no report 'profits'. Fix: there are margins, invoices, invoice-lines, vat, calls, commissions"),
        (
            ("margins", "--plan", "x"),
            2,
            "report margins takes no --plan. Fix: it takes --month, --from, --to, --customer, --reseller beside --partner",
        ),
        (("margins", "--plan", "x"), 2, "--plan is taken by calls, price-list, service-price-list"),
        (("price-list", "--month", "2026-10"), 2, "report price-list takes no --month. Fix: it takes --plan beside --partner"),
        (("commission-statement",), 2, "report commission-statement is about one reseller: which one is not said. Fix: add --reseller R"),
        (("margins", "--partner", "p3"), 1, "nothing is published for partner 'p3' (published: p1, p2)"),
        (("margins", "--month", "2027-01"), 1, "nothing is known of month 2027-01. Fix: there are 2026-09, 2026-10"),
        (("margins", "--month", "10-2026"), 2, "--month 10-2026 is no month. Fix: write it as YYYY-MM, such as 2026-10"),
        (("margins", "--month", "2026-13"), 2, "--month 2026-13 is no month"),
        (("margins", "--from", "2026-10-01"), 2, "report margins goes by months: --from 2026-10-01 is none"),
        (("margins", "--from", "2026-11", "--to", "2026-10"), 2, "--from 2026-11 lies after --to 2026-10. Fix: turn them round"),
        (("margins", "--month", "2026-10", "--to", "2026-10"), 2, "say the period twice"),
        (("calls", "--from", "2026-02-30"), 2, "--from 2026-02-30 is no day. Fix: write it as YYYY-MM-DD"),
        (("ageing", "--as-of", "today"), 2, "--as-of today is no day"),
        (("margins", "--customer", "c"), 1, "there is no customer 'c'. Fix: there are a-1, a-2, b-1, b-2"),
        (("margins", "--partner", "p1", "--customer", "b-1"), 1, "there is no customer 'b-1'. Fix: there are a-1, a-2"),
        (("commissions", "--reseller", "x"), 1, "there is no reseller 'x'. Fix: there are a-r, b-r"),
        (("price-list", "--plan", "x"), 1, "there is no plan 'x'. Fix: there are a-call, b-call"),
        (("price-list", "--plan", "a-service"), 1, "there is no plan 'a-service' in report price-list; report service-price-list has it"),
        (
            ("deck-changes",),
            1,
            "nothing is published yet for report deck-changes: there is no table deck_changes. Fix: tikteller run, then again",
        ),
    ],
)
def test_an_error_says_what_there_is(export, arguments: tuple[str, ...], code: int, said: str) -> None:  # type: ignore[no-untyped-def]
    # Fails if somebody at a month's end must read our source to learn a name, or a script cannot tell its own mistake from a lack of data.
    found, line, file = export(*arguments)
    assert (found, file.exists()) == (code, False)
    assert said in line
    assert "\n" not in line


def test_a_file_must_say_what_it_is_to_be(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ("--workspace", str(workspace.root), "export", "margins")
    assert cli.main((*root, "--out", str(tmp_path / "margins"))) == 2
    assert "add --format csv, xlsx, parquet" in capsys.readouterr().err
    assert cli.main((*root, "--out", str(tmp_path / "margins"), "--format", "csv")) == 0
    assert cli.main((*root, "--out", str(tmp_path / "nowhere" / "margins.csv"))) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert usage(capsys, *root)[0] == 2


def test_what_fails_leaves_the_file_that_was_there(export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    # Fails if half an export replaces last month's.
    file = tmp_path / "out.csv"
    file.write_text("last month")
    monkeypatch.setattr("orchestration.reports.export.write_csv", lambda contents, stream, dialect: (stream.write("half"), 1 / 0))
    assert export("margins")[0] == 1
    assert file.read_text() == "last month"


# What was asked --------------------------------------------------------------------------------------------------------------


def test_all_partners_or_one(export) -> None:  # type: ignore[no-untyped-def]
    # Fails if rows of two partners cannot be told apart, or one partner's file holds another's rows.
    code, said, file = export("margins")
    assert (code, said.split(",")[0]) == (0, f"6 rows in {file}")
    assert [row["partner_id"] for row in rows(file)] == ["p1"] * 3 + ["p2"] * 3
    export("margins", "--partner", "p2")
    assert {row["partner_id"] for row in rows(file)} == {"p2"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ["a-1", "a-1", "a-2"]),
        (("--month", "2026-10"), ["a-1", "a-2"]),
        (("--from", "2026-10"), ["a-1", "a-2"]),
        (("--to", "2026-09"), ["a-1"]),
        (("--from", "2026-09", "--to", "2026-10"), ["a-1", "a-1", "a-2"]),
        (("--customer", "a-1"), ["a-1", "a-1"]),
        (("--month", "2026-10", "--reseller", "a-r"), ["a-1"]),
    ],
)
def test_parameters_narrow_a_report(export, arguments: tuple[str, ...], expected: list[str]) -> None:  # type: ignore[no-untyped-def]
    _, _, file = export("margins", "--partner", "p1", *arguments)
    assert [row["customer_id"] for row in rows(file)] == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--month", "2026-10"), "k1 k2 k3"),  # by the month of the invoice: a late call stands on the next one
        (("--from", "2026-10-01", "--to", "2026-10-31"), "k2 k3"),
        (("--from", "2026-10", "--to", "2026-10"), "k2 k3"),
        (("--to", "2026-09-30"), "k1"),
        (("--from", "2026-10-31"), "k3"),
        (("--customer", "a-1", "--plan", "plan"), "k1 k2"),
    ],
)
def test_a_period_includes_both_its_days(export, arguments: tuple[str, ...], expected: str) -> None:  # type: ignore[no-untyped-def]
    # Fails if the last day of a month is left out of its calls.
    _, _, file = export("calls", "--partner", "p1", *arguments)
    assert [row["call_key"] for row in rows(file)] == expected.split()


def test_names_that_look_like_formulas_run_nowhere(export) -> None:  # type: ignore[no-untyped-def]
    # Fails if a customer who calls himself a formula has it run at finance's desk, or a telephone number is spoilt.
    _, _, file = export("margins", "--partner", "p1")
    assert [row["customer"] for row in rows(file)] == [f"'{EVIL}", f"'{EVIL}", "'+cmd"]
    assert [row["reseller"] for row in rows(file)] == ["'@SUM", "'@SUM", ""]
    export("calls", "--partner", "p1")
    assert {row["caller"] for row in rows(file)} == {"+31201234567"}
    _, _, book = export("margins", "--partner", "p1", form="xlsx") if not file.unlink() else (0, "", file)
    cells = [cell for row in load_workbook(book).worksheets[0].iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} == {"s", "n"}
    assert EVIL in [cell.value for cell in cells]


def test_a_dutch_export_is_dutch(export) -> None:  # type: ignore[no-untyped-def]
    _, _, file = export("margins", "--partner", "p1", "--locale", "nl", "--month", "2026-09")
    text = file.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    header, line = text.decode("utf-8-sig").splitlines()
    found = dict(zip(header.split(";"), next(csv.reader([line], delimiter=";")), strict=True))
    assert (found["country_name"], found["sale_eur"]) == ("Duitsland", "0,100000")


def test_parquet_keeps_decimals_and_says_what_was_asked(export) -> None:  # type: ignore[no-untyped-def]
    # Fails if money becomes floating point on its way out.
    _, _, file = export("margins", "--month", "2026-10", "--partner", "p1", form="parquet")
    table = parquet.read_table(file)
    assert table.schema.field("sale_eur").type == pa.decimal128(18, 6)
    assert table["sale_eur"].to_pylist() == [Decimal("0.200000"), Decimal("10.000000")]
    said = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert said["tikteller.partner"] == "p1"
    assert said["tikteller.--month"] == "2026-10"
    assert said["tikteller.snapshot"] == "s1"


def test_a_workbook_says_what_was_asked_and_as_of_when(export) -> None:  # type: ignore[no-untyped-def]
    _, _, file = export("margins", "--month", "2026-10", form="xlsx")
    sheet, about = load_workbook(file).worksheets
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:P5")
    said = {row[0].value: row[1].value for row in about.iter_rows()}
    assert said["Partner"] == "all: p1, p2"
    assert said["--month"] == "2026-10"
    assert (said["Snapshot"], said["Published at"], said["Rows"]) == ("s1", "2026-11-01 02:00:00 UTC", "4")
    assert said["margin_percent_of_sale"] == "Margin as a percentage of sale; empty where nothing was sold."


# Receivables and commissions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ((), {"": (0, 0, 0, 0, 0, 0, 0, 3), "a-1": (50, 0, 0, 0, 0, -20, 30, 0), "a-2": (0, 0, 0, 0, 7, 0, 7, 0)}),
        (("--as-of", "2026-10-31"), {"": (0, 0, 0, 0, 0, 0, 0, 3), "a-1": (50, 0, 0, 0, 0, -20, 30, 0), "a-2": (0, 0, 0, 0, 7, 0, 7, 0)}),
        (("--as-of", "2026-11-01"), {"": (0, 0, 0, 0, 0, 0, 0, 3), "a-1": (0, 50, 0, 0, 0, -20, 30, 0), "a-2": (0, 0, 0, 0, 7, 0, 7, 0)}),
        (("--as-of", "2026-09-15"), {"a-1": (100, 0, 0, 0, 0, 0, 100, 0), "a-2": (0, 0, 0, 0, 7, 0, 7, 0)}),
        (("--as-of", "2026-09-30"), {"a-1": (0, 60, 0, 0, 0, 0, 60, 0), "a-2": (0, 0, 0, 0, 7, 0, 7, 0)}),
        (("--as-of", "2026-08"), {"a-2": (0, 0, 0, 7, 0, 0, 7, 0)}),
        (("--as-of", "2026-05-31"), {}),
    ],
)
def test_ageing_is_as_of_a_day(export, as_of: tuple[str, ...], expected: dict) -> None:  # type: ignore[no-untyped-def]
    # Fails if the day on which a report is made decides what a customer owes, or a payment counts before it came.
    columns = ("not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90", "credit", "open", "no_invoice")
    _, _, file = export("ageing", "--partner", "p1", *as_of)
    assert {row["customer_id"]: tuple(Decimal(row[f"{column}_eur"]) for column in columns) for row in rows(file)} == expected
    _, _, file = export("open-items", "--partner", "p1", *as_of)
    assert sum(Decimal(row["open_eur"]) for row in rows(file)) == sum(row[-2] for row in expected.values())
    assert sum(Decimal(row["paid_eur"]) for row in rows(file) if row["bucket"] == "no_invoice") == sum(row[-1] for row in expected.values())


def test_a_statement_adds_up_to_the_commission(export) -> None:  # type: ignore[no-untyped-def]
    # Fails if a reseller adds up its statement and finds another amount than it was paid.
    _, _, file = export("commissions", "--partner", "p1")
    (commission,) = rows(file)
    _, _, file = export("commissions", "--reseller", "a-r")
    statement = rows(file)
    assert sum(Decimal(row["commission_eur"]) for row in statement) == Decimal(commission["commission_eur"]) == Decimal("0.26")
    assert [(row["kind"], row["customer_id"], row["commission_eur"]) for row in statement] == [
        ("calls", "a-1", "0.00500000"), ("calls", "a-2", "0.00500000"), ("calls rounding", "", "0.00000000"),
        ("services", "a-2", "0.25250000"), ("services rounding", "", "-0.00250000"),
    ]  # fmt: skip


# The registry --------------------------------------------------------------------------------------------------------------


def test_every_report_is_complete() -> None:
    # Fails if a report sums a column that it does not have, or takes a parameter that the command line does not know.
    known = {parameter.name for parameter in PARAMETERS}
    for report in REPORTS.values():
        if report.columns:
            assert {*report.sums, *report.shares} <= set(report.columns), report.name
        assert {*report.filters, *report.required, *report.instead} <= known, report.name
        assert set(report.instead.values()) <= set(REPORTS), report.name
        assert report.says.endswith("."), report.name
    assert json.dumps(sorted(REPORTS)) == json.dumps(sorted(set(REPORTS)))


def test_columns_are_known_by_the_law_of_their_names() -> None:
    with duckdb.connect() as connection:
        relation = connection.sql(
            "select 0.1::decimal(18, 6) as sale_eur, 0.1::decimal(9, 4) as nrc_percent, 1.5::decimal(9, 4) as kbps, "
            "1::bigint as duration_s, 1::integer as calls, date '2026-10-31' as due_on, now()::timestamp as started_at, "
            "true as is_onnet, 'x' as month"
        )
        kinds = [kind_of(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
    assert kinds == ["money", "percent", "number", "duration", "count", "date", "moment", "yes_no", "text"]
