"""One read-only statement on what is published: one partner's file, or all partners' files side by side."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration import serving
from orchestration.errors import TiktellerError
from orchestration.output import Answer
from orchestration.workspace import PLATFORM, Workspace

FETCH_ROWS = 10_000
READER_MEMORY = "1GB"  # of one that spills; beside the app and a run on the same machine


@dataclass(frozen=True)
class Edition:
    """Which snapshot of a partner is read, and when it was published (UTC)."""

    partner_id: str
    snapshot: str
    published_at: datetime


@contextmanager
def opened(workspace: Workspace, partner_id: str | None = None, spill: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to one partner's file, or to all, that can reach no other file, change no setting and write nothing.

    ``spill`` is an existing folder for what does not fit in ``READER_MEMORY``; without it memory is bounded by the machine's.
    Raises TiktellerError: nothing published; and in place of DuckDB's errors in the block, in one line.
    """
    settings = _spilling(spill) if spill else {}
    with closing(_one_partner(workspace, partner_id, settings) if partner_id else _all_partners(workspace, settings)) as connection:
        connection.execute("set enable_progress_bar = false")  # it would be drawn into the answer
        connection.execute("set lock_configuration = true")
        try:
            yield connection
        except duckdb.Error as error:
            raise TiktellerError(f"the SQL fails: {_one_line(error)}") from error


def answer(connection: duckdb.DuckDBPyConnection, statement: str) -> Answer:
    """What one query gives; its rows are fetched as they are taken."""
    result = connection.execute(_one_query(connection, statement))
    return Answer(tuple(column[0] for column in result.description or ()), _rows(result))


def editions(connection: duckdb.DuckDBPyConnection) -> list[Edition]:
    """The snapshots behind an opened connection, by partner."""
    names = connection.execute("select database_name from duckdb_tables() where table_name = 'partner' order by 1").fetchall()
    found = [
        edition
        for (owner,) in names
        for edition in serving.rows_as(
            Edition,
            connection.execute(
                f"select partner.partner_id, edition.snapshot, edition.published_at from {_name(owner)}._snapshot as edition, "
                f"{_name(owner)}.partner as partner"
            ),
        )
    ]
    return sorted(found, key=lambda edition: edition.partner_id)


def write_parquet(connection: duckdb.DuckDBPyConnection, statement: str, path: Path) -> None:
    """What one query gives as a Parquet file, decimals as decimals, in bounded memory."""
    from pyarrow import parquet  # the only form that needs it

    batches = connection.sql(_one_query(connection, statement)).to_arrow_reader(FETCH_ROWS)
    with parquet.ParquetWriter(path, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple]:
    while rows := result.fetchmany(FETCH_ROWS):
        yield from rows


def _one_query(connection: duckdb.DuckDBPyConnection, statement: str) -> duckdb.Statement:
    statements = connection.extract_statements(statement)
    if len(statements) != 1:
        raise TiktellerError(f"{len(statements)} statements were given", mend="ask one query at a time")
    if statements[0].expected_result_type != [duckdb.ExpectedResultType.QUERY_RESULT]:
        raise TiktellerError("that is no query", mend="SELECT, FROM, WITH, DESCRIBE, SUMMARIZE or EXPLAIN")
    return statements[0]


def _spilling(folder: Path) -> dict[str, str]:
    """DuckDB's settings for a reader that may spill there."""
    return {"memory_limit": os.environ.get("TIKTELLER_MEMORY") or READER_MEMORY, "temp_directory": str(folder)}


def _one_partner(workspace: Workspace, partner_id: str, settings: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    return serving.connect(serving.current_snapshot(workspace, partner_id), settings)


def _all_partners(workspace: Workspace, settings: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    """Every current snapshot, read-only, under one roof.

    A table of the platform is taken from there: it has what belongs to no partner too. A table of the partners is the union of
    theirs where its rows bear a partner_id; else it is the same for all (countries, codecs) and the first one is taken.
    """
    partners = serving.published_partners(workspace)
    if not partners:
        raise TiktellerError(f"nothing is published in {workspace.root} yet", mend="tikteller run")
    connection = duckdb.connect(config={**serving.READER_SETTINGS, **settings})
    for number, owner in enumerate((*partners, PLATFORM)):
        try:
            name = PLATFORM if owner == PLATFORM else f"partner_{number}"
            serving.attach(connection, serving.current_snapshot(workspace, owner), name)
        except TiktellerError:
            if owner != PLATFORM or _is_published(workspace, PLATFORM):
                raise
    for table, owners in _tables(connection).items():
        if PLATFORM in owners:
            body = f"from {_name(PLATFORM)}.{_name(table)}"
        else:
            body = " union all by name ".join(f"from {_name(owner)}.{_name(table)}" for owner in owners)
        connection.execute(f"create view {_name(table)} as {body}")
    connection.execute("set enable_external_access = false")
    return connection


def _is_published(workspace: Workspace, owner: str) -> bool:
    try:
        return bool(serving.current_snapshot(workspace, owner))
    except TiktellerError:
        return False


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Published table -> the databases to take it from: all that have it, or one when its rows are nobody's."""
    found: dict[str, list[str]] = {}
    for owner, table, is_owned in connection.execute(
        """
        select database_name, table_name, bool_or(column_name = 'partner_id') as is_owned
        from duckdb_columns()
        where not internal and schema_name = 'main' and not starts_with(table_name, '_')
        group by database_name, table_name
        order by table_name, database_name
        """
    ).fetchall():
        owners = found.setdefault(table, [])
        if is_owned or not owners or owner == PLATFORM:
            owners.append(owner)
    return found


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _one_line(error: duckdb.Error) -> str:
    """DuckDB's message without the picture of the statement below it."""
    return " ".join(str(error).split("\n\nLINE ")[0].split())
