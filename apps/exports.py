"""A report as files: CSV for machines, XLSX for people. Pure: a report in, bytes out; all rows, no limit.

A file must never run something on the reader's computer: a name that begins like a formula is written as text (XLSX) or with an
apostrophe before it (CSV), because customers choose their own names.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Literal

import pandas as pd
import xlsxwriter

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
NUMBER_FORMATS = {"money": '"€" #,##0.00;[Red]-"€" #,##0.00', "percent": '0.00"%"'}
WIDEST_COLUMN = 44  # characters


@dataclass(frozen=True)
class Column:
    """One column: its published name, its heading for people, what it holds, and words for its codes (``FIX`` -> ``vast``)."""

    name: str
    heading: str
    kind: Literal["text", "money", "percent"] = "text"
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What a table shows, and what its files hold.

    ``rows`` has at least the columns named, money and percent as Decimal or None; ``totals`` the sums of the money columns and the
    percentages of those sums; ``parameters`` says in words what was asked of which snapshot.
    """

    file_name: str
    title: str
    total_heading: str
    parameters_heading: str
    columns: tuple[Column, ...]
    rows: pd.DataFrame
    totals: Mapping[str, Decimal | None]
    parameters: tuple[tuple[str, str], ...]


def shown_text(column: Column, value: object) -> str:
    """A text cell for people: the word for a code, nothing for nothing."""
    return "" if pd.isna(value) else column.words.get(str(value), str(value))


def csv_cell(column: Column, value: object) -> str:
    """A cell for machines: exact decimals with a point, codes as published."""
    if pd.isna(value):
        return ""
    if column.kind != "text":
        return f"{value:f}"
    return f"'{value}" if str(value).startswith(FORMULA_STARTS) else str(value)


def to_csv(report: Report) -> bytes:
    """UTF-8 CSV with the published column names; comma, decimal point, no totals line, so that its sums are the totals."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(column.name for column in report.columns)
    for row in report.rows[[column.name for column in report.columns]].itertuples(index=False):
        writer.writerow(csv_cell(column, value) for column, value in zip(report.columns, row, strict=True))
    return file.getvalue().encode()


def to_xlsx(report: Report) -> bytes:
    """A workbook: the rows with headings, formats, a filter and a totals row, and a second sheet that says what was asked and as of when.

    Totals of money are SUM formulas with the exact value stored beside them, so that they follow a filter-free edit and also read right
    in programs that do not calculate.
    """
    file = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as book:
        write_rows(book, report)
        write_parameters(book, report)
    return file.getvalue()


def write_rows(book: xlsxwriter.Workbook, report: Report) -> None:
    sheet = book.add_worksheet(report.title[:31])
    heading = book.add_format(
        {"bold": True, "bottom": 1, "font_color": "#1c2b33", "bg_color": "#f3f6f7", "text_wrap": True, "valign": "top"}
    )
    row_count, last = len(report.rows), len(report.columns) - 1
    for index, column in enumerate(report.columns):
        cell = book.add_format({"num_format": NUMBER_FORMATS[column.kind]} if column.kind != "text" else {})
        total = book.add_format({"bold": True, "top": 1, **({"num_format": NUMBER_FORMATS[column.kind]} if column.kind != "text" else {})})
        sheet.write_string(0, index, column.heading, heading)
        values = list(report.rows[column.name])
        if column.kind == "text":
            words = [shown_text(column, value) for value in values]
            for row, word in enumerate(words, start=1):
                sheet.write_string(row, index, word, cell)
            sheet.set_column(index, index, min(WIDEST_COLUMN, max(map(len, [column.heading, *words])) + 2))
            sheet.write_string(row_count + 1, index, report.total_heading if index == 0 else "", total)
            continue
        for row, value in enumerate(values, start=1):
            if not pd.isna(value):
                sheet.write_number(row, index, value, cell)
        sheet.set_column(index, index, 16)
        value = report.totals[column.name]
        if value is None:
            sheet.write_blank(row_count + 1, index, None, total)
        elif column.kind == "money" and row_count:
            span = f"{xlsxwriter.utility.xl_col_to_name(index)}2:{xlsxwriter.utility.xl_col_to_name(index)}{row_count + 1}"
            sheet.write_formula(row_count + 1, index, f"=SUM({span})", total, float(value))
        else:
            sheet.write_number(row_count + 1, index, value, total)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, row_count, last)


def write_parameters(book: xlsxwriter.Workbook, report: Report) -> None:
    sheet = book.add_worksheet(report.parameters_heading[:31])
    bold = book.add_format({"bold": True})
    for row, (name, value) in enumerate(report.parameters):
        sheet.write_string(row, 0, name, bold)
        sheet.write_string(row, 1, value)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 60)
