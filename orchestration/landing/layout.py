"""What the columns of a file are: its delimiter, and from its header or from their place the feed's column of each field."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from orchestration.landing.feeds import Feed
from orchestration.landing.scan import Fault

DELIMITERS = ",;\t|"
SAMPLE_RECORDS = 20


@dataclass(frozen=True)
class Layout:
    """How to read a file. ``columns`` has the feed's column of each field in order, None for one that is kept out.

    A row may have ``minimum_fields`` up to ``len(columns)`` fields; the first line has ``first_fields``. ``header_lines`` stand
    before the first row.
    """

    delimiter: str
    columns: tuple[str | None, ...]
    minimum_fields: int
    first_fields: int
    header_lines: int
    unknown_columns: tuple[str, ...]


def layout_of(feed: Feed, head: bytes) -> Layout | Fault:
    """The layout of a file that begins with ``head`` (valid UTF-8 but for a cut last character, not blank)."""
    text = head.decode("utf-8-sig", "ignore")
    return _named(feed, text) if feed.header == "named" else _positional(feed, text)


def has_header(feed: Feed, head: bytes) -> bool:
    """Whether the first line names columns of the feed, right or wrong. Only such a line is not data."""
    if feed.header == "positional":
        return False
    text = head.decode("utf-8-sig", "ignore")
    return any(_known(feed, fields) for _, fields in (_first(text, delimiter) for delimiter in DELIMITERS))


def _column_name(field: str) -> str:
    return field.strip().lower().replace("-", "_").replace(" ", "_")


def _known(feed: Feed, fields: list[str]) -> int:
    return sum(_column_name(field) in feed.columns for field in fields)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records that are not blank, each with the number of lines that have been read with it."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield reader.line_num, fields
    except csv.Error:
        return


def _first(text: str, delimiter: str) -> tuple[int, list[str]]:
    return next(_records(text, delimiter), (1, []))


def _named(feed: Feed, text: str) -> Layout | Fault:
    delimiter = max(DELIMITERS, key=lambda candidate: _known(feed, _first(text, candidate)[1]))
    header_lines, fields = _first(text, delimiter)
    names = [_column_name(field) for field in fields]
    given = [name for name in names if name]
    known = set(given) & set(feed.columns)
    if not known:
        return Fault("wrong_header", f"the first line names no column of {feed.name}: {', '.join(feed.columns)}")
    if twice := sorted({name for name in given if given.count(name) > 1}):
        return Fault("wrong_header", f"the header names {', '.join(twice)} more than once")
    if missing := [column for column in feed.columns if column in feed.required - known]:
        return Fault("wrong_header", f"the header lacks {', '.join(missing)}")
    for alternatives in feed.one_of:
        if not alternatives & known:
            return Fault("wrong_header", f"the header lacks one of {', '.join(sorted(alternatives))}")
    return Layout(
        delimiter=delimiter,
        columns=tuple(name if name in known else None for name in names),
        minimum_fields=len(names),
        first_fields=len(names),
        header_lines=header_lines,
        unknown_columns=tuple(field.strip() for field in fields if field.strip() and _column_name(field) not in known),
    )


def _positional(feed: Feed, text: str) -> Layout:
    fitting = range(feed.minimum_columns, len(feed.columns) + 1)

    def fit(delimiter: str) -> int:
        return sum(len(fields) in fitting for _, fields in islice(_records(text, delimiter), SAMPLE_RECORDS))

    delimiter = max(DELIMITERS, key=fit)
    return Layout(
        delimiter=delimiter,
        columns=feed.columns,
        minimum_fields=feed.minimum_columns,
        first_fields=len(_first(text, delimiter)[1]),
        header_lines=0,
        unknown_columns=(),
    )
