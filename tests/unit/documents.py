"""Invoices for the tests of documents: made-up parties, an IBAN of a bank that does not exist, amounts that add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from orchestration.documents.invoice import Branding, CallRecord, Invoice, InvoiceLine, Party, vat_subtotals

LOGO = b"""<svg xmlns="http://www.w3.org/2000/svg" width="300" height="80"><rect width="80" height="80" rx="16" fill="#0b7285"/>
<path d="M18 52 L34 24 L46 44 L54 32 L62 52" fill="none" stroke="white" stroke-width="6"/>
<circle cx="120" cy="40" r="22" fill="#f08c00"/></svg>"""

SELLER = Party(
    name="Kustlijn Telecom B.V.",
    street="Voorbeeldkade 1",
    postal_code="1234 KL",
    city="Voorbeeldstad",
    vat_number="NL000000012B01",
    coc_number="00000101",
    email="facturen@kustlijn.example",
    iban="NL13TEST0123456789",
    bic="TESTNL2A",
)
BUYER = Party(
    name="Bakkerij De Gouden Aar",
    street="Voorbeeldstraat 12",
    postal_code="1234 AZ",
    city="Voorbeeldstad",
    email="administratie@gouden-aar.example",
    coc_number="00000202",
)
BRANDING = Branding(
    logo=LOGO,
    brand_color="#0b7285",
    footer="Kustlijn Telecom: bellen zonder omwegen",
    closing_name="Team administratie van Kustlijn Telecom",
)

LINES = (
    InvoiceLine(1, "nrc", "SIP trunk", 1, Decimal("15.00"), service_code="sip"),
    InvoiceLine(2, "mrc", "SIP trunk", 2, Decimal("12.34"), service_code="sip"),
    InvoiceLine(3, "mrc", "Nummerblok van 10", 1, Decimal("4.50"), service_code="block10"),
    InvoiceLine(4, "seat", "3CX hosting north", 12, Decimal("33.00"), service_code="3cx", pbx_id="north"),
    InvoiceLine(
        5, "airtime", "Nederland MOB", 18, Decimal("1.92"), country="NL", country_name="Nederland", line_type="MOB", duration_s=2310
    ),
    InvoiceLine(6, "calls", "België FIX", 3, Decimal("0.30"), country="BE", country_name="België", line_type="FIX", duration_s=305),
    InvoiceLine(
        7, "calls", "Nederland FIX", 312, Decimal("24.13"), country="NL", country_name="Nederland", line_type="FIX", duration_s=61234
    ),
    InvoiceLine(
        8, "calls", "Nederland MOB", 1204, Decimal("181.07"), country="NL", country_name="Nederland", line_type="MOB", duration_s=91234
    ),
    InvoiceLine(
        9, "calls", "Nederland SPECIAL", 2, Decimal("1.10"), country="NL", country_name="Nederland", line_type="SPECIAL", duration_s=122
    ),
)

MONTHS = {
    9: (date(2026, 9, 1), date(2026, 9, 30)),
    10: (date(2026, 10, 1), date(2026, 10, 31)),
    11: (date(2026, 11, 1), date(2026, 11, 30)),
}


def of_months(line: InvoiceLine, first: int, last: int | None = None) -> InvoiceLine:
    return replace(line, period_start=MONTHS[first][0], period_end=MONTHS[last or first][1])


BILLED_MONTHS = (
    of_months(LINES[0], 10),
    of_months(LINES[1], 11),
    of_months(
        replace(LINES[2], description="Verrekening", service_name="SIP trunk", settled_month="2026-09", amount_eur=Decimal("-4.50")), 9
    ),
    of_months(LINES[3], 10),
    of_months(LINES[4], 10),
    of_months(LINES[5], 9, 10),
    *(of_months(line, 10) for line in LINES[6:]),
)
"""An invoice of October: a trunk of November in advance, a settlement of September, a late call of September."""

CALLS = (
    CallRecord(
        date(2026, 10, 25),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        "31850000001",
        "31612345678",
        61,
        Decimal("0.1063"),
        "NL Mobile",
        "NL",
        "MOB",
    ),
    CallRecord(
        date(2026, 10, 25), datetime(2026, 10, 25, 1, 30), "31850000001", "31201234567", 61, Decimal("0.0453"), "NL Fixed", "NL", "FIX"
    ),
    CallRecord(
        date(2026, 9, 30),
        datetime(2026, 9, 30, 9, 0, tzinfo=UTC),
        "+31850000001",
        "+3221234567",
        125,
        Decimal("0.1000"),
        "=Belgium",
        "BE",
        "FIX",
    ),
)


def invoice(lines: Sequence[InvoiceLine] = LINES, **changes: object) -> Invoice:
    """An invoice over ``lines`` with the totals that belong to them."""
    subtotals = vat_subtotals(lines)
    net, vat = sum((s.net_eur for s in subtotals), Decimal(0)), sum((s.vat_eur for s in subtotals), Decimal(0))
    fields: dict[str, object] = {
        "partner_id": "kustlijn",
        "customer_id": "kustlijn-c001",
        "invoice_number": "INV15901583",
        "month": "2026-10",
        "issued_on": date(2026, 11, 3),
        "due_on": date(2026, 12, 3),
        "seller": SELLER,
        "buyer": BUYER,
        "lines": tuple(lines),
        "net_eur": net,
        "vat_eur": vat,
        "gross_eur": net + vat,
        "branding": BRANDING,
        "calls": CALLS,
    }
    return Invoice(**(fields | changes))  # type: ignore[arg-type]


def credited(lines: Sequence[InvoiceLine] = LINES, **changes: object) -> Invoice:
    """The credit note for the whole of an invoice over ``lines``."""
    negative = [replace(line, amount_eur=-line.amount_eur) for line in lines]
    changes = {"kind": "credit_note", "invoice_number": "INV15901599", "credited_invoice_number": "INV15901583", "calls": ()} | changes
    return invoice(negative, **changes)


def with_vat(category: str, lines: Sequence[InvoiceLine] = LINES) -> tuple[InvoiceLine, ...]:
    return tuple(replace(line, vat_category=category, vat_percent=Decimal(21 if category == "standard" else 0)) for line in lines)
