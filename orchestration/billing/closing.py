"""Making a month final: what was rated and charged is stored whole beside the decision, and never changes again.

Approval freezes the month of a customer (``orchestration.billing.invoicing``), closing the month of a partner. What is frozen is what is published,
since that is what people looked at. What comes later for such a month stands in the first open month after it (DOMAIN 5).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from orchestration import run_lock, serving, state
from orchestration.documents.calls_csv import zone_named
from orchestration.billing.draft_problems import DraftProblem, draft_problems
from orchestration.errors import TiktellerError
from orchestration.serving.publishing import ledger_fingerprint
from orchestration.billing.settlements import credited_since
from orchestration.workspace import PLATFORM, Workspace

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")

FROZEN_CALLS = """
    select calls.*, files.content as file_sha256
    from calls left join (select distinct file_id, {content} as content from ingested_files) as files using (file_id)
    where calls.billing_month = $month and calls.status <> 'unrated' and calls.customer_id in (select unnest($customers::varchar[]))
    order by calls.call_key
"""
FROZEN_CHARGES = """
    select * from service_charges
    where invoice_month = $month and status_reason is null and customer_id in (select unnest($customers::varchar[]))
    order by customer_id, kind, service_code, order_id, line_number, pbx_id, month
"""


@dataclass(frozen=True)
class Closed:
    """What closing a month did. ``moved_calls`` have no price yet: they go to the first open month once they have.

    ``unread`` are the PBXs whose seats were not counted: those go to the first open month as well, and wait there for a reading.
    ``older_drafts``: earlier month -> how many of its drafts are not approved, and their gross amount.
    """

    partner_id: str
    month: str
    calls: int
    charges: int
    moved_calls: int
    drafts: int
    blocked: int
    unread: Sequence[DraftProblem]
    older_drafts: Mapping[str, tuple[int, Decimal]]


def month_named(text: str) -> str:
    """``YYYY-MM`` as typed. Raises TiktellerError for anything else."""
    if not MONTH.fullmatch(text):
        raise TiktellerError(f"{text!r} is not a month", mend="write it as 2026-10")
    return text


@contextmanager
def published(workspace: Workspace, partner_id: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """The partner's current snapshot to decide on, and its name; no run can replace it meanwhile."""
    with run_lock.shared(workspace):
        snapshot = serving.current_snapshot(workspace, partner_id)
        with closing(serving.connect(snapshot)) as connection:
            serving.require_whole(connection, snapshot)
            state.require_known(workspace, serving.edition_of(connection), snapshot)
            yield connection, snapshot.stem


def require_newest(decided: sa.Connection, snapshot: duckdb.DuckDBPyConnection, partner_id: str) -> None:
    """For who declares or pays what is published: raises TiktellerError where invoices were approved or credited since."""
    audit, seen = state.audit.c, serving.edition_of(snapshot).get("state_version") or 0
    newer = sa.select(sa.func.count()).where(audit.partner_id == partner_id, audit.action.in_(("approve", "credit")), audit.audit_id > seen)
    if many := decided.execute(newer).scalar_one():
        what = "invoice or credit note was made" if many == 1 else "invoices and credit notes were made"
        raise TiktellerError(f"{many:,} {what} since {partner_id} was published", mend="tikteller run, then again")


def close_month(workspace: Workspace, partner_id: str, month: str) -> Closed:
    """Close a month of a partner. Raises TiktellerError where it is not over, closed already, or settles what was credited since."""
    month_named(month)
    with published(workspace, partner_id) as (snapshot, name), state.deciding(workspace) as decided:
        if going_on := why_not_over(snapshot, month):
            raise TiktellerError(
                f"{month} of {partner_id} is not over: {going_on}", mend=f"close it when the files of {last_day_of(month)} are published"
            )
        if decided.execute(
            sa.select(state.closed_months).where(state.closed_months.c.partner_id == partner_id, state.closed_months.c.month == month)
        ).first():
            raise TiktellerError(f"{month} of {partner_id} is closed already")
        if overtaken := credited_since(decided, snapshot, partner_id, month):
            raise TiktellerError(
                f"{month} of {partner_id} settles what may have been credited by hand since: {', '.join(sorted(overtaken))}",
                mend="tikteller run, then close it",
            )
        already = {
            row[0]
            for row in decided.execute(
                sa.select(state.frozen_months.c.customer_id).where(
                    state.frozen_months.c.partner_id == partner_id, state.frozen_months.c.month == month
                )
            )
        }
        customers = [row[0] for row in snapshot.execute("select customer_id from customers order by 1").fetchall() if row[0] not in already]
        calls, charges = freeze(workspace, decided, snapshot, name, partner_id, month, customers, "close")
        decided.execute(
            state.closed_months.insert().values(partner_id=partner_id, month=month, closed_at=state.now(), closed_by=state.whoami())
        )
        (unrated,) = snapshot.execute("select count(*) from calls where billing_month = ? and status = 'unrated'", [month]).fetchone()
        drafts, blocked = snapshot.execute(
            "select count(*) filter (where status = 'draft'), count(*) filter (where status = 'blocked') from invoices where month = ?",
            [month],
        ).fetchone()
        unread = [each for kept in draft_problems(snapshot, month).values() for each in kept if each.reason == "missing_reading"]
        older = older_drafts(decided, snapshot, partner_id, month)
        state.note(decided, "close", partner_id, month, f"{calls} calls, {charges} charges, {unrated} calls without a price moved on")
    return Closed(partner_id, month, calls, charges, unrated, drafts, blocked, unread, older)


def older_drafts(
    decided: sa.Connection, snapshot: duckdb.DuckDBPyConnection, partner_id: str, month: str
) -> Mapping[str, tuple[int, Decimal]]:
    """Months before this one of which drafts are not approved: how many, and what they ask."""
    drafts = snapshot.execute(
        "select invoice_id, month, gross_eur from invoices where month < ? and status in ('draft', 'blocked') order by month", [month]
    ).fetchall()
    approved = set(decided.execute(sa.select(state.invoices.c.invoice_id).where(state.invoices.c.partner_id == partner_id)).scalars())
    found: dict[str, tuple[int, Decimal]] = {}
    for invoice_id, of_month, gross_eur in drafts:
        if invoice_id not in approved:
            count, total = found.get(of_month, (0, Decimal(0)))
            found[of_month] = (count + 1, total + gross_eur)
    return found


def freeze(
    workspace: Workspace,
    decided: sa.Connection,
    snapshot: duckdb.DuckDBPyConnection,
    snapshot_name: str,
    partner_id: str,
    month: str,
    customers: Sequence[str],
    occasion: str,
) -> tuple[int, int]:
    """Store what is published for these customers and this month, in the transaction of the decision; returns calls and charges."""
    # by its text a file is known again in any compression
    content = "coalesce(content_sha256, sha256)" if _names_texts(snapshot) else "sha256"
    calls, charges = (
        snapshot.sql(sql, params={"month": month, "customers": list(customers)}).to_arrow_table()
        for sql in (FROZEN_CALLS.format(content=content), FROZEN_CHARGES)
    )
    calls_bytes, charges_bytes = _parquet(calls), _parquet(charges)
    freeze_id = decided.execute(
        state.freezes.insert().values(
            partner_id=partner_id,
            month=month,
            occasion=occasion,
            snapshot=snapshot_name,
            made_at=state.now(),
            made_by=state.whoami(),
            calls=calls_bytes,
            calls_sha256=state.sha256(calls_bytes),
            charges=charges_bytes,
            charges_sha256=state.sha256(charges_bytes),
        )
    ).inserted_primary_key[0]
    if customers:
        decided.execute(
            state.frozen_months.insert(),
            [{"customer_id": each, "month": month, "partner_id": partner_id, "freeze_id": freeze_id} for each in customers],
        )
    with closing(serving.connect(serving.current_snapshot(workspace, PLATFORM))) as platform:
        files = _files_known_to(snapshot, platform, partner_id)
    if files:
        decided.execute(
            state.insert_or_ignore(decided, state.frozen_files),
            [{"partner_id": partner_id, "sha256": each, "freeze_id": freeze_id} for each in files],
        )
    for first_date, last_date in _days_left_open(snapshot, month, customers):
        decided.execute(
            state.rerate_requests.insert().values(first_date=first_date, last_date=last_date, reason=f"{occasion} {partner_id} {month}")
        )
    return calls.num_rows, charges.num_rows


def _files_known_to(snapshot: duckdb.DuckDBPyConnection, platform: duckdb.DuckDBPyConnection, partner_id: str) -> list[str]:
    """Contents of the files that the partner's snapshot was made from: of one that was held back, fewer than the platform knows.

    A file that is taken for known though its calls are in no snapshot would be billed to nobody.
    """
    own, whole = serving.edition_of(snapshot), serving.edition_of(platform)
    if own.get("snapshot") == whole.get("snapshot") or "ledger" not in own:
        return _known_texts(platform)
    if own["ledger"] != ledger_fingerprint(platform, "ingested_files", own["through_file_id"]):
        raise TiktellerError(
            f"the snapshot of {partner_id} was held back, and the warehouse has been made anew since: nobody knows which calls it had",
            mend="mend what holds it back (tikteller status), tikteller run, then again",
        )
    return _known_texts(platform, own["through_file_id"])


def _known_texts(platform: duckdb.DuckDBPyConnection, through_file_id: int | None = None) -> list[str]:
    """By what the files up to that one (None: all) can be known again: their bytes, and their text in any compression."""
    known = "unnest([sha256, content_sha256])" if _names_texts(platform) else "sha256"
    rows = platform.execute(
        f"select distinct {known} as known from ingested_files where file_id <= coalesce(?, file_id)", [through_file_id]
    ).fetchall()
    return [row[0] for row in rows if row[0]]


def _names_texts(snapshot: duckdb.DuckDBPyConnection) -> bool:
    """Whether the snapshot says what text a file has; older ones know only its bytes."""
    return "content_sha256" in {row[0] for row in snapshot.execute("describe ingested_files").fetchall()}


def _days_left_open(snapshot: duckdb.DuckDBPyConnection, month: str, customers: Sequence[str]) -> list[tuple[str, str]]:
    """Days with calls of the month that were not frozen: they have to move to the next open month."""
    rows = snapshot.execute(
        "select distinct cdr_date from calls where billing_month = $month and status = 'unrated'"
        " and customer_id in (select unnest($customers::varchar[])) order by 1",
        {"month": month, "customers": list(customers)},
    ).fetchall()
    return [(f"{day}", f"{day}") for (day,) in rows]


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def last_day_of(month: str) -> date:
    first = date.fromisoformat(f"{month}-01")
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def newest_call(snapshot: duckdb.DuckDBPyConnection) -> date | None:
    """The partner's local day of its newest call; None where it has none."""
    return snapshot.execute("select max(call_date) from daily_calls").fetchone()[0]


def why_not_over(snapshot: duckdb.DuckDBPyConnection, month: str) -> str | None:
    """Why more of the month is to come; None where it is over: its last day, or a later one, has calls.

    Who had no call in it nor in the month before sells services only (decided): its month is over by its own clock.
    """
    newest, last_day = newest_call(snapshot), last_day_of(month)
    month_before = (last_day.replace(day=1) - timedelta(days=1)).replace(day=1)
    if newest is not None and newest >= month_before:
        return None if newest >= last_day else f"the newest call is of {newest}"
    return None if local_today(snapshot) > last_day else f"it ends on {last_day}"


def local_today(snapshot: duckdb.DuckDBPyConnection) -> date:
    """Today by the partner's clock."""
    (zone,) = snapshot.execute("select time_zone from partner").fetchone()
    known = zone_named(zone)  # the engine knows names that Python does not
    return datetime.now(known).date() if known else date.today()


def day_reached(snapshot: duckdb.DuckDBPyConnection) -> date:
    """Today by the partner's clock, or the day behind its newest call: what has landed is behind us, whatever this machine's clock says."""
    today, newest = local_today(snapshot), newest_call(snapshot)
    return today if newest is None else max(today, newest + timedelta(days=1))
