"""Rows as CSV: exact decimals, all rows, and nothing in it that a spreadsheet would run.

Customers choose their own names, and exchanges write what was dialled: text that a spreadsheet could take for a formula gets an
apostrophe before it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TextIO

from orchestration.reports.contents import Column, Contents

STARTS_LIKE_A_FORMULA = re.compile(
    r"""
    (\A|[;,|\t\r\n])                          # where a cell begins: the text, or what follows a separator of another spreadsheet's country
    (?=
        [\s"']*[=@+\-\uff1d\uff20\uff0b\uff0d]   # also in full width
        | (?<![\s\S])[\t\r\n]                 # a tab or a line's end at the very beginning
    )
    """,
    re.VERBOSE,
)
NUMBER = re.compile(r"[+-][0-9][0-9 ]*")
"""A telephone number, or a whole number below zero: nothing in it runs."""

SUSPECT = re.compile(r"""\A[\s"']*[=@+\-\uff1d\uff20\uff0b\uff0d]|[;,|\t\r\n]""")
"""Text in which this is not found needs no closer look; it is quick, and nearly all text passes."""


@dataclass(frozen=True)
class Dialect:
    """How a country writes a CSV."""

    separator: str = ","
    decimal_mark: str = "."
    encoding: str = "utf-8"


DIALECTS = {"en": Dialect(), "nl": Dialect(";", ",", "utf-8-sig")}
"""Plain CSV for programs; and what a Dutch spreadsheet opens with a double click: it needs the BOM to see that it is UTF-8."""


def harmless(text: str) -> str:
    """The text, with an apostrophe before each place at which a spreadsheet could begin to read a formula.

    Such a place is the beginning, and what follows a ``;``, ``,``, ``|``, tab or line end: a spreadsheet of another country splits the line
    there. A text that is as a whole a telephone number (``+31207001000``, ``+31 20 7001000``) or a negative whole number stays as it is.
    """
    if not SUSPECT.search(text) or NUMBER.fullmatch(text):
        return text
    return STARTS_LIKE_A_FORMULA.sub(r"\1'", text)


def write_csv(contents: Contents, stream: TextIO, dialect: Dialect = DIALECTS["en"]) -> None:
    """A header of published names and all rows; no line of totals, so that its sums are the totals.

    Decimals exact, None empty, true and false, days and instants in ISO 8601. ``stream`` must have been opened with newline="".
    """
    writer = csv.writer(stream, delimiter=dialect.separator, lineterminator="\n")
    writer.writerow(column.name for column in contents.columns)
    cells = [_cell(column, dialect) for column in contents.columns]
    writer.writerows([cell(value) for cell, value in zip(cells, row, strict=True)] for row in contents.rows)


def _cell(column: Column, dialect: Dialect) -> Callable[[Any], str]:
    """How the values of a column are written."""
    mark = dialect.decimal_mark

    def text(value: Any) -> str:
        return "" if value is None else harmless(str(value))

    def number(value: Any) -> str:
        if isinstance(value, Decimal):
            written = f"{value:f}"
            return written if mark == "." else written.replace(".", mark)
        return "" if value is None else str(value)

    def day_or_moment(value: date | datetime | None) -> str:
        return "" if value is None else value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()

    def yes_no(value: bool | None) -> str:
        return "" if value is None else str(value).lower()

    match column.kind:
        case "text":
            return text
        case "date" | "moment":
            return day_or_moment
        case "yes_no":
            return yes_no
        case _:
            return number
