"""The state as one file: kept aside while others decide, checked, and put into an empty state again.

A backup is a state in SQLite, whatever the state itself is kept in: it can be asked like one, and be restored into either.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

import sqlalchemy as sa

from orchestration import run_lock
from orchestration.errors import TiktellerError
from orchestration.state import migrations, store
from orchestration.state.checking import SERIES, Checked, check
from orchestration.state.tables import audit, identities, invoices, metadata
from orchestration.workspace import Workspace

BIG = ("freezes", "invoices", "logos", "letters", "collection_files")
ROWS_AT_ONCE, BIG_ROWS_AT_ONCE = 1_000, 10  # a freeze is up to some tens of megabytes


@dataclass(frozen=True)
class Held:
    """What is in a backup. ``last_decided_at`` is empty where nothing was decided."""

    state_id: str
    decisions: int
    last_decided_at: str
    invoices: int
    size_bytes: int
    checked: list[Checked]


def back_up(workspace: Workspace, file: Path) -> Held:
    """Write the state to ``file`` as it is at one moment, while others go on deciding. It appears whole and checked, or not at all.

    Raises TiktellerError where the file is there already, where the state is not the one that was decided in last, and where something in
    it is not what was made final: the backups of before are better then.
    """
    _require_free(file)
    if not store.exists(workspace):
        raise TiktellerError(f"nothing was ever decided in {workspace.root}", fix="name the workspace with --workspace")
    store.require_not_older(workspace)
    unfinished = file.with_name(f".{file.name}.{token_hex(4)}.part")
    try:
        with store.told_where_damaged(store.place(workspace)):
            _copy(store.engine(workspace), unfinished)
        with opened(unfinished) as copy, store.told_where_damaged(store.place(workspace)):
            held = _held(copy, unfinished)
        _require_whole(held.checked, f"the state ({store.place(workspace)})")
        _put_on_disk(unfinished)
        _require_free(file)
        unfinished.rename(file)
        _put_on_disk(file.parent)
    finally:
        for left in (unfinished, unfinished.with_name(f"{unfinished.name}-journal")):
            left.unlink(missing_ok=True)
    return held


def check_state(workspace: Workspace) -> list[Checked]:
    """Check the state itself. Raises TiktellerError where there is none, or it cannot be read."""
    if not store.exists(workspace):
        raise TiktellerError(f"nothing was ever decided in {workspace.root}", fix="name the workspace with --workspace")
    with store.told_where_damaged(store.place(workspace)):
        return check(store.engine(workspace))


def check_file(file: Path) -> list[Checked]:
    """Check a backup. Raises TiktellerError where it is none, or cannot be read."""
    with opened(file) as backup, store.told_where_damaged(str(file)):
        return check(backup)


def restore(workspace: Workspace, file: Path) -> Held:
    """Put a backup into a state that is empty. Raises TiktellerError where it is not, or where the backup is not whole.

    The state is the one that was backed up, identity and all: what was published of it, is published of it.
    """
    with opened(file) as backup, run_lock.held(workspace):
        with store.told_where_damaged(str(file)):
            held = _held(backup, file)
        _require_whole(held.checked, str(file))
        with backup.connect() as kept, store.engine(workspace).begin() as decided:
            store.one_at_a_time(decided, "restore")
            filled = [table.name for table in metadata.sorted_tables if table is not identities and _has_rows(decided, table)]
            if filled:
                raise TiktellerError(
                    f"the state ({store.place(workspace)}) is not empty, it has {', '.join(filled)}",
                    fix="move it away (state.db, or another database in TIKTELLER_STATE_URL), then again",
                )
            if _has_rows(kept, identities):
                decided.execute(identities.delete())
            _copy_rows(kept, decided)
            _set_sequences_on(decided)
    return held


@contextmanager
def opened(file: Path) -> Iterator[sa.Engine]:
    """A backup to read, at the step of today; one of an older release is brought there in a copy. The file itself is never changed.

    Raises TiktellerError where it is none, is damaged, or is of a newer release.
    """
    if not file.is_file():
        raise TiktellerError(f"there is no file {file}", fix="name one that tikteller state backup wrote")
    engine = _read_only(file)
    try:
        with store.told_where_damaged(str(file)), engine.connect() as connection:
            if not sa.inspect(connection).has_table(audit.name):
                raise TiktellerError(f"{file} is no backup of a state", fix="name one that tikteller state backup wrote")
            is_of_today = migrations.revision_of(connection) == migrations.REVISIONS[-1]
            wrong = connection.exec_driver_sql("pragma integrity_check(1)").scalars().all()
        if wrong != ["ok"]:
            raise store.damaged(str(file), wrong[0])
        if is_of_today:
            yield engine
            return
        with _brought_up_to_date(file) as copy:
            yield copy
    finally:
        engine.dispose()


def _read_only(file: Path) -> sa.Engine:
    address = f"file:{quote(str(file.resolve()))}?mode=ro"
    return sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False), poolclass=sa.NullPool)


@contextmanager
def _brought_up_to_date(file: Path) -> Iterator[sa.Engine]:
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(file, folder)
        engine = sa.create_engine(f"sqlite:///{copy}")
        try:
            with engine.begin() as connection:
                migrations.upgrade(connection)
            yield engine
        finally:
            engine.dispose()


def _copy(state: sa.Engine, file: Path) -> None:
    """SQLite is copied page by page, which keeps deciders waiting for a moment; from PostgreSQL all rows come out of one view of them."""
    if state.dialect.name == "sqlite":
        with closing(state.raw_connection()) as raw, closing(sqlite3.connect(file)) as pages:
            assert raw.driver_connection is not None
            raw.driver_connection.backup(pages)
        return
    target = sa.create_engine(f"sqlite:///{file}")
    try:
        at_one_moment = state.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with at_one_moment as decided, target.begin() as kept:
            migrations.upgrade(kept)
            _copy_rows(decided, kept)
    finally:
        target.dispose()


def _copy_rows(source: sa.Connection, target: sa.Connection) -> None:
    for table in metadata.sorted_tables:
        at_once = BIG_ROWS_AT_ONCE if table.name in BIG else ROWS_AT_ONCE
        for rows in source.execute(sa.select(table).execution_options(yield_per=at_once)).mappings().partitions():
            target.execute(table.insert(), [dict(row) for row in rows])


def _set_sequences_on(decided: sa.Connection) -> None:
    """PostgreSQL counts beside the rows, and would give the first numbers again. SQLite counts on from the last row."""
    if decided.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None and (last := decided.execute(sa.select(sa.func.max(column))).scalar()) is not None:
            decided.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table.name, column.name), last)))


def _held(backup: sa.Engine, file: Path) -> Held:
    with backup.connect() as connection:
        return Held(
            state_id=connection.execute(sa.select(identities.c.state_id)).scalars().first() or "",
            decisions=connection.execute(sa.select(sa.func.count()).select_from(audit)).scalar_one(),
            last_decided_at=connection.execute(sa.select(sa.func.max(audit.c.at))).scalar() or "",
            invoices=connection.execute(sa.select(sa.func.count()).select_from(invoices)).scalar_one(),
            size_bytes=file.stat().st_size,
            checked=check(backup),
        )


def _has_rows(connection: sa.Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _require_whole(checked: list[Checked], which: str) -> None:
    """A gap in a series is told and keeps no backup back: a release before may have left one for good."""
    damaged = [each for kind in checked if kind.kind != SERIES for each in kind.damaged]
    if damaged:
        more = f" (and {len(damaged) - 1:,} more)" if len(damaged) > 1 else ""
        fix = "tikteller state check says all; an older backup has it whole"
        raise TiktellerError(f"{which} is damaged: {damaged[0]}{more}", fix=fix)


def _require_free(file: Path) -> None:
    if not file.parent.is_dir():
        raise TiktellerError(f"cannot write {file}: there is no folder {file.parent}", fix="make the folder, or name another file")
    if file.exists():
        raise TiktellerError(f"{file} is there already, and a backup replaces nothing", fix="name another, such as one with the day in it")


def _put_on_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
