"""Making a month final: what was rated and charged is stored whole beside the decision, and never changes again.

Approval freezes the month of a customer (``orchestration.billing.approving``), closing the month of a partner. What is frozen is what is
published, since that is what people looked at. What comes later for such a month stands in the first open month after it (DOMAIN 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import sqlalchemy as sa

from orchestration import serving, state
from orchestration.billing.draft_problems import DraftProblem, draft_problems
from orchestration.billing.freezing import freeze
from orchestration.billing.settlements import credited_since
from orchestration.documents.calls_csv import zone_named
from orchestration.errors import TiktellerError
from orchestration.months import last_day_of, month_named
from orchestration.serving.snapshots import published
from orchestration.workspace import Workspace


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


def require_newest(decided: sa.Connection, snapshot: duckdb.DuckDBPyConnection, partner_id: str) -> None:
    """For who declares or pays what is published: raises TiktellerError where invoices were approved or credited since."""
    audit, seen = state.audit.c, serving.edition_of(snapshot).get("state_version") or 0
    newer = sa.select(sa.func.count()).where(audit.partner_id == partner_id, audit.action.in_(("approve", "credit")), audit.audit_id > seen)
    if many := decided.execute(newer).scalar_one():
        what = "invoice or credit note was made" if many == 1 else "invoices and credit notes were made"
        raise TiktellerError(f"{many:,} {what} since {partner_id} was published", fix="tikteller run, then again")


def close_month(workspace: Workspace, partner_id: str, month: str) -> Closed:
    """Close a month of a partner. Raises TiktellerError where it is not over, closed already, or settles what was credited since."""
    month_named(month)
    with published(workspace, partner_id) as (snapshot, name), state.deciding(workspace) as decided:
        if going_on := why_not_over(snapshot, month):
            raise TiktellerError(
                f"{month} of {partner_id} is not over: {going_on}", fix=f"close it when the files of {last_day_of(month)} are published"
            )
        if decided.execute(
            sa.select(state.closed_months).where(state.closed_months.c.partner_id == partner_id, state.closed_months.c.month == month)
        ).first():
            raise TiktellerError(f"{month} of {partner_id} is closed already")
        if overtaken := credited_since(decided, snapshot, partner_id, month):
            raise TiktellerError(
                f"{month} of {partner_id} settles what may have been credited by hand since: {', '.join(sorted(overtaken))}",
                fix="tikteller run, then close it",
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
        (unrated,) = serving.one(snapshot.execute("select count(*) from calls where billing_month = ? and status = 'unrated'", [month]))
        drafts, blocked = serving.one(
            snapshot.execute(
                "select count(*) filter (where status = 'draft'), count(*) filter (where status = 'blocked') from invoices where month = ?",
                [month],
            )
        )
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


def newest_call(snapshot: duckdb.DuckDBPyConnection) -> date | None:
    """The partner's local day of its newest call; None where it has none."""
    return serving.one(snapshot.execute("select max(call_date) from daily_calls"))[0]


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
    (zone,) = serving.one(snapshot.execute("select time_zone from partner"))
    known = zone_named(zone)  # the engine knows names that Python does not
    return datetime.now(known).date() if known else date.today()


def day_reached(snapshot: duckdb.DuckDBPyConnection) -> date:
    """Today by the partner's clock, or the day behind its newest call: what has landed is behind us, whatever this machine's clock says."""
    today, newest = local_today(snapshot), newest_call(snapshot)
    return today if newest is None else max(today, newest + timedelta(days=1))
