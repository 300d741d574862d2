"""Invoices as people decide on them: approving drafts, crediting, and handing what was approved to the documents.

A number is given at approval, in the transaction of the approval: consecutive per partner, no gap, no number twice, however many
approve at once (DOMAIN 5). What was approved is stored whole and never computed again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow.parquet as pq
import sqlalchemy as sa

from orchestration import serving, state
from orchestration.billing.closing import day_reached, freeze, last_day_of, local_today, month_named, older_drafts, published, why_not_over
from orchestration.warehouse.contracts import contract
from orchestration.documents.calls_csv import zone_named
from orchestration.documents.invoice import (
    OF_SELLER,
    Branding,
    CallRecord,
    Invoice,
    InvoiceLine,
    Language,
    Party,
    branding_problems,
    buyer_shortcomings,
    round_cents,
    seller_shortcomings,
    usable_branding,
    vat_number_problem,
)
from orchestration.documents.invoice_pdf import invoice_pdf
from orchestration.documents.invoice_ubl import invoice_ubl, profile_gaps
from orchestration.documents.rendering import NOT_TO_BE_MADE, FailedInvoice, reason_of
from orchestration.documents.wording import word
from orchestration.billing.draft_problems import DraftProblem, draft_problems
from orchestration.errors import TiktellerError
from orchestration.billing.number_series import locked_numbers, number_text
from orchestration.output import plain
from orchestration.billing.settlements import SettledLine, credited_since, settled_since
from orchestration.workspace import Workspace

Row = Mapping[str, Any]

INVOICE, CREDIT_NOTE = "invoice", "credit_note"
CREDITED_SINCE = "older than a credit note of its customer (tikteller run, then approve)"
ANOTHERS_ID = "another partner approved an invoice of that customer and month (see to valid_from of the customer's rows)"
INCOMPLETE = "incomplete_invoice"
"""Of a draft whose documents could not be made as they should."""
MAX_PAYMENT_TERM_DAYS, MAX_NUMBER_LENGTH = 365, 20
LEGAL_DAY = 15
"""An invoice for a month is issued before this day of the next (DOMAIN 5)."""


@dataclass(frozen=True)
class Approved:
    """One approved invoice or credit note."""

    partner_id: str
    invoice_number: str
    invoice_id: str
    customer_id: str
    month: str
    gross_eur: Decimal
    issued_on: date
    due_on: date
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Approval:
    """What an approval did: the invoices it made, those that had been approved before, and those that are blocked, with the reason.

    ``problems`` says of a blocked one what has to be mended. ``older_drafts`` are drafts and blocked drafts of earlier months, which
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
        basis = _basis(workspace, snapshot, month)
        partner = basis.partner
        require_seller(partner)
        issued = _day_of_issue(snapshot, issued_on)
        if not before_month_end:
            if issued_on is None:  # the month is over, whatever the clock of this machine says
                issued = max(issued, _first_day_of_issue(month))
            _require_over(snapshot, partner_id, month, issued)
        invoices = {
            row["invoice_id"]: row
            for row in rows_of(snapshot, "select * from invoices where month = ?", [month])
            if not state.is_credited_by_hand(row["invoice_id"])
        }
        for invoice_id in chosen or ():
            if invoice_id not in invoices:
                raise TiktellerError(
                    f"{partner_id} has no invoice {invoice_id!r} in {month}", mend=f"tikteller invoices list --partner {partner_id}"
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
            logo_sha256 = _keep_logo(decided, basis.logo)
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
                invoice = {**_numbered(row, number, issued, partner), "status": "approved"}
                content = _content(invoice, basis, logo_sha256)
                made.append(_store(decided, invoice, content))
                state.note(decided, "approve", partner_id, number, row["invoice_id"])
    before = [row["invoice_id"] for row in wanted if row["status"] in ("approved", "credited") or row["invoice_id"] in known]
    problems = {each: judged.refused.get(each) or problems.get(each, ()) for each in blocked}
    return Approval(made, before, blocked, problems, older, [*numbers.remarks, *judged.remarks])


def _day_of_issue(snapshot: duckdb.DuckDBPyConnection, issued_on: date | None) -> date:
    """The day as given, else today by the partner's clock. Raises TiktellerError where it is still to come."""
    if issued_on is not None and issued_on > day_reached(snapshot):
        raise TiktellerError(f"{issued_on} is still to come: an invoice bears the day on which it is issued", mend="leave --date out")
    return issued_on or local_today(snapshot)


def _first_day_of_issue(month: str) -> date:
    return last_day_of(month) + timedelta(days=1)


def _require_over(snapshot: duckdb.DuckDBPyConnection, partner_id: str, month: str, issued: date) -> None:
    meant = "or say --before-month-end: what comes later stands in the next open month"
    if going_on := why_not_over(snapshot, month):
        raise TiktellerError(
            f"{month} of {partner_id} is not over: {going_on}; later calls and subscriptions would not be on its invoices",
            mend=f"approve it when the files of {last_day_of(month)} are published, {meant}",
        )
    if issued <= last_day_of(month):
        raise TiktellerError(
            f"{issued} is before {month} is over: an invoice is issued after the month that it is for", mend=f"give a later --date, {meant}"
        )


@dataclass(frozen=True)
class Basis:
    """What documents of drafts are made of, beside the drafts: their partner, its logo, lines and customers by id, names of countries."""

    partner: Row
    logo: bytes | None
    lines: Mapping[str, Sequence[Row]]
    customers: Mapping[str, Row]
    country_names: Mapping[str, str]


def _basis(workspace: Workspace, snapshot: duckdb.DuckDBPyConnection, month: str | None) -> Basis:
    """For the drafts of a month, or of all."""
    partner = rows_of(snapshot, "select * from partner")[0]
    of_drafts = """
        select * from invoice_lines
        where invoice_id in (select invoice_id from invoices where status in ('draft', 'blocked') and month = coalesce(?, month))
        order by invoice_id, line_number
    """
    return Basis(
        partner,
        read_logo(workspace, partner),
        _by_invoice(rows_of(snapshot, of_drafts, [month])),
        {row["customer_id"]: row for row in rows_of(snapshot, "select * from customers")},
        dict(snapshot.execute("select country, name_nl from countries").fetchall()),
    )


@dataclass(frozen=True)
class Judged:
    """What the documents of drafts would be refused for (invoice_id -> problems), and what only has to be told."""

    refused: Mapping[str, Sequence[DraftProblem]]
    remarks: Sequence[str]


def judge(basis: Basis, drafts: Sequence[Row], issued: date) -> Judged:
    """Make the documents that the drafts would be, before any of them gets its number: afterwards nothing can be mended.

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
                    remarks += [f"{row['invoice_id']}: {what}. Mend: {mend}" for what, mend in _remarks_on(document)]
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
    found = _documents_of(_basis(workspace, snapshot, month), drafts, local_today(snapshot)) if drafts else ()
    return {row["invoice_id"]: problems for row, _, problems in found if problems}


def _documents_of(basis: Basis, drafts: Iterable[Row], issued: date) -> Iterator[tuple[Row, Invoice | None, Sequence[DraftProblem]]]:
    """Each draft, the document that it would be, where one can be made, and what the document lacks."""
    of_partner = list(partner_problems(basis.partner, basis.logo))
    for row in drafts:
        document, found = None, [_incomplete(row, _partner_named(basis.partner), *problem) for problem in of_partner]
        if not found:
            try:
                document = _draft_document(basis, row, issued)
                found = [_incomplete(row, _partner_named(basis.partner), *problem) for problem in seller_shortcomings(document)]
                found += [_incomplete(row, f"customer {row['customer_id']}", *problem) for problem in buyer_shortcomings(document)]
            except NOT_TO_BE_MADE as error:
                found = [_not_made(row, error)]
        yield row, document, found


def _partner_named(partner: Row) -> str:
    return f"partner {partner['partner_id']}"


def _not_made(row: Row, error: Exception) -> DraftProblem:
    what, mend = (error.message, error.mend) if isinstance(error, TiktellerError) else (reason_of(error), None)
    return _incomplete(row, f"customer {row['customer_id']}", what, mend or "mend what it names")


def _incomplete(row: Row, subject: str, what: str, mend: str) -> DraftProblem:
    return DraftProblem(row["invoice_id"], row["customer_id"], INCOMPLETE, subject, None, 1, None, what, mend)


def _remarks_on(document: Invoice) -> Iterator[tuple[str, str]]:
    """What an e-invoice to a business will lack, and the mend; the invoice itself is lawful without."""
    if document.buyer.kind != "business":
        return
    yield from profile_gaps(document, "nlcius")
    if problem := vat_number_problem(document.buyer):
        yield f"{document.buyer.name}: {problem}", "correct customers.vat_number"


def partner_problems(partner: Row, logo: bytes | None) -> Iterator[tuple[str, str]]:
    """What of a partner's settings no document can be made with, and the mend."""
    yield from branding_problems(logo, partner.get("brand_color"))
    if partner.get("logo_file") and logo is None:
        yield f"its logo {partner['logo_file']} is not there", "put the file into the workspace, or empty partners.logo_file"
    for column, most in (("payment_term_days", MAX_PAYMENT_TERM_DAYS), ("invoice_number_length", MAX_NUMBER_LENGTH)):
        if not 0 <= int(partner[column]) <= most:
            yield f"{column} {partner[column]} is not between 0 and {most}", f"mend partners.{column}"
    if zone_named(partner["time_zone"]) is None:
        yield f"nobody knows a time zone {partner['time_zone']}", "write partners.time_zone as Europe/Amsterdam"


def _draft_document(basis: Basis, row: Row, issued: date, calls: Sequence[CallRecord] = ()) -> Invoice:
    """The document that a draft would be if it were approved, with the number that it could get."""
    partner = basis.partner
    following, length = int(partner["last_invoice_number"]) + 1, int(partner["invoice_number_length"])
    number = number_text(partner["invoice_prefix"], following, length, partner["invoice_suffix"])
    return _document(json.loads(_content(_numbered(row, number, issued, partner), basis, None)), calls, basis.logo)


def _numbered(row: Row, number: str, issued: date, partner: Row) -> Row:
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
                raise TiktellerError(f"{invoice_id} was approved since, as {number}", mend=f"tikteller invoices render {number}")
            if invoice_id not in drafts:
                raise TiktellerError(
                    f"{partner_id} has no draft {invoice_id!r} in {month}", mend=f"tikteller invoices list --month {month}"
                )
        basis = _basis(workspace, snapshot, month)
        for what, mend in partner_problems(basis.partner, basis.logo):
            raise TiktellerError(f"{_partner_named(basis.partner)}: {what}", mend=mend)
        issued = max(local_today(snapshot), _first_day_of_issue(month))
        for invoice_id in dict.fromkeys(invoice_ids or drafts):
            row = drafts[invoice_id]
            asked = "select * from calls where customer_id = ? and billing_month = ? and status = 'rated' order by started_at, call_key"
            try:
                calls = [_call_record(call) for call in rows_of(snapshot, asked, [row["customer_id"], month])]
                of_draft = _draft_document(basis, row, issued, calls)
                yield replace(of_draft, invoice_number=word("draft", of_draft.language), is_draft=True)
            except NOT_TO_BE_MADE as error:
                yield FailedInvoice.of(invoice_id, error)


def credit(
    workspace: Workspace,
    partner_id: str,
    invoice_number: str,
    reason: str,
    lines: Sequence[int] | None = None,
    issued_on: date | None = None,
) -> Approved:
    """A credit note for an approved invoice, whole or some of its lines; it bears the next number and refers to the invoice.

    Raises TiktellerError where there is no such invoice, or a line of it was credited before, or settled: it would be paid back twice.
    """
    with published(workspace, partner_id) as (snapshot, _), state.deciding(workspace) as decided:
        of_partner = state.invoices.c.partner_id == partner_id
        original = decided.execute(
            sa.select(state.invoices).where(of_partner, state.invoices.c.invoice_number == invoice_number, state.invoices.c.kind == INVOICE)
        ).first()
        if original is None:
            raise TiktellerError(
                f"{partner_id} has no approved invoice {invoice_number!r}", mend=f"tikteller invoices list --partner {partner_id}"
            )
        content = json.loads(original.content)
        # the series of now: a credit note of January for December's invoice is January's
        numbers = locked_numbers(decided, rows_of(snapshot, "select * from partner")[0])
        notes = decided.execute(
            sa.select(state.invoices).where(of_partner, state.invoices.c.credited_invoice_number == invoice_number)
        ).fetchall()
        # a month whose total was below nothing refers to the invoice too, and credits no line of it
        credited_lines = [line for note in notes for line in json.loads(note.content)["lines"] if line.get("credited_line") is not None]
        credited = {line["credited_line"] for line in credited_lines}
        settled = settled_since(decided, snapshot, content["invoice"], content["lines"])
        _require_creditable(content["lines"], set(lines) if lines is not None else None, credited, settled, invoice_number)
        wanted = [line for line in content["lines"] if lines is None or line["line_number"] in lines]
        issued = _day_of_issue(snapshot, issued_on)
        if issued_on is None:  # the invoice was issued, whatever the clock of this machine says
            issued = max(issued, date.fromisoformat(original.issued_on))
        if issued < date.fromisoformat(original.issued_on):
            raise TiktellerError(
                f"{issued} is before invoice {invoice_number} was issued, on {original.issued_on}",
                mend=f"give --date {original.issued_on} or later",
            )
        note = {
            **content["invoice"],
            "invoice_id": f"{original.invoice_id}-credit-{len(notes) + 1}",
            "kind": CREDIT_NOTE,
            "invoice_number": numbers.following(),
            "credited_invoice_number": invoice_number,
            "issued_on": issued,
            "due_on": issued,
        }
        negative = [
            {
                **line,
                "invoice_id": note["invoice_id"],
                "credited_line": line["line_number"],
                "line_number": number,
                "amount_eur": -Decimal(line["amount_eur"]),
                # what was called and delivered stays what it was: the identity of lines and calls is not touched
                "exact_eur": Decimal(0),
                "purchase_eur": Decimal(0),
            }
            for number, line in enumerate(wanted, start=1)
        ]
        negative = _taking_what_is_left(negative, credited_lines)
        net, vat = _totals(negative)
        note |= {"net_eur": net, "vat_eur": vat, "gross_eur": net + vat}
        document = _dumped({**content, "invoice": note, "lines": negative, "reason": reason})
        _document(json.loads(document), (), None)  # what contradicts itself gets no number
        stored = _store(decided, note, document)
        state.note(decided, "credit", partner_id, stored.invoice_number, f"{invoice_number}: {reason}")
    return replace(stored, remarks=tuple(numbers.remarks))


def _taking_what_is_left(lines: Sequence[Row], credited_before: Sequence[Row]) -> list[dict[str, Any]]:
    """Lines of a credit note, with corrections of their VAT such that all notes of an invoice add up to it.

    What is credited until now, this note included, has the VAT that one note for all of it would have. So the last one takes what is left,
    and none is more than a cent away from its own rounding: 37.50 and 12.50 of 60.50 give back 45.38 and 15.12.
    """
    before, vat_before = _by_category(credited_before), _vat_by_note(credited_before)
    corrected = [dict(line) for line in lines]
    for key, net in _by_category(lines).items():
        own = _vat_of(key, net)
        vat = _vat_of(key, before.get(key, Decimal(0)) + net) - vat_before.get(key, Decimal(0))
        if vat != own:
            next(line for line in corrected if _category(line) == key)["vat_correction_eur"] = vat - own
    return corrected


def _category(line: Row) -> tuple[str, str]:
    return line["vat_category"], f"{Decimal(line['vat_percent']):f}"


def _by_category(lines: Iterable[Row]) -> dict[tuple[str, str], Decimal]:
    net: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        net[_category(line)] = net.get(_category(line), Decimal(0)) + Decimal(line["amount_eur"])
    return net


def _vat_of(category: tuple[str, str], net: Decimal) -> Decimal:
    return round_cents(net * Decimal(category[1]) / 100)


def _vat_by_note(lines: Iterable[Row]) -> dict[tuple[str, str], Decimal]:
    """The VAT that credit notes with these lines gave back, each rounded by itself and corrected."""
    found: dict[tuple[str, str], Decimal] = {}
    for note in _by_invoice(dict(line) for line in lines).values():
        for key, net in _by_category(note).items():
            corrections = sum((Decimal(line.get("vat_correction_eur") or 0) for line in note if _category(line) == key), Decimal(0))
            found[key] = found.get(key, Decimal(0)) + _vat_of(key, net) + corrections
    return found


def _require_creditable(
    lines: Sequence[Row], wanted: set[int] | None, credited: set[int], settled: Sequence[SettledLine], invoice_number: str
) -> None:
    """Raises TiktellerError where a wanted line (None: all) is not on the invoice, was credited before, or was settled since."""
    on_it = {line["line_number"] for line in lines}
    wanted = on_it if wanted is None else wanted
    of_settled = {each.line_number: each for each in settled}
    left = on_it - credited - set(of_settled)
    may = f"--line N for: {_listed(left)}" if left else "nothing of it is left to credit"
    problem, mend = "", may
    if foreign := wanted - on_it:
        problem = f"line {_listed(foreign)} is not on it"
    elif again := wanted & credited:
        problem = f"line {_listed(again)} was credited before"
    elif twice := wanted & set(of_settled):
        told = (of_settled[line] for line in sorted(twice))
        by = "; ".join(f"line {each.line_number} was settled on {each.invoice_number}, line {each.settling_line}" for each in told)
        problem = f"it would be paid back twice: {by}"
        mend = f"correct the order in its feed: what remains of it is settled on the next invoice ({may})"
    if problem:
        raise TiktellerError(f"invoice {invoice_number} cannot be credited so: {problem}", mend=mend)


def _listed(lines: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(lines)))


def renderable_invoices(
    workspace: Workspace, partner_id: str | None = None, month: str | None = None, numbers: Sequence[str] | None = None
) -> Iterator[Invoice | FailedInvoice]:
    """What was approved, as documents need it, in the order of the numbers' making; the calls come from what was frozen with it.

    One that cannot be made is named in its place: it keeps no other back.
    """
    query = sa.select(state.invoices).order_by(state.invoices.c.approved_at, state.invoices.c.invoice_number)
    for column, value in (("partner_id", partner_id), ("month", month)):
        if value is not None:
            query = query.where(state.invoices.c[column] == value)
    if numbers is not None:
        query = query.where(state.invoices.c.invoice_number.in_(list(numbers)))
    with state.engine(workspace).connect() as decided:

        @lru_cache(maxsize=2)
        def frozen(freeze_id: int) -> dict[str, list[CallRecord]]:
            content = decided.execute(sa.select(state.freezes.c.calls).where(state.freezes.c.freeze_id == freeze_id)).scalar_one()
            return _calls_by_customer(content)

        for row in decided.execute(query).fetchall():
            try:
                content = json.loads(row.content)
                freeze_id = decided.execute(
                    sa.select(state.frozen_months.c.freeze_id).where(
                        state.frozen_months.c.partner_id == row.partner_id,
                        state.frozen_months.c.customer_id == row.customer_id,
                        state.frozen_months.c.month == row.month,
                    )
                ).scalar_one_or_none()
                is_of_month = not state.is_credited_by_hand(row.invoice_id)
                calls = frozen(freeze_id).get(row.customer_id, []) if freeze_id is not None and is_of_month else []
                made: Invoice | FailedInvoice = _document(content, calls, _logo_of(workspace, decided, content))
            except NOT_TO_BE_MADE as error:
                made = FailedInvoice.of(row.invoice_number, error)
            yield made


def _logo_of(workspace: Workspace, decided: sa.Connection, content: Row) -> bytes | None:
    """The logo that an approved invoice bears: that of its approval; of one from before logos were kept, the partner's now."""
    if "logo_sha256" not in content:
        return read_logo(workspace, content["partner"])
    if content["logo_sha256"] is None:
        return None
    return decided.execute(sa.select(state.logos.c.content).where(state.logos.c.sha256 == content["logo_sha256"])).scalar_one_or_none()


def _keep_logo(decided: sa.Connection, logo: bytes | None) -> str | None:
    """Put a logo beside the decisions that bear it; its hash."""
    if logo is None:
        return None
    sha256 = state.sha256(logo)
    decided.execute(state.insert_or_ignore(decided, state.logos), [{"sha256": sha256, "content": logo}])
    return sha256


def _document(content: Row, calls: Sequence[CallRecord], logo: bytes | None) -> Invoice:
    invoice, partner, customer = content["invoice"], content["partner"], content["customer"]
    return Invoice(
        partner_id=invoice["partner_id"],
        customer_id=invoice["customer_id"],
        invoice_number=invoice["invoice_number"],
        month=invoice["month"],
        issued_on=date.fromisoformat(invoice["issued_on"]),
        due_on=date.fromisoformat(invoice["due_on"]),
        seller=party_of(partner),
        buyer=party_of(customer),
        lines=tuple(_line(line, content["country_names"]) for line in content["lines"]),
        net_eur=Decimal(invoice["net_eur"]),
        vat_eur=Decimal(invoice["vat_eur"]),
        gross_eur=Decimal(invoice["gross_eur"]),
        kind=invoice["kind"],
        credited_invoice_number=invoice.get("credited_invoice_number"),
        branding=usable_branding(logo, partner.get("brand_color"), partner.get("footer"), partner.get("closing_name")),
        language=language_of(partner, customer),
        buyer_reference=customer.get("buyer_reference"),
        time_zone=partner["time_zone"],
        notes=(content["reason"],) if content.get("reason") else (),
        calls=tuple(calls),
    )


def branding_of(workspace: Workspace, partner: Row) -> Branding:
    """How a partner's documents look, less what cannot be used; ``logo_file`` is a path in the workspace."""
    return usable_branding(read_logo(workspace, partner), partner.get("brand_color"), partner.get("footer"), partner.get("closing_name"))


def read_logo(workspace: Workspace, partner: Row) -> bytes | None:
    """The content of the partner's logo; None where it has none or the file is gone. Of one that is too large only enough to tell so."""
    path = workspace.root / partner["logo_file"] if partner.get("logo_file") else None
    if path is None or not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(Branding.MAX_LOGO_BYTES + 1)


def language_of(partner: Row, customer: Row) -> Language:
    """Dutch for customers in NL and BE, else English (decided)."""
    return "nl" if (customer.get("country") or partner["country"]) in ("NL", "BE") else "en"


def party_of(row: Row) -> Party:
    """A partner or a customer as documents name it."""
    names = ("name", "street", "postal_code", "city", "vat_number", "coc_number", "oin", "email", "iban", "bic")
    return Party(**{name: row.get(name) for name in names}, country=row.get("country") or "NL", kind=row.get("kind") or "business")


def _line(line: Row, country_names: Mapping[str, str]) -> InvoiceLine:
    is_call = line["kind"] in ("calls", "airtime") and line.get("country") is not None
    return InvoiceLine(
        line_number=int(line["line_number"]),
        kind=line["kind"],
        description=line["description"],
        quantity=int(line["quantity"]),
        amount_eur=Decimal(line["amount_eur"]),
        vat_category=line["vat_category"],
        vat_percent=Decimal(line["vat_percent"]),
        country=line.get("country"),
        country_name=country_names.get(line["country"]) if is_call else None,
        line_type=line.get("line_type"),
        service_code=line.get("service_code"),
        pbx_id=line.get("pbx_id"),
        duration_s=int(line["duration_s"]) if line.get("duration_s") is not None else None,
        service_name=line.get("service_name"),
        settled_month=line.get("settled_month"),
        period_start=date.fromisoformat(line["period_start"]) if line.get("period_start") else None,
        period_end=date.fromisoformat(line["period_end"]) if line.get("period_end") else None,
        unit_price_eur=Decimal(line["unit_price_eur"]) if line.get("unit_price_eur") is not None else None,
        days=int(line["days"]) if line.get("days") is not None else None,
        days_in_month=int(line["days_in_month"]) if line.get("days_in_month") is not None else None,
        # what was approved before lines had a price has no such column, and prints the amount per piece as it did then
        is_of_several_prices="unit_price_eur" in line and line["unit_price_eur"] is None and line.get("settled_month") is not None,
        vat_correction_eur=Decimal(line.get("vat_correction_eur") or 0),
    )


def _calls_by_customer(content: bytes) -> dict[str, list[CallRecord]]:
    rated = pq.read_table(io.BytesIO(content)).to_pylist()
    found: dict[str, list[CallRecord]] = {}
    for call in sorted(rated, key=lambda each: (each["customer_id"], each["started_at"], each["call_key"])):
        if call["status"] != "rated":
            continue
        found.setdefault(call["customer_id"], []).append(_call_record(call))
    return found


def _call_record(call: Row) -> CallRecord:
    return CallRecord(
        call_date=call["call_date"],
        started_at=call["started_at"],
        caller=call["caller"] or "",
        callee=call["callee"],
        duration_s=call["billed_s"],
        amount_eur=call["sale_eur"],
        destination=call["destination"],
        country=call["country"],
        line_type=call["line_type"],
        kind="airtime" if call["leg"] == "airtime" else "calls",
    )


def _store(decided: sa.Connection, invoice: Row, content: str) -> Approved:
    decided.execute(
        state.invoices.insert().values(
            partner_id=invoice["partner_id"],
            invoice_number=invoice["invoice_number"],
            invoice_id=invoice["invoice_id"],
            kind=invoice["kind"],
            credited_invoice_number=invoice.get("credited_invoice_number"),
            customer_id=invoice["customer_id"],
            month=invoice["month"],
            issued_on=f"{invoice['issued_on']}",
            due_on=f"{invoice['due_on']}",
            content=content,
            content_sha256=state.sha256(content.encode()),
            approved_at=state.now(),
            approved_by=state.whoami(),
        )
    )
    return Approved(
        invoice["partner_id"],
        invoice["invoice_number"],
        invoice["invoice_id"],
        invoice["customer_id"],
        invoice["month"],
        Decimal(invoice["gross_eur"]),
        invoice["issued_on"],
        invoice["due_on"],
    )


def _content(invoice: Row, basis: Basis, logo_sha256: str | None) -> str:
    lines = basis.lines.get(invoice["invoice_id"], ())
    used = {line["country"] for line in lines if line["country"]}
    return _dumped(
        {
            "invoice": {name: invoice[name] for name in contract("invoices")},
            "lines": [dict(line) for line in lines],
            "partner": dict(basis.partner),
            "customer": dict(basis.customers[invoice["customer_id"]]),
            "logo_sha256": logo_sha256,
            "country_names": {country: basis.country_names[country] for country in sorted(used) if country in basis.country_names},
        }
    )


def _dumped(content: Row) -> str:
    return json.dumps(content, default=plain, ensure_ascii=False, sort_keys=True)


def _totals(lines: Sequence[Row]) -> tuple[Decimal, Decimal]:
    """Net and VAT, rounded once per category on the sum of its lines, with the corrections of a credit note."""
    net = _by_category(lines)
    vat = sum((_vat_of(key, amount) for key, amount in net.items()), Decimal(0))
    return sum(net.values(), Decimal(0)), vat + sum((Decimal(line.get("vat_correction_eur") or 0) for line in lines), Decimal(0))


def require_seller(partner: Row) -> None:
    """Raises TiktellerError where the law wants more of the partner on its documents than has landed."""
    missing = [name for name in OF_SELLER if not partner.get(name)]
    if missing:
        raise TiktellerError(
            f"{partner['partner_id']} cannot send invoices yet: its {', '.join(missing)} must stand on them",
            mend="land them in feed partners",
        )


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The rows that a question to a snapshot finds, by column."""
    result = connection.execute(sql, list(values))
    columns = [column[0] for column in result.description]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def _by_invoice(lines: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        found.setdefault(line["invoice_id"], []).append(line)
    return found


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
    for key, row in decided.items():
        if key not in seen and partner_id in (None, row.partner_id):
            invoice = json.loads(row.content)["invoice"]
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
        raise TiktellerError(f"no month of {partner_id} can be told to be meant", mend="name it: --month 2026-10")
    return over[-1]
