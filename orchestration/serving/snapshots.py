"""The readers' side of ``serving/``: which snapshot is current, opened read-only, and known to be the one that was written.

``serving/<partner_id>/current`` is a one-line file that names the partner's current snapshot. A reader resolves it once per question
and opens the file of that name in its partner's folder, so that a publication in between changes nothing under its feet. The partner
decides which *file* is opened, never which WHERE is added; what the file says of itself (``_snapshot``) has to agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from orchestration import run_lock, state
from orchestration.errors import TiktellerError
from orchestration.output import Answer
from orchestration.workspace import PLATFORM, Workspace

T = TypeVar("T")
POINTER = "current"
QUOTE = "'"
MADE_ANEW = "tikteller run makes it anew"
DECIDED_ON = (
    "invoices",
    "invoice_lines",
    "invoice_vat",
    "service_charges",
    "commissions",
    "commission_lines",
    "partner",
    "customers",
    "receivables",
    "open_items",
    "mandates",
)
"""Tables whose content is summed up in a snapshot, beside the rows of all: people approve, send and collect by them."""
READER_SETTINGS = {"python_enable_replacements": "false"}
PARTNER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SNAPSHOT = re.compile(r"[A-Za-z0-9_-]+\.duckdb")


class DamagedSnapshotError(TiktellerError):
    """A file that is not the snapshot that was published: an operator's matter, and its path nobody else's."""


def published_partners(workspace: Workspace) -> tuple[str, ...]:
    """Ids of the partners that have a current snapshot, in order."""
    if not workspace.serving.is_dir():
        return ()
    folders = (folder for folder in workspace.serving.iterdir() if folder.name != PLATFORM)
    return tuple(sorted(folder.name for folder in folders if (snapshot := _named(folder)) and snapshot.is_file()))


def current_snapshot(workspace: Workspace, partner_id: str) -> Path:
    """The file of the partner's current snapshot. Raises TiktellerError where nothing is published for that id."""
    if partner_id != PLATFORM and not PARTNER_ID.fullmatch(partner_id):
        raise TiktellerError(f"{partner_id!r} is not a partner id")
    snapshot = _named(workspace.serving / partner_id)
    if snapshot is None or not snapshot.is_file():
        known = ", ".join(published_partners(workspace)) or "none yet"
        raise TiktellerError(f"nothing is published for partner {partner_id!r} (published: {known})", fix="tikteller run")
    return snapshot


def _named(folder: Path) -> Path | None:
    """The file that the folder's pointer names, whether it is there or not; None without a pointer, or with one that names nothing."""
    try:
        name = (folder / POINTER).read_text(errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return folder / name if SNAPSHOT.fullmatch(name) else None


def connect(snapshot: Path, settings: Mapping[str, str] = READER_SETTINGS) -> duckdb.DuckDBPyConnection:
    """A read-only connection to one snapshot file that can reach no other file. ``settings`` are DuckDB's, on top of a reader's own.

    Raises TiktellerError where the file cannot be read, or is another one than its place says.
    """
    with _readable(snapshot):
        connection = duckdb.connect(str(snapshot), read_only=True, config={**READER_SETTINGS, **settings})
        try:
            require_own(connection, snapshot)
            connection.execute("set enable_external_access = false")
        except BaseException:
            connection.close()
            raise
    return connection


def attach(connection: duckdb.DuckDBPyConnection, snapshot: Path, name: str) -> None:
    """Attach one snapshot file, read-only. ``name`` is no id of a tenant: the engine has names of its own, and does not tell A from a."""
    with _readable(snapshot):
        connection.execute(f"attach '{str(snapshot).replace(QUOTE, QUOTE * 2)}' as {name} (read_only)")
        require_own(connection, snapshot, f"{name}.")


def edition_of(connection: duckdb.DuckDBPyConnection, database: str = "") -> dict[str, Any]:
    """What an opened snapshot says of itself, by column; nothing where it is no snapshot. ``database`` ends in a point."""
    try:
        result = connection.execute(f"from {database}_snapshot")
    except duckdb.CatalogException:
        return {}
    return dict(zip((column[0] for column in result.description), result.fetchone() or (), strict=False))


def require_own(connection: duckdb.DuckDBPyConnection, snapshot: Path, database: str = "") -> None:
    """Raises TiktellerError where an opened file is not the snapshot of that name and of that folder's partner."""
    edition = edition_of(connection, database)
    owner = edition.get("owner")
    if edition and owner is None and snapshot.parent.name != PLATFORM:  # written before a snapshot said whose it is
        (owner,) = connection.execute(f"select max(partner_id) from {database}partner").fetchone() or (None,)
    wrong = ""
    if not edition:
        wrong = "is not a snapshot"
    elif owner not in (None, snapshot.parent.name):
        wrong = f"is the snapshot of {owner!r}, not of {snapshot.parent.name!r}"
    elif edition.get("snapshot", snapshot.stem) != snapshot.stem:
        wrong = f"is the snapshot {edition['snapshot']}, by another name"
    if wrong:
        raise DamagedSnapshotError(f"{snapshot} {wrong}: nothing of it is shown", fix=MADE_ANEW)


def require_whole(connection: duckdb.DuckDBPyConnection, snapshot: Path) -> None:
    """For who decides on a snapshot: raises TiktellerError where its tables are not those that were written."""
    with _readable(snapshot):
        if not edition_of(connection).get("owner"):
            return  # written before a snapshot knew its sums: the next run's does
        for table, expected in connection.execute("select table_name, content from _sums order by 1").fetchall():
            found = content_of(connection, table)
            if found != expected:
                raise DamagedSnapshotError(f"{snapshot}: its table {table} is not what was published", fix=MADE_ANEW)


def content_of(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """A small sum over a table: its rows, and what is in them where people decide on that; the order of rows says nothing."""
    content = (
        f"bit_xor(md5_number_lower(content::varchar)) from {table} as content" if table.split(".")[-1] in DECIDED_ON else f"0 from {table}"
    )
    return ":".join(map(str, one(connection.execute(f"select count(*), {content}"))))


@contextmanager
def _readable(snapshot: Path) -> Iterator[None]:
    """In place of DuckDB's words for a file that is damaged: which one, and what to do."""
    try:
        yield
    except (
        duckdb.IOException,
        duckdb.SerializationException,
        duckdb.InternalException,
        duckdb.FatalException,
        duckdb.CatalogException,
    ) as error:
        raise DamagedSnapshotError(f"{snapshot} cannot be read: {str(error).splitlines()[0][:200]}", fix=MADE_ANEW) from error


def fault_of(snapshot: Path) -> str | None:
    """What is wrong with a snapshot's file, in one line; None where it is the one that was written."""
    try:
        with closing(connect(snapshot)) as connection:
            require_whole(connection, snapshot)
    except TiktellerError as error:
        return error.message
    except duckdb.Error as error:
        return f"{snapshot} cannot be read: {str(error).splitlines()[0][:200]}"
    return None


def asked(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer | None:
    """The rows, or None when this snapshot does not have the table or the column."""
    try:
        result = connection.execute(sql)
    except (duckdb.CatalogException, duckdb.BinderException):
        return None
    return Answer(tuple(column[0] for column in result.description or ()), result.fetchall())


@contextmanager
def published(workspace: Workspace, partner_id: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """The partner's current snapshot to decide on, and its name; no run can replace it meanwhile."""
    with run_lock.shared(workspace):
        snapshot = current_snapshot(workspace, partner_id)
        with closing(connect(snapshot)) as connection:
            require_whole(connection, snapshot)
            state.require_known(workspace, edition_of(connection), snapshot)
            yield connection, snapshot.stem


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The rows that a question to a snapshot finds, by column."""
    result = connection.execute(sql, list(values))
    columns = [column[0] for column in result.description]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def one(result: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    """The one row of a question that always has one, such as a count."""
    row = result.fetchone()
    assert row is not None, "the question has no row"
    return row


def rows_as(made: type[T], result: duckdb.DuckDBPyConnection) -> list[T]:
    """Rows as objects, by name: a column too many, too few or renamed is an error here, and never a swapped amount."""
    names = [column[0] for column in result.description or ()]
    return [made(**dict(zip(names, row, strict=True))) for row in result.fetchall()]


Row = Mapping[str, Any]
