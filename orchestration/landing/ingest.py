"""Whatever is new in landing/ into the warehouse: find, scan, number, load, commit in order."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import duckdb

from orchestration.errors import TiktellerError
from orchestration.landing import as_declared, file_sources, fingerprints, ledger
from orchestration.landing.arrivals import Arrival, Stray, arrivals
from orchestration.landing.carried import carry_over, tell_lost
from orchestration.landing.fingerprints import Fingerprint, Fingerprints, trusted
from orchestration.landing.loading import Entry, FileReport, Landed, landed, load, load_again, write_ledger
from orchestration.landing.register import Fate, Register, apply_withdrawals, forget_duplicates, note_archived, note_gone, opened
from orchestration.landing.scan import CHUNK_BYTES, Scan, scan, unreadable_scan
from orchestration.landing.sources import SOURCES_FILE, read_sources
from orchestration.progress import Progress, silent
from orchestration.workspace import Workspace

UNIT_BYTES = 64 << 20  # large enough that DuckDB writes rows past its log, small enough to share the work
UNIT_FILES = 500
READERS = 2  # one statement numbers its lines on one thread; two at once keep two cores busy


@dataclass(frozen=True)
class _SetAside:
    """New files that are not read: ``duplicates`` are noted, ``touched`` have a new date only."""

    duplicates: list[tuple[Arrival, Scan, Fate]]
    touched: list[tuple[int, Arrival, Scan]]


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
    out_of_turn: Callable[[], None] = lambda: None,
) -> list[FileReport]:
    """Land every new file, in the order in which they arrived; return a report for each that got a row in the ledger now.

    New is a file whose bytes the ledger does not know under its name. A text that is known in the same feed, and the same place, is
    noted as a duplicate and not read; only a new date is noted where it is. The same path with other bytes is a new file. A file
    stands in the warehouse as a whole with its ledger row or not at all, whenever the process ends. Its number, and so "later", is
    the one that the state has or gives (``register``), however the work is shared out. ``arriving`` hears beforehand of which feeds
    there are new files; ``out_of_turn`` before rows of a withdrawn file go, or come whose place is before others that are here:
    what was made of the rows has to be made anew.
    """
    workspace.require()
    ledger.create_raw(connection)
    found, strays = arrivals(workspace.landing)
    register = opened(workspace, connection)
    is_new = connection.execute("select count(*) from raw.files").fetchone() == (0,)
    lying = {each.file for each in (*found, *strays)}
    note_gone(register, found)
    register.part(lying)
    register.write()
    forget_duplicates(register, connection, lying)
    apply_withdrawals(register, connection, out_of_turn)
    _set_clock(connection)
    _read_as_declared(workspace, connection, found, run_id, progress, out_of_turn)
    known = fingerprints.remembered(workspace)
    unknown = _unknown(connection, register, found, known)
    arriving({arrival.feed.name for arrival in unknown})
    set_aside = _SetAside([], [])
    scans = _without_strays(strays, _scanned(unknown, known), progress)
    files = _numbered(connection, register, scans, lying, set_aside, progress, out_of_turn)
    reports = list(_load_in_order(connection, files, run_id, progress))
    reports += _note(connection, set_aside, run_id)
    if is_new or workspace.former_warehouse.exists():
        carry_over(workspace, connection, register, progress, out_of_turn)
        tell_lost(connection, register, progress)
    if unknown:
        register = opened(workspace, connection)
        apply_withdrawals(register, connection, out_of_turn)
        fingerprints.remember(workspace, {arrival.file: known[arrival.file] for arrival in found if arrival.file in known})
    note_archived(register, lying)
    register.write()
    return reports


def _set_clock(connection: duckdb.DuckDBPyConnection) -> None:
    """Dates are judged by when the run began, and never by less than by when the newest file came."""
    connection.execute("delete from raw.clock")
    connection.execute(
        "insert into raw.clock (began_at) select greatest(?::timestamp, max(ingested_at)) from raw.files",
        [datetime.now(UTC).replace(tzinfo=None)],
    )


def _read_as_declared(
    workspace: Workspace,
    connection: duckdb.DuckDBPyConnection,
    found: Iterable[Arrival],
    run_id: str,
    progress: Progress,
    out_of_turn: Callable[[], None],
) -> None:
    """Let files that landed before be read as their sources say today; ``out_of_turn`` hears first of what is otherwise than before.

    A text that is to be cut into other fields is landed again under its own number: "later" stays what it was. It is read from its file,
    as far as that is still what it was, or has grown since. What cannot be read now is told, and left to the next run.
    """

    is_news, is_done = not as_declared.reads_as_declared(workspace), True
    before, known = file_sources.landed_texts(connection), fingerprints.remembered(workspace)
    for arrival in found:
        seen = trusted(arrival, known)
        for text in before.get(arrival.file, ()):
            if text.landed_as == (arrival.source.landed_as if arrival.source else None):
                continue
            if not is_news and (seen is None or seen.sha256 != text.sha256):  # looked for and told when it was declared
                continue
            cursor = connection.cursor()
            try:
                with _as_it_was(workspace, arrival, text) as was:
                    if was is None:
                        progress(f"not read anew: {arrival.file}: file {text.file_id} is not in it any more, and stays as it was read")
                        continue
                    load_again(cursor, landed(text.file_id, *was), text.table, run_id)
                    if not was[0].is_unchanged():
                        raise OSError("it changed while it was read")
                out_of_turn()
                cursor.commit()
                progress(f"read anew as {SOURCES_FILE} says: {arrival.file}")
            except (OSError, duckdb.IOException) as error:
                with contextlib.suppress(duckdb.Error):  # it may not have begun
                    cursor.rollback()
                progress(f"not read anew: {arrival.file}: it cannot be read ({error}); the next run tries again")
                is_done = False
            finally:
                cursor.close()
    file_sources.renew(connection, read_sources(workspace.root / SOURCES_FILE), out_of_turn)
    if is_done:
        as_declared.remember_sources(workspace)


@contextlib.contextmanager
def _as_it_was(workspace: Workspace, arrival: Arrival, text: file_sources.LandedText) -> Iterator[tuple[Arrival, Scan] | None]:
    """The file with the bytes that the text had: as it lies there, or up to where it has grown since; None where they are gone."""
    scanned = scan(arrival.path, arrival.is_gzip)
    if scanned.sha256 == text.sha256:
        yield arrival, scanned
        return
    workspace.spill.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.spill) as folder:
        path = Path(folder, arrival.path.name)
        with arrival.path.open("rb") as whole, path.open("wb") as begun:
            left = text.size_bytes
            while left and (chunk := whole.read(min(left, CHUNK_BYTES))):
                left -= begun.write(chunk)
        os.utime(path, ns=(0, text.modified_us * 1000))
        former = replace(arrival, path=path, size_bytes=text.size_bytes, modified_ns=text.modified_us * 1000)
        scanned = scan(path, arrival.is_gzip)
        yield (former, scanned) if scanned.sha256 == text.sha256 else None


def _unknown(connection: duckdb.DuckDBPyConnection, register: Register, found: Sequence[Arrival], known: Fingerprints) -> list[Arrival]:
    """The files that have to be looked at, in the order in which they came: those known by their number first, then by time."""
    ledger = set(connection.execute("select file, sha256 from raw.files where withdrawn_at is null").fetchall())

    def stands(arrival: Arrival, seen: Fingerprint | None) -> bool:
        if seen is None:
            return False
        if (arrival.file, seen.sha256) in ledger:
            return True
        registered = register.latest(arrival, (seen.content_sha256, seen.sha256))
        return registered is not None and not registered.is_live and not registered.has_landed_again(arrival)

    unknown: dict[str, list[tuple[float, Arrival]]] = {}
    for arrival in found:
        seen = trusted(arrival, known)
        if not stands(arrival, seen):
            turn = register.order_of(arrival, (seen.content_sha256, seen.sha256) if seen else ())
            unknown.setdefault(arrival.feed.name, []).append((turn, arrival))
    return [arrival for of_feed in unknown.values() for _, arrival in sorted(of_feed, key=itemgetter(0))]


def _scanned(found: Sequence[Arrival], known: dict[str, Fingerprint]) -> Iterator[tuple[Arrival, Scan]]:
    """Each file with what one look at it found, which is noted in ``known``."""

    def scanned(arrival: Arrival) -> tuple[Arrival, Scan]:
        try:
            seen = scan(arrival.path, arrival.is_gzip)
        except OSError as error:
            known.pop(arrival.file, None)  # it may be readable the next time, and nothing about it says so
            return arrival, unreadable_scan(error)
        known[arrival.file] = fingerprints.fingerprint(arrival, seen.sha256, seen.content_sha256)
        return arrival, seen

    with ThreadPoolExecutor(READERS) as pool:
        yield from pool.map(scanned, found)


def _without_strays(strays: Iterable[Stray], scans: Iterable[tuple[Arrival, Scan]], progress: Progress) -> Iterator[tuple[Arrival, Scan]]:
    """The scans of what can be read; what cannot is told as it is met."""
    for result in chain(strays, scans):
        if isinstance(result, Stray):
            progress(f"not read: {result.file}: {result.why}")
        else:
            yield result


def _numbered(
    connection: duckdb.DuckDBPyConnection,
    register: Register,
    scans: Iterable[tuple[Arrival, Scan]],
    lying: Set[str],
    set_aside: _SetAside,
    progress: Progress,
    out_of_turn: Callable[[], None],
) -> Iterator[Landed]:
    """The files that are to be read, each with its number, while later ones are still scanned. No number goes out that the state lacks."""
    rows = connection.execute("select file_id, file, sha256, withdrawn_at is null from raw.files").fetchall()
    ledger = {file_id: file for file_id, file, _, is_live in rows if is_live}
    stands = {(file, sha256): file_id for file_id, file, sha256, is_live in rows if is_live}
    newest = max((row[0] for row in rows), default=0)
    for batch in _batches(scans):
        to_read: list[Landed] = []
        for arrival, scanned in batch:
            if (file_id := stands.get((arrival.file, scanned.sha256))) is not None:
                set_aside.touched.append((file_id, arrival, scanned))
                continue
            fate = register.fate(arrival, scanned, ledger, lying)
            if fate.what == "stands":
                set_aside.touched.append((fate.file_id, arrival, scanned))
            elif fate.what == "duplicate":
                set_aside.duplicates.append((arrival, scanned, fate))
            elif fate.what == "load":
                ledger[fate.file_id] = arrival.file
                to_read.append(landed(fate.file_id, arrival, scanned, fate.arrived_at))
            if fate.moved_from:
                progress(f"moved: {fate.moved_from.file} is now {arrival.file}; its rows count where they stand now")
        register.write()
        for file in to_read:
            if rows and file.file_id < newest:
                out_of_turn()
            yield file


def _batches(scans: Iterable[tuple[Arrival, Scan]]) -> Iterator[list[tuple[Arrival, Scan]]]:
    """Files that get their numbers in one transaction: as many as are landed together."""
    batch: list[tuple[Arrival, Scan]] = []
    batch_bytes = 0
    for arrival, scanned in scans:
        batch.append((arrival, scanned))
        batch_bytes += scanned.text_bytes
        if len(batch) == UNIT_FILES or batch_bytes > UNIT_BYTES:
            yield batch
            batch, batch_bytes = [], 0
    yield batch


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
    """The reports of a unit once it stands in the warehouse. What changed meanwhile, or cannot be read now, is left to the next run."""
    reports = _standing(loading.cursor, loading.files, loading.reports.result, run_id, progress)
    loading.cursor.close()
    return reports


def _standing(
    cursor: duckdb.DuckDBPyConnection,
    files: tuple[Landed, ...],
    attempt: Callable[[], list[FileReport]],
    run_id: str,
    progress: Progress,
) -> list[FileReport]:
    while True:
        failure: Exception | None = None
        reports: list[FileReport] = []
        try:
            reports = attempt()
        except (OSError, duckdb.IOException) as error:
            failure = error
        steady = tuple(file for file in files if file.arrival.is_unchanged())
        if steady == files and failure is None:
            cursor.commit()
            return reports
        cursor.rollback()
        if steady == files and not isinstance(failure, OSError):
            raise TiktellerError(f"landing of {files[0].arrival.file} failed: {failure}") from failure
        for file in (each for each in files if each not in steady):
            progress(f"not read: {file.arrival.file}: it changed while it was read; the next run takes it")
        if steady == files and len(files) == 1:
            progress(f"not read: {files[0].arrival.file}: it cannot be read ({failure}); the next run tries again")
        if not steady or (steady == files and len(files) == 1):
            return []
        if steady == files:  # one of them cannot be read: each by itself
            return [
                report for file in files for report in _standing(cursor, (file,), partial(load, cursor, (file,), run_id), run_id, progress)
            ]
        files, attempt = steady, partial(load, cursor, steady, run_id)


def _note(connection: duckdb.DuckDBPyConnection, set_aside: _SetAside, run_id: str) -> list[FileReport]:
    """Write down the duplicates and the new dates; no row of them is read."""
    rows_of = dict(connection.execute("select file_id, rows_read from raw.files").fetchall())
    noted: list[Entry] = []
    for arrival, scanned, fate in set_aside.duplicates:
        if fate.original_id not in rows_of:  # it changed while it was read: the duplicate is left to the next run
            continue
        rows_read = rows_of[fate.original_id]
        report = FileReport(fate.file_id, arrival.feed.name, arrival.file, rows_read=rows_read, duplicate_of=fate.original_id)
        noted.append(Entry(arrival, scanned, report, fate.arrived_at or datetime.now(UTC).replace(tzinfo=None)))
    if not noted and not set_aside.touched:
        return []
    connection.execute("begin")
    try:
        if noted:
            write_ledger(connection, noted, run_id)
        for file_id, arrival, scanned in set_aside.touched:
            connection.execute(
                "update raw.files set modified_at = ?, size_bytes = ?, sha256 = ?, content_sha256 = ? where file_id = ?",
                [arrival.modified_at, arrival.size_bytes, scanned.sha256, scanned.content_sha256, file_id],
            )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return [entry.report for entry in noted]
