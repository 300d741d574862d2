"""Credit notes: an approved invoice is taken back, whole or by lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from orchestration import state
from orchestration.billing.approved import document_of
from orchestration.billing.basis import by_invoice
from orchestration.billing.drafts import CREDIT_NOTE, INVOICE, day_of_issue
from orchestration.billing.number_series import locked_numbers
from orchestration.billing.settlements import SettledLine, settled_since
from orchestration.billing.storing import Approved, dumped, store
from orchestration.documents.invoice import (
    round_cents,
)
from orchestration.errors import TiktellerError
from orchestration.serving.snapshots import Row, published, rows_of
from orchestration.workspace import Workspace


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
                f"{partner_id} has no approved invoice {invoice_number!r}", fix=f"tikteller invoices list --partner {partner_id}"
            )
        content = state.read_content(original.content, invoice_number)
        # the series of now: a credit note of January for December's invoice is January's
        numbers = locked_numbers(decided, rows_of(snapshot, "select * from partner")[0])
        notes = decided.execute(
            sa.select(state.invoices).where(of_partner, state.invoices.c.credited_invoice_number == invoice_number)
        ).fetchall()
        # a month whose total was below nothing refers to the invoice too, and credits no line of it
        noted = [line for note in notes for line in state.read_content(note.content, note.invoice_number).lines]
        credited_lines = [line for line in noted if line["credited_line"] is not None]
        credited = {line["credited_line"] for line in credited_lines}
        settled = settled_since(decided, snapshot, content.invoice, content.lines)
        _require_creditable(content.lines, set(lines) if lines is not None else None, credited, settled, invoice_number)
        stored = json.loads(original.content)  # the note is of the version of its invoice, and says neither more nor less
        wanted = [line for line in stored["lines"] if lines is None or line["line_number"] in lines]
        issued = day_of_issue(snapshot, issued_on)
        if issued_on is None:  # the invoice was issued, whatever the clock of this machine says
            issued = max(issued, date.fromisoformat(original.issued_on))
        if issued < date.fromisoformat(original.issued_on):
            raise TiktellerError(
                f"{issued} is before invoice {invoice_number} was issued, on {original.issued_on}",
                fix=f"give --date {original.issued_on} or later",
            )
        note = {
            **stored["invoice"],
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
        document = dumped({**stored, "invoice": note, "lines": negative, "reason": reason})
        document_of(state.read_content(document, note["invoice_number"]), (), None)  # what contradicts itself gets no number
        kept = store(decided, note, document)
        state.note(decided, "credit", partner_id, kept.invoice_number, f"{invoice_number}: {reason}")
    return replace(kept, remarks=tuple(numbers.remarks))


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
    for note in by_invoice(dict(line) for line in lines).values():
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
    problem, fix = "", may
    if foreign := wanted - on_it:
        problem = f"line {_listed(foreign)} is not on it"
    elif again := wanted & credited:
        problem = f"line {_listed(again)} was credited before"
    elif twice := wanted & set(of_settled):
        told = (of_settled[line] for line in sorted(twice))
        by = "; ".join(f"line {each.line_number} was settled on {each.invoice_number}, line {each.settling_line}" for each in told)
        problem = f"it would be paid back twice: {by}"
        fix = f"correct the order in its feed: what remains of it is settled on the next invoice ({may})"
    if problem:
        raise TiktellerError(f"invoice {invoice_number} cannot be credited so: {problem}", fix=fix)


def _listed(lines: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(lines)))


def _totals(lines: Sequence[Row]) -> tuple[Decimal, Decimal]:
    """Net and VAT, rounded once per category on the sum of its lines, with the corrections of a credit note."""
    net = _by_category(lines)
    vat = sum((_vat_of(key, amount) for key, amount in net.items()), Decimal(0))
    return sum(net.values(), Decimal(0)), vat + sum((Decimal(line.get("vat_correction_eur") or 0) for line in lines), Decimal(0))
