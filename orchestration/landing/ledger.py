"""The tables of ``raw``: the ledger of files, and one for each feed."""

from __future__ import annotations

import duckdb

from orchestration.landing import decisions, file_sources
from orchestration.landing.feeds import DECLARED, FEEDS, Feed

LEDGER = """
    create table if not exists raw.files (
        file_id integer not null,
        feed varchar not null,
        file varchar not null,
        folder_account varchar,
        sha256 varchar not null,
        size_bytes bigint not null,
        modified_at timestamp not null,
        rows_read bigint not null,
        rows_rejected bigint not null,
        reject_reason varchar,
        duplicate_of integer,
        unknown_columns varchar,
        ingested_at timestamp not null,
        run_id varchar not null,
        content_sha256 varchar,
        withdrawn_at timestamp
    )
"""

LATER_IN_LEDGER = {"content_sha256": "varchar", "withdrawn_at": "timestamp"}
"""Columns that a ledger of an older release lacks."""

CLOCK = "create table if not exists raw.clock (began_at timestamp, next_due_at timestamp)"
"""When the newest run began, by which dates are judged; and when the first of the records that are too early for it is none any more."""

REJECTED_LINES = """
    create table if not exists raw.rejected_lines (
        file_id integer not null,
        line bigint not null,
        reason varchar not null,
        detail varchar,
        raw varchar
    )
"""

UNEXPECTED_FILES = """
    create table if not exists raw.unexpected_files (
        file_id integer not null,
        partner_id varchar,
        says varchar not null
    )
"""
"""Files that are not as expected, whose they are where that is known, and what is said of it: written by the run that judged them."""


def create_raw(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``raw`` with its ledger and a table per feed; add columns that were declared since. Harmless when all is there."""
    connection.execute("create schema if not exists raw")
    connection.execute(LEDGER)
    connection.execute(REJECTED_LINES)
    connection.execute(UNEXPECTED_FILES)
    connection.execute(CLOCK)
    present: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'raw' and database_name = current_database()"
    ).fetchall():
        present.setdefault(table, set()).add(column)
    for column, kind in LATER_IN_LEDGER.items():
        if column not in present["files"]:
            connection.execute(f"alter table raw.files add column {column} {kind}")
    for feed in (*FEEDS, DECLARED):
        _create_feed(connection, feed, present.get(feed.table, set()))
    file_sources.create_raw(connection)
    decisions.create_raw(connection)


def _create_feed(connection: duckdb.DuckDBPyConnection, feed: Feed, present: set[str]) -> None:
    if not present:
        columns = ", ".join(f'"{column}" varchar' for column in feed.columns)
        connection.execute(f'create table raw."{feed.table}" (file_id integer not null, line bigint not null, {columns})')
        return
    for column in feed.columns:
        if column not in present:
            connection.execute(f'alter table raw."{feed.table}" add column "{column}" varchar')
