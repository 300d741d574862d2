"""The writers' side of ``serving/``: marts -> one snapshot file per partner, swapped in one right after the other when all are there.

A snapshot is a new file, never a changed one. It starts as a copy of the partner's rated calls, in which a run has replaced the days
that changed; then all other tables are made anew, in one transaction: they are small. Every file is checked against the warehouse
before the first pointer moves; a run that is killed before that leaves the last good snapshots in place. A partner with a fault
(``orchestration.faults``), or whose file cannot be made, keeps its last good snapshot, and the platform's says so; the others publish.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration import serving
from orchestration.errors import TiktellerError
from orchestration.faults import Fault, Held, by_partner
from orchestration.progress import Progress, silent
from orchestration.serving.snapshots import one
from orchestration.serving.tables import CALLS, Audience, published_tables
from orchestration.warehouse import STORAGE_VERSION, settings
from orchestration.workspace import PLATFORM, Workspace

OF_ITS_DECKS = "where deck_id in (select deck_id from warehouse.staging.stg_landing__partner_periods {where})"

RATING_TABLES = {
    "staging.stg_landing__partner_periods": "{where}",
    "intermediate.int_deck_prefixes": OF_ITS_DECKS,
    "intermediate.int_deck_prices": OF_ITS_DECKS,
    "intermediate.int_call_plans": "{where}",
    "intermediate.int_call_plan_prices": "{where}",
    "intermediate.int_customer_plans": "{where}",
    "staging.stg_landing__call_plan_rates": "{where}",
    "reference.short_numbers": "",
    "reference.dialled_prefixes": "",
    "reference.dialling_plans": "",
    "reference.number_prefixes": "",
    "reference.unrated_reasons": "",
}
"""What rating reads, with the part of it that is the partner's: in schema ``rating`` of its file, for explain, quote and the tariff lab."""

PLATFORM_RATING_TABLES = {"intermediate.int_platform_numbers": "select e164, valid_from, valid_to"}
"""What rating needs of all partners; nobody but the platform has it, and it does not say whose number it is."""

SNAPSHOTS_KEPT = 3
"""The current one and two before it, for readers that are still at them and for an operator who must look back."""


@dataclass(frozen=True)
class Snapshot:
    """One partner's file of this publication."""

    partner_id: str
    path: Path
    rows: int
    seconds: float


@dataclass(frozen=True)
class Publication:
    """What a publication did: the partners' new snapshots, and who kept the last good one.

    ``is_sound``: the warehouse is; what is held is held for what landed.
    """

    made: Sequence[Snapshot]
    held: Sequence[Held]
    is_sound: bool


@dataclass(frozen=True)
class Edition:
    """What a snapshot was made from: by it a run knows whether there is anything new.

    code     fingerprint of the rules (dbt project and seeds): other rules, every row may differ
    ledger   fingerprint of the files landed up to ``through_file_id``: another warehouse, other file ids

    ``state_version`` says up to which decision of which state (``orchestration.state``) it knows what people decided.
    """

    code: str
    ledger: str
    through_file_id: int
    state_version: int
    state_id: str


def publish(workspace: Workspace, snapshot: str, code: str, progress: Progress = silent, faults: Iterable[Fault] = ()) -> Publication:
    """Build, check and swap in a snapshot named ``snapshot`` for every partner without a fault, and for the platform.

    ``code`` is the fingerprint of the rules that made the marts. The warehouse is opened read-only.
    """
    faults = list(faults)
    held = {partner_id: list(says) for partner_id, says in by_partner(faults).items()}
    is_sound = all(fault.is_landed for fault in faults)
    own_pointers(workspace)
    with _attached(workspace) as connection:
        edition, tables = _edition(connection, code), published_tables(workspace)
        partners = [row[0] for row in connection.execute("select partner_id from warehouse.marts.partners order by 1").fetchall()]
        built = []
        for partner in partners:
            if partner in held:
                continue
            try:
                if not serving.PARTNER_ID.fullmatch(partner):
                    raise TiktellerError(
                        f"partner id {partner[:80]!r} cannot name a folder", fix="use up to 64 letters, digits, '.', '_' and '-'"
                    )
                built.append(_build(connection, workspace, partner, snapshot, edition, tables, progress))
            except (TiktellerError, duckdb.Error, FileExistsError, NotADirectoryError) as error:
                held[partner] = [" ".join(str(error).split("\n\nLINE ")[0].split())[:600]]
                is_sound = False
        keeping = [Held(partner, _current(workspace, partner), tuple(held[partner])) for partner in partners if partner in held]
        told = tuple(dict.fromkeys(fault.says for fault in faults if fault.partner_id not in partners))
        standing: list[tuple[str | None, str | None, str | None]] = [(made.partner_id, snapshot, None) for made in built]
        standing += [(each.partner_id, each.snapshot, "; ".join(each.reasons)) for each in keeping] + [(None, None, says) for says in told]
        platform = _build(connection, workspace, PLATFORM, snapshot, edition, tables, progress, standing)
    for made in (*built, platform):
        _point(made.path.parent, made.path.name)
    _forget_those_who_left(workspace, partners)
    for made in (*built, platform):
        _forget_older(made.path.parent, keep=made.path.name)
    return Publication(built, keeping, is_sound)


def own_pointers(workspace: Workspace) -> None:
    """Give every partner a pointer of its own, where all still lead to the one that they shared once; what is current stays so."""
    shared = workspace.serving / serving.POINTER
    if not shared.is_file():
        return
    name = shared.read_text().strip()
    for folder in sorted(each for each in workspace.serving.iterdir() if (each / serving.POINTER).is_symlink()):
        _point(folder, name)
    shared.unlink()


def _forget_those_who_left(workspace: Workspace, partners: Sequence[str]) -> None:
    """Who is no partner any more does not go on seeing, and billing by, what it had. Its files stay for an operator."""
    for folder in (each for each in workspace.serving.iterdir() if each.name not in (*partners, PLATFORM)):
        (folder / serving.POINTER).unlink(missing_ok=True) if folder.is_dir() else None


def _current(workspace: Workspace, partner_id: str) -> str | None:
    try:
        return serving.current_snapshot(workspace, partner_id).stem
    except TiktellerError:
        return None


def _edition(connection: duckdb.DuckDBPyConnection, code: str) -> Edition:
    (through,) = one(connection.execute("select coalesce(max(file_id), 0) from warehouse.raw.files"))
    (state_version, state_id) = one(
        connection.execute("select coalesce(max(version), 0), coalesce(max(state_id), '') from warehouse.raw.state")
    )
    ledger = ledger_fingerprint(connection, "warehouse.raw.files", through)
    return Edition(code, ledger, through, state_version, state_id)


def not_accepted(workspace: Workspace) -> set[int]:
    """The files that were not as expected at the last publication, and that nobody accepted."""
    try:
        with closing(serving.connect(serving.current_snapshot(workspace, PLATFORM))) as snapshot:
            return {file_id for (file_id,) in snapshot.execute("select distinct file_id from _unexpected_files").fetchall()}
    except (TiktellerError, duckdb.Error):
        return set()


def _attached(workspace: Workspace) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config=settings(workspace))
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set enable_progress_bar = false")
    connection.execute(f"attach {_quoted(workspace.warehouse)} as warehouse (read_only)")
    return connection


def ledger_fingerprint(connection: duckdb.DuckDBPyConnection, ledger: str, through_file_id: int) -> str:
    """One hash over the files of a ledger up to one of them: by it two say whether they speak of the same files."""
    rows = connection.execute(
        f"select file_id, feed, sha256 from {ledger} where file_id <= ? order by file_id", [through_file_id]
    ).fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _build(
    connection: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    partner_id: str,
    snapshot: str,
    edition: Edition,
    tables: Mapping[Audience, Mapping[str, str]],
    progress: Progress,
    standing: Sequence[tuple[str | None, str | None, str | None]] = (),
) -> Snapshot:
    """One partner's snapshot, complete and checked, under its own name; no pointer is touched. ``standing``: who is where."""
    began = time.monotonic()
    folder = workspace.serving / partner_id
    folder.mkdir(parents=True, exist_ok=True)
    path, unfinished = folder / f"{snapshot}.duckdb", folder / f"{snapshot}.duckdb.part"
    for left in (unfinished, unfinished.with_name(f"{unfinished.name}.wal")):
        left.unlink(missing_ok=True)
    if partner_id != PLATFORM:
        shutil.copyfile(_rated_calls(workspace, partner_id), unfinished)
    connection.execute(f"attach {_quoted(unfinished)} as snapshot (storage_version '{STORAGE_VERSION}')")
    try:
        connection.execute("begin")
        if partner_id == PLATFORM:
            _copy_tables(connection, tables["platform"], "")
            connection.execute("create schema if not exists snapshot.rating")
            for source, columns in PLATFORM_RATING_TABLES.items():
                connection.execute(f"create or replace table snapshot.rating.{source.split('.')[1]} as {columns} from warehouse.{source}")
            connection.execute(
                "create or replace table snapshot.partner_snapshots (partner_id varchar, snapshot varchar, held_because varchar)"
            )
            connection.execute("create or replace table snapshot._unexpected_files as select file_id from warehouse.raw.unexpected_files")
            if standing:
                connection.executemany("insert into snapshot.partner_snapshots values (?, ?, ?)", standing)
        else:
            where = f"where partner_id = {_literal(partner_id)}"
            _copy_tables(connection, {name: source for name, source in tables["partner"].items() if name != CALLS}, where)
            _copy_tables(connection, tables["everyone"], "")
            _copy_rating(connection, where)
        _write_edition(connection, partner_id, snapshot, edition)
        connection.execute("commit")
        connection.execute("checkpoint snapshot")
        rows = _check(connection, partner_id, tables)
    except BaseException:
        with suppress(duckdb.Error):  # it may have ended
            connection.rollback()
        raise
    finally:
        connection.execute("detach snapshot")
    _durable(unfinished)
    unfinished.replace(path)
    progress(f"publishing {partner_id}", rows, time.monotonic() - began)
    return Snapshot(partner_id, path, rows, time.monotonic() - began)


def _rated_calls(workspace: Workspace, partner_id: str) -> Path:
    """The file of the partner's rated calls. Raises TiktellerError where it is not there, or not written to its end."""
    file = workspace.rated / f"{partner_id}.duckdb"
    if not file.exists() or file.with_suffix(".duckdb.wal").exists():
        raise TiktellerError(f"{file}: the rated calls of {partner_id} are not whole", fix="tikteller run --rebuild")
    return file


def _copy_tables(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str], where: str) -> None:
    for name, source in tables.items():
        connection.execute(f"create or replace table snapshot.{name} as from warehouse.{source} {where}")


def _copy_rating(connection: duckdb.DuckDBPyConnection, where: str) -> None:
    connection.execute("create schema if not exists snapshot.rating")
    for source, condition in RATING_TABLES.items():
        name = source.split(".")[1]
        connection.execute(f"create or replace table snapshot.rating.{name} as from warehouse.{source} {condition.format(where=where)}")


def _write_edition(connection: duckdb.DuckDBPyConnection, owner: str, snapshot: str, edition: Edition) -> None:
    """What the file says of itself: its name, whose it is, what it was made from, and a sum of each table (``serving.require_whole``)."""
    connection.execute(
        "create or replace table snapshot._snapshot as select ?::varchar as snapshot, ?::varchar as owner, ?::varchar as code, "
        "?::varchar as ledger, ?::integer as through_file_id, ?::bigint as state_version, ?::varchar as state_id, "
        "now()::timestamp as published_at, (select max(next_due_at) from warehouse.raw.clock) as next_due_at",
        [snapshot, owner, edition.code, edition.ledger, edition.through_file_id, edition.state_version, edition.state_id],
    )
    seal(connection, "snapshot.")


def seal(connection: duckdb.DuckDBPyConnection, database: str = "") -> None:
    """Write down what is in each table of a snapshot. ``database`` ends in a point."""
    sums = [(table, serving.content_of(connection, f"{database}{table}")) for table in _tables(connection, database)]
    connection.execute(f"create or replace table {database}_sums (table_name varchar, content varchar)")
    connection.executemany(f"insert into {database}_sums values (?, ?)", sums)


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    """A snapshot's tables as they are published, by name."""
    name = f"'{database.rstrip('.')}'" if database else "current_database()"
    return [
        row[0]
        for row in connection.execute(
            f"select table_name from duckdb_tables() where database_name = {name} and schema_name = 'main' "
            "and not starts_with(table_name, '_') order by 1"
        ).fetchall()
    ]


def _check(connection: duckdb.DuckDBPyConnection, partner_id: str, published_as: Mapping[Audience, Mapping[str, str]]) -> int:
    """Count, seconds and money of the file's calls against the warehouse's days, and no other partner's row in any table. Returns rows."""
    tables = _tables(connection, "snapshot.")
    counts = {name: one(connection.execute(f"select count(*) from snapshot.{name}"))[0] for name in tables}
    if partner_id == PLATFORM:
        return sum(counts.values())
    sums = "coalesce(sum(billed_s), 0), coalesce(sum(purchase_eur), 0), coalesce(sum(sale_eur), 0)"
    published, expected = (
        connection.execute(f"select {calls}, {sums} from {table} where partner_id = ?", [partner_id]).fetchone()
        for table, calls in (("snapshot.calls", "count(*)"), ("warehouse.marts.daily_calls", "coalesce(sum(calls), 0)"))
    )
    if published != expected:
        raise TiktellerError(
            f"the snapshot of {partner_id} does not match the warehouse: calls {published} instead of {expected}",
            fix="tikteller run --rebuild; the last good snapshot stays until then",
        )
    for name in published_as["partner"]:
        (strangers,) = one(connection.execute(f"select count(*) from snapshot.{name} where partner_id is distinct from ?", [partner_id]))
        if strangers:
            raise TiktellerError(f"{strangers} rows of others in table {name} of {partner_id}: not published")
    return sum(counts.values())


def _point(folder: Path, name: str) -> None:
    """Make ``name`` the folder's current snapshot: readers see the old name or the new one, nothing between."""
    unfinished = folder / f"{serving.POINTER}.part"
    unfinished.write_text(name + "\n")
    _durable(unfinished)
    unfinished.replace(folder / serving.POINTER)
    _durable(folder)


def _forget_older(folder: Path, keep: str) -> None:
    snapshots = sorted((f for f in folder.glob("*.duckdb")), key=lambda f: f.stat().st_mtime, reverse=True)
    for old in (f for f in snapshots[SNAPSHOTS_KEPT:] if f.name != keep):
        old.unlink(missing_ok=True)
    for unfinished in (*folder.glob("*.part"), *folder.glob("*.part.wal")):
        unfinished.unlink(missing_ok=True)


def _durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _quoted(path: Path) -> str:
    return _literal(str(path))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
