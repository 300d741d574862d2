"""Whatever is new in landing/ into the warehouse: find, scan, number, load, commit in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby

import duckdb

from orchestration import warehouse
from orchestration.errors import TiktellerError
from orchestration.landing import file_sources
from orchestration.landing.arrivals import Arrival, Stray, arrivals
from orchestration.landing.loading import FileReport, Landed, landed, load, load_again, write_ledger
from orchestration.landing.scan import Scan, scan
from orchestration.landing.sources import SOURCES_FILE, read_sources
from orchestration.progress import Progress, silent
from orchestration.workspace import Workspace

UNIT_BYTES = 64 << 20  # large enough that DuckDB writes rows past its log, small enough to share the work
UNIT_FILES = 500
READERS = 2  # one statement numbers its lines on one thread; two at once keep two cores busy


@dataclass(frozen=True)
class _Duplicate:
    arrival: Arrival
    scan: Scan
    original_id: int


@dataclass(frozen=True)
class _SetAside:
    """New files that are not read: ``duplicates`` are noted, ``touched`` have a new date only."""

    duplicates: list[_Duplicate]
    touched: list[tuple[Arrival, Scan]]


@dataclass(frozen=True)
class _Loading:
    """A unit of work on its way: the cursor has its transaction open when the future is done."""

    files: tuple[Landed, ...]
    cursor: duckdb.DuckDBPyConnection
    reports: Future[list[FileReport]]


def ingest(
    workspace: Workspace,
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    progress: Progress = silent,
    arriving: Callable[[Set[str]], None] = lambda _feeds: None,
) -> list[FileReport]:
    """Land every new file, by feed and then by path; return a report for each that got a row in the ledger now.

    New is what the ledger does not know by path, size and date. The same bytes again in the same feed are noted as a duplicate
    and not read; only a new date is noted where they are. The same path with other bytes is a new file. A file stands in the
    warehouse as a whole with its ledger row or not at all, whenever the process ends; file ids, and so "later", follow the
    order of the files however they are shared out. ``arriving`` hears beforehand of which feeds there are new files.
    """
    workspace.require()
    warehouse.create_raw(connection)
    found, strays = arrivals(workspace.landing)
    _read_as_declared(workspace, connection, found, run_id, progress)
    unknown = _unknown(connection, found)
    arriving({arrival.feed.name for arrival in unknown})
    set_aside = _SetAside([], [])
    scans = _without_strays(strays, _scanned(unknown), progress)
    reports = list(_load_in_order(connection, _numbered(connection, scans, set_aside), run_id, progress))
    return reports + _note(connection, set_aside, run_id)


def _read_as_declared(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, found: Iterable[Arrival], run_id: str, progress: Progress
) -> None:
    """Let files that landed before be read as their sources say today; where that is otherwise, the next build keeps nothing.

    A file that is to be cut into other fields is landed again under its own number: "later" stays what it was.
    """
    from orchestration import dbt  # it knows the build, which reads what we land

    is_other = False
    before = file_sources.landed_otherwise(connection)
    for arrival in found:
        file_id, landed_as, sha256 = before.get(arrival.file, (0, None, None))
        if arrival.source is None or landed_as in (None, arrival.source.landed_as):
            continue
        scanned = scan(arrival.path, arrival.is_gzip)
        if scanned.sha256 == sha256:
            cursor = connection.cursor()
            load_again(cursor, landed(file_id, arrival, scanned), file_sources.table_of(landed_as), run_id)
            cursor.commit()
            cursor.close()
            progress(f"read anew as {SOURCES_FILE} says: {arrival.file}")
            is_other = True
    is_other = file_sources.renew(connection, read_sources(workspace.root / SOURCES_FILE)) or is_other
    if is_other:
        dbt.forget_build(workspace)
    dbt.remember_sources(workspace)


def _unknown(connection: duckdb.DuckDBPyConnection, found: Iterable[Arrival]) -> list[Arrival]:
    known = set(connection.execute("select file, size_bytes, epoch_us(modified_at) from raw.files").fetchall())
    return [arrival for arrival in found if (arrival.file, arrival.size_bytes, arrival.modified_us) not in known]


def _scanned(found: Sequence[Arrival]) -> Iterator[tuple[Arrival, Scan] | Stray]:
    def scanned(arrival: Arrival) -> tuple[Arrival, Scan] | Stray:
        try:
            return arrival, scan(arrival.path, arrival.is_gzip)
        except OSError as error:
            return Stray(arrival.file, f"it cannot be read: {error.strerror}")

    with ThreadPoolExecutor(READERS) as pool:
        yield from pool.map(scanned, found)


def _without_strays(
    strays: Iterable[Stray], scans: Iterable[tuple[Arrival, Scan] | Stray], progress: Progress
) -> Iterator[tuple[Arrival, Scan]]:
    """The scans of what can be read; what cannot is told as it is met."""
    for result in chain(strays, scans):
        if isinstance(result, Stray):
            progress(f"not read: {result.file}: {result.why}")
        else:
            yield result


def _numbered(connection: duckdb.DuckDBPyConnection, scans: Iterable[tuple[Arrival, Scan]], set_aside: _SetAside) -> Iterator[Landed]:
    """Number the files that are to be read, in order, after those of the ledger, while later ones are still being scanned."""
    ledger = connection.execute("select file_id, feed, file, sha256, duplicate_of from raw.files").fetchall()
    next_id = max((row[0] for row in ledger), default=0) + 1
    stands = {(file, sha256) for _, _, file, sha256, _ in ledger}
    originals = {(feed, sha256): file_id for file_id, feed, _, sha256, duplicate_of in ledger if duplicate_of is None}
    for arrival, scanned in scans:
        content = (arrival.feed.name, scanned.sha256)
        if (arrival.file, scanned.sha256) in stands:
            set_aside.touched.append((arrival, scanned))
        elif content in originals and scanned.text_bytes:
            set_aside.duplicates.append(_Duplicate(arrival, scanned, originals[content]))
        else:
            originals[content] = next_id
            yield landed(next_id, arrival, scanned)
            next_id += 1


def _units(files: Iterable[Landed]) -> Iterator[tuple[Landed, ...]]:
    """Files that are landed together in one transaction: neighbours of one group up to a size; others by themselves."""
    for _, neighbours in groupby(files, key=lambda file: file.group or file.file_id):
        unit: list[Landed] = []
        unit_bytes = 0
        for file in neighbours:
            if unit and (len(unit) == UNIT_FILES or unit_bytes + file.scan.text_bytes > UNIT_BYTES):
                yield tuple(unit)
                unit, unit_bytes = [], 0
            unit.append(file)
            unit_bytes += file.scan.text_bytes
        yield tuple(unit)


def _load_in_order(connection: duckdb.DuckDBPyConnection, files: Iterable[Landed], run_id: str, progress: Progress) -> Iterator[FileReport]:
    """Load units side by side, commit them in order, and tell the progress of each feed."""
    for feed, of_feed in groupby(files, key=lambda file: file.feed.name):
        began, rows, count = time.monotonic(), 0, 0
        for report in _load_feed(connection, of_feed, run_id, progress):
            rows += report.rows_read
            count += 1
            yield report
        progress(f"landing {feed}, {count} {'file' if count == 1 else 'files'}", rows, time.monotonic() - began)


def _load_feed(connection: duckdb.DuckDBPyConnection, files: Iterable[Landed], run_id: str, progress: Progress) -> Iterator[FileReport]:
    under_way: deque[_Loading] = deque()
    with ThreadPoolExecutor(READERS) as pool:
        try:
            for unit in _units(files):
                cursor = connection.cursor()
                under_way.append(_Loading(unit, cursor, pool.submit(load, cursor, unit, run_id)))
                if len(under_way) > READERS:
                    yield from _committed(under_way.popleft(), run_id, progress)
            while under_way:
                yield from _committed(under_way.popleft(), run_id, progress)
        finally:
            for loading in under_way:
                loading.reports.cancel()
                loading.cursor.interrupt()


def _committed(loading: _Loading, run_id: str, progress: Progress) -> list[FileReport]:
    """The reports of a unit once it stands in the warehouse. Files that changed meanwhile are left to the next run."""
    files, cursor = loading.files, loading.cursor
    attempt = loading.reports.result
    while True:
        failure: Exception | None = None
        reports: list[FileReport] = []
        try:
            reports = attempt()
        except (OSError, duckdb.IOException) as error:
            failure = error
        steady = tuple(file for file in files if file.arrival.is_unchanged())
        if steady == files:
            if failure:
                raise TiktellerError(f"landing of {files[0].arrival.file} failed: {failure}") from failure
            cursor.commit()
            cursor.close()
            return reports
        cursor.rollback()
        for file in (each for each in files if each not in steady):
            progress(f"not read: {file.arrival.file}: it changed while it was read; the next run takes it")
        if not steady:
            return []
        files, attempt = steady, partial(load, cursor, steady, run_id)


def _note(connection: duckdb.DuckDBPyConnection, set_aside: _SetAside, run_id: str) -> list[FileReport]:
    """Write down the duplicates and the new dates; no row of them is read."""
    rows_of = dict(connection.execute("select file_id, rows_read from raw.files").fetchall())
    next_id = max(rows_of, default=0) + 1
    # without its original, which changed while it was read, a duplicate is left to the next run
    known = [each for each in set_aside.duplicates if each.original_id in rows_of]
    noted = [
        (
            each.arrival,
            each.scan.sha256,
            FileReport(
                file_id, each.arrival.feed.name, each.arrival.file, rows_read=rows_of[each.original_id], duplicate_of=each.original_id
            ),
        )
        for file_id, each in enumerate(known, start=next_id)
    ]
    if not noted and not set_aside.touched:
        return []
    connection.execute("begin")
    try:
        if noted:
            write_ledger(connection, noted, run_id)
        for arrival, scanned in set_aside.touched:
            connection.execute(
                "update raw.files set modified_at = ?, size_bytes = ? where file = ? and sha256 = ?",
                [arrival.modified_at, arrival.size_bytes, arrival.file, scanned.sha256],
            )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return [report for _, _, report in noted]
