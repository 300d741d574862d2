"""Files into raw rows, rejected lines and the ledger: all of one call in one transaction, committed by the caller.

Two readers give the same rows. The fast one is DuckDB's, many files a statement, and is believed only where it finds exactly one
row per line; the careful one (``records``) takes what is left, and says of every line that is no row why.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, islice, zip_longest
from typing import Any, TextIO

import duckdb

from orchestration.landing.arrivals import Arrival
from orchestration.landing.feeds import Feed
from orchestration.landing.file_sources import FileOfSource, write_file_sources
from orchestration.landing.layout import Layout, has_header, layout_of
from orchestration.landing.price_lists import PriceList, rows_of
from orchestration.landing.records import Record, Rejected, TruncatedFileError, records
from orchestration.landing.scan import CHUNK_BYTES, Fault, Scan, UnzippedText, undecoded_lines

BATCH_ROWS = 50_000  # about 50 MB of Python strings at once
GLOB = frozenset("*?[]{}")


class CountsDifferError(Exception):
    """Rows read, rows in raw and rejected lines of a file do not add up: a fault of ours, nothing of it may stay."""


@dataclass(frozen=True)
class Landed:
    """A scanned file, its number in the ledger, and how to read it or why not."""

    file_id: int
    arrival: Arrival
    scan: Scan
    layout: Layout | PriceList | Fault
    arrived_at: datetime

    @property
    def feed(self) -> Feed:
        return self.arrival.feed

    @property
    def group(self) -> tuple[Any, ...] | None:
        """Files of an equal group can be read by one statement of the fast reader; None: the fast reader may not try."""
        path = str(self.arrival.path)
        layout = self.layout
        if not isinstance(layout, Layout) or not self.scan.is_plain or GLOB & set(path) or not path.isprintable():
            return None
        if not layout.fits(layout.first_fields):  # if all lines are as short as the first, DuckDB sees nothing wrong
            return None
        return (self.feed.name, layout.delimiter, _fields(layout), self.scan.has_crlf, self.arrival.is_gzip)


@dataclass(frozen=True)
class FileReport:
    """One file's row in the ledger. ``rows_read`` is the rows in raw plus ``rows_rejected``; of a duplicate, its original's."""

    file_id: int
    feed: str
    file: str
    rows_read: int
    rows_rejected: int = 0
    reject_reason: str | None = None
    duplicate_of: int | None = None
    unknown_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """What the ledger says of a file: how it lay there, when it first came, and what became of it."""

    arrival: Arrival
    scan: Scan
    report: FileReport
    arrived_at: datetime


def landed(file_id: int, arrival: Arrival, scan: Scan, arrived_at: datetime | None = None) -> Landed:
    """The file with its layout, or with what is wrong with it as a whole. ``arrived_at`` is UTC; without one it came now."""
    return Landed(file_id, arrival, scan, _layout(arrival, scan), arrived_at or datetime.now(UTC).replace(tzinfo=None))


def _layout(arrival: Arrival, scan: Scan) -> Layout | PriceList | Fault:
    source = arrival.source
    if source is not None and source.format.is_price_list:  # a workbook is no text, whatever the scan says of it
        is_workbook = arrival.path.name.lower().endswith(".xlsx")
        return PriceList(source) if is_workbook or scan.fault is None else scan.fault
    return scan.fault or layout_of(arrival.feed, scan.head)


def load(cursor: duckdb.DuckDBPyConnection, files: Sequence[Landed], run_id: str) -> list[FileReport]:
    """Land files of one feed (several only when of one ``group``); the transaction stays open for the caller to commit.

    Raises CountsDifferError, OSError and DuckDB's errors; the caller rolls back, and nothing of the files is there.
    """
    cursor.execute("begin")
    return _load(cursor, files, run_id)


def load_again(cursor: duckdb.DuckDBPyConnection, file: Landed, table: str, run_id: str) -> FileReport:
    """Land a file once more under its own number, in the place of what stands in ``raw.<table>``; the transaction stays open."""
    first = cursor.execute("select ingested_at, run_id from raw.files where file_id = ?", [file.file_id]).fetchone()

    def make_room() -> None:
        for emptied in (table, "rejected_lines", "file_sources", "files"):
            cursor.execute(f'delete from raw."{emptied}" where file_id = ?', [file.file_id])

    cursor.execute("begin")
    make_room()
    (report,) = _load(cursor, [file], run_id, make_room)
    cursor.execute("update raw.files set ingested_at = ?, run_id = ? where file_id = ?", [*first, file.file_id])
    return report


def _load(
    cursor: duckdb.DuckDBPyConnection, files: Sequence[Landed], run_id: str, make_room: Callable[[], None] = lambda: None
) -> list[FileReport]:
    clean: set[int] = set()
    if files[0].group is not None:
        try:
            clean = _insert_fast(cursor, files)
        # text that the fast reader gives up on, or a gzip stream
        except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException):
            cursor.rollback()
            cursor.execute("begin")
            make_room()
    reports = [_clean_report(file) if file.file_id in clean else _insert_carefully(cursor, file) for file in files]
    _assert_counts(cursor, files[0].feed, reports)
    write_ledger(
        cursor, [Entry(file.arrival, file.scan, report, file.arrived_at) for file, report in zip(files, reports, strict=True)], run_id
    )
    write_file_sources(cursor, [_with_source(file) for file in files if file.arrival.source])
    return reports


def _with_source(file: Landed) -> FileOfSource:
    assert file.arrival.source is not None
    header = file.layout.header if isinstance(file.layout, Layout) else None
    return FileOfSource(file.file_id, file.arrival.file, file.arrival.source, header)


def write_ledger(cursor: duckdb.DuckDBPyConnection, entries: Sequence[Entry], run_id: str) -> None:
    """A row of ``raw.files`` for each file."""
    arrived, reports = [entry.arrival for entry in entries], [entry.report for entry in entries]
    _append(
        cursor,
        "files",
        {
            "file_id": ("integer", [report.file_id for report in reports]),
            "feed": ("varchar", [report.feed for report in reports]),
            "file": ("varchar", [report.file for report in reports]),
            "folder_account": ("varchar", [arrival.folder_account for arrival in arrived]),
            "sha256": ("varchar", [entry.scan.sha256 for entry in entries]),
            "content_sha256": ("varchar", [entry.scan.content_sha256 for entry in entries]),
            "size_bytes": ("bigint", [arrival.size_bytes for arrival in arrived]),
            "modified_at": ("timestamp", [arrival.modified_at for arrival in arrived]),
            "rows_read": ("bigint", [report.rows_read for report in reports]),
            "rows_rejected": ("bigint", [report.rows_rejected for report in reports]),
            "reject_reason": ("varchar", [report.reject_reason for report in reports]),
            "duplicate_of": ("integer", [report.duplicate_of for report in reports]),
            "unknown_columns": ("varchar", [", ".join(report.unknown_columns) or None for report in reports]),
            "ingested_at": ("timestamp", [entry.arrived_at for entry in entries]),
            "run_id": ("varchar", [run_id for _ in entries]),
        },
    )


def _append(cursor: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, tuple[str, Sequence[Any]]]) -> None:
    """Rows onto ``raw.<table>``, given as columns of equal length: name -> (SQL type, values)."""
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f"unnest(?::{sql_type}[])" for sql_type, _ in columns.values())
    cursor.execute(f'insert into raw."{table}" ({names}) select {values}', [list(each) for _, each in columns.values()])


def _clean_report(file: Landed) -> FileReport:
    assert isinstance(file.layout, Layout)
    return FileReport(
        file.file_id, file.feed.name, file.arrival.file, rows_read=_rows_expected(file), unknown_columns=file.layout.unknown_columns
    )


def _assert_counts(cursor: duckdb.DuckDBPyConnection, feed: Feed, reports: Sequence[FileReport]) -> None:
    """The identity of every file: rows read = rows in raw + rejected lines, counted where they stand now."""
    kept = _counts(cursor, feed.table, [report.file_id for report in reports])
    rejected = _counts(cursor, "rejected_lines", [report.file_id for report in reports])
    for report in reports:
        in_raw, in_rejected = (kept.get(report.file_id, 0), rejected.get(report.file_id, 0))
        if report.rows_read != in_raw + in_rejected or report.rows_rejected != in_rejected:
            raise CountsDifferError(
                f"{report.file}: read {report.rows_read} rows, but {in_raw} are in raw.{feed.table} and {in_rejected} rejected"
            )


def _counts(cursor: duckdb.DuckDBPyConnection, table: str, file_ids: Sequence[int]) -> dict[int, int]:
    """Rows per file of a raw table; the range keeps DuckDB to the row groups of these files."""
    return dict(
        cursor.execute(
            f'select file_id, count(*) from raw."{table}" where file_id between ? and ? group by file_id', [min(file_ids), max(file_ids)]
        ).fetchall()
    )


# The fast reader ------------------------------------------------------------------------------------------------------------------


def _fields(layout: Layout) -> tuple[str | None, ...]:
    """The column of each field of a file whose rows are all as long as its first line."""
    return layout.columns[: layout.first_fields]


def _rows_expected(file: Landed) -> int:
    """Rows of a file in which every line but the header is one."""
    assert isinstance(file.layout, Layout)
    return file.scan.lines - file.layout.header_lines


def _text_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _insert_fast(cursor: duckdb.DuckDBPyConnection, files: Sequence[Landed]) -> set[int]:
    """Read all files with one statement; keep the rows of those in which every line is a row, and return those files' ids.

    ``line`` is the row's place in the whole reading less the rows of the files before it. Those are as many as they have lines,
    but for files with an irregular line: what those lack, the lines of the files behind them lack too, and get it afterwards.
    """
    layout, feed = files[0].layout, files[0].feed
    assert isinstance(layout, Layout)
    fields = [name or f"unknown {position}" for position, name in enumerate(_fields(layout), start=1)]
    columns = ", ".join(f'"{name}"' for name in _fields(layout) if name)
    rows_before = accumulate((_rows_expected(file) for file in files[:-1]), initial=0)
    to_line = [file.scan.lines - _rows_expected(file) - rows for file, rows in zip(files, rows_before, strict=True)]
    cursor.execute(
        f"""
        insert into raw."{feed.table}" (file_id, line, {columns})
        select
            ({[file.file_id for file in files]}::integer[])[file_index::bigint + 1],
            row_number() over () + ({to_line}::bigint[])[file_index::bigint + 1],
            {columns}
        from read_csv(
            [{", ".join(_text_literal(str(file.arrival.path)) for file in files)}],
            columns = {{{", ".join(f"{_text_literal(name)}: 'VARCHAR'" for name in fields)}}},
            auto_detect = false, header = {str(layout.header_lines > 0).lower()}, ignore_errors = true,
            delim = {_text_literal(layout.delimiter)}, quote = '"', escape = '"', nullstr = '',
            compression = '{"gzip" if files[0].arrival.is_gzip else "none"}'
        )
        """
    )
    found = _counts(cursor, feed.table, [file.file_id for file in files])
    clean: set[int] = set()
    lacking = 0
    for file in files:
        lacks = _rows_expected(file) - found.get(file.file_id, 0)
        if lacks:
            cursor.execute(f'delete from raw."{feed.table}" where file_id = ?', [file.file_id])
        else:
            clean.add(file.file_id)
            if lacking:
                cursor.execute(f'update raw."{feed.table}" set line = line + ? where file_id = ?', [lacking, file.file_id])
        lacking += lacks
    return clean


# The careful reader ---------------------------------------------------------------------------------------------------------------


def _open_text(arrival: Arrival) -> TextIO:
    if arrival.is_gzip:
        return io.TextIOWrapper(io.BufferedReader(UnzippedText(arrival.path), CHUNK_BYTES), encoding="utf-8-sig", newline="")
    return arrival.path.open(encoding="utf-8-sig", newline="")


def _insert_carefully(cursor: duckdb.DuckDBPyConnection, file: Landed) -> FileReport:
    """Land one file record by record, or reject it whole."""
    if isinstance(file.layout, Fault):
        return _reject_whole(cursor, file, file.layout)
    if isinstance(file.layout, PriceList):
        return _insert_price_list(cursor, file, file.layout)
    kept = rejected = 0
    try:
        with _open_text(file.arrival) as text:
            found = records(text, file.layout)
            while batch := list(islice(found, BATCH_ROWS)):
                rows = [record for record in batch if isinstance(record, Record)]
                lines = [line for line in batch if isinstance(line, Rejected)]
                _insert_records(cursor, file, file.layout, rows)
                _insert_rejected(cursor, file.file_id, lines)
                kept += len(rows)
                rejected += len(lines)
    except TruncatedFileError as truncated:
        cursor.execute(f'delete from raw."{file.feed.table}" where file_id = ?', [file.file_id])
        cursor.execute("delete from raw.rejected_lines where file_id = ?", [file.file_id])
        return _reject_whole(cursor, file, truncated.fault)
    return FileReport(
        file.file_id,
        file.feed.name,
        file.arrival.file,
        rows_read=kept + rejected,
        rows_rejected=rejected,
        unknown_columns=file.layout.unknown_columns,
    )


def _insert_price_list(cursor: duckdb.DuckDBPyConnection, file: Landed, listing: PriceList) -> FileReport:
    """Land the rows that a price list means, or reject it whole, as one line: a workbook has none that could be shown."""
    found = rows_of(file.arrival.path, listing)
    if isinstance(found, Fault):
        _insert_rejected(cursor, file.file_id, [Rejected(1, found.reason, found.detail, "")])
        return FileReport(file.file_id, file.feed.name, file.arrival.file, rows_read=1, rows_rejected=1, reject_reason=found.reason)
    kept = 0
    while batch := list(islice(found, BATCH_ROWS)):
        columns = {name: ("varchar", [row.values.get(name) or None for row in batch]) for name in file.feed.columns}
        numbers = {"file_id": ("integer", [file.file_id] * len(batch)), "line": ("bigint", [row.line for row in batch])}
        _append(cursor, file.feed.table, {**numbers, **columns})
        kept += len(batch)
    return FileReport(file.file_id, file.feed.name, file.arrival.file, rows_read=kept)


def _insert_records(cursor: duckdb.DuckDBPyConnection, file: Landed, layout: Layout, rows: Sequence[Record]) -> None:
    if rows:
        fields = zip_longest(*(record.fields for record in rows))
        columns = {
            name: ("varchar", [value or None for value in values])
            for name, values in zip(layout.columns, fields, strict=False)  # a file may leave the last columns out
            if name
        }
        file_ids, lines = [file.file_id] * len(rows), [record.line for record in rows]
        _append(cursor, file.feed.table, {"file_id": ("integer", file_ids), "line": ("bigint", lines), **columns})


def _insert_rejected(cursor: duckdb.DuckDBPyConnection, file_id: int, lines: Sequence[Rejected]) -> None:
    if lines:
        _append(
            cursor,
            "rejected_lines",
            {
                "file_id": ("integer", [file_id] * len(lines)),
                "line": ("bigint", [each.line for each in lines]),
                "reason": ("varchar", [each.reason for each in lines]),
                "detail": ("varchar", [each.detail for each in lines]),
                "raw": ("varchar", [each.raw for each in lines]),
            },
        )


def _reject_whole(cursor: duckdb.DuckDBPyConnection, file: Landed, fault: Fault) -> FileReport:
    """Every data line of the file is a rejected line, for the one reason."""
    rejected = 0
    lines = _data_lines(file, fault)
    while batch := list(islice(lines, BATCH_ROWS)):
        _insert_rejected(cursor, file.file_id, batch)
        rejected += len(batch)
    return FileReport(
        file.file_id, file.feed.name, file.arrival.file, rows_read=rejected, rows_rejected=rejected, reject_reason=fault.reason
    )


def _data_lines(file: Landed, fault: Fault) -> Iterator[Rejected]:
    is_header = has_header(file.feed, file.scan.head)
    with contextlib.suppress(OSError):  # what cannot be had, cannot be shown
        for number, line in undecoded_lines(file.arrival.path, file.arrival.is_gzip):
            if not line.strip(" \t\r,;|"):
                continue
            if not is_header:
                yield Rejected(number, fault.reason, fault.detail, line)
            is_header = False
