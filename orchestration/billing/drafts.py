"""Drafts before they get a number: whether each can be the document that it will be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import duckdb
import sqlalchemy as sa

from orchestration import serving, state
from orchestration.billing.approved import call_record, document_of
from orchestration.billing.basis import Basis, basis_of
from orchestration.billing.closing import day_reached, local_today, why_not_over
from orchestration.billing.draft_problems import DraftProblem
from orchestration.billing.number_series import number_text
from orchestration.billing.parties import (
    partner_named,
    partner_problems,
)
from orchestration.billing.storing import content_of
from orchestration.documents.invoice import (
    CallRecord,
    Invoice,
    buyer_shortcomings,
    seller_shortcomings,
    vat_number_problem,
)
from orchestration.documents.invoice_pdf import invoice_pdf
from orchestration.documents.invoice_ubl import invoice_ubl, profile_gaps
from orchestration.documents.rendering import NOT_TO_BE_MADE, FailedInvoice, reason_of
from orchestration.documents.wording import word
from orchestration.errors import TiktellerError
from orchestration.months import last_day_of
from orchestration.serving.snapshots import Row, published, rows_of
from orchestration.workspace import Workspace

INVOICE, CREDIT_NOTE = "invoice", "credit_note"


INCOMPLETE = "incomplete_invoice"
"""Of a draft whose documents could not be made as they should."""

LEGAL_DAY = 15
"""An invoice for a month is issued before this day of the next (DOMAIN 5)."""


def day_of_issue(snapshot: duckdb.DuckDBPyConnection, issued_on: date | None) -> date:
    """The day as given, else today by the partner's clock. Raises TiktellerError where it is still to come."""
    if issued_on is not None and issued_on > day_reached(snapshot):
        raise TiktellerError(f"{issued_on} is still to come: an invoice bears the day on which it is issued", fix="leave --date out")
    return issued_on or local_today(snapshot)


def first_day_of_issue(month: str) -> date:
    return last_day_of(month) + timedelta(days=1)


@dataclass(frozen=True)
class Judged:
    """What the documents of drafts would be refused for (invoice_id -> problems), and what only has to be told."""

    refused: Mapping[str, Sequence[DraftProblem]]
    remarks: Sequence[str]


def judge(basis: Basis, drafts: Sequence[Row], issued: date) -> Judged:
    """Make the documents that the drafts would be, before any of them gets its number: afterwards nothing can be fixed.

    What the partner lacks keeps all of them back, what a customer lacks only its own. The page is set of the first alone, for the logo's
    sake: all of them bear the same.
    """
    refused: dict[str, Sequence[DraftProblem]] = {}
    remarks: list[str] = []
    page_is_set = False
    for row, document, problems in _documents_of(basis, drafts, issued):
        found = list(problems)
        if document is not None:
            try:
                invoice_ubl(document)
                if not page_is_set:
                    invoice_pdf(document)
                    page_is_set = True
                if not found:
                    remarks += [f"{row['invoice_id']}: {what}. Fix: {fix}" for what, fix in _remarks_on(document)]
            except NOT_TO_BE_MADE as error:
                found.append(_not_made(row, error))
        if found:
            refused[row["invoice_id"]] = found
    return Judged(refused, remarks)


def incomplete_drafts(
    workspace: Workspace, snapshot: duckdb.DuckDBPyConnection, month: str | None = None
) -> dict[str, Sequence[DraftProblem]]:
    """Drafts (of all months without one) that would be refused their number, and why: invoice_id -> problems.

    It is what can be told without setting pages and writing e-invoices, which approval does as well.
    """
    drafts = rows_of(
        snapshot, "select * from invoices where status = 'draft' and month = coalesce(?, month) order by month, invoice_id", [month]
    )
    found = _documents_of(basis_of(workspace, snapshot, month), drafts, local_today(snapshot)) if drafts else ()
    return {row["invoice_id"]: problems for row, _, problems in found if problems}


def _documents_of(basis: Basis, drafts: Iterable[Row], issued: date) -> Iterator[tuple[Row, Invoice | None, Sequence[DraftProblem]]]:
    """Each draft, the document that it would be, where one can be made, and what the document lacks."""
    of_partner = list(partner_problems(basis.partner, basis.logo))
    for row in drafts:
        document, found = None, [_incomplete(row, partner_named(basis.partner), *problem) for problem in of_partner]
        if not found:
            try:
                document = _draft_document(basis, row, issued)
                found = [_incomplete(row, partner_named(basis.partner), *problem) for problem in seller_shortcomings(document)]
                found += [_incomplete(row, f"customer {row['customer_id']}", *problem) for problem in buyer_shortcomings(document)]
            except NOT_TO_BE_MADE as error:
                found = [_not_made(row, error)]
        yield row, document, found


def _not_made(row: Row, error: Exception) -> DraftProblem:
    what, fix = (error.message, error.fix) if isinstance(error, TiktellerError) else (reason_of(error), None)
    return _incomplete(row, f"customer {row['customer_id']}", what, fix or "fix what it names")


def _incomplete(row: Row, subject: str, what: str, fix: str) -> DraftProblem:
    return DraftProblem(row["invoice_id"], row["customer_id"], INCOMPLETE, subject, None, 1, None, what, fix)


def _remarks_on(document: Invoice) -> Iterator[tuple[str, str]]:
    """What an e-invoice to a business will lack, and the fix; the invoice itself is lawful without."""
    if document.buyer.kind != "business":
        return
    yield from profile_gaps(document, "nlcius")
    if problem := vat_number_problem(document.buyer):
        yield f"{document.buyer.name}: {problem}", "correct customers.vat_number"


def _draft_document(basis: Basis, row: Row, issued: date, calls: Sequence[CallRecord] = ()) -> Invoice:
    """The document that a draft would be if it were approved, with the number that it could get."""
    partner = basis.partner
    following, length = int(partner["last_invoice_number"]) + 1, int(partner["invoice_number_length"])
    number = number_text(partner["invoice_prefix"], following, length, partner["invoice_suffix"])
    return document_of(state.read_content(content_of(numbered(row, number, issued, partner), basis, None), number), calls, basis.logo)


def numbered(row: Row, number: str, issued: date, partner: Row) -> Row:
    # a draft below nothing is a credit note (the model says so): nobody has to pay it
    due = issued if row["kind"] == CREDIT_NOTE else issued + timedelta(days=partner["payment_term_days"])
    return {**row, "invoice_number": number, "issued_on": issued, "due_on": due}


def draft_documents(
    workspace: Workspace, partner_id: str, month: str, invoice_ids: Sequence[str] = ()
) -> Iterator[Invoice | FailedInvoice]:
    """The drafts of a month, or the chosen in the order given, as the documents that they would be today; nothing is decided.

    Raises TiktellerError where a chosen one is not there or is approved, or what the partner lacks keeps all of them back.
    """
    with published(workspace, partner_id) as (snapshot, _):
        with state.engine(workspace).connect() as decided:
            of_partner = sa.select(state.invoices.c.invoice_id, state.invoices.c.invoice_number).where(
                state.invoices.c.partner_id == partner_id, state.invoices.c.month == month
            )
            approved = dict(decided.execute(of_partner).tuples().all())
        in_order = "select * from invoices where month = ? and status in ('draft', 'blocked') order by invoice_id"
        drafts = {row["invoice_id"]: row for row in rows_of(snapshot, in_order, [month]) if row["invoice_id"] not in approved}
        for invoice_id in invoice_ids:
            if invoice_id in approved:
                number = approved[invoice_id]
                raise TiktellerError(f"{invoice_id} was approved since, as {number}", fix=f"tikteller invoices render {number}")
            if invoice_id not in drafts:
                raise TiktellerError(f"{partner_id} has no draft {invoice_id!r} in {month}", fix=f"tikteller invoices list --month {month}")
        basis = basis_of(workspace, snapshot, month)
        for what, fix in partner_problems(basis.partner, basis.logo):
            raise TiktellerError(f"{partner_named(basis.partner)}: {what}", fix=fix)
        issued = max(local_today(snapshot), first_day_of_issue(month))
        for invoice_id in dict.fromkeys(invoice_ids or drafts):
            row = drafts[invoice_id]
            asked = "select * from calls where customer_id = ? and billing_month = ? and status = 'rated' order by started_at, call_key"
            try:
                calls = [call_record(call) for call in rows_of(snapshot, asked, [row["customer_id"], month])]
                of_draft = _draft_document(basis, row, issued, calls)
                yield replace(of_draft, invoice_number=word("draft", of_draft.language), is_draft=True)
            except NOT_TO_BE_MADE as error:
                yield FailedInvoice.of(invoice_id, error)


def listed(
    workspace: Workspace, partner_id: str | None = None, month: str | None = None, status: str | None = None
) -> list[dict[str, Any]]:
    """Invoices as they stand: what is published, and what was decided since. A draft that would be refused its number is blocked."""
    decided: dict[tuple[str, str], sa.Row] = {}
    if state.version(workspace):
        with state.engine(workspace).connect() as connection:
            decided = {(row.partner_id, row.invoice_id): row for row in connection.execute(sa.select(state.invoices))}
    columns = (
        "partner_id, customer_id, month, invoice_id, kind, invoice_number, credited_invoice_number, status, block_reason, net_eur, "
        "vat_eur, gross_eur, issued_on, due_on"
    )
    found: list[dict[str, Any]] = []
    incomplete: set[tuple[str, str]] = set()
    for partner in [partner_id] if partner_id else serving.published_partners(workspace):
        with closing(serving.connect(serving.current_snapshot(workspace, partner))) as snapshot:
            found += rows_of(snapshot, f"select {columns} from invoices")
            incomplete |= {(partner, invoice_id) for invoice_id in incomplete_drafts(workspace, snapshot, month)}
    seen = {(row["partner_id"], row["invoice_id"]) for row in found}
    for row in found:
        newer = decided.get((row["partner_id"], row["invoice_id"]))
        if newer is not None and row["status"] in ("draft", "blocked"):
            row |= {
                "status": "approved",
                "block_reason": None,
                "invoice_number": newer.invoice_number,
                "issued_on": date.fromisoformat(newer.issued_on),
                "due_on": date.fromisoformat(newer.due_on),
            }
        elif (row["partner_id"], row["invoice_id"]) in incomplete:
            row |= {"status": "blocked", "block_reason": INCOMPLETE}
    for key, approved in decided.items():
        if key not in seen and partner_id in (None, approved.partner_id):
            invoice = state.read_content(approved.content, approved.invoice_number).invoice
            found.append({name: invoice.get(name) for name in found[0]} if found else dict(invoice))
    kept = [row for row in found if month in (None, row["month"]) and status in (None, row["status"])]
    return sorted(kept, key=lambda row: (row["partner_id"], row["month"], row["customer_id"], row["invoice_id"]))


def customer_names(workspace: Workspace, partner_id: str | None = None) -> dict[tuple[str, str], str]:
    """(partner_id, customer_id) -> name, of one partner or of all."""
    found: dict[tuple[str, str], str] = {}
    for partner in [partner_id] if partner_id else serving.published_partners(workspace):
        with closing(serving.connect(serving.current_snapshot(workspace, partner))) as snapshot:
            for customer_id, name in snapshot.execute("select customer_id, name from customers").fetchall():
                found[partner, customer_id] = name
    return found


def is_late(issued_on: date, month: str) -> bool:
    """Whether an invoice for ``month`` is issued later than the law wants: on or after the 15th of the next month."""
    following = (date.fromisoformat(f"{month}-01") + timedelta(days=31)).replace(day=LEGAL_DAY)
    return issued_on >= following


def month_to_approve(workspace: Workspace, partner_id: str, invoice_ids: Sequence[str] = ()) -> str:
    """The month of the chosen invoices, else the last one that is over and has drafts. Raises TiktellerError where that names no month."""
    rows = listed(workspace, partner_id)
    if invoice_ids:
        meant = [row for row in rows if row["invoice_id"] in invoice_ids]
    else:  # an older month is not taken because all of the last one lack something
        meant = [row for row in rows if row["status"] == "draft" or row["block_reason"] == INCOMPLETE]
    months = sorted({row["month"] for row in meant})
    if invoice_ids and len(months) == 1:
        return months[0]
    with closing(serving.connect(serving.current_snapshot(workspace, partner_id))) as snapshot:
        over = [month for month in months if why_not_over(snapshot, month) is None]
    if invoice_ids or not over:
        raise TiktellerError(f"no month of {partner_id} can be told to be meant", fix="name it: --month 2026-10")
    return over[-1]
