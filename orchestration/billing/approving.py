"""Approving drafts: which of a month become invoices, and what keeps the others back.

A number is given at approval, in the transaction of the approval: consecutive per partner, no gap, no number twice, however many
approve at once (DOMAIN 5). What was approved is stored whole and never computed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb
import sqlalchemy as sa

from orchestration import state
from orchestration.billing.basis import basis_of
from orchestration.billing.closing import older_drafts, why_not_over
from orchestration.billing.draft_problems import DraftProblem, draft_problems
from orchestration.billing.drafts import INCOMPLETE, day_of_issue, first_day_of_issue, judge, numbered
from orchestration.billing.freezing import freeze
from orchestration.billing.number_series import locked_numbers
from orchestration.billing.parties import (
    require_seller,
)
from orchestration.billing.settlements import credited_since
from orchestration.billing.storing import Approved, content_of, keep_logo, store
from orchestration.errors import TiktellerError
from orchestration.months import last_day_of, month_named
from orchestration.serving.snapshots import published, rows_of
from orchestration.workspace import Workspace

CREDITED_SINCE = "older than a credit note of its customer (tikteller run, then approve)"
ANOTHERS_ID = "another partner approved an invoice of that customer and month (see to valid_from of the customer's rows)"


@dataclass(frozen=True)
class Approval:
    """What an approval did: the invoices it made, those that had been approved before, and those that are blocked, with the reason.

    ``problems`` says of a blocked one what has to be fixed. ``older_drafts`` are drafts and blocked drafts of earlier months, which
    somebody may have forgotten: month -> how many, and their gross amount. ``remarks`` keep no invoice back: a series of numbers that
    begins, an e-invoice that lacks the buyer's KvK number.
    """

    approved: Sequence[Approved]
    approved_before: Sequence[str]
    blocked: Mapping[str, str]
    problems: Mapping[str, Sequence[DraftProblem]]
    older_drafts: Mapping[str, tuple[int, Decimal]]
    remarks: Sequence[str] = ()


def approve(
    workspace: Workspace,
    partner_id: str,
    month: str,
    invoice_ids: Iterable[str] | None = None,
    issued_on: date | None = None,
    *,
    before_month_end: bool = False,
) -> Approval:
    """Approve the drafts of a month (all, or the chosen), as they are published. All of them get their numbers, or none does.

    Raises TiktellerError where a chosen invoice is not there, the partner's own data for an invoice are incomplete, the day of issue lies
    ahead, or the month is not over, unless ``before_month_end`` says that it is meant: what comes later stands in the next open month.
    """
    month_named(month)
    chosen = list(dict.fromkeys(invoice_ids)) if invoice_ids is not None else None
    with published(workspace, partner_id) as (snapshot, name):
        basis = basis_of(workspace, snapshot, month)
        partner = basis.partner
        require_seller(partner)
        issued = day_of_issue(snapshot, issued_on)
        if not before_month_end:
            if issued_on is None:  # the month is over, whatever the clock of this machine says
                issued = max(issued, first_day_of_issue(month))
            _require_over(snapshot, partner_id, month, issued)
        invoices = {
            row["invoice_id"]: row
            for row in rows_of(snapshot, "select * from invoices where month = ?", [month])
            if not state.is_credited_by_hand(row["invoice_id"])
        }
        for invoice_id in chosen or ():
            if invoice_id not in invoices:
                raise TiktellerError(
                    f"{partner_id} has no invoice {invoice_id!r} in {month}", fix=f"tikteller invoices list --partner {partner_id}"
                )
        wanted = [invoices[each] for each in (chosen if chosen is not None else sorted(invoices))]
        drafts = [row for row in wanted if row["status"] == "draft"]
        blocked = {row["invoice_id"]: row["block_reason"] for row in wanted if row["status"] == "blocked"}
        problems = draft_problems(snapshot, month)
        with state.deciding(workspace) as decided:
            older = older_drafts(decided, snapshot, partner_id, month)
            numbers = locked_numbers(decided, partner)
            of_month = sa.select(state.invoices.c.invoice_id, state.invoices.c.partner_id).where(state.invoices.c.month == month)
            owners = dict(decided.execute(of_month).tuples().all())
            known = {invoice_id for invoice_id, owner in owners.items() if owner == partner_id}
            blocked |= {row["invoice_id"]: ANOTHERS_ID for row in drafts if owners.get(row["invoice_id"], partner_id) != partner_id}
            fresh = [row for row in drafts if row["invoice_id"] not in owners]
            overtaken = credited_since(decided, snapshot, partner_id, month)
            blocked |= {row["invoice_id"]: CREDITED_SINCE for row in fresh if row["customer_id"] in overtaken}
            fresh = [row for row in fresh if row["customer_id"] not in overtaken]
            judged = judge(basis, fresh, issued)
            blocked |= dict.fromkeys(judged.refused, INCOMPLETE)
            fresh = [row for row in fresh if row["invoice_id"] not in judged.refused]
            logo_sha256 = keep_logo(decided, basis.logo)
            final = set(
                decided.execute(
                    sa.select(state.frozen_months.c.customer_id).where(
                        state.frozen_months.c.partner_id == partner_id, state.frozen_months.c.month == month
                    )
                ).scalars()
            )
            to_freeze = [row["customer_id"] for row in fresh if row["customer_id"] not in final]
            if to_freeze:
                freeze(workspace, decided, snapshot, name, partner_id, month, to_freeze, "approval")
            made = []
            for row in fresh:
                number = numbers.following()
                invoice = {**numbered(row, number, issued, partner), "status": "approved"}
                content = content_of(invoice, basis, logo_sha256)
                made.append(store(decided, invoice, content))
                state.note(decided, "approve", partner_id, number, row["invoice_id"])
    before = [row["invoice_id"] for row in wanted if row["status"] in ("approved", "credited") or row["invoice_id"] in known]
    problems = {each: judged.refused.get(each) or problems.get(each, ()) for each in blocked}
    return Approval(made, before, blocked, problems, older, [*numbers.remarks, *judged.remarks])


def _require_over(snapshot: duckdb.DuckDBPyConnection, partner_id: str, month: str, issued: date) -> None:
    meant = "or say --before-month-end: what comes later stands in the next open month"
    if going_on := why_not_over(snapshot, month):
        raise TiktellerError(
            f"{month} of {partner_id} is not over: {going_on}; later calls and subscriptions would not be on its invoices",
            fix=f"approve it when the files of {last_day_of(month)} are published, {meant}",
        )
    if issued <= last_day_of(month):
        raise TiktellerError(
            f"{issued} is before {month} is over: an invoice is issued after the month that it is for", fix=f"give a later --date, {meant}"
        )
