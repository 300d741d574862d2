"""Direct debits: which open invoices a file collects, under which mandate, and that none is collected twice.

A file is kept whole in the state before anybody has it. The same question again gives the same file, byte for byte, until there is more to
collect; a bank refuses a file that it has had.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import sqlalchemy as sa

from orchestration import state
from orchestration.billing.parties import language_of
from orchestration.documents.bank import is_iban
from orchestration.documents.direct_debit import Collection, Creditor, direct_debit_xml, dutch_creditor_id, is_name, is_reference
from orchestration.errors import TiktellerError
from orchestration.months import month_named
from orchestration.receivables.open_invoices import CREDIT_FIX, OpenInvoice, in_credit, open_invoices, require_payments
from orchestration.serving.snapshots import Row, published, rows_of
from orchestration.workspace import Workspace

FIRST, RECURRENT = "FRST", "RCUR"
DESCRIPTION = {"nl": "Factuur", "en": "Invoice"}
SLUG_LENGTH = 18
"""Of the partner's id in the id of a message: with month and number it has 31 characters, and four more fit behind it."""

FIXES = {
    "no_iban": "give iban",
    "invalid_iban": "fix iban: its length or its check digits do not fit",
    "no_mandate_id": "give mandate_id",
    "invalid_mandate_id": "mandate_id has at most 35 letters, digits and + ? / : ( ) . , ' -",
    "no_mandate_date": "give mandate_date",
    "invalid_mandate_date": "write mandate_date as 2026-10-31",
    "signed_later": "collect on a later day, or fix mandate_date",
    "account_changed": "the mandate was used with another account: let the customer sign a new one, with another mandate_id",
    "invalid_name": "give a name with letters that banks take",
    "invalid_reference": "banks refuse this invoice number; let the customer transfer it",
    "credit": CREDIT_FIX,
}
"""Why a customer with a mandate is not debited -> the fix, in feed customers unless it says otherwise."""


@dataclass(frozen=True)
class Debit:
    """One invoice that a file collects. ``sequence`` is FRST for the first under its mandate, else RCUR."""

    message_id: str
    customer_id: str
    invoice_number: str
    amount_eur: Decimal
    iban: str
    mandate_id: str
    sequence: str
    collect_on: date


@dataclass(frozen=True)
class Refused:
    """An open invoice of a customer whose mandate cannot be used; ``reason`` is a key of FIXES."""

    customer_id: str
    invoice_number: str
    reason: str

    @property
    def fix(self) -> str:
        return FIXES[self.reason]


@dataclass(frozen=True)
class DirectDebits:
    """A file for the bank. ``made_before`` says when it was made, where it was: then it is that file again.

    ``without_mandate`` counts open invoices of the month that nobody may collect, ``collected_before`` those that an earlier file collects.
    """

    message_id: str
    content: bytes
    creditor_id: str
    debits: Sequence[Debit]
    refused: Sequence[Refused]
    without_mandate: int
    collected_before: int
    made_before: str | None = None


@dataclass(frozen=True)
class _Sorted:
    """The open invoices of a month, each in one place."""

    collected: list[tuple[OpenInvoice, Row]]
    refused: list[Refused]
    without_mandate: int
    collected_before: set[str]


def direct_debits(
    workspace: Workspace,
    partner_id: str,
    month: str,
    collect_on: date,
    *,
    creditor_id: str | None = None,
    again: Sequence[str] = (),
    made_at: datetime | None = None,
) -> DirectDebits:
    """Collect what is still open of a month's invoices from customers with a mandate, and remember it.

    ``again`` names invoices whose last collection failed or came back: that is noted, and they are collected again. ``creditor_id`` goes
    before that of feed partners, which goes before the one that a KvK number gives. Raises TiktellerError where payments wait in landing,
    where the partner cannot collect, and where there is nothing to collect.
    """
    month_named(month)
    require_payments(workspace)
    made = made_at or datetime.now(UTC)
    with published(workspace, partner_id) as (snapshot, _):
        partner = rows_of(snapshot, "select * from partner")[0]
        if "creditor_id" not in partner:
            raise TiktellerError(f"what is published of {partner_id} is of an earlier version", fix="tikteller run")
        customers = {row["customer_id"]: row for row in rows_of(snapshot, "select * from customers")}
        mandates = {row["customer_id"]: row for row in rows_of(snapshot, "select * from mandates")}
        creditor = _creditor(partner, creditor_id)
        with state.deciding(workspace) as decided:
            state.one_at_a_time(decided, f"collections of {partner_id}")
            found_open = open_invoices(workspace, decided, partner_id, max(made.date(), collect_on))
            of_month = [each for each in found_open if each.month == month]
            same = _made_before(decided, partner_id, month, collect_on)
            if same is None or same.filed_at is not None:
                _note_returns(decided, partner_id, again, {each.invoice_number for each in of_month if each.open_eur > 0})
            found = _sorted(decided, partner_id, of_month, in_credit(found_open), customers, mandates, collect_on)
            if same is not None and (same.filed_at is None or not found.collected):
                debits = _debits_of(decided, partner_id, same.message_id)
                return DirectDebits(
                    same.message_id,
                    _whole(same),
                    creditor.creditor_id,
                    debits,
                    found.refused,
                    found.without_mandate,
                    len(found.collected_before - {each.invoice_number for each in debits}),
                    same.made_at,
                )
            if not found.collected:
                raise TiktellerError(f"{partner_id} has nothing to collect of {month}: {_why(found)}", fix=_fix(found))
            message_id = _message_id(decided, partner_id, month)
            debits = _remember(decided, partner_id, message_id, found.collected, collect_on)
            wording = {each: DESCRIPTION[language_of(partner, customers.get(each, {}))] for each in mandates}
            content = direct_debit_xml(
                creditor,
                [_collection(each, customers[each.customer_id], mandates[each.customer_id], wording[each.customer_id]) for each in debits],
                message_id=message_id,
                created_at=made,
                collect_on=collect_on,
            )
            decided.execute(
                state.collection_files.insert().values(
                    partner_id=partner_id,
                    message_id=message_id,
                    month=month,
                    collect_on=f"{collect_on}",
                    content=content,
                    content_sha256=state.sha256(content),
                    made_at=state.now(),
                    made_by=state.whoami(),
                )
            )
            total = sum((each.amount_eur for each in debits), Decimal(0))
            state.note(decided, "direct_debit", partner_id, message_id, f"{len(debits)} invoices of {month} on {collect_on}: {total} EUR")
    return DirectDebits(
        message_id, content, creditor.creditor_id, debits, found.refused, found.without_mandate, len(found.collected_before)
    )


def filed(workspace: Workspace, partner_id: str, message_id: str) -> None:
    """Somebody has the file: from now on, what is approved later makes a file of its own."""
    table = state.collection_files
    of_file = (table.c.partner_id == partner_id, table.c.message_id == message_id, table.c.filed_at.is_(None))
    with state.deciding(workspace) as decided:
        decided.execute(table.update().where(*of_file).values(filed_at=state.now()))


def _creditor(partner: Row, creditor_id: str | None) -> Creditor:
    if not partner["iban"]:
        raise TiktellerError(f"{partner['partner_id']} has no account to collect on", fix="land iban in feed partners")
    chosen = creditor_id or partner["creditor_id"]
    if not chosen and partner["country"] == "NL" and re.fullmatch(r"\d{8}", partner["coc_number"] or ""):
        chosen = dutch_creditor_id(partner["coc_number"])
    if not chosen:
        raise TiktellerError(
            f"{partner['partner_id']} has no creditor id", fix="land creditor_id (incassant-ID) in feed partners, or give --creditor-id"
        )
    return Creditor(partner["name"], partner["iban"], chosen, partner["bic"])


def _note_returns(decided: sa.Connection, partner_id: str, numbers: Sequence[str], open_numbers: set[str]) -> None:
    table = state.collections
    for number in numbers:
        standing = (table.c.partner_id == partner_id, table.c.invoice_number == number, table.c.returned_at.is_(None))
        done = decided.execute(table.update().where(*standing).values(returned_at=state.now(), returned_by=state.whoami()))
        if not done.rowcount:
            raise TiktellerError(f"{number} of {partner_id} was not collected before", fix="leave --again out; it is collected anyway")
        if number not in open_numbers:
            raise TiktellerError(
                f"nothing of {number} is open, or it is of another month",
                fix="what came back is a negative row in feed payments: land it, run",
            )
        state.note(decided, "direct_debit_returned", partner_id, number)


def _sorted(
    decided: sa.Connection,
    partner_id: str,
    invoices: Sequence[OpenInvoice],
    credited: frozenset[str],
    customers: Mapping[str, Row],
    mandates: Mapping[str, Row],
    collect_on: date,
) -> _Sorted:
    table = state.collections
    standing = decided.execute(sa.select(table).where(table.c.partner_id == partner_id, table.c.returned_at.is_(None))).fetchall()
    accounts = {row.mandate_id: row.iban for row in standing}
    before = {row.invoice_number for row in standing} & {each.invoice_number for each in invoices}
    asked = [each for each in invoices if each.open_eur > 0 and each.invoice_number not in before]
    mandated = [(each, mandates[each.customer_id]) for each in asked if each.customer_id in mandates]
    reasons = [
        "credit" if each.customer_id in credited else _unusable(mandate, customers[each.customer_id], each, collect_on, accounts)
        for each, mandate in mandated
    ]
    return _Sorted(
        [each for each, reason in zip(mandated, reasons, strict=True) if reason is None],
        [
            Refused(each.customer_id, each.invoice_number, reason)
            for (each, _), reason in zip(mandated, reasons, strict=True)
            if reason is not None
        ],
        len(asked) - len(mandated),
        before,
    )


def _unusable(mandate: Row, customer: Row, invoice: OpenInvoice, collect_on: date, accounts: Mapping[str, str]) -> str | None:
    problems = {
        mandate["mandate_problem"]: mandate["mandate_problem"] is not None,
        "invalid_iban": not is_iban(mandate["iban"] or ""),
        "signed_later": mandate["mandate_date"] is not None and mandate["mandate_date"] > collect_on,
        "account_changed": accounts.get(mandate["mandate_id"], mandate["iban"]) != mandate["iban"],
        "invalid_mandate_id": not is_reference(mandate["mandate_id"] or ""),
        "invalid_reference": not is_reference(invoice.invoice_number),
        "invalid_name": not is_name(customer["name"]),
    }
    return next((problem for problem, is_there in problems.items() if is_there), None)


def _remember(
    decided: sa.Connection, partner_id: str, message_id: str, collected: Sequence[tuple[OpenInvoice, Row]], collect_on: date
) -> list[Debit]:
    table = state.collections
    used = set(
        decided.execute(sa.select(table.c.mandate_id).where(table.c.partner_id == partner_id, table.c.returned_at.is_(None))).scalars()
    )
    debits = []
    for invoice, mandate in collected:
        sequence = RECURRENT if mandate["mandate_id"] in used else FIRST
        used.add(mandate["mandate_id"])
        debit = Debit(
            message_id,
            invoice.customer_id,
            invoice.invoice_number,
            invoice.open_eur,
            mandate["iban"],
            mandate["mandate_id"],
            sequence,
            collect_on,
        )
        attempts = sa.select(sa.func.coalesce(sa.func.max(table.c.attempt), 0)).where(
            table.c.partner_id == partner_id, table.c.invoice_number == invoice.invoice_number
        )
        decided.execute(
            table.insert().values(
                partner_id=partner_id,
                invoice_number=debit.invoice_number,
                attempt=decided.execute(attempts).scalar_one() + 1,
                message_id=message_id,
                customer_id=debit.customer_id,
                mandate_id=debit.mandate_id,
                iban=debit.iban,
                amount_eur=f"{debit.amount_eur}",
                sequence=sequence,
                collect_on=f"{collect_on}",
            )
        )
        debits.append(debit)
    return debits


def _collection(debit: Debit, customer: Row, mandate: Row, word: str) -> Collection:
    return Collection(
        end_to_end_id=debit.invoice_number,
        debtor_name=customer["name"],
        debtor_iban=debit.iban,
        amount_eur=debit.amount_eur,
        mandate_id=debit.mandate_id,
        mandate_signed_on=mandate["mandate_date"],
        description=f"{word} {debit.invoice_number}",
        sequence=debit.sequence,  # type: ignore[arg-type]
    )


def _message_id(decided: sa.Connection, partner_id: str, month: str) -> str:
    table = state.collection_files
    count = decided.execute(sa.select(sa.func.count()).select_from(table).where(table.c.partner_id == partner_id)).scalar_one()
    slug = re.sub(r"[^A-Za-z0-9]+", "-", partner_id).strip("-")[:SLUG_LENGTH]
    return f"{slug}-{month}-{count + 1:04d}"


def _made_before(decided: sa.Connection, partner_id: str, month: str, collect_on: date) -> sa.Row | None:
    """The file of the same question that nobody has yet, else the last one that was made."""
    table = state.collection_files
    alike = (table.c.partner_id == partner_id, table.c.month == month, table.c.collect_on == f"{collect_on}")
    files = decided.execute(sa.select(table).where(*alike).order_by(table.c.filed_at.is_not(None), table.c.message_id.desc()))
    return files.first()


def _debits_of(decided: sa.Connection, partner_id: str, message_id: str) -> list[Debit]:
    table = state.collections
    of_file = (table.c.partner_id == partner_id, table.c.message_id == message_id)
    rows = decided.execute(sa.select(table).where(*of_file).order_by(table.c.invoice_number)).fetchall()
    return [
        Debit(
            row.message_id,
            row.customer_id,
            row.invoice_number,
            Decimal(row.amount_eur),
            row.iban,
            row.mandate_id,
            row.sequence,
            date.fromisoformat(row.collect_on),
        )
        for row in rows
    ]


def _whole(file: sa.Row) -> bytes:
    if state.sha256(file.content) != file.content_sha256:
        raise TiktellerError(f"direct debits {file.message_id} in the state are not what was made", fix="restore the state from its backup")
    return file.content


def _why(found: _Sorted) -> str:
    counts = (
        (len(found.collected_before), "collected before"),
        (sum(each.reason != "credit" for each in found.refused), "with a mandate that cannot be used"),
        (sum(each.reason == "credit" for each in found.refused), "of a customer who has money to come"),
        (found.without_mandate, "without a mandate"),
    )
    return ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing of it is open"


def _fix(found: _Sorted) -> str:
    if found.refused:
        first = found.refused[0]
        return f"{first.customer_id}: {first.fix}"
    if found.collected_before:
        return "--again NUMBER collects an invoice again whose collection failed or came back"
    return "approve the month's invoices, or land iban, mandate_id and mandate_date in feed customers"
