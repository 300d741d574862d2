"""Approved invoices as documents: what was stored, read again."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

import pyarrow.parquet as pq
import sqlalchemy as sa

from orchestration import state
from orchestration.billing.parties import (
    language_of,
    party_of,
    read_logo,
)
from orchestration.documents.invoice import (
    CallRecord,
    Invoice,
    InvoiceLine,
    usable_branding,
)
from orchestration.documents.rendering import NOT_TO_BE_MADE, FailedInvoice
from orchestration.serving.snapshots import Row
from orchestration.workspace import Workspace


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
                content = state.read_content(row.content, row.invoice_number)
                freeze_id = decided.execute(
                    sa.select(state.frozen_months.c.freeze_id).where(
                        state.frozen_months.c.partner_id == row.partner_id,
                        state.frozen_months.c.customer_id == row.customer_id,
                        state.frozen_months.c.month == row.month,
                    )
                ).scalar_one_or_none()
                is_of_month = not state.is_credited_by_hand(row.invoice_id)
                calls = frozen(freeze_id).get(row.customer_id, []) if freeze_id is not None and is_of_month else []
                made: Invoice | FailedInvoice = document_of(content, calls, _logo_of(workspace, decided, content))
            except NOT_TO_BE_MADE as error:
                made = FailedInvoice.of(row.invoice_number, error)
            yield made


def _logo_of(workspace: Workspace, decided: sa.Connection, content: state.Content) -> bytes | None:
    """The logo that an approved invoice bears: that of its approval; of one from before logos were kept, the partner's now."""
    if content.logo_is_todays:
        return read_logo(workspace, content.partner)
    if content.logo_sha256 is None:
        return None
    return decided.execute(sa.select(state.logos.c.content).where(state.logos.c.sha256 == content.logo_sha256)).scalar_one_or_none()


def document_of(content: state.Content, calls: Sequence[CallRecord], logo: bytes | None) -> Invoice:
    invoice, partner, customer = content.invoice, content.partner, content.customer
    return Invoice(
        partner_id=invoice["partner_id"],
        customer_id=invoice["customer_id"],
        invoice_number=invoice["invoice_number"],
        month=invoice["month"],
        issued_on=date.fromisoformat(invoice["issued_on"]),
        due_on=date.fromisoformat(invoice["due_on"]),
        seller=party_of(partner),
        buyer=party_of(customer),
        lines=tuple(_line(line, content.country_names) for line in content.lines),
        net_eur=Decimal(invoice["net_eur"]),
        vat_eur=Decimal(invoice["vat_eur"]),
        gross_eur=Decimal(invoice["gross_eur"]),
        kind=invoice["kind"],
        credited_invoice_number=invoice["credited_invoice_number"],
        branding=usable_branding(logo, partner["brand_color"], partner["footer"], partner["closing_name"]),
        language=language_of(partner, customer),
        buyer_reference=customer["buyer_reference"],
        time_zone=partner["time_zone"],
        notes=(content.reason,) if content.reason else (),
        calls=tuple(calls),
    )


def _line(line: Row, country_names: Mapping[str, str]) -> InvoiceLine:
    is_call = line["kind"] in ("calls", "airtime") and line["country"] is not None
    return InvoiceLine(
        line_number=int(line["line_number"]),
        kind=line["kind"],
        description=line["description"],
        quantity=int(line["quantity"]),
        amount_eur=Decimal(line["amount_eur"]),
        vat_category=line["vat_category"],
        vat_percent=Decimal(line["vat_percent"]),
        country=line["country"],
        country_name=country_names.get(line["country"]) if is_call else None,
        line_type=line["line_type"],
        service_code=line["service_code"],
        pbx_id=line["pbx_id"],
        duration_s=int(line["duration_s"]) if line["duration_s"] is not None else None,
        service_name=line["service_name"],
        settled_month=line["settled_month"],
        period_start=date.fromisoformat(line["period_start"]) if line["period_start"] else None,
        period_end=date.fromisoformat(line["period_end"]) if line["period_end"] else None,
        unit_price_eur=Decimal(line["unit_price_eur"]) if line["unit_price_eur"] is not None else None,
        days=int(line["days"]) if line["days"] is not None else None,
        days_in_month=int(line["days_in_month"]) if line["days_in_month"] is not None else None,
        is_of_several_prices=line["is_of_several_prices"],
        vat_correction_eur=Decimal(line["vat_correction_eur"] or 0),
    )


def _calls_by_customer(content: bytes) -> dict[str, list[CallRecord]]:
    rated = pq.read_table(io.BytesIO(content)).to_pylist()
    found: dict[str, list[CallRecord]] = {}
    for call in sorted(rated, key=lambda each: (each["customer_id"], each["started_at"], each["call_key"])):
        if call["status"] != "rated":
            continue
        found.setdefault(call["customer_id"], []).append(call_record(call))
    return found


def call_record(call: Row) -> CallRecord:
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
