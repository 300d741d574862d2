"""The careful reading: record by record, each with its line, or with the reason why it is none."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from typing import NamedTuple, TextIO

from orchestration.landing.layout import Layout
from orchestration.landing.scan import Fault

BREAKING_OFF = {"too_few": "column_count", "open_quote": "malformed_quotes"}
"""What a line that breaks off looks like, and what the same is called on a line that does end."""


class Record(NamedTuple):
    """A row of the feed: the line it begins on and its fields, in the order of the file."""

    line: int
    fields: list[str]


class Rejected(NamedTuple):
    """A line that is no row: why, for machines and for people, and its text."""

    line: int
    reason: str
    detail: str
    raw: str


class TruncatedFileError(Exception):
    """The last line breaks off: no newline, and fields are missing. The file is not whole, so no row of it counts."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.detail)


class _Lines:
    """The lines of a text for ``csv.reader``, remembering which ones the record at hand took, so that they can be given back."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._returned: list[str] = []
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._returned.pop() if self._returned else self._text.readline()
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        return line

    def keep_first(self) -> None:
        """Give back all but the first of the taken lines: they are to be read again, by themselves."""
        later = self.taken[1:]
        self._returned.extend(reversed(later))
        self.number -= len(later)
        del self.taken[1:]


def records(text: TextIO, layout: Layout) -> Iterator[Record | Rejected]:
    """The rows and rejected lines of a text (opened with ``newline=""``), in order; blank lines are passed over.

    A record may span lines when a quoted field does. One that spans lines and is wrong loses its first line only, and reading
    resumes on the second: a stray quote must not swallow the good rows below it. Raises TruncatedFileError at the end.
    """
    lines = _Lines(text)
    for _ in range(layout.header_lines):
        next(lines)
    while (fault := (yield from _until_fault(lines, layout))) is not None:
        lines.keep_first()
        line = lines.taken[0]
        if fault.reason in BREAKING_OFF and not line.endswith(("\n", "\r")):
            raise TruncatedFileError(Fault("truncated", f"line {lines.number}, the last one, breaks off: {fault.detail}"))
        yield Rejected(lines.number, BREAKING_OFF.get(fault.reason, fault.reason), fault.detail, line.rstrip("\r\n").replace("\0", "\\x00"))


def _until_fault(lines: _Lines, layout: Layout) -> Generator[Record, None, Fault | None]:
    """Good records up to the first that is not; its fault, or None at the end of the text. ``lines.taken`` are its lines."""
    width = len(layout.columns)
    lines.taken.clear()
    try:
        for fields in csv.reader(lines, delimiter=layout.delimiter, strict=True):
            while len(fields) > width and not fields[-1]:  # delimiters too many at the end hold no value
                fields.pop()
            if any(field.strip() for field in fields):  # else the line is blank, or a spreadsheet's ;;;;
                if any("\0" in line for line in lines.taken):
                    return Fault("nul_byte", "it has a NUL byte in it")
                if len(fields) < layout.minimum_fields:
                    return Fault("too_few", _fields_text(fields, layout))
                if not layout.fits(len(fields)):
                    return Fault("column_count", _fields_text(fields, layout))
                yield Record(lines.number - len(lines.taken) + 1, fields)
            lines.taken.clear()
    except csv.Error as error:
        reason = "open_quote" if "unexpected end" in str(error) else "malformed_quotes"
        return Fault(reason, f"its quotes do not match ({error})")
    return None


def _fields_text(fields: list[str], layout: Layout) -> str:
    most, least = len(layout.columns), layout.minimum_fields
    return f"it has {len(fields)} fields, not {least if least == most else f'{least} to {most}'}"
