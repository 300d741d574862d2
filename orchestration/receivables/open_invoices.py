"""What each approved invoice still asks: the invoices and credit notes of the state, less the payments that are published.

The rule is ``open_items_as_of``, by which the table ``open_items`` and ``tikteller export ageing`` are made, with one difference: somebody
who has paid is asked for nothing, whatever day the bank wrote beside it. So every payment and credit note that is known counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from orchestration import serving, state
from orchestration.errors import TiktellerError
from orchestration.landing.waiting import waiting_files
from orchestration.warehouse.formulas import formula
from orchestration.workspace import PLATFORM, Workspace

# Payments of all partners: one that names an invoice approved since the last run is still nobody's there, or its partner's by its look
MOVEMENTS = f"""
    select
        partner_id, customer_id, invoice_id, month, kind, settles_invoice_number, happened_on, due_on, amount_eur,
        null::varchar as status_reason
    from approved

    union all

    select
        approved.partner_id, approved.customer_id, approved.invoice_id, approved.month, 'payment', approved.settles_invoice_number,
        payments.happened_on, approved.due_on, payments.amount_eur, null
    from receivables as payments
    inner join approved on {formula("invoice_key", "payments.invoice_number")} = {formula("invoice_key", "approved.invoice_number")}
    where payments.kind = 'payment'
        and (payments.partner_id = approved.partner_id or payments.partner_id is null)
        and payments.status_reason is distinct from 'ambiguous_invoice'
"""
KNOWN_MOVEMENTS = f"""
    (
        select
            * replace (case when kind = 'invoice' then happened_on else least(happened_on, $as_of::date) end as happened_on),
            $as_of::date as as_of_date
        from ({MOVEMENTS})
    )
"""
QUESTION = f"""
    select invoice_number, customer_id, month, issued_on, due_on, gross_eur, gross_eur - open_eur as settled_eur, days_overdue
    from {formula("open_items_as_of", KNOWN_MOVEMENTS)}
    where open_eur <> 0 and issued_on <= $as_of::date
    order by due_on, invoice_number
"""

CREDIT_FIX = "pay it back or set it off: two rows in feed payments, one with a negative amount"
"""What a person does about a customer who is in credit."""


@dataclass(frozen=True)
class OpenInvoice:
    """An approved invoice that is not settled. ``settled_eur`` was paid or credited; ``open_eur`` is negative where that was too much.

    ``days_overdue`` is 0 where nothing is open or the last day to pay has not passed.
    """

    invoice_number: str
    customer_id: str
    month: str
    issued_on: date
    due_on: date
    gross_eur: Decimal
    settled_eur: Decimal
    days_overdue: int

    @property
    def open_eur(self) -> Decimal:
        return self.gross_eur - self.settled_eur


def open_invoices(workspace: Workspace, decided: sa.Connection, partner_id: str, as_of: date) -> list[OpenInvoice]:
    """The partner's invoices that were issued by that day and are not settled, the longest due first; ``decided`` is the state's."""
    columns = sa.select(
        state.invoices.c.partner_id,
        state.invoices.c.customer_id,
        state.invoices.c.invoice_id,
        state.invoices.c.invoice_number,
        state.invoices.c.month,
        state.invoices.c.kind,
        sa.func.coalesce(state.invoices.c.credited_invoice_number, state.invoices.c.invoice_number).label("settles_invoice_number"),
        state.invoices.c.issued_on.label("happened_on"),
        state.invoices.c.due_on,
        state.invoices.c.content,
    ).where(state.invoices.c.partner_id == partner_id)
    rows = decided.execute(columns).mappings().fetchall()
    if not rows:
        return []
    published = serving.current_snapshot(workspace, PLATFORM)
    with closing(serving.connect(published)) as platform:
        serving.require_whole(platform, published)
        state.require_known(workspace, serving.edition_of(platform), published, decided)
        _require_published(platform, partner_id)
        texts = {name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]}
        platform.register("stored", pa.table(texts))
        platform.execute(
            "create temp table approved as select * replace (happened_on::date as happened_on, due_on::date as due_on),"
            " (content ->> '$.invoice.gross_eur')::decimal(18, 2) as amount_eur from stored"
        )
        versions = "select coalesce((content ->> '$.version')::integer, 1), min(invoice_number) from stored group by 1"
        for version, invoice_number in platform.execute(versions).fetchall():
            state.require_readable(version, invoice_number)
        return serving.rows_as(OpenInvoice, platform.execute(QUESTION, {"as_of": as_of}))


def in_credit(found: Iterable[OpenInvoice]) -> frozenset[str]:
    """Customers who have money to come on an invoice: until it is paid back or set off, nobody asks them for any, by letter or by debit."""
    return frozenset(each.customer_id for each in found if each.open_eur < 0)


def _require_published(platform: duckdb.DuckDBPyConnection, partner_id: str) -> None:
    """Raises TiktellerError where the partner was held back: nobody is asked for money by figures that did not pass."""
    try:
        held = platform.execute(
            "select held_because from partner_snapshots where partner_id = ? and held_because is not null", [partner_id]
        ).fetchone()
    except duckdb.CatalogException:  # of an older version
        return
    if held:
        raise TiktellerError(f"{partner_id} was held back by the last run: {held[0][:300]}", fix="tikteller status says more; then again")


def require_payments(workspace: Workspace) -> None:
    """Raises TiktellerError where payments have landed that no run has published yet: somebody would be asked for what was paid."""
    waiting = waiting_files(workspace, "payments")
    if waiting:
        some = ", ".join(each.file for each in waiting[:3]) + (" and more" if len(waiting) > 3 else "")
        raise TiktellerError(f"payments wait in landing ({some}): who paid would be asked again", fix="tikteller run, then again")
