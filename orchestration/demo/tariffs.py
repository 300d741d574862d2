"""What the partners sell at: call plans, the catalogue of services, and service plans with their markups."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from orchestration.demo.files import Value
from orchestration.demo.partners import PARTNERS, SHORT
from orchestration.demo.period import BEFORE_EVERYTHING

CALL_PLAN_COLUMNS = (
    "call_plan_id", "partner_id", "name", "description", "onnet_billing", "rounding_seconds", "rounding_decimals",
)  # fmt: skip
CALL_PLAN_RATE_COLUMNS = (
    "call_plan_id", "country", "line_type", "connection_fee_eur", "minute_rate_eur", "minute_rate_percent",
    "valid_from", "valid_to",
)  # fmt: skip
SERVICE_COLUMNS = (
    "service_code", "category", "name", "metering", "charged", "nrc_purchase_eur", "mrc_purchase_eur", "valid_from",
    "valid_to", "license_calls",
)  # fmt: skip
SERVICE_PLAN_COLUMNS = ("service_plan_id", "partner_id", "name")
MARKUP_COLUMNS = (
    "service_plan_id", "category", "service_code", "nrc_percent", "mrc_percent", "nrc_eur", "mrc_eur", "valid_from",
    "valid_to",
)  # fmt: skip
RATE_CHANGE = date(2026, 10, 20)
"""From here on the business plans' Dutch mobile rate is another: calls of one invoice have two rates."""

# call_plan_id without its partner, name, description, on-net billing, rounding of seconds and of the price
CALL_PLANS = (
    ("standaard", "Standaard", "Voor iedereen zonder eigen afspraak", False, 1, 4),
    ("zakelijk", "Zakelijk", "Per seconde, interne gesprekken gratis", False, 1, 4),
    ("callcenter", "Callcenter", "Lage minuutprijs, ook tussen eigen klanten betaald", True, 1, 4),
    ("hotel", "Hotel per minuut", "Hele minuten, voor doorbelasting aan gasten", False, 60, 4),
    ("centen", "Hele centen", "Per gesprek afgerond op centen", False, 1, 2),
)

# per plan: country, line type, connection fee, EUR per minute or percent of purchase ("175%")
CALL_PLAN_RATES = {
    "standaard": (
        ("*", "FIX", "0.0250", "175%"), ("*", "MOB", "0.0250", "175%"), ("NL", "FIX", "0.0250", "0.0200"),
        ("NL", "MOB", "0.0250", "0.0800"), ("BE", "FIX", "0.0250", "0.0350"), ("BE", "MOB", "0.0250", "0.2200"),
    ),
    "zakelijk": (
        ("*", "FIX", "0.0200", "160%"), ("*", "MOB", "0.0200", "150%"), ("NL", "FIX", "0.0150", "0.0150"),
        ("NL", "MOB", "0.0150", "0.0650"), ("DE", "*", "0.0200", "0.0450"), ("GB", "MOB", "0.0200", "200%"),
        ("US", "FIX", "0", "0.0199"), ("*", "SPECIAL", "0.0500", "120%"), ("NL", "SPECIAL", "0.0450", "110%"),
    ),
    "callcenter": (
        ("*", "*", "0", "140%"), ("NL", "FIX", "0", "0.0095"), ("NL", "MOB", "0", "0.0320"),
        ("FR", "*", "0.0100", "130%"),
    ),
    "hotel": (
        ("*", "FIX", "0.084", "500%"), ("*", "MOB", "0.084", "500%"), ("NL", "FIX", "0.084", "0.032"),
        ("NL", "MOB", "0.084", "0.195"),
    ),
    "centen": (
        ("*", "FIX", "0.05", "250%"), ("*", "MOB", "0.05", "250%"), ("NL", "FIX", "0.05", "0.03"),
        ("NL", "MOB", "0.05", "0.12"),
    ),
}  # fmt: skip


def call_plan_rows() -> list[tuple[Value, ...]]:
    return [
        (f"{partner.short}-{plan}", partner.partner_id, name, text, is_onnet, seconds, decimals)
        for partner in PARTNERS
        for plan, name, text, is_onnet, seconds, decimals in CALL_PLANS
    ]


def call_plan_rate_rows(partner_id: str) -> list[tuple[Value, ...]]:
    rows = []
    for plan, rates in CALL_PLAN_RATES.items():
        for country, line_type, fee, rate in rates:
            rows.append(_rate_row(f"{SHORT[partner_id]}-{plan}", country, line_type, fee, rate, BEFORE_EVERYTHING))
    rows.append(_rate_row(f"{SHORT[partner_id]}-zakelijk", "NL", "MOB", "0.0150", "0.0690", RATE_CHANGE))
    return rows


def _rate_row(plan: str, country: str, line_type: str, fee: str, rate: str, valid_from: date) -> tuple[Value, ...]:
    is_percent = rate.endswith("%")
    amount = Decimal(rate.rstrip("%"))
    return (
        plan,
        country,
        line_type,
        Decimal(fee),
        None if is_percent else amount,
        amount if is_percent else None,
        valid_from,
        None,
    )


# The service catalogue: code, category, name, metering, charged, NRC and MRC that the partner pays (EUR)
SERVICES = (
    ("SIP-TRUNK", "SIP trunks", "SIP trunk", "quantity", "advance", "10.00", "5.00"),
    ("SIP-CHANNEL", "SIP trunks", "Extra spraakkanaal", "quantity", "advance", "0.00", "1.75"),
    ("FAX2MAIL", "Fax2Mail", "Fax2mail", "quantity", "advance", "50.00", "10.00"),
    ("MAIL2FAX", "Fax2Mail", "Mail2fax", "quantity", "advance", "25.00", "4.50"),
    ("NUMBER-GEO", "Telefoonnummers", "Regionummer", "quantity", "advance", "1.50", "0.25"),
    ("NUMBER-GEO-100", "Telefoonnummers", "Nummerblok van 100", "quantity", "advance", "35.00", "12.50"),
    ("NUMBER-088", "Telefoonnummers", "Bedrijfsnummer 088", "quantity", "advance", "15.00", "1.95"),
    ("PBX-HOSTED", "PBX", "Telefooncentrale gehost", "quantity", "advance", "45.00", "17.50"),
    ("PBX-QUEUE", "PBX", "Wachtrij", "quantity", "advance", "10.00", "3.75"),
    ("3CX-FREE", "3CX PBX", "3CX PBX - unlicensed", "extensions", "arrears", "0.00", "1.15"),
    ("3CX-STD", "3CX PBX", "3CX PBX - Per port standard licensed", "extensions", "arrears", "0.00", "2.95"),
    ("3CX-PRO", "3CX PBX", "3CX PBX - Per port professional licensed", "extensions", "arrears", "0.00", "4.35"),
    ("3CX-LIC-STD-16", "3CX licentie", "3CX Standard 16 gelijktijdig", "quantity", "advance", "0.00", "24.58"),
    ("3CX-LIC-PRO-32", "3CX licentie", "3CX Professional 32 gelijktijdig", "quantity", "advance", "0.00", "71.67"),
    ("3CX-HOST-S", "3CX hosting", "3CX hosting klein", "quantity", "advance", "25.00", "12.95"),
    ("3CX-HOST-L", "3CX hosting", "3CX hosting groot", "quantity", "advance", "25.00", "29.95"),
    ("NET-ADSL", "Internet verbindingen", "ADSL2+ zakelijk", "quantity", "advance", "75.00", "22.50"),
    ("NET-VDSL", "Internet verbindingen", "VDSL2 zakelijk", "quantity", "advance", "95.00", "34.95"),
    ("NET-FIBRE", "Internet verbindingen", "Glasvezel zakelijk", "quantity", "advance", "250.00", "69.00"),
    ("NET-PVC", "Internet verbindingen", "Spraak-PVC", "quantity", "advance", "20.00", "7.50"),
    ("VPS-2", "VPS", "VPS 2 vCPU", "quantity", "advance", "0.00", "9.95"),
    ("VPS-8", "VPS", "VPS 8 vCPU", "quantity", "advance", "0.00", "39.95"),
    ("DID-0800", "Speciale nummers", "0800 DID", "quantity", "advance", "85.00", "8.50"),
    ("DID-0900", "Speciale nummers", "0900 DID", "quantity", "advance", "125.00", "17.50"),
    ("PORT-IN", "Portering", "Portering per nummer", "quantity", "advance", "1.75", "0.00"),
    ("FMC-SIM", "Vast-mobiel", "SIM-kaart als extensie", "quantity", "advance", "12.50", "4.95"),
    ("FMC-AIRTIME", "Vast-mobiel", "Airtime per minuut", "airtime", "arrears", "0.00", "0.00"),
)
CATEGORIES = tuple(dict.fromkeys(category for _, category, *_ in SERVICES))
LICENSE_CALLS = {"3CX-FREE": 2, "3CX-LIC-STD-16": 16, "3CX-LIC-PRO-32": 32}
"""Simultaneous calls that a 3CX with this service may make; the others have no limit."""
SERVICE_PRICE_CHANGES = (
    ("NET-FIBRE", "250.00", "72.50", date(2026, 10, 1)),
    ("NUMBER-088", "15.00", "2.10", date(2026, 10, 1)),
)
"""Purchase prices that rise while orders run. The second passes an exception of 2.00 that was right until then
(``EXCEPTION_OVERTAKEN``): the customers who have it are blocked for selling below purchase.
"""
EXCEPTION_OVERTAKEN = ("NUMBER-088", "17.50", "2.00")
EXCEPTION_REMOVED = ("NET-VDSL", "119.00", "45.00", date(2026, 10, 15))
"""An amount that is taken back: a month that begins from that day on has the category's percentage again."""

SERVICE_PLANS = {"diensten": ("Diensten", "150"), "wederverkoop": ("Wederverkoop", "130")}


def service_rows() -> list[tuple[Value, ...]]:
    rows: list[tuple[Value, ...]] = [(*service, BEFORE_EVERYTHING, None, LICENSE_CALLS.get(service[0])) for service in SERVICES]
    for changed, nrc, mrc, since in SERVICE_PRICE_CHANGES:
        rows += [(*service[:5], nrc, mrc, since, None, LICENSE_CALLS.get(changed)) for service in SERVICES if service[0] == changed]
    return rows


def service_plan_rows() -> list[tuple[Value, ...]]:
    return [(f"{partner.short}-{plan}", partner.partner_id, name) for partner in PARTNERS for plan, (name, _) in SERVICE_PLANS.items()]


def markup_rows() -> list[tuple[Value, ...]]:
    """Every category at the plan's percentage; exceptions per service as a percentage or an amount, none below purchase on
    the day it was given; and one that is removed.
    """
    always = BEFORE_EVERYTHING
    rows: list[tuple[Value, ...]] = []
    for partner in PARTNERS:
        for plan, (_, percent) in SERVICE_PLANS.items():
            plan_id = f"{partner.short}-{plan}"
            rows += [(plan_id, category, None, percent, percent, None, None, always, None) for category in CATEGORIES]
            rows.append((plan_id, None, "PORT-IN", "100", "100", None, None, always, None))
        rows.append((f"{partner.short}-diensten", None, "NET-FIBRE", None, None, "295.00", "89.00", always, None))
        rows.append((f"{partner.short}-diensten", None, "3CX-PRO", "100", "220", None, None, always, None))
        service, nrc, mrc, until = EXCEPTION_REMOVED
        rows.append((f"{partner.short}-diensten", None, service, None, None, nrc, mrc, always, None))
        rows.append((f"{partner.short}-diensten", None, service, None, None, None, None, until, None))
    service, nrc, mrc = EXCEPTION_OVERTAKEN
    rows.append((f"{PARTNERS[1].short}-diensten", None, service, None, None, nrc, mrc, always, None))
    return rows
