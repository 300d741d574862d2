"""A report that a page shows, as files: CSV for machines, XLSX for people. Pure: a report in, bytes out; all rows, no limit.

The files are written by ``orchestration.reports``, which writes those of ``tikteller export`` too: one rule for exact amounts, one for
names that begin like a formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import pandas as pd

from orchestration.reports.contents import Column, Contents
from orchestration.reports.delimited import write_csv
from orchestration.reports.workbook import write_workbook

__all__ = ["Column", "Report", "shown_text", "to_csv", "to_xlsx"]


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


def to_csv(report: Report) -> bytes:
    """UTF-8 CSV with the published column names; comma, decimal point, no totals line, so that its sums are the totals."""
    file = StringIO(newline="")
    write_csv(_contents(report), file)
    return file.getvalue().encode()


def to_xlsx(report: Report) -> bytes:
    """A workbook: the rows with headings, formats, a filter and a totals row; a second sheet says what was asked and as of when."""
    file = BytesIO()
    write_workbook(_contents(report), file)
    return file.getvalue()


def _contents(report: Report) -> Contents:
    names = [column.name for column in report.columns]
    return Contents(
        report.title, report.columns, _rows(report.rows[names]), report.totals, lambda: report.parameters, report.total_heading,
        report.parameters_heading,
    )  # fmt: skip


def _rows(rows: pd.DataFrame) -> Iterator[Sequence[Any]]:
    """The rows of a frame, whatever it writes nothing as."""
    for row in rows.itertuples(index=False):
        yield [None if pd.isna(value) else value for value in row]
