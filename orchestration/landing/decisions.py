"""What people decided, as one more feed: the tables of the state -> ``raw``, so that the models see them like everything that landed."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from orchestration import state
from orchestration.errors import TiktellerError
from orchestration.warehouse.contracts import contract
from orchestration.workspace import Workspace

FROZEN = {"frozen_calls": "calls", "frozen_charges": "service_charges"}
"""Raw table -> the published table whose rows it holds as they were billed."""

APPROVED = {"approved_invoices": "invoices", "approved_lines": "invoice_lines"}
"""Raw table -> the published table whose rows it holds as they were approved."""

SMALL = {
    "frozen_months": {"customer_id": "varchar", "month": "varchar", "partner_id": "varchar", "freeze_id": "integer"},
    "frozen_files": {"partner_id": "varchar", "sha256": "varchar", "freeze_id": "integer"},
    "freezes": {"freeze_id": "integer", "partner_id": "varchar", "made_at": "varchar"},
    "approvals": {"partner_id": "varchar", "invoice_number": "varchar", "approved_at": "varchar"},
    "closed_months": {"partner_id": "varchar", "month": "varchar", "closed_at": "varchar", "closed_by": "varchar"},
    "rerate_requests": {"request_id": "integer", "first_date": "date", "last_date": "date", "reason": "varchar"},
    "key_releases": {"feed": "varchar", "key": "varchar", "partner_id": "varchar", "released_from": "date"},
    "commission_statements": {"partner_id": "varchar", "reseller_id": "varchar", "month": "varchar", "settled_at": "varchar"},
    "commission_statement_lines": {
        "partner_id": "varchar",
        "reseller_id": "varchar",
        "month": "varchar",
        "invoice_id": "varchar",
        "kind": "varchar",
        "sale_eur": "decimal(18, 2)",
        "commission_percent": "decimal(9, 4)",
    },
    "vat_returns": {"partner_id": "varchar", "quarter": "varchar", "filed_at": "varchar"},
    "vat_return_lines": {
        "partner_id": "varchar",
        "quarter": "varchar",
        "invoice_id": "varchar",
        "vat_category": "varchar",
        "vat_percent": "decimal(5, 2)",
        "net_eur": "decimal(18, 2)",
        "vat_eur": "decimal(18, 2)",
    },
}
"""Raw table -> its columns; made anew from the state by every run."""

NAMED_OTHERWISE = {"approvals": "invoices"}
"""Raw table -> the table of the state that it comes from, where that has another name."""


def create_raw(connection: duckdb.DuckDBPyConnection) -> None:
    """The tables of the decisions, empty where they are new; what is kept gets the columns that were added since."""
    for table, model in FROZEN.items():
        columns = contract(model) | {"freeze_id": "integer", "file_sha256": "varchar"}
        connection.execute(f"create table if not exists raw.{table} ({_definition(columns)})")
        for column, kind in columns.items():
            connection.execute(f'alter table raw.{table} add column if not exists "{column}" {kind}')
    for table, model in APPROVED.items():
        columns = contract(model)
        connection.execute(f"create table if not exists raw.{table} ({_definition(columns)})")
        for column, kind in columns.items():
            connection.execute(f'alter table raw.{table} add column if not exists "{column}" {kind}')
    connection.execute("create table if not exists raw.state (version bigint)")
    connection.execute("alter table raw.state add column if not exists state_id varchar")
    for table, columns in SMALL.items():
        known = _columns_of(connection, table)
        if known and known != list(columns):  # of a release before: the next landing brings them whole
            connection.execute(f"drop table raw.{table}")
            connection.execute("delete from raw.state")
        connection.execute(f"create table if not exists raw.{table} ({_definition(columns)})")


def land_decisions(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> int:
    """Bring ``raw`` up to date with the state, in one transaction; returns the state's version. Frozen rows are read once.

    Raises TiktellerError where what was frozen is not what was stored: nothing may be billed on it.
    """
    create_raw(connection)
    version, state_id = state.version(workspace), state.identity(workspace)
    if connection.execute("select coalesce(max(version), 0), coalesce(max(state_id), '') from raw.state").fetchone() == (version, state_id):
        return version
    with state.engine(workspace).connect() as decided:
        known = {row[0] for row in connection.execute("select distinct freeze_id from raw.frozen_months").fetchall()}
        connection.execute("begin")
        try:
            for freeze in decided.execute(sa.select(state.freezes).order_by(state.freezes.c.freeze_id)):
                if freeze.freeze_id not in known:
                    _land_freeze(connection, freeze)
            _land_approved(connection, decided.execute(sa.select(state.invoices).order_by(state.invoices.c.approved_at)).fetchall())
            for table, columns in SMALL.items():
                source = state.metadata.tables[NAMED_OTHERWISE.get(table, table)]
                rows = decided.execute(sa.select(*(source.c[name] for name in columns))).fetchall()
                if table == "frozen_files":
                    rows += _texts_of_frozen_files(decided)
                connection.execute(f"delete from raw.{table}")
                if rows:
                    landed = pa.table({name: [row[at] for row in rows] for at, name in enumerate(columns)})  # noqa: F841 - DuckDB reads it
                    connection.execute(f"insert into raw.{table} by name select * from landed")
            connection.execute("delete from raw.state")
            connection.execute("insert into raw.state by name select ? as version, ? as state_id", [version, state_id])
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
    return version


def _columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    rows = connection.execute(
        "select column_name from information_schema.columns where table_schema = 'raw' and table_name = ? order by ordinal_position",
        [table],
    )
    return [name for (name,) in rows.fetchall()]


def _texts_of_frozen_files(decided: sa.Connection) -> list[tuple[str, str, int]]:
    """The texts of the files that were there at a partner's freeze, with the first: compressed since or gone, they are the same."""
    files, known = state.frozen_files, state.arrivals
    by_text = files.alias()
    rows = decided.execute(
        sa.select(files.c.partner_id, known.c.content_sha256, sa.func.min(files.c.freeze_id))
        .join(files, files.c.sha256 == known.c.sha256)
        .where(known.c.content_sha256.is_not(None))
        .where(known.c.content_sha256 != known.c.sha256)
        .where(~sa.exists().where(by_text.c.partner_id == files.c.partner_id, by_text.c.sha256 == known.c.content_sha256))
        .group_by(files.c.partner_id, known.c.content_sha256)
    )
    return [tuple(row) for row in rows]


def _land_freeze(connection: duckdb.DuckDBPyConnection, freeze: sa.Row) -> None:
    for table, content, expected in (
        ("frozen_calls", freeze.calls, freeze.calls_sha256),
        ("frozen_charges", freeze.charges, freeze.charges_sha256),
    ):
        if state.sha256(content) != expected:
            raise TiktellerError(
                f"{table} of {freeze.partner_id} {freeze.month} in the state are not what was approved (freeze {freeze.freeze_id})",
                fix="restore the state's database from its backup",
            )
        landed = pq.read_table(pa.BufferReader(content))
        landed = landed.append_column("freeze_id", pa.array([freeze.freeze_id] * landed.num_rows, pa.int32()))
        connection.execute(f"delete from raw.{table} where freeze_id = ?", [freeze.freeze_id])
        connection.execute(f"insert into raw.{table} by name select * from landed")


def _land_approved(connection: duckdb.DuckDBPyConnection, approved: list[sa.Row]) -> None:
    contents = []
    for row in approved:
        if state.sha256(row.content.encode()) != row.content_sha256:
            raise TiktellerError(
                f"invoice {row.invoice_number} of {row.partner_id} in the state is not what was approved",
                fix="restore the state's database from its backup",
            )
        contents.append(state.read_content(row.content, row.invoice_number))
    for table, model, rows in (
        ("approved_invoices", "invoices", [content.invoice for content in contents]),
        ("approved_lines", "invoice_lines", [line for content in contents for line in content.lines]),
    ):
        connection.execute(f"delete from raw.{table}")
        if rows:
            columns = contract(model)
            texts = {name: [None if row.get(name) is None else str(row[name]) for row in rows] for name in columns}
            landed = pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()})  # noqa: F841 - DuckDB reads it
            typed = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in columns.items())
            connection.execute(f"insert into raw.{table} by name select {typed} from landed")


def _definition(columns: dict[str, str]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
