"""What landed once and lies no longer in landing/: a warehouse that is made anew takes it from the one before.

An export that is overwritten every night, a file that was archived: its rows are only in the warehouse. Read from landing/ alone a new one
would lose them, and with them who had a customer first. So ``--rebuild`` sets the old file aside, and the landing carries over what it
alone has; where the old one is lost or damaged, the files are named that are lost with it.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from orchestration.errors import TiktellerError
from orchestration.landing import file_sources
from orchestration.landing.feeds import DECLARED, FEEDS
from orchestration.landing.register import Register, Registered
from orchestration.landing.sources import SOURCES_FILE, read_sources
from orchestration.progress import Progress
from orchestration.warehouse.connection import DAMAGED
from orchestration.workspace import Workspace

FILES_NAMED = 5
ROWS = (*(feed.table for feed in FEEDS), DECLARED.table, "rejected_lines", "file_sources")
"""The raw tables with rows of files; the ledger is apart."""


def set_aside(workspace: Workspace) -> None:
    """Take the warehouse out of the way, for what it alone has. One that was set aside and not carried over yet is the fuller one."""
    journal = workspace.warehouse.with_suffix(".duckdb.wal")
    if workspace.former_warehouse.exists() or not workspace.warehouse.exists():
        workspace.warehouse.unlink(missing_ok=True)
        journal.unlink(missing_ok=True)
        return
    if journal.exists():  # before its file: a new warehouse must not find it
        journal.rename(workspace.former_warehouse.with_suffix(".duckdb.wal"))
    workspace.warehouse.rename(workspace.former_warehouse)


def carry_over(
    workspace: Workspace,
    connection: duckdb.DuckDBPyConnection,
    register: Register,
    progress: Progress,
    out_of_turn: Callable[[], None],
) -> None:
    """Bring into the warehouse what only the former one has, under its numbers (``out_of_turn`` hears of it). The former one goes.

    Raises TiktellerError where that fails for another reason than that the former one is damaged, a full disk say: it stays, and the next
    run carries over.
    """
    former = workspace.former_warehouse
    if not former.exists():
        return
    quoted = str(former).replace("'", "''")
    try:
        connection.execute(f"attach '{quoted}' as former (read_only)")
        try:
            files = _carry(connection, {row.file_id for row in register if not row.is_live})
        finally:
            connection.execute("detach former")
    except duckdb.Error as error:
        says = str(error).splitlines()[0]
        if not DAMAGED.search(str(error)):
            raise TiktellerError(
                f"what lies in landing/ no longer cannot be kept from {former}: {says}",
                fix="see to it; the next run goes on there",
            ) from error
        damaged = former.with_name("warehouse.damaged.duckdb")  # somebody may still get something out of it
        former.replace(damaged)
        files = 0
        progress(f"nothing is kept from the warehouse of before, which is damaged and stays as {damaged.name}: {says}")
    if files:
        out_of_turn()
        file_sources.renew(connection, read_sources(workspace.root / SOURCES_FILE), lambda: None)
        progress(f"kept from the warehouse of before: {_counted(files)} that lie in landing/ no longer")
    for file in (former, former.with_suffix(".duckdb.wal")):
        file.unlink(missing_ok=True)


def tell_lost(connection: duckdb.DuckDBPyConnection, register: Register, progress: Progress) -> None:
    """Name the files whose rows a new warehouse lacks: they lie in landing/ no longer, and the old one was lost."""
    standing = {file_id for (file_id,) in connection.execute("select file_id from raw.files").fetchall()}
    lost = [row for row in register if row.is_live and row.landed_at and row.duplicate_of is None and row.file_id not in standing]
    if lost:
        progress(f"lost with the warehouse, put back what is to count: {_named(lost)}")


def _carry(connection: duckdb.DuckDBPyConnection, withdrawn: set[int]) -> int:
    standing = {file_id for (file_id,) in connection.execute("select file_id from raw.files").fetchall()}
    ledger = connection.execute("select file_id, duplicate_of from former.raw.files order by file_id").fetchall()
    missing = {file_id for file_id, _ in ledger if file_id not in standing | withdrawn}
    missing -= {file_id for file_id, original in ledger if original is not None and original not in standing | missing}
    if not missing:
        return 0
    connection.execute("create or replace temp table to_carry as select unnest(?::integer[]) as file_id", [sorted(missing)])
    connection.execute("begin")
    try:
        for table in ("files", *ROWS):
            columns = _common_columns(connection, table)
            if columns:
                connection.execute(
                    f'insert into raw."{table}" ({columns}) '
                    f'select {columns} from former.raw."{table}" where file_id in (select file_id from to_carry)'
                )
        connection.execute(
            "insert into raw.source_words by name select source_name, role, word, meaning from former.raw.source_words "
            "where source_name not in (select source_name from raw.source_words) "
            "and source_name in (select source_name from raw.file_sources)"
        )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.execute("drop table if exists to_carry")
    return len(missing)


def _common_columns(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    rows = connection.execute(
        "select column_name from duckdb_columns() where schema_name = 'raw' and table_name = ? "
        "and database_name in (current_database(), 'former') group by column_name having count(*) = 2 order by column_name",
        [table],
    ).fetchall()
    return ", ".join(f'"{name}"' for (name,) in rows)


def _counted(files: int) -> str:
    return "1 file" if files == 1 else f"{files:,} files"


def _named(lost: list[Registered]) -> str:
    named = ", ".join(f"{row.file} (file {row.file_id})" for row in lost[:FILES_NAMED])
    return named + (f" and {len(lost) - FILES_NAMED:,} more" if len(lost) > FILES_NAMED else "")
