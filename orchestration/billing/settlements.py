"""Lines of approved invoices that a later invoice settled, because an order ended or was corrected after they were billed.

A line that a person credits is that person's to settle: the models (int_charge_settlements) settle it no more. The other way round
nothing can be taken back: what was settled has been paid back, so such a line is not credited as a whole on top of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import sqlalchemy as sa

from orchestration import state

LATER_SETTLEMENTS = """
    select distinct settled.invoice_month, settled.month
    from service_charges as billed
    inner join service_charges as settled
        on billed.customer_id = settled.customer_id and billed.kind = settled.kind and billed.service_code = settled.service_code
        and billed.month = settled.month and billed.order_id is not distinct from settled.order_id
        and billed.line_number is not distinct from settled.line_number
        and (billed.kind <> 'seat' or billed.pbx_id is not distinct from settled.pbx_id)
    where
        billed.customer_id = $customer_id and billed.invoice_month = $month and billed.kind = $kind and billed.service_code = $service_code
        and case when billed.is_settlement then billed.month end is not distinct from $settled_month
        and billed.month = coalesce($service_month, billed.month)
        and (billed.kind <> 'seat' or billed.pbx_id is not distinct from $pbx_id)
        and (
            $unit_price_eur is null
            or (billed.unit_sale_eur = cast($unit_price_eur as decimal(18, 6)) and coalesce(billed.days, 0) = coalesce($days, 0))
        )
        and settled.is_settlement and settled.invoice_month > billed.invoice_month
    order by 1, 2
"""
OF_A_SETTLEMENT = ("kind", "service_code", "pbx_id", "settled_month")
"""What tells the lines of one invoice's services, seats and settlements apart."""


@dataclass(frozen=True)
class SettledLine:
    """Line ``line_number`` of an approved invoice, and the line of a later one by which (some of) it was settled.

    ``invoice_number`` is the later one's, or the id of a draft whose month was closed.
    """

    line_number: int
    invoice_number: str
    settling_line: int


def settled_since(
    decided: sa.Connection, snapshot: duckdb.DuckDBPyConnection, invoice: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]
) -> list[SettledLine]:
    """Which of an approved invoice's lines were settled by lines of later months that are final and that nobody has credited since.

    Final is a month that is approved, or closed: of the latter the invoice may still be a draft, whose settlements stand all the same.
    """
    found = []
    for line in lines:
        if line["service_code"] is None:
            continue
        wanted = {name: line[name] for name in OF_A_SETTLEMENT} | {"service_month": (line["period_start"] or "")[:7] or None}
        wanted |= {"unit_price_eur": line["unit_price_eur"], "days": line["days"]}  # both empty on a line of before
        wanted |= {"customer_id": invoice["customer_id"], "month": invoice["month"]}
        for invoice_month, settled_month in snapshot.execute(LATER_SETTLEMENTS, wanted).fetchall():
            settling = {**line, "settled_month": settled_month}
            found += [
                SettledLine(line["line_number"], name, each["line_number"])
                for name, each in _final_lines(decided, snapshot, invoice["partner_id"], invoice["customer_id"], invoice_month)
                if all(each[of] == settling[of] for of in OF_A_SETTLEMENT)
            ]
    return found


def _final_lines(
    decided: sa.Connection, snapshot: duckdb.DuckDBPyConnection, partner_id: str, customer_id: str, month: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The lines of a customer's month that is final, less what was credited; each with the invoice's number or the draft's id."""
    invoices = state.invoices.c
    of_month = sa.select(state.invoices).where(
        invoices.partner_id == partner_id, invoices.customer_id == customer_id, invoices.month == month
    )
    approved = next((row for row in decided.execute(of_month) if not state.is_credited_by_hand(row.invoice_id)), None)
    if approved:
        credited = _credited_lines(decided, partner_id, approved.invoice_number)
        lines = state.read_content(approved.content, approved.invoice_number).lines
        yield from ((approved.invoice_number, line) for line in lines if line["line_number"] not in credited)
        return
    frozen = state.frozen_months.c
    is_final = sa.select(frozen.freeze_id).where(frozen.partner_id == partner_id, frozen.customer_id == customer_id, frozen.month == month)
    if decided.execute(is_final).first():
        rows = snapshot.execute(
            f"select invoice_id, line_number, {', '.join(OF_A_SETTLEMENT)} from invoice_lines where customer_id = ? and month = ?",
            [customer_id, month],
        )
        for invoice_id, line_number, *of_line in rows.fetchall():
            if not state.is_credited_by_hand(invoice_id):
                yield invoice_id, {"line_number": line_number} | dict(zip(OF_A_SETTLEMENT, of_line, strict=True))


def credited_since(decided: sa.Connection, snapshot: duckdb.DuckDBPyConnection, partner_id: str, month: str) -> set[str]:
    """Customers for whom the month settles something, and who got a credit note by hand since the snapshot was made.

    What the note credits may be settled in that month too: made final as it stands, it would be paid back twice.
    """
    seen = {invoice_id for (invoice_id,) in snapshot.execute("select invoice_id from invoices").fetchall()}
    settled = snapshot.execute(
        "select distinct customer_id from service_charges where invoice_month = ? and is_settlement", [month]
    ).fetchall()
    notes = decided.execute(
        sa.select(state.invoices.c.invoice_id, state.invoices.c.customer_id).where(
            state.invoices.c.partner_id == partner_id, state.invoices.c.credited_invoice_number.is_not(None)
        )
    )
    # a month below nothing was approved as a credit note, and credits no line
    credited = {
        customer_id for invoice_id, customer_id in notes.tuples() if invoice_id not in seen and state.is_credited_by_hand(invoice_id)
    }
    return credited & {customer_id for (customer_id,) in settled}


def _credited_lines(decided: sa.Connection, partner_id: str, invoice_number: str) -> set[int]:
    notes = decided.execute(
        sa.select(state.invoices.c.content, state.invoices.c.invoice_number).where(
            state.invoices.c.partner_id == partner_id, state.invoices.c.credited_invoice_number == invoice_number
        )
    )
    return {
        line["credited_line"]
        for note in notes
        for line in state.read_content(note.content, note.invoice_number).lines
        if line["credited_line"]
    }
