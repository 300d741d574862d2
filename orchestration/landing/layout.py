"""What the columns of a file are: its delimiter, and from its header or from their place the feed's column of each field."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from orchestration.landing.feeds import Feed
from orchestration.landing.scan import Fault
from orchestration.landing.sources import column_name, missing_columns

DELIMITERS = ",;\t|"
SAMPLE_RECORDS = 20

UNIQUE_ID = re.compile(r"(?:.+-)?\d{9,10}\.\d+")  # <seconds since 1970>.<counter>, behind the name of the system where it has one
THREECX_ORDER = (
    "historyid", "callid", "duration", "time_start", "time_answered", "time_end", "reason_terminated", "from_no", "to_no", "from_dn",
    "to_dn", "dial_no", "reason_changed", "final_number", "final_dn", "bill_code", "bill_rate", "bill_cost", "bill_name", "chain",
    "from_type", "to_type", "final_type", "from_dispname", "to_dispname", "final_dispname",
)  # fmt: skip
"""The order in which 3CX offers its fields; its cdr.log has no header."""


@dataclass(frozen=True)
class Layout:
    """How to read a file. ``columns`` has the feed's column of each field in order, None for one that is kept out.

    A row may have ``minimum_fields`` up to ``len(columns)`` fields, or only one of ``widths`` where these are given; the first line has
    ``first_fields``. ``header_lines`` stand before the first row. ``header`` is that of a source that is landed field by field.
    """

    delimiter: str
    columns: tuple[str | None, ...]
    minimum_fields: int
    first_fields: int
    header_lines: int
    unknown_columns: tuple[str, ...]
    widths: frozenset[int] | None = None
    header: tuple[str, ...] | None = None

    def fits(self, fields: int) -> bool:
        """Whether a row may have so many fields."""
        return fields in self.widths if self.widths else self.minimum_fields <= fields <= len(self.columns)


def layout_of(feed: Feed, head: bytes) -> Layout | Fault:
    """The layout of a file that begins with ``head`` (valid UTF-8 but for a cut last character, not blank)."""
    text = head.decode("utf-8-sig", "ignore")
    if feed.header == "declared":
        return _declared(feed, text)
    if feed.table == "cdrs_asterisk":
        return _asterisk(feed, text)
    if feed.table == "cdrs_3cx" and not has_header(feed, head) and (layout := _threecx_log(text)):
        return layout
    return _named(feed, text) if feed.header == "named" else _positional(feed, text)


def has_header(feed: Feed, head: bytes) -> bool:
    """Whether the first line names columns of the feed, right or wrong. Only such a line is not data."""
    if feed.header == "positional":
        return False
    if feed.source is not None:
        return feed.source.format.has_header or feed.source.format.is_price_list
    text = head.decode("utf-8-sig", "ignore")
    return any(_known(feed, fields) for _, fields in (_first(text, delimiter) for delimiter in DELIMITERS))


def _known(feed: Feed, fields: list[str]) -> int:
    return sum(column_name(field) in feed.columns for field in fields)


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
    names = [column_name(field) for field in fields]
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
        unknown_columns=tuple(field.strip() for field in fields if field.strip() and column_name(field) not in known),
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


def _most_fields(text: str, delimiter: str) -> int:
    """How many fields most of the first records have; of two numbers that are as frequent the larger."""
    widths = Counter(len(fields) for _, fields in islice(_records(text, delimiter), SAMPLE_RECORDS))
    return max(widths, key=lambda width: (widths[width], width), default=1)


def _declared(feed: Feed, text: str) -> Layout | Fault:
    """Field by field, as a source's format says: all rows are as wide as the header, or as most of the first ones."""
    assert feed.source is not None
    form = feed.source.format
    delimiter = form.delimiter or max(DELIMITERS, key=lambda each: _most_fields(text, each))
    header_lines, header = _first(text, delimiter) if form.has_header else (0, None)
    if header is not None and (missing := missing_columns(form, header)):
        return Fault("wrong_header", f"the header lacks {', '.join(missing)}; sources.toml or format {form.name} says otherwise")
    width = len(header) if header is not None else _most_fields(text, delimiter)
    if width > len(feed.columns):
        return Fault("wrong_header", f"it has {width} columns; {len(feed.columns)} are the most")
    return Layout(
        delimiter=delimiter,
        columns=feed.columns[:width],
        minimum_fields=width,
        first_fields=len(_first(text, delimiter)[1]),
        header_lines=header_lines,
        unknown_columns=(),
        header=tuple(header) if header is not None else None,
    )


def _asterisk(feed: Feed, text: str) -> Layout:
    """By width and content: what stands behind amaflags depends on three settings (loguniqueid, loguserfield, newcdrcolumns)."""
    delimiter = _positional(feed, text).delimiter
    rows = [fields for _, fields in islice(_records(text, delimiter), SAMPLE_RECORDS)]
    width = _most_fields(text, delimiter)
    before, added = feed.columns[:16], ("peeraccount", "linkedid", "sequence")
    is_unique = 2 * sum(len(fields) > 16 and bool(UNIQUE_ID.fullmatch(fields[16].strip())) for fields in rows) >= max(1, len(rows))
    own = ("uniqueid",) if is_unique else ("userfield",)
    columns = {16: before, 17: (*before, *own), 19: (*before, *added), 20: (*before, *own, *added)}.get(width, feed.columns)
    # a row that leaves the last columns out is a row still; one that has other columns in their places is not
    widths = {width} if width in (16, 17, 19, 20) else {18, 21}
    return Layout(
        delimiter=delimiter,
        columns=tuple(columns),
        minimum_fields=min(widths),
        first_fields=len(_first(text, delimiter)[1]),
        header_lines=0,
        unknown_columns=(),
        widths=frozenset(widths),
    )


def _threecx_log(text: str) -> Layout | None:
    """3CX's own file, which has no header: by 3CX's own order of the fields, where the first rows look like it."""
    delimiter = max(DELIMITERS, key=lambda each: _most_fields(text, each))
    rows = [fields for _, fields in islice(_records(text, delimiter), SAMPLE_RECORDS)]
    clock, moment = re.compile(r"-?\d{1,3}:[0-5]\d:[0-5]\d"), re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[ T].*")
    like = [
        fields
        for fields in rows
        if 14 <= len(fields) <= len(THREECX_ORDER) and clock.fullmatch(fields[2].strip()) and moment.fullmatch(fields[3].strip())
    ]
    if not like or 2 * len(like) < len(rows):
        return None
    width = _most_fields(text, delimiter)
    return Layout(
        delimiter=delimiter,
        columns=tuple(THREECX_ORDER[:width]),
        minimum_fields=width,
        first_fields=len(_first(text, delimiter)[1]),
        header_lines=0,
        unknown_columns=(),
    )
