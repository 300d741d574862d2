"""How answers leave the command line: tables for people, JSON and CSV for programs, Parquet for both; money always exact."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, TextIO

Format = Literal["table", "json", "csv"]
FORMATS: tuple[Format, ...] = ("table", "json", "csv")

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What would move a terminal's cursor, colour it or turn its text around. Rejected lines are other people's bytes."""


@dataclass(frozen=True)
class Answer:
    """Rows to be shown. They may be an iterator: JSON and CSV are written as they come."""

    columns: tuple[str, ...]
    rows: Iterable[Sequence[Any]]


def write(answer: Answer, form: Format, stream: TextIO) -> None:
    """Write the answer to a text stream.

    table   aligned, numbers to the right, null as empty, control characters as escapes
    json    an array of objects; decimals as text, dates and times in ISO 8601
    csv     a header and rows; decimals as text, null as empty, true and false
    """
    stream.writelines({"table": _table, "json": _json, "csv": _csv}[form](answer))


def records(answer: Answer) -> Iterator[dict[str, Any]]:
    """The rows as objects that JSON can hold exactly."""
    for row in answer.rows:
        yield {column: plain(value) for column, value in zip(answer.columns, row, strict=True)}


def _json(answer: Answer) -> Iterator[str]:
    yield "["
    between = "\n  "
    for record in records(answer):
        yield between + json.dumps(record, ensure_ascii=False)
        between = ",\n  "
    yield "]\n" if between == "\n  " else "\n]\n"


def _csv(answer: Answer) -> Iterator[str]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer.rows:
        writer.writerow([_text(value) for value in row])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _table(answer: Answer) -> Iterator[str]:
    rows = list(answer.rows)
    cells = [[_printable(_text(value)) for value in row] for row in rows]
    heads = [_printable(column) for column in answer.columns]
    columns = range(len(heads))
    to_the_right = [
        any(_is_number(row[column]) for row in rows) and all(row[column] is None or _is_number(row[column]) for row in rows)
        for column in columns
    ]
    widths = [max((len(row[column]) for row in [heads, *cells]), default=0) for column in columns]

    def line(row: Sequence[str]) -> str:
        padded = (cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, to_the_right, strict=True))
        return "  ".join(padded).rstrip() + "\n"

    yield line(heads)
    yield line(["-" * width for width in widths])
    for row in cells:
        yield line(row)


def plain(value: Any) -> Any:
    """The value as JSON has it; what JSON has no exact form for becomes text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value - value == 0 else str(value)  # JSON has no infinity and no not-a-number
        case Decimal():
            return f"{value:f}"
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case bytes():
            return value.hex()
        case dict():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple() | set():
            return [plain(each) for each in value]
        case _:
            return str(value)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat(sep=" ")
        case dict() | list() | tuple() | set():
            return json.dumps(plain(value), ensure_ascii=False)
        case _:
            return str(plain(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _printable(text: str) -> str:
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
