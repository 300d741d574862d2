"""What people decided: which months are closed, which invoices are approved and under which number, what is to be rated again.

Kept in ``state.db`` (SQLite) or in PostgreSQL (``TIKTELLER_STATE_URL``), in tables of its own; the pipeline reads it as one more
feed (``orchestration.landing.decisions``). What was decided about money is kept whole: the calls and charges of an approved
or closed month are stored as Parquet beside the decision, so that a warehouse rebuilt from ``landing/`` says the same.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from orchestration.errors import TiktellerError
from orchestration.state import migrations
from orchestration.state.tables import (
    audit,
    identities,
)
from orchestration.workspace import Workspace

PUBLISHED_ACTIONS = ("approve", "credit", "close", "rerate", "release", "settle commissions", "file vat", "withdraw")

_CREDITED_BY_HAND = re.compile(r"-credit-\d+$")


def is_credited_by_hand(invoice_id: str) -> bool:
    """Whether it is a credit note that a person made (as the macro of that name says), not a draft below nothing that was approved."""
    return _CREDITED_BY_HAND.search(invoice_id) is not None


TABLES_LOCK = 7_466_155
"""Any number, the same for everybody: who holds it makes the tables."""

SQLITE_BUSY_S = 60  # ten people approving at once wait for each other; each takes well under a second


def url(workspace: Workspace) -> str:
    """``TIKTELLER_STATE_URL`` (such as ``postgresql+psycopg://user@host/tikteller``), else the workspace's ``state.db``."""
    return os.environ.get("TIKTELLER_STATE_URL") or f"sqlite:///{workspace.state}"


def place(workspace: Workspace) -> str:
    """Where the state is, for people: without the password."""
    return _place(url(workspace))


def _place(address: str) -> str:
    return address.removeprefix("sqlite:///").split("@")[-1]


@lru_cache(maxsize=8)
def _engine(address: str) -> sa.Engine:
    try:
        if not address.startswith("sqlite"):
            engine = sa.create_engine(address, pool_pre_ping=True)
        else:
            engine = sa.create_engine(address, connect_args={"timeout": SQLITE_BUSY_S, "check_same_thread": False})

            @sa.event.listens_for(engine, "connect")
            def _manual(connection, _record):  # type: ignore[no-untyped-def]
                connection.isolation_level = None  # we say BEGIN ourselves, and say which kind

            @sa.event.listens_for(engine, "begin")
            def _immediately(connection):  # type: ignore[no-untyped-def]
                connection.exec_driver_sql("begin immediate")  # a transaction that reads and then writes must not be overtaken

        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":  # two that start at once must not both make the tables
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(TABLES_LOCK)))
            migrations.upgrade(connection)
            if connection.execute(sa.select(identities)).first() is None:
                connection.execute(identities.insert().values(state_id=token_hex(8), made_at=now()))
    except sa.exc.DatabaseError as error:
        if isinstance(error, sa.exc.OperationalError):
            raise _unopened(error) from error
        raise damaged(_place(address), error.orig) from error
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise _unopened(error) from error
    return engine


def damaged(place: str, how: object) -> TiktellerError:
    return TiktellerError(
        f"the state is damaged: {place}: {' '.join(str(how).split())[:200]}",
        fix="put its newest backup in its place; never delete it: it knows which numbers were given",
    )


@contextmanager
def told_where_damaged(place: str) -> Iterator[None]:
    """Who reads all of a state comes upon damage that opening it did not, or finds the disk full: told as such."""
    try:
        yield
    except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
        told = " ".join(str(getattr(error, "orig", error)).split())[:200]
        raise TiktellerError(f"the state ({place}) could not be read to its end: {told}", fix="see to what it says, then again") from error
    except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
        raise damaged(place, getattr(error, "orig", error)) from error


def _unopened(error: Exception) -> TiktellerError:
    return TiktellerError(
        f"the state cannot be opened: {' '.join(str(error).split())[:300]}",
        fix="TIKTELLER_STATE_URL is such as postgresql+psycopg://user:password@host/database; without it state.db is used",
    )


def engine(workspace: Workspace) -> sa.Engine:
    """The database of decisions, its tables made where they are missing."""
    workspace.root.mkdir(parents=True, exist_ok=True)
    return _engine(url(workspace))


@contextmanager
def deciding(workspace: Workspace) -> Iterator[sa.Connection]:
    """One transaction: all of it is decided, or nothing. Raises TiktellerError where the state is not the one that was decided in last."""
    require_not_older(workspace)
    with engine(workspace).begin() as connection:
        yield connection
    _remember(workspace)


def _remember(workspace: Workspace) -> None:
    """Leave beside the state which one it is and how far it has come."""
    with engine(workspace).connect() as connection:
        last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(audit.c.audit_id), 0))).scalar_one()
    unfinished = workspace.state_seen.with_name(f"{workspace.state_seen.name}.{token_hex(4)}.part")
    with suppress(OSError):  # what was decided is decided
        unfinished.write_text(json.dumps({"state_id": identity(workspace), "last_audit_id": last}))
        unfinished.replace(workspace.state_seen)


def require_not_older(workspace: Workspace) -> None:
    """Raises TiktellerError where decisions were made that the state does not know, also such as no run has published yet."""
    try:
        seen = json.loads(workspace.state_seen.read_text())
        state_id, last = str(seen["state_id"]), int(seen["last_audit_id"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return  # what is published knows the state too
    if not last:
        return
    known = 0
    if identity(workspace):
        with engine(workspace).connect() as connection:
            known = connection.execute(sa.select(sa.func.coalesce(sa.func.max(audit.c.audit_id), 0))).scalar_one()
    if known < last or identity(workspace) != state_id:
        raise _older(workspace, known, f"that was decided in last (up to {last})")


def _older(workspace: Workspace, known: int, which: str) -> TiktellerError:
    return TiktellerError(
        f"the state ({place(workspace)}, decisions up to {known}) is not the one {which}: it was lost, or an older one put in its place, "
        "and numbers of invoices would be given twice",
        fix="put the newest backup of the state in its place",
    )


def exists(workspace: Workspace) -> bool:
    """Whether anything was ever decided here, as far as can be seen without opening it."""
    return "TIKTELLER_STATE_URL" in os.environ or workspace.state.exists()


def version(workspace: Workspace) -> int:
    """Grows with every decision that a run reads; a snapshot of a lower one is out of date. Letters and debits change nothing there."""
    return _known(workspace)[0]


def identity(workspace: Workspace) -> str:
    """Which state this is; empty where there is none yet."""
    return _known(workspace)[1]


def _known(workspace: Workspace, decided: sa.Connection | None = None) -> tuple[int, str]:
    """Version and identity, read in the transaction that somebody has open, or in one of its own."""
    if decided is None:
        if not exists(workspace):
            return 0, ""
        with engine(workspace).connect() as connection:
            return _known(workspace, connection)
    published = audit.c.action.in_(PUBLISHED_ACTIONS)
    last = decided.execute(sa.select(sa.func.coalesce(sa.func.max(audit.c.audit_id), 0)).where(published)).scalar_one()
    return last, decided.execute(sa.select(identities.c.state_id)).scalars().first() or ""


def require_known(workspace: Workspace, edition: Mapping[str, Any], snapshot: Path, decided: sa.Connection | None = None) -> None:
    """Raises TiktellerError where a snapshot knows decisions that the state does not: it was lost, or an older one put in its place.

    A number would be given twice, and what was approved would be a draft again.
    """
    published, state_id = edition.get("state_version") or 0, edition.get("state_id") or ""
    if not published:
        return
    known, own = _known(workspace, decided)
    if known < published or state_id not in ("", own):
        raise _older(workspace, known, f"of which {snapshot.parent.name}/{snapshot.name} was published (up to {published})")


def note(connection: sa.Connection, action: str, partner_id: str | None, subject: str, detail: str = "", who: str | None = None) -> None:
    """Leave a row in the audit, in the transaction of what it tells of."""
    connection.execute(
        audit.insert().values(at=now(), who=who or whoami(), action=action, partner_id=partner_id, subject=subject, detail=detail)
    )


def insert_or_ignore(connection: sa.Connection, table: sa.Table) -> sa.Insert:
    """An insert that leaves rows alone that are there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def id_of(inserted: sa.CursorResult[Any]) -> int:
    """The number that the database gave to the row that was just inserted."""
    key = inserted.inserted_primary_key
    assert key is not None, "one row was inserted"
    return int(key[0])


def one_at_a_time(connection: sa.Connection, what: str) -> None:
    """Let only one transaction at a time do ``what``, until this one ends. In SQLite, where writers wait for each other anyway, nothing."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(TABLES_LOCK, sa.func.hashtext(what))))


def whoami() -> str:
    """``TIKTELLER_USER``, else the account of the operating system."""
    return os.environ.get("TIKTELLER_USER") or getpass.getuser()


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
