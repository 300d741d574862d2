"""An invoice is kept whole, with its number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from orchestration import state
from orchestration.billing.basis import Basis
from orchestration.output import plain
from orchestration.serving.snapshots import Row
from orchestration.state import contents
from orchestration.warehouse.contracts import contract


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


def keep_logo(decided: sa.Connection, logo: bytes | None) -> str | None:
    """Put a logo beside the decisions that bear it; its hash."""
    if logo is None:
        return None
    sha256 = state.sha256(logo)
    decided.execute(state.insert_or_ignore(decided, state.logos), [{"sha256": sha256, "content": logo}])
    return sha256


def store(decided: sa.Connection, invoice: Row, content: str) -> Approved:
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


def content_of(invoice: Row, basis: Basis, logo_sha256: str | None) -> str:
    """What is kept of an approved invoice, in the version of today: all its keys, empty where a snapshot does not say."""
    lines = basis.lines.get(invoice["invoice_id"], ())
    used = {line["country"] for line in lines if line["country"]}
    return dumped(
        {
            "version": contents.VERSION,
            "invoice": {name: invoice[name] for name in contract("invoices")},
            "lines": [dict.fromkeys(contents.LINE_KEYS) | dict(line) for line in lines],
            "partner": dict.fromkeys(contents.PARTNER_KEYS) | dict(basis.partner),
            "customer": dict.fromkeys(contents.CUSTOMER_KEYS) | dict(basis.customers[invoice["customer_id"]]),
            "logo_sha256": logo_sha256,
            "country_names": {country: basis.country_names[country] for country in sorted(used) if country in basis.country_names},
            "reason": None,
        }
    )


def dumped(content: Row) -> str:
    return json.dumps(content, default=plain, ensure_ascii=False, sort_keys=True)
