"""Who is written to about invoices that are not paid: which reminders and formal notices are due, and writing them, once.

A letter is about all invoices of one customer that have come to the same point. It is kept whole in the state before it stands in
``documents/``: whoever is interrupted finds the same bytes again, and two who write at once do not write to one customer twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

import duckdb
import sqlalchemy as sa

from orchestration import state
from orchestration.billing.parties import branding_of, language_of, party_of, require_seller
from orchestration.documents import letters
from orchestration.documents.invoice import file_stem
from orchestration.documents.rendering import write_whole
from orchestration.errors import TiktellerError
from orchestration.receivables.open_invoices import CREDIT_FIX, OpenInvoice, in_credit, open_invoices, require_payments
from orchestration.serving.snapshots import Row, published, rows_of
from orchestration.workspace import Workspace

Kind = Literal["reminder", "formal_notice"]
Status = Literal["due", "written", "held", "off", "waiting", "done"]

REMINDER: Kind = "reminder"
FORMAL_NOTICE: Kind = "formal_notice"
FREE_DAYS = 14
"""What the law gives a consumer, from the day after delivery (article 6:96 of the Dutch Civil Code)."""
DELIVERY_DAYS = 4
"""Decided: a letter of a Saturday is delivered on Wednesday at the latest; the free days are over when they are over for that one."""
SETTLING_DAYS = 7
"""Decided: within so many days of a direct debit, what was collected stands in the payments, or has come back."""
LONGEST_TERM_DAYS = 90

SWITCHES = {REMINDER: "send_reminders", FORMAL_NOTICE: "send_formal_notices"}
FIXES = {
    "no_address": "land street, postal_code and city in feed customers",
    "credit": CREDIT_FIX,
    "unknown_customer": "land it in feed customers",
}
"""Why a letter is held -> what a person does about it."""


@dataclass(frozen=True)
class Notice:
    """Overdue invoices of one customer that have come to the same point, and the letter that is theirs.

    ``status``: due (to be written), written (just now), held (``reason``: a key of FIXES), off (the partner sends no such letter), waiting
    (until ``pay_by`` has passed, or until more is open), done (the formal notice was sent; what follows is a person's). ``costs_eur`` are
    the collection costs that the letter names, ``asked_eur`` what it asks: a consumer's letter names costs that it does not ask.
    """

    partner_id: str
    customer_id: str
    customer: str | None
    kind: Kind
    status: Status
    invoices: tuple[OpenInvoice, ...]
    pay_by: date | None
    reason: str | None = None
    letter: letters.Letter | None = None
    path: str | None = None

    @property
    def invoice_numbers(self) -> tuple[str, ...]:
        return tuple(each.invoice_number for each in self.invoices)

    @property
    def open_eur(self) -> Decimal:
        return sum((each.open_eur for each in self.invoices), Decimal(0))

    @property
    def costs_eur(self) -> Decimal:
        return self.letter.costs_eur if self.letter and self.kind == FORMAL_NOTICE else Decimal("0.00")

    @property
    def asked_eur(self) -> Decimal:
        return self.open_eur + (self.costs_eur if self.letter and self.letter.asks_costs else 0)


@dataclass(frozen=True)
class _Standing:
    """Where an invoice has come to: the letters that it had, by kind, until when each gave time; and when it is collected."""

    letters: Mapping[tuple[str, str], date]
    collected_on: Mapping[str, date]


def notices(workspace: Workspace, partner_id: str, as_of: date) -> list[Notice]:
    """All that is overdue on that day, each invoice in one notice, by customer; nothing is written.

    Raises TiktellerError where nothing is published for the partner, or its terms are none.
    """
    with published(workspace, partner_id) as (snapshot, _):
        return _notices(workspace, snapshot, partner_id, as_of)


def send(workspace: Workspace, partner_id: str, as_of: date) -> list[Notice]:
    """Write the letters that are due, dated that day, to ``documents/<partner>/<YYYY-MM>/letters/``; returns all notices as they are then.

    Each letter is decided for itself: whoever was interrupted goes on by sending again. Raises TiktellerError where payments wait in
    landing.
    """
    require_payments(workspace)
    with published(workspace, partner_id) as (snapshot, _):
        found = _notices(workspace, snapshot, partner_id, as_of)
        try:
            return [_sent(workspace, each) if each.status == "due" else each for each in found]
        finally:  # also when a later one cannot be made: what was decided is a letter
            file_letters(workspace, partner_id)


def file_letters(workspace: Workspace, partner_id: str, *, missing: bool = False) -> int:
    """Write the letters of the state that are not in ``documents/`` yet, byte for byte; with ``missing``, those too that are gone there.

    Raises TiktellerError where a letter is not the one that was sent.
    """
    table, written = state.letters, 0
    query = sa.select(table.c.letter_id, table.c.path, table.c.filed_at).where(table.c.partner_id == partner_id)
    with state.engine(workspace).connect() as decided:
        found = decided.execute(query if missing else query.where(table.c.filed_at.is_(None))).tuples().all()
    for letter_id, path, filed_at in found:
        place = workspace.documents / path
        if filed_at and place.is_file():
            continue
        with state.engine(workspace).connect() as decided:
            pdf, expected = decided.execute(sa.select(table.c.pdf, table.c.pdf_sha256).where(table.c.letter_id == letter_id)).tuples().one()
        if state.sha256(pdf) != expected:
            raise TiktellerError(f"letter {path} in the state is not the one that was sent", fix="restore the state from its backup")
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, pdf)
        with state.deciding(workspace) as decided:
            decided.execute(table.update().where(table.c.letter_id == letter_id).values(filed_at=state.now()))
        written += 1
    return written


def _sent(workspace: Workspace, notice: Notice) -> Notice:
    """Decide on one letter. What somebody else wrote about meanwhile is left to the next time: nobody is written to twice."""
    assert notice.letter is not None
    assert notice.pay_by is not None
    pdf = letters.letter_pdf(notice.letter)
    day = notice.letter.written_on
    name = file_stem(f"{notice.kind}-{notice.invoice_numbers[0]}")  # an invoice has one letter of a kind: no two letters share a file
    path = f"{notice.partner_id}/{day:%Y-%m}/letters/{name}.pdf"
    with state.deciding(workspace) as decided:
        state.one_at_a_time(decided, f"letters of {notice.partner_id}")
        table = state.letter_invoices
        of_kind = (table.c.partner_id == notice.partner_id, table.c.kind == notice.kind)
        if decided.execute(sa.select(table.c.letter_id).where(*of_kind, table.c.invoice_number.in_(notice.invoice_numbers))).first():
            return replace(notice, status="waiting", reason="written_meanwhile")
        letter_id = state.id_of(
            decided.execute(
                state.letters.insert().values(
                    partner_id=notice.partner_id,
                    customer_id=notice.customer_id,
                    kind=notice.kind,
                    written_on=f"{day}",
                    pay_by=f"{notice.pay_by}",
                    open_eur=f"{notice.open_eur}",
                    costs_eur=f"{notice.costs_eur}",
                    path=path,
                    pdf=pdf,
                    pdf_sha256=state.sha256(pdf),
                    written_at=state.now(),
                    written_by=state.whoami(),
                )
            )
        )
        decided.execute(
            table.insert(),
            [
                {
                    "partner_id": notice.partner_id,
                    "kind": notice.kind,
                    "invoice_number": each.invoice_number,
                    "letter_id": letter_id,
                    "open_eur": f"{each.open_eur}",
                }
                for each in notice.invoices
            ],
        )
        state.note(
            decided, notice.kind, notice.partner_id, notice.customer_id, f"{', '.join(notice.invoice_numbers)}: {notice.open_eur} EUR"
        )
    return replace(notice, status="written", path=path)


def _notices(workspace: Workspace, snapshot: duckdb.DuckDBPyConnection, partner_id: str, as_of: date) -> list[Notice]:
    partner = rows_of(snapshot, "select * from partner")[0]
    require_seller(partner)
    _require_terms(partner)
    customers = {row["customer_id"]: row for row in rows_of(snapshot, "select * from customers")}
    with state.engine(workspace).connect() as decided:
        found = open_invoices(workspace, decided, partner_id, as_of)
        standing = _standing(decided, partner_id)
    credited = in_credit(found)
    alike: dict[tuple[str, Kind, Status, date | None, str | None], list[OpenInvoice]] = {}
    for invoice in found:
        if invoice.days_overdue > 0:
            alike.setdefault((invoice.customer_id, *_step(partner, standing, invoice, as_of)), []).append(invoice)
    return [
        _notice(workspace, partner, customers.get(key[0]), credited, as_of, key[1:], alike[key])
        for key in sorted(alike, key=lambda key: tuple(map(str, key)))
    ]


def _step(partner: Row, standing: _Standing, invoice: OpenInvoice, as_of: date) -> tuple[Kind, Status, date | None, str | None]:
    """Which letter is next for an overdue invoice, whether it is due, until when it waits, and why."""
    number = invoice.invoice_number
    collected_on = standing.collected_on.get(number)
    if (noticed := standing.letters.get((FORMAL_NOTICE, number))) is not None:
        return FORMAL_NOTICE, "done", noticed, None
    reminded_until = standing.letters.get((REMINDER, number))
    kind = REMINDER if reminded_until is None and (partner["send_reminders"] or not partner["send_formal_notices"]) else FORMAL_NOTICE
    if collected_on is not None and as_of <= collected_on + timedelta(days=SETTLING_DAYS):
        return kind, "waiting", collected_on + timedelta(days=SETTLING_DAYS), "collected"
    if kind == FORMAL_NOTICE:  # of a partner that reminds nobody: when a reminder's time would have passed
        until = reminded_until or invoice.due_on + timedelta(days=partner["reminder_days"])
        if as_of <= until:
            return kind, "waiting", until, "reminded" if reminded_until else "no_reminders"
    return kind, "due" if partner[SWITCHES[kind]] else "off", None, None


def _notice(
    workspace: Workspace,
    partner: Row,
    customer: Row | None,
    credited: frozenset[str],
    as_of: date,
    step: Sequence[Any],
    invoices: Sequence[OpenInvoice],
) -> Notice:
    kind, status, pay_by, reason = step
    customer_id = invoices[0].customer_id
    name = customer["name"] if customer else None
    notice = Notice(partner["partner_id"], customer_id, name, kind, status, tuple(invoices), pay_by, reason)
    if status != "due":
        return notice
    if notice.open_eur < partner["least_letter_eur"]:
        return replace(notice, status="waiting", reason="too_little")
    if customer is None:
        return replace(notice, status="held", reason="unknown_customer")
    if not all(customer[part] for part in ("street", "postal_code", "city")):
        return replace(notice, status="held", reason="no_address")
    if customer_id in credited:
        return replace(notice, status="held", reason="credit")
    letter = letters.Letter(
        kind=kind,
        written_on=as_of,
        pay_by=as_of + timedelta(days=_days_to_pay(kind, partner, customer)),
        customer_id=customer_id,
        seller=party_of(partner),
        buyer=party_of(customer),
        open_invoices=tuple(
            letters.OpenInvoice(each.invoice_number, each.issued_on, each.due_on, each.gross_eur, each.settled_eur) for each in invoices
        ),
        branding=branding_of(workspace, partner),
        language=language_of(partner, customer),
        contact_email=partner["formal_notice_email"] if kind == FORMAL_NOTICE else None,
    )
    return replace(notice, letter=letter, pay_by=letter.pay_by)


def _days_to_pay(kind: Kind, partner: Row, customer: Row) -> int:
    if kind == REMINDER:
        return partner["reminder_days"]
    return DELIVERY_DAYS + FREE_DAYS if customer["kind"] == "consumer" else partner["formal_notice_days"]


def _require_terms(partner: Row) -> None:
    if "least_letter_eur" not in partner:
        raise TiktellerError(f"what is published of {partner['partner_id']} is of an earlier version", fix="tikteller run")
    for name in ("reminder_days", "formal_notice_days"):
        if not 1 <= partner[name] <= LONGEST_TERM_DAYS:
            raise TiktellerError(
                f"partners.{name} of {partner['partner_id']} is {partner[name]}",
                fix=f"give 1 to {LONGEST_TERM_DAYS} days, or leave it empty",
            )


def _standing(decided: sa.Connection, partner_id: str) -> _Standing:
    letter, of_invoice, collection = state.letters, state.letter_invoices, state.collections
    had = (
        decided.execute(
            sa.select(of_invoice.c.kind, of_invoice.c.invoice_number, letter.c.pay_by)
            .join_from(of_invoice, letter, of_invoice.c.letter_id == letter.c.letter_id)
            .where(of_invoice.c.partner_id == partner_id)
        )
        .tuples()
        .all()
    )
    collected = (
        decided.execute(
            sa.select(collection.c.invoice_number, collection.c.collect_on).where(
                collection.c.partner_id == partner_id, collection.c.returned_at.is_(None)
            )
        )
        .tuples()
        .all()
    )
    return _Standing(
        {(kind, number): date.fromisoformat(pay_by) for kind, number, pay_by in had},
        {number: date.fromisoformat(day) for number, day in collected},
    )


def told(partner_id: str, found: Sequence[Notice]) -> Iterator[str]:
    """A line for people about every kind of notice that gets no letter though its time has come."""
    for kind, switch in SWITCHES.items():
        off = [each for each in found if each.status == "off" and each.kind == kind]
        if off:
            invoices = sum(len(each.invoices) for each in off)
            total = sum((each.open_eur for each in off), Decimal(0))
            what = kind.replace("_", " ")
            yield f"{partner_id} sends no {what}s (partners.{switch}): {len(off)} customers would get one, {invoices} invoices, {total} EUR"
    for each in found:
        numbers = ", ".join(each.invoice_numbers)
        if each.status == "held":
            assert each.reason is not None
            what = f"{each.customer_id} gets no {each.kind.replace('_', ' ')} for {numbers} ({each.open_eur} EUR)"
            yield f"{what}: {each.reason}. Fix: {FIXES[each.reason]}"
        elif each.reason == "written_meanwhile":
            yield f"{each.customer_id}: somebody else wrote about {numbers} meanwhile"


def outlook(workspace: Workspace, partner_id: str, as_of: date, found: Sequence[Notice]) -> str:
    """What comes next where no letter is due: the invoice that waits least long, or that nothing is open."""
    with published(workspace, partner_id), state.engine(workspace).connect() as decided:
        in_time = [each for each in open_invoices(workspace, decided, partner_id, as_of) if each.open_eur > 0 and each.days_overdue == 0]
    waiting = [(each.pay_by, each.customer_id, each.invoice_numbers[0]) for each in found if each.status == "waiting" and each.pay_by]
    waiting += [(each.due_on, each.customer_id, each.invoice_number) for each in in_time]
    if waiting:
        until, customer_id, number = min(waiting)
        return f"no letter is due on {as_of}; the first may be after {until}, for {number} of {customer_id}"
    return f"no letter is due on {as_of}" + ("; --all shows why" if found else ": nothing is open")
