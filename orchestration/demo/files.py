"""CSV files as partners' systems write them, and the count of what was written where."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

Value = str | int | Decimal | date | bool | None
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class CsvStyle:
    """How one system writes CSV. ``decimal`` is its decimal sign."""

    delimiter: str = ","
    decimal: str = "."
    newline: str = "\n"
    has_bom: bool = False


PLAIN = CsvStyle()
DUTCH_EXCEL = CsvStyle(delimiter=";", decimal=",", newline="\r\n", has_bom=True)


KEPT, DUPLICATE, QUARANTINED, UNRATED = "kept", "duplicate", "quarantined", "unrated"
"""Where a row has to end. An unrated call is kept too, but waits for a rate."""


@dataclass(frozen=True)
class Spoken:
    """What the wholesaler's switch saw of a row. ``callee`` is E.164 without +; rows of one ``conversation`` are one call."""

    exchange_id: str
    conversation: str
    day: date
    callee: int
    talk_s: int


@dataclass(frozen=True)
class Row:
    """One written row that is dirt: its kind (of a quarantined row also its reason), its expected end, and its text.

    ``spoken`` is given where the row is a call, or part of one, that is kept.
    """

    kind: str
    outcome: str
    text: str
    spoken: Spoken | None = None


@dataclass(frozen=True)
class Dirt:
    """Rows of one kind in one file. ``reason`` is the quarantine's word, empty where the rows are not quarantined."""

    kind: str
    feed: str
    file: str
    rows: int
    outcome: str
    reason: str


@dataclass(frozen=True)
class LandedFile:
    """One file and where each of its rows has to end: rows = kept + duplicate + quarantined. ``path`` is relative to
    landing/.
    """

    feed: str
    path: str
    rows: int
    duplicate: int = 0
    quarantined: int = 0

    @property
    def kept(self) -> int:
        return self.rows - self.duplicate - self.quarantined


@dataclass
class Landing:
    """The landing folder during one generation. Files appear whole: written beside their place, then renamed."""

    root: Path
    landed: list[LandedFile] = field(default_factory=list)
    dirt: list[Dirt] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    """Files that stood there already under the same name."""
    spoken: list[Spoken] = field(default_factory=list)
    """Calls among the dirt that are kept."""

    def put(self, file: LandedFile, content: bytes) -> None:
        """Write ``content`` at its place, gzipped where the name says so and it is not gzipped yet."""
        target = self.root / file.path
        if file.path.endswith(".gz") and not content.startswith(b"\x1f\x8b"):
            content = gzipped(content)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            self.replaced.append(file.path)
        partial = target.with_name(target.name + ".part")
        partial.write_bytes(content)
        os.replace(partial, target)
        self.landed.append(file)

    def put_rows(self, feed: str, path: str, content: bytes, dirt: Sequence[Row], good: int = 0, fallback_kind: str = "") -> None:
        """Write a file of ``good`` ordinary rows and ``dirt``, and remember where the dirt has to end.

        ``fallback_kind`` names the dirt of a file without rows.
        """
        ends = Counter(row.outcome for row in dirt)
        self.spoken += [row.spoken for row in dirt if row.spoken]
        self.put(LandedFile(feed, path, good + len(dirt), ends[DUPLICATE], ends[QUARANTINED]), content)
        kinds = Counter((row.kind, row.outcome) for row in dirt) or Counter({(fallback_kind, QUARANTINED): 0} if fallback_kind else {})
        self.dirt += [
            Dirt(kind, feed, path, rows, outcome, kind if outcome == QUARANTINED else "") for (kind, outcome), rows in kinds.items()
        ]


def gzipped(content: bytes) -> bytes:
    """Level 1: a third of the bytes for a fifth of the time of level 6. No name and no time inside, so equal in, equal
    out.
    """
    return gzip.compress(content, compresslevel=1, mtime=0)


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[Value]], style: CsvStyle = PLAIN) -> bytes:
    """A whole CSV file: header (none when ``columns`` is empty) and rows, UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=style.delimiter, lineterminator=style.newline)
    if columns:
        writer.writerow(columns)
    writer.writerows([_text(value, style) for value in row] for row in rows)
    return (BOM if style.has_bom else b"") + text.getvalue().encode()


def _text(value: Value, style: CsvStyle) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}".replace(".", style.decimal)
    return value.isoformat() if isinstance(value, date) else str(value)
