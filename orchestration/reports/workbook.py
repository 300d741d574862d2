"""Rows as an XLSX workbook: real numbers, days and durations, a heading that stays, a filter, a total; no formula anywhere.

Rows are written as they come and the row before is let go, so that memory does not grow with them. More rows than a sheet holds go on in
a further sheet. Numbers are written as their own decimal text; a spreadsheet keeps 15 significant digits of them, which is every amount
below a thousand million euros at six decimals. Totals are summed in decimals and written as values.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, BinaryIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from orchestration.errors import TiktellerError
from orchestration.reports.contents import Column, Contents
from orchestration.reports.definition import Kind

SHEET_ROWS = 1_048_576
LONGEST_TEXT = 32_767  # what a cell holds, in UTF-16 units
WIDEST_COLUMN, NARROWEST_COLUMN = 44, 9  # characters
SHEET_NAME = 31  # characters
SECONDS_A_DAY = Decimal(86_400)
AS_STORED = Context(prec=17)
FIRST_YEAR = 1900  # a spreadsheet knows no day before

NUMBER_FORMATS: dict[Kind, str] = {
    "money": '"€" #,##0.00######;[Red]-"€" #,##0.00######',
    "percent": '0.00##"%"',
    "number": "#,##0.00######",
    "count": "#,##0",
    "duration": "[h]:mm:ss",
    "date": "yyyy-mm-dd",
    "moment": "yyyy-mm-dd hh:mm:ss",
}
UNITS: dict[Kind, str] = {"money": "EUR", "percent": "%", "duration": "hours:minutes:seconds", "date": "local day", "moment": "UTC"}
WIDTHS: dict[Kind, int] = {"money": 16, "percent": 12, "number": 14, "count": 12, "duration": 12, "date": 12, "moment": 19, "yes_no": 9}


def write_workbook(contents: Contents, target: BinaryIO | Path, scratch: Path | None = None) -> None:
    """A workbook with the rows and their total, and a second sheet that says what was asked, as of when, and what the columns mean.

    ``scratch`` is a folder with room for the rows while they are written; None keeps them in memory, for what a page shows.
    Raises TiktellerError for a text that is longer than a cell holds: nothing is cut.
    """
    in_memory = scratch is None
    options = {
        "in_memory": in_memory, "constant_memory": not in_memory, "tmpdir": None if in_memory else str(scratch), "use_zip64": True,
        "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    }  # fmt: skip
    with xlsxwriter.Workbook(target, options) as book:
        _Rows(book, contents).write()


class _Rows:
    """One workbook that is being written."""

    def __init__(self, book: xlsxwriter.Workbook, contents: Contents) -> None:
        self.book, self.contents = book, contents
        self.heading = book.add_format(
            {"bold": True, "bottom": 1, "font_color": "#1c2b33", "bg_color": "#f3f6f7", "text_wrap": True, "valign": "top"}
        )
        self.formats = [book.add_format(_look(column)) for column in contents.columns]
        self.widths = [max(WIDTHS.get(column.kind, NARROWEST_COLUMN), len(_heading(column)) + 2) for column in contents.columns]

    def write(self) -> None:
        sheets = 1
        sheet = self._begin(contents_sheet(self.contents.title, sheets))
        about = self.book.add_worksheet(contents_sheet(self.contents.about_heading, 1))
        place = 1  # of the next row, counted from zero
        for row in self.contents.rows:
            if place == SHEET_ROWS - 1:  # the last row is left for the total
                self._end(sheet, place)
                sheets += 1
                sheet, place = self._begin(contents_sheet(self.contents.title, sheets)), 1
            self._write_row(sheet, place, row)
            place += 1
        self._end(sheet, place)
        self._write_totals(sheet, place)
        self._write_about(about)

    def _begin(self, name: str) -> Worksheet:
        sheet = self.book.add_worksheet(name)
        for index, column in enumerate(self.contents.columns):
            sheet.write_string(0, index, _heading(column), self.heading)
        sheet.freeze_panes(1, 0)
        return sheet

    def _end(self, sheet: Worksheet, place: int) -> None:
        sheet.autofilter(0, 0, place - 1, len(self.contents.columns) - 1)
        for index, width in enumerate(self.widths):
            sheet.set_column(index, index, min(WIDEST_COLUMN, width))

    def _write_row(self, sheet: Worksheet, place: int, row: Sequence[Any]) -> None:
        for index, (column, value) in enumerate(zip(self.contents.columns, row, strict=True)):
            if value is not None:
                self._write_cell(sheet, place, index, column, value)

    def _write_cell(self, sheet: Worksheet, place: int, index: int, column: Column, value: Any) -> None:
        look = self.formats[index]
        match column.kind:
            case "text":
                text = column.words.get(str(value), str(value))
                if len(text) * 2 > LONGEST_TEXT and len(text.encode("utf-16-le")) // 2 > LONGEST_TEXT:
                    raise TiktellerError(
                        f"row {place} has a {column.name} of {len(text):,} characters; a cell of a spreadsheet holds {LONGEST_TEXT:,}",
                        fix="export it as csv or parquet",
                    )
                if len(text) >= self.widths[index] and self.widths[index] < WIDEST_COLUMN:
                    self.widths[index] = len(text) + 2
                sheet.write_string(place, index, text, look)
            case "date" | "moment":
                _write_day(sheet, place, index, value, look)
            case "yes_no":
                sheet.write_boolean(place, index, value, look)
            case "duration":
                sheet.write_number(place, index, days(value), look)
            case _:
                sheet.write_number(place, index, value, look)

    def _write_totals(self, sheet: Worksheet, place: int) -> None:
        for index, column in enumerate(self.contents.columns):
            look = self.book.add_format({"bold": True, "top": 1, **_look(column)})
            value = self.contents.totals.get(column.name)
            if index == 0:
                sheet.write_string(place, index, self.contents.total_heading, look)
            elif value is None:
                sheet.write_blank(place, index, None, look)
            else:
                sheet.write_number(place, index, days(value) if column.kind == "duration" else value, look)

    def _write_about(self, sheet: Worksheet) -> None:
        bold = self.book.add_format({"bold": True, "valign": "top"})
        wrapped = self.book.add_format({"text_wrap": True, "valign": "top"})
        place = 0
        for name, value in self.contents.about():
            sheet.write_string(place, 0, name, bold)
            sheet.write_string(place, 1, value, wrapped)
            place += 1
        if any(column.meaning for column in self.contents.columns):
            place += 1
            for index, name in enumerate(("Column", "Meaning", "In this file")):
                sheet.write_string(place, index, name, self.heading)
            for column in self.contents.columns:
                place += 1
                sheet.write_string(place, 0, _heading(column), bold)
                sheet.write_string(place, 1, column.meaning, wrapped)
                sheet.write_string(place, 2, UNITS.get(column.kind, ""), wrapped)
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, 1, 100)
        sheet.set_column(2, 2, 24)


def contents_sheet(title: str, number: int) -> str:
    """The name of a sheet: the title, from the second on with its number, without what a spreadsheet does not allow."""
    suffix = "" if number == 1 else f" {number}"
    allowed = "".join(" " if character in "[]:*?/\\" else character for character in title).strip("' ")
    return allowed[: SHEET_NAME - len(suffix)] + suffix


def days(seconds: int | Decimal) -> Decimal:
    """Seconds as the part of a day that a spreadsheet shows as hours, minutes and seconds."""
    return AS_STORED.divide(Decimal(seconds), SECONDS_A_DAY)


def _write_day(sheet: Worksheet, place: int, index: int, value: date, look: Format) -> None:
    if value.year < FIRST_YEAR:
        sheet.write_string(place, index, value.isoformat(), look)
    else:
        sheet.write_datetime(place, index, value, look)


def _heading(column: Column) -> str:
    """For people; a duration is no number of seconds here."""
    return column.heading or (column.name.removesuffix("_s") if column.kind == "duration" else column.name)


def _look(column: Column) -> dict[str, str]:
    return {"num_format": NUMBER_FORMATS[column.kind]} if column.kind in NUMBER_FORMATS else {}
