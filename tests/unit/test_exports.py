"""Fails if a file that finance books from holds another amount than was published, loses a row, or runs what a customer is called."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from orchestration.errors import TiktellerError
from orchestration.reports import workbook
from orchestration.reports.contents import Column, Contents, RunningTotals, percent_of
from orchestration.reports.delimited import DIALECTS, harmless, write_csv
from orchestration.reports.workbook import contents_sheet, write_workbook

ATTACKS = (
    '=HYPERLINK("http://x","click")', "+cmd|' /C calc'!A0", "@SUM(A1:A9)", "-1+1", "\t=1+1", "\r=1+1", "\n=1", " =1+1", '"=1+1',
    "Bakker;=cmd|' /C calc'!A0", "Bakker\t@SUM(A1)", "Jansen, -2+3+cmd|' /C calc'!A0", "＝1+1", "＠SUM(A1)", "+31*2", "-A1", "-1;A1",
)  # fmt: skip
HARMLESS = (
    "+31207001000", "+31 20 700 1000", "31207001000", "0207001000", "*97", "#31#", "3-4", "-5", "Jansen, Pieters & Zn.", "Café 't Hoekje",
    "a=b", "info@partner.example", "C++", "", "'t Veerhuis",
)  # fmt: skip
SEPARATORS = (",", ";", "\t", "|")


def contents(columns: Sequence[Column], rows: Sequence[Sequence[Any]], sums: Sequence[str] = (), shares: dict | None = None) -> Contents:
    totals = RunningTotals([column.name for column in columns], sums, shares or {})
    return Contents("Rows", tuple(columns), totals.counted(rows), totals, lambda: [("Rows", str(totals.rows))])


def as_csv(written: Contents, locale: str = "en") -> str:
    file = io.StringIO(newline="")
    write_csv(written, file, DIALECTS[locale])
    return file.getvalue()


def begins_like_a_formula(cell: str) -> bool:
    """What a spreadsheet would compute, after it has thrown away blanks, tabs and quotes before it; a number alone computes nothing."""
    text = cell.lstrip(' \t\r\n"')
    return text[:1] in tuple("=@＝＠+-＋－") and not text[1:].replace(" ", "").isdecimal()


def as_xlsx(written: Contents, scratch: Path | None = None) -> list[list[list[Any]]]:
    """The values of every sheet, read without the library that wrote them."""
    file = io.BytesIO()
    write_workbook(written, file, scratch)
    return [[[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in load_workbook(file).worksheets]


# Nothing runs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("separator", SEPARATORS)
def test_no_cell_of_a_csv_is_a_formula_in_any_country(attack: str, separator: str) -> None:
    # Fails if a name runs as a formula: also where a spreadsheet splits the line at another character than we do.
    line = as_csv(contents([Column("a"), Column("name"), Column("b")], [("x", attack, "y")])).split("\n", 1)[1]
    cells = [cell for row in csv.reader(io.StringIO(line, newline=""), delimiter=separator) for cell in row]
    assert not [cell for cell in cells if begins_like_a_formula(cell)]


@pytest.mark.parametrize("text", HARMLESS)
def test_telephone_numbers_and_names_stay_as_they_are(text: str) -> None:
    # Fails if an importer of our CSV has to strip apostrophes from telephone numbers.
    assert harmless(text) == text


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_workbook_holds_text_as_text(attack: str, tmp_path: Path) -> None:
    # Fails if a spreadsheet computes a name; what is text is shown as it was written, without an apostrophe.
    file = tmp_path / "a.xlsx"
    write_workbook(contents([Column("name")], [(attack,)]), file, tmp_path)
    cell = load_workbook(file).worksheets[0]["A2"]
    assert cell.data_type == "s"
    assert cell.value.replace("_x000D_", "\r") == attack


@given(st.text(alphabet=st.sampled_from("=+-@\t\r\n;,|\"' a1"), max_size=8))
@settings(max_examples=500, deadline=None)
def test_no_text_begins_a_cell_like_a_formula(text: str) -> None:
    # Fails if some mixture of quotes, blanks and separators slips through.
    for separator in SEPARATORS:
        for row in csv.reader(io.StringIO(as_csv(contents([Column("a"), Column("b")], [("x", text)])), newline=""), delimiter=separator):
            assert not [cell for cell in row if begins_like_a_formula(cell)]


# Amounts are exact ---------------------------------------------------------------------------------------------------------

AMOUNTS = [
    Decimal(text) for text in ("0.004500", "1234567.891234", "-12.500000", "0.000000", "19.990000", "1.005000", "9.95", "0.00000001")
]


def test_a_csv_holds_exact_decimals_and_a_dutch_one_opens_in_a_dutch_spreadsheet() -> None:
    # Fails if 1e-8 is written, or if a Dutch spreadsheet reads 1234.50 as 123450.
    rows = [(amount, 61, True, date(2026, 10, 31), datetime(2026, 10, 31, 22, 59, 59), None) for amount in AMOUNTS]
    columns = [
        Column("sale_eur", kind="money"), Column("duration_s", kind="duration"), Column("is_onnet", kind="yes_no"),
        Column("call_date", kind="date"), Column("started_at", kind="moment"), Column("reseller"),
    ]  # fmt: skip
    plain = as_csv(contents(columns, rows)).splitlines()
    dutch = as_csv(contents(columns, rows), "nl").splitlines()
    assert plain[0] == "sale_eur,duration_s,is_onnet,call_date,started_at,reseller"
    assert plain[1] == "0.004500,61,true,2026-10-31,2026-10-31 22:59:59,"
    assert plain[8].startswith("0.00000001,")
    assert dutch[2] == "1234567,891234;61;true;2026-10-31;2026-10-31 22:59:59;"
    assert [Decimal(line.split(",")[0]) for line in plain[1:]] == AMOUNTS


@given(st.decimals(min_value=-(10**9) + 1, max_value=10**9 - 1, places=6, allow_nan=False))
@settings(max_examples=300, deadline=None)
def test_a_workbook_shows_every_amount_of_fifteen_digits_exactly(amount: Decimal) -> None:
    # Fails if 9.95 is kept as 9.949999999999999: finance would see a cent less after a paste.
    ((_, (value,), _), *_) = as_xlsx(contents([Column("sale_eur", kind="money")], [(amount,)]))
    assert Decimal(repr(value)) == amount


def test_totals_are_sums_of_decimals_and_percentages_of_those_sums() -> None:
    # Fails if a total is a sum of floats (0.1 + 0.2), or a mean of percentages.
    columns = [
        Column("month"), Column("sale_eur", kind="money"), Column("margin_eur", kind="money"), Column("share", kind="percent"),
        Column("duration_s", kind="duration"), Column("none_eur", kind="money"),
    ]  # fmt: skip
    rows = [
        ("2026-10", Decimal("0.1"), Decimal("0.1"), Decimal("100.00"), 3600 * 30, None),
        ("2026-10", Decimal("0.2"), Decimal("0.05"), Decimal("25.00"), 61, None),
        ("2026-10", None, None, None, None, None),
    ]
    total = as_xlsx(contents(columns, rows, ("sale_eur", "margin_eur", "duration_s", "none_eur"), {"share": ("margin_eur", "sale_eur")}))[
        0
    ][-1]
    assert total == ["Total", 0.3, 0.15, 50, timedelta(hours=30, seconds=61), None]


def test_a_percentage_of_nothing_is_nothing() -> None:
    assert percent_of(Decimal(1), Decimal(0)) is None
    assert percent_of(None, Decimal(1)) is None
    assert percent_of(Decimal("1"), Decimal("3")) == Decimal("33.33")
    assert percent_of(Decimal("-0.5"), Decimal("400")) == Decimal("-0.13"), "half away from zero"


def test_sums_of_many_amounts_stay_exact() -> None:
    # Fails if more than 28 digits are rounded on the way, as decimal arithmetic does unless told otherwise.
    large = Decimal("99999999999999999999.00000001")
    totals = RunningTotals(["a"], ["a"], {})
    assert list(totals.counted([(large,)] * 1000)) == [(large,)] * 1000
    assert totals["a"] == Decimal("99999999999999999999000.00001000")


def test_days_instants_and_durations_are_what_a_spreadsheet_calculates_with() -> None:
    # Fails if a day is text that cannot be filtered, or if two days of calls are shown as none.
    columns = [
        Column(name, kind=kind) for name, kind in (("a", "date"), ("b", "moment"), ("c", "duration"), ("d", "yes_no"), ("e", "count"))
    ]
    row = (date(2026, 10, 31), datetime(2026, 10, 25, 0, 59, 59), 48 * 3600 + 1, False, 7)
    old = (date(1, 1, 1), datetime(1899, 12, 31, 1, 2, 3), 0, True, 0)
    sheet = as_xlsx(contents(columns, [row, old]))[0]
    assert sheet[0] == ["a", "b", "c", "d", "e"]
    assert sheet[1] == [datetime(2026, 10, 31), row[1], timedelta(days=2, seconds=1), False, 7]
    assert sheet[2] == ["0001-01-01", "1899-12-31T01:02:03", timedelta(0), True, 0], "a day before spreadsheets begin stays readable"


@given(st.integers(min_value=0, max_value=10**7))
@settings(max_examples=200, deadline=None)
def test_every_second_of_a_duration_comes_back(seconds: int) -> None:
    ((_, (value,), _), *_) = as_xlsx(contents([Column("duration_s", kind="duration")], [(seconds,)]))
    assert (value if isinstance(value, timedelta) else timedelta(0)) == timedelta(seconds=seconds)


# Nothing is cut ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 8, 9, 10, 18, 19])
def test_more_rows_than_a_sheet_holds_go_on_in_the_next(count: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Fails if the 1,048,576th call is left out, or its total: the books would be short and nobody would know.
    monkeypatch.setattr(workbook, "SHEET_ROWS", 10)
    rows = [(f"c{number}", Decimal(number)) for number in range(count)]
    first, about, *further = as_xlsx(contents([Column("customer"), Column("sale_eur", kind="money")], rows, ["sale_eur"]), tmp_path)
    sheets = [first, *further]
    assert all(len(sheet) <= 10 for sheet in sheets)
    assert all(sheet[0] == ["customer", "sale_eur"] for sheet in sheets)
    found = [tuple(row) for sheet in sheets for row in sheet[1:]]
    assert found[:-1] == [(name, int(amount)) for name, amount in rows]
    assert found[-1] == ("Total", sum(range(count)) if count else None)
    assert about[0] == ["Rows", str(count)]


def test_a_text_that_no_cell_holds_is_an_error() -> None:
    # Fails if a spreadsheet quietly keeps the first half of a text.
    with pytest.raises(TiktellerError, match=r"row 2 has a raw of 32,768 characters.*csv or parquet"):
        as_xlsx(contents([Column("raw")], [("x" * 32_767,), ("x" * 32_768,)]))


def test_control_characters_and_names_of_sheets_do_not_break_the_file() -> None:
    # Fails if an exchange's garbage makes a workbook that no program opens.
    ((_, (value,), _), *_) = as_xlsx(contents([Column("caller")], [("a\x07b\x00c",)]))
    assert "a" in value
    assert contents_sheet("Calls: [all] a/b * very long title indeed", 12) == "Calls   all  a b   very long 12"
    assert len(contents_sheet("x" * 99, 3)) == 31
