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
from orchestration.workspace import Workspace

metadata = sa.MetaData()

freezes = sa.Table(
    "freezes",
    metadata,
    sa.Column("freeze_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("occasion", sa.Text, nullable=False),
    sa.Column("snapshot", sa.Text, nullable=False),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("calls", sa.LargeBinary, nullable=False),
    sa.Column("calls_sha256", sa.Text, nullable=False),
    sa.Column("charges", sa.LargeBinary, nullable=False),
    sa.Column("charges_sha256", sa.Text, nullable=False),
)
"""What became final at one moment: the rated calls and the charges of some customers and one month, as Parquet."""

frozen_months = sa.Table(
    "frozen_months",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("freeze_id", sa.Integer, nullable=False),
)
"""Months that are final for a customer of a partner: its invoice is approved, or the partner closed the month."""

frozen_files = sa.Table(
    "frozen_files",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("freeze_id", sa.Integer, nullable=False),
)
"""The first freeze of a partner at which a file was there: a record in a file that came later is late for what was frozen before.

Of each partner, since one that was held back has not seen the files that another has: they are late for nobody's sake but its own.
"""

closed_months = sa.Table(
    "closed_months",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("closed_at", sa.Text, nullable=False),
    sa.Column("closed_by", sa.Text, nullable=False),
)

arrivals = sa.Table(
    "arrivals",
    metadata,
    sa.Column("file_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("feed", sa.Text, nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("content_sha256", sa.Text),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("modified_at", sa.Text, nullable=False),
    sa.Column("arrived_at", sa.Text, nullable=False),
    sa.Column("duplicate_of", sa.Integer),
    sa.Column("landed_at", sa.Text),
    sa.Column("published_at", sa.Text),
    sa.Column("withdrawn_at", sa.Text),
    sa.Column("withdrawn_by", sa.Text),
    sa.Column("moved_to", sa.Integer),
    sa.Column("gone_at", sa.Text),
)
"""The order of arrival: every file that a run has seen, by feed, path and content, under a number that only grows and is its ``file_id``.

``place`` is what its folder said of the rows when it came (``arrivals.place_of`` says it of today); of price lists, when it was last
declared. ``content_sha256`` is of the text, the same under any compression. ``landed_at`` is empty until its rows stood in a warehouse,
``published_at`` until readers saw them. A withdrawn file counts no more; ``gone_at``: a run has found it taken out of landing/ since, or
a price list that counts on.
"""

rerate_requests = sa.Table(
    "rerate_requests",
    metadata,
    sa.Column("request_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("first_date", sa.Text, nullable=False),
    sa.Column("last_date", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
"""Days of the CDRs (first and last, both included) that the next run rates again."""

key_releases = sa.Table(
    "key_releases",
    metadata,
    sa.Column("feed", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("released_from", sa.Text, nullable=False),
    sa.Column("released_at", sa.Text, nullable=False),
    sa.Column("released_by", sa.Text, nullable=False),
)
"""Customers, accounts and numbers (the key as the feed says it) that an operator lets another partner have, from a day on."""

commission_statements = sa.Table(
    "commission_statements",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("reseller_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("settled_at", sa.Text, nullable=False),
    sa.Column("settled_by", sa.Text, nullable=False),
)
"""Statements that were settled with a reseller: what comes later for that month stands on a later statement."""

commission_statement_lines = sa.Table(
    "commission_statement_lines",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("reseller_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("invoice_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("commission_percent", sa.Text, primary_key=True),
    sa.Column("sale_eur", sa.Text, nullable=False),
)

vat_returns = sa.Table(
    "vat_returns",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("quarter", sa.Text, primary_key=True),
    sa.Column("filed_at", sa.Text, nullable=False),
    sa.Column("filed_by", sa.Text, nullable=False),
)
"""Quarters (``2026-Q3``) whose VAT a partner has filed: what comes later for them stands in a later one."""

vat_return_lines = sa.Table(
    "vat_return_lines",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("quarter", sa.Text, primary_key=True),
    sa.Column("invoice_id", sa.Text, primary_key=True),
    sa.Column("vat_category", sa.Text, primary_key=True),
    sa.Column("vat_percent", sa.Text, primary_key=True),
    sa.Column("net_eur", sa.Text, nullable=False),
    sa.Column("vat_eur", sa.Text, nullable=False),
)

invoice_sequences = sa.Table(
    "invoice_sequences",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("last_number", sa.BigInteger, nullable=False),
)
"""How numbers were counted before ``number_series``: one row, whatever the prefix. Read once, never written."""

number_series = sa.Table(
    "number_series",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("prefix", sa.Text, primary_key=True),
    sa.Column("suffix", sa.Text, primary_key=True),
    sa.Column("last_number", sa.BigInteger, nullable=False),
    sa.Column("landed_number", sa.BigInteger),
    sa.Column("begun_at", sa.Text, nullable=False),
    sa.Column("begun_by", sa.Text, nullable=False),
)
"""The series of invoice numbers, with the number given last; ``landed_number`` is what ``partners.last_invoice_number`` said then."""

invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("invoice_number", sa.Text, primary_key=True),
    sa.Column("invoice_id", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("credited_invoice_number", sa.Text),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("issued_on", sa.Text, nullable=False),
    sa.Column("due_on", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("approved_at", sa.Text, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
)
"""Approved invoices and credit notes, whole: ``content`` is JSON with decimals as text."""

logos = sa.Table(
    "logos",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""Logos of partners as they stood on approved invoices, by their hash: a file that is changed or lost changes no invoice."""

letters = sa.Table(
    "letters",
    metadata,
    sa.Column("letter_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("written_on", sa.Text, nullable=False),
    sa.Column("pay_by", sa.Text, nullable=False),
    sa.Column("open_eur", sa.Text, nullable=False),
    sa.Column("costs_eur", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("pdf", sa.LargeBinary, nullable=False),
    sa.Column("pdf_sha256", sa.Text, nullable=False),
    sa.Column("written_at", sa.Text, nullable=False),
    sa.Column("written_by", sa.Text, nullable=False),
    sa.Column("filed_at", sa.Text),
)
"""Reminders and formal notices, whole: ``path`` is below documents/, ``filed_at`` is empty until the PDF is there."""

letter_invoices = sa.Table(
    "letter_invoices",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("invoice_number", sa.Text, primary_key=True),
    sa.Column("letter_id", sa.Integer, nullable=False),
    sa.Column("open_eur", sa.Text, nullable=False),
)
"""The invoices of the letters: no invoice gets a letter of one kind twice, whoever writes at the same time."""

collection_files = sa.Table(
    "collection_files",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("collect_on", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("filed_at", sa.Text),
)
"""Direct debits as they were given to the bank, whole; ``filed_at`` is empty until somebody has the file."""

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("invoice_number", sa.Text, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("mandate_id", sa.Text, nullable=False),
    sa.Column("iban", sa.Text, nullable=False),
    sa.Column("amount_eur", sa.Text, nullable=False),
    sa.Column("sequence", sa.Text, nullable=False),
    sa.Column("collect_on", sa.Text, nullable=False),
    sa.Column("returned_at", sa.Text),
    sa.Column("returned_by", sa.Text),
)
"""Invoices that a direct debit collects. A later attempt says of the one before that it came back (``returned_at``)."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("audit_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("detail", sa.Text),
)
"""Who decided what and when. Its last row that a run reads is the version of the state: whatever is decided leaves a row here."""

identities = sa.Table(
    "identities", metadata, sa.Column("state_id", sa.Text, primary_key=True), sa.Column("made_at", sa.Text, nullable=False)
)
"""Which state this is, in one row: made at its first use, so that one that was lost and begun anew is not taken for the old one."""

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
            _key_final_months_by_partner(connection)
            _key_final_files_by_partner(connection)
            metadata.create_all(connection)
            if connection.execute(sa.select(identities)).first() is None:
                connection.execute(identities.insert().values(state_id=token_hex(8), made_at=now()))
    except sa.exc.DatabaseError as error:
        if isinstance(error, sa.exc.OperationalError):
            raise _unopened(error) from error
        raise TiktellerError(
            f"the state is damaged: {address.removeprefix('sqlite:///')}: {' '.join(str(error.orig).split())[:200]}",
            mend="put its newest backup in its place; never delete it: it knows which numbers were given",
        ) from error
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise _unopened(error) from error
    return engine


def _lacks_partner_in_key(connection: sa.Connection, table: str) -> bool:
    found = sa.inspect(connection)
    return found.has_table(table) and "partner_id" not in found.get_pk_constraint(table)["constrained_columns"]


def _key_final_files_by_partner(connection: sa.Connection) -> None:
    """In a state of before, a file that was there at one freeze was there for all partners: so it stays for all who froze anything."""
    if not _lacks_partner_in_key(connection, "frozen_files"):
        return
    connection.exec_driver_sql("alter table frozen_files rename to frozen_files_of_before")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("alter table frozen_files_of_before drop constraint frozen_files_pkey")
    frozen_files.create(connection)
    connection.exec_driver_sql(
        "insert into frozen_files (partner_id, sha256, freeze_id) select partners.partner_id, files.sha256, files.freeze_id"
        " from frozen_files_of_before as files cross join (select distinct partner_id from freezes) as partners"
    )
    connection.exec_driver_sql("drop table frozen_files_of_before")


def _key_final_months_by_partner(connection: sa.Connection) -> None:
    """A state of before knew one partner of a customer for ever: its table of final months gets the partner into its key."""
    if not _lacks_partner_in_key(connection, "frozen_months"):
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "alter table frozen_months drop constraint frozen_months_pkey, add primary key (partner_id, customer_id, month)"
        )
        return
    connection.exec_driver_sql("alter table frozen_months rename to frozen_months_of_before")
    frozen_months.create(connection)
    columns = "partner_id, customer_id, month, freeze_id"
    connection.exec_driver_sql(f"insert into frozen_months ({columns}) select {columns} from frozen_months_of_before")
    connection.exec_driver_sql("drop table frozen_months_of_before")


def _unopened(error: Exception) -> TiktellerError:
    return TiktellerError(
        f"the state cannot be opened: {' '.join(str(error).split())[:300]}",
        mend="TIKTELLER_STATE_URL is such as postgresql+psycopg://user:password@host/database; without it state.db is used",
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
    place = url(workspace).removeprefix("sqlite:///").split("@")[-1]
    return TiktellerError(
        f"the state ({place}, decisions up to {known}) is not the one {which}: it was lost, or an older one put in its place, and numbers "
        "of invoices would be given twice",
        mend="put the newest backup of the state in its place",
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
