"""A partner or two with a handful of customers, prices and calls, written by hand: small enough to know every amount by heart."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from orchestration.workspace import Workspace
from tests.conftest import tikteller

Rows = Iterable[dict[str, object]]

PARTNERS = [
    {
        "partner_id": "noord",
        "name": "Noord Telecom",
        "tier": "standard",
        "deck_id": "world",
        "country": "NL",
        "time_zone": "Europe/Amsterdam",
    },
    {"partner_id": "west", "name": "West Telecom", "tier": "premium", "deck_id": "world", "country": "NL", "time_zone": "America/New_York"},
]
CUSTOMERS = [
    {
        "customer_id": f"{partner}-{number}",
        "partner_id": partner,
        "name": f"Klant {number} van {partner}",
        "street": "Kade 1",
        "postal_code": "1000 AA",
        "city": "Amsterdam",
        "email": f"klant{number}@{partner}.example",
    }
    for partner in ("noord", "west")
    for number in (1, 2)
]
ACCOUNTS = [{"account": f"trunk-{each['customer_id']}", "customer_id": each["customer_id"]} for each in CUSTOMERS]
DECK = [
    {
        "deck_id": "world",
        "prefix": "31",
        "destination": "Nederland vast",
        "connection_fee_eur": "0",
        "minute_rate_eur": "0.0060",
        "valid_from": "2026-01-01",
    },
    {
        "deck_id": "world",
        "prefix": "316",
        "destination": "Nederland mobiel",
        "connection_fee_eur": "0",
        "minute_rate_eur": "0.0200",
        "valid_from": "2026-01-01",
    },
    {
        "deck_id": "world",
        "prefix": "49",
        "destination": "Duitsland vast",
        "connection_fee_eur": "0",
        "minute_rate_eur": "0.0120",
        "valid_from": "2026-01-01",
    },
    {
        "deck_id": "world",
        "prefix": "31800",
        "destination": "Gratis nummers",
        "connection_fee_eur": "0",
        "minute_rate_eur": "0.0300",
        "valid_from": "2026-01-01",
    },
]
CALL_PLANS = [{"call_plan_id": f"{partner}-zakelijk", "partner_id": partner, "name": "Zakelijk"} for partner in ("noord", "west")]
CALL_PLAN_RATES = [
    {"call_plan_id": plan["call_plan_id"], "valid_from": "2026-01-01", "connection_fee_eur": "0.0250", **rate}
    for plan in CALL_PLANS
    for rate in (
        {"country": "*", "line_type": "FIX", "minute_rate_percent": "175"},
        {"country": "*", "line_type": "MOB", "minute_rate_percent": "175"},
        {"country": "NL", "line_type": "FIX", "minute_rate_eur": "0.0200"},
        {"country": "NL", "line_type": "MOB", "minute_rate_eur": "0.0800"},
    )
]
CUSTOMER_PLANS = [
    {"customer_id": each["customer_id"], "call_plan_id": f"{each['partner_id']}-zakelijk", "valid_from": "2026-01-01"} for each in CUSTOMERS
]
FEEDS: dict[str, Rows] = {
    "partners": PARTNERS,
    "customers": CUSTOMERS,
    "accounts": ACCOUNTS,
    "purchase_rates": DECK,
    "call_plans": CALL_PLANS,
    "call_plan_rates": CALL_PLAN_RATES,
    "customer_plans": CUSTOMER_PLANS,
}


def open_trade(root: Path) -> Workspace:
    """A new workspace with all feeds but call records landed; nothing run yet."""
    tikteller(root, "init")
    workspace = Workspace(root)
    for feed, rows in FEEDS.items():
        land(workspace, feed, "first", rows)
    return workspace


def land(workspace: Workspace, feed: str, name: str, rows: Rows) -> Path:
    """Write rows as one new file of the feed."""
    rows = list(rows)
    path = workspace.feed(feed) / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(column for row in rows for column in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def call(
    call_id: str, started_at: str, duration_s: int, callee: str = "0201234567", customer: str = "noord-1", **more: object
) -> dict[str, object]:
    """A record of the standard form; 61 seconds to 020 sell for 0.0453 and cost 0.0061."""
    return {
        "call_id": call_id,
        "account": f"trunk-{customer}",
        "caller": "+31201000001",
        "callee": callee,
        "started_at": started_at,
        "duration_s": duration_s,
        **more,
    }
