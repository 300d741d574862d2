"""How the demo's customers pay: mandates for direct debits, and payments of invoices that are still to be approved.

Numbers are given at approval: those of the first month that a partner approves are the first behind its last one. What an
invoice will ask nobody knows here, so that these are parts, a few of them, late. The other customers pay nothing, and both
kinds of letters have somebody to go to.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from orchestration.demo.files import Value
from orchestration.demo.partners import PARTNERS, Customer, Partner, iban

MANDATES_PERCENT = 30
UNUSABLE = {
    "kl-006": {"iban": "NL00TEST123"},
    "kl-011": {"mandate_date": ""},
    "bh-009": {"mandate_id": "M_009"},
}
"""Mandates that no bank would take, by customer: an account that is none, a day that is missing, a sign that banks refuse."""

PARTS = 6
"""Invoices of each partner of which a part comes in; two of them in two parts."""
FIRST_PART_ON = date(2026, 10, 16)
"""The day after the first month's invoices of the partner with fourteen days were due, when they were issued on October 1."""


def mandate_of(customer: Customer) -> tuple[Value, Value, Value]:
    """iban, mandate_id and mandate_date; empty for most customers."""
    dice = random.Random(f"mandate {customer.customer_id}")
    signs = dice.randrange(100) < MANDATES_PERCENT or customer.customer_id in UNUSABLE
    if not signs:
        return "", "", ""
    signed_on = date(2024, 1, 1) + timedelta(days=dice.randrange(900))
    mandate = {
        "iban": iban("TEST", f"{dice.randrange(10**9):010d}"),
        "mandate_id": f"M-{customer.customer_id.upper()}",
        "mandate_date": signed_on.isoformat(),
    } | UNUSABLE.get(customer.customer_id, {})
    return mandate["iban"], mandate["mandate_id"], mandate["mandate_date"]


def part_payments() -> list[tuple[Value, ...]]:
    """Rows of feed payments: parts of the first invoices that each partner will approve."""
    return [row for partner in PARTNERS for row in _parts(partner)]


def _parts(partner: Partner) -> Iterator[tuple[Value, ...]]:
    dice = random.Random(f"part payments {partner.partner_id}")
    for position in range(PARTS):
        number = partner.invoice_number(partner.last_invoice_number + 1 + 3 * position)
        for part in range(2 if position < 2 else 1):
            paid_on = FIRST_PART_ON + timedelta(days=2 * position + 3 * part)
            yield number, paid_on, Decimal(dice.randint(100, 900)).scaleb(-2)
