"""A trade in which every column of every feed can be changed by itself, after what it billed was approved or closed.

Each change has a customer of its own (of a partner, or of a deck: a partner of its own), with an order, a PBX that is read, calls and a
payment in two months: the first is approved, the second closed. Ids that belong to a partner are the same for all partners on purpose.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from orchestration.landing.feeds import DECLARATION
from orchestration.workspace import Workspace

Row = dict[str, str]

HOUSE = "house"
"""The partner of all customers whose changes concern themselves alone."""
CONTROL = "control"
"""A partner of whom nothing changes."""
APPROVED, CLOSED, OPEN = "2026-08", "2026-09", "2026-10"

OF_A_PARTNER = ("partners", "purchase_rates", "purchase_invoices")
"""Feeds of which a change concerns a partner: it gets one of its own."""


@dataclass(frozen=True)
class Change:
    """One column of one feed gets another lawful value."""

    feed: str
    column: str

    @property
    def name(self) -> str:
        return f"{self.feed}.{self.column}".replace("/", "-").replace("_", "-")

    @property
    def partner_id(self) -> str:
        return self.name if self.feed in OF_A_PARTNER else HOUSE


@cache
def declared() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """feed -> column -> its declaration, of all feeds with a header that are no call records of an exchange."""
    sources = yaml.safe_load(DECLARATION.read_text(encoding="utf-8"))["sources"]
    (raw,) = (source for source in sources if source["name"] == "raw")
    feeds = {}
    for table in raw["tables"]:
        meta = table.get("config", {}).get("meta", {})
        if "feed" in meta and (not meta["feed"].startswith("cdrs/") or meta["feed"] == "cdrs/standard"):
            feeds[meta["feed"]] = {column["name"]: column for column in table["columns"]}
    return feeds


def changes() -> list[Change]:
    """Every column of every declared feed."""
    return [Change(feed, column) for feed, columns in declared().items() for column in columns]


@dataclass
class Trade:
    """Rows by feed, and which of them each change is about (the last one of its feed that bears the change's name)."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    changed: dict[Change, Row] = field(default_factory=dict)

    def add(self, feed: str, change: Change | None, **row: object) -> None:
        made = {name: "" if value is None else str(value) for name, value in row.items()}
        self.rows[feed].append(made)
        if change and change.feed == feed:
            self.changed.setdefault(change, made)


SHARED_DECK = "deck"


def trade() -> Trade:
    """What is landed before anything is approved."""
    made = Trade()
    for change in changes():
        if change.partner_id == change.name:
            _partner(made, change.name, change)
            _customer(made, change.name, change.name, change)
    _partner(made, HOUSE, None)
    _partner(made, CONTROL, None)
    _customer(made, CONTROL, "control-customer", None)
    for change in changes():
        if change.partner_id == HOUSE:
            _customer(made, HOUSE, change.name, change)
    return made


def _partner(made: Trade, partner_id: str, change: Change | None) -> None:
    deck_id = f"{partner_id}-deck" if change and change.feed == "purchase_rates" else SHARED_DECK
    made.add(
        "partners",
        change,
        partner_id=partner_id,
        name=f"Partner {partner_id}",
        tier="premium",
        deck_id=deck_id,
        time_zone="Europe/Amsterdam",
        country="NL",
        vat_number="NL123456782B90",
        coc_number="12345678",
        street="Kade 1",
        postal_code="1000 AA",
        city="Amsterdam",
        email=f"{partner_id}@example.nl",
        iban="NL13TEST0123456789",
        invoice_prefix="F",
        last_invoice_number="0",
        payment_term_days="30",
    )
    made.add(
        "resellers",
        None,
        reseller_id="r1",
        partner_id=partner_id,
        name="Wederverkoper",
        call_commission_percent="5",
        service_commission_percent="10",
    )
    if deck_id not in {row["deck_id"] for row in made.rows["purchase_rates"]}:
        for prefix, rate in (("31", "0.0060"), ("316", "0.0200"), ("49", "0.0120")):
            made.add(
                "purchase_rates",
                change,
                deck_id=deck_id,
                prefix=prefix,
                destination=f"to {prefix}",
                connection_fee_eur="0",
                minute_rate_eur=rate,
                first_increment_s="1",
                next_increment_s="1",
                valid_from="2026-01-01",
            )
    made.add(
        "purchase_invoices",
        change,
        deck_id=deck_id,
        month=APPROVED,
        prefix="31",
        destination="to 31",
        calls="1",
        seconds="61",
        amount_eur="0.01",
        partner_id=partner_id,
    )


def _customer(made: Trade, partner_id: str, name: str, change: Change | None) -> None:
    number = 201_000_000 + len(made.rows["customers"]) * 10
    made.add(
        "customers",
        change,
        customer_id=name,
        partner_id=partner_id,
        name=f"Klant {name}",
        reseller_id="r1",
        customer_group="winkels",
        kind="business",
        vat_category="standard",
        vat_number="NL000099998B57",
        street="Kade 2",
        postal_code="1000 AA",
        city="Amsterdam",
        country="NL",
        email="klant@example.nl",
        billing_exempt="false",
        ids_range_eur="40-80",
    )
    plans = {f"{kind}_plan_id": f"{name}-{kind}" for kind in ("call", "service")}
    made.add("call_plans", change, call_plan_id=plans["call_plan_id"], partner_id=partner_id, name="Zakelijk", rounding_decimals="4")
    for country, line_type, terms in (
        ("*", "*", {"minute_rate_percent": "175"}),
        ("NL", "FIX", {"minute_rate_eur": "0.0200"}),
    ):
        made.add(
            "call_plan_rates",
            change,
            call_plan_id=plans["call_plan_id"],
            partner_id=partner_id,
            country=country,
            line_type=line_type,
            connection_fee_eur="0.0250",
            valid_from="2026-01-01",
            **terms,
        )
    services = {kind: f"{name}-{kind}" for kind in ("sip", "seat")}
    for kind, metering, charged in (("sip", "quantity", "advance"), ("seat", "extensions", "arrears")):
        made.add(
            "services",
            change,
            service_code=services[kind],
            category="SIP trunks",
            name=kind,
            metering=metering,
            charged=charged,
            nrc_purchase_eur="10",
            mrc_purchase_eur="5",
            valid_from="2026-01-01",
        )
    made.add("service_plans", change, service_plan_id=plans["service_plan_id"], partner_id=partner_id, name="Diensten")
    made.add(
        "service_plan_markups",
        change,
        service_plan_id=plans["service_plan_id"],
        partner_id=partner_id,
        category="SIP trunks",
        nrc_percent="150",
        mrc_percent="150",
        valid_from="2026-01-01",
    )
    made.add("customer_plans", change, customer_id=name, partner_id=partner_id, valid_from="2026-01-01", **plans)
    made.add("accounts", change, account=f"{name}-trunk", customer_id=name, channels="4")
    made.add("numbers", change, first_number=f"+31{number}", last_number=f"+31{number + 9}", customer_id=name)
    for line_number, kind, more in (("1", "sip", {}), ("2", "seat", {"pbx_id": f"{name}-pbx"})):
        made.add(
            "orders",
            change,
            order_id=name,
            line_number=line_number,
            customer_id=name,
            service_code=services[kind],
            quantity="2",
            ordered_on="2026-07-15",
            delivered_on="2026-08-10",
            email="klant@example.nl",
            **more,
        )
    for month_end in ("2026-08-31", "2026-09-30"):
        made.add(
            "extension_counts",
            change,
            pbx_id=f"{name}-pbx",
            customer_id=name,
            service_code=services["seat"],
            read_at=f"{month_end}T22:00:00",
            extensions="3",
        )
    made.add("internet_lines", change, line_id=f"{name}-line", customer_id=name, access_profile="unknown", down_kbps="2048", up_kbps="448")
    made.add("payments", change, invoice_number="F1", paid_on="2026-09-20", amount_eur="1.00")
    for day in ("2026-08-20", "2026-09-20", "2026-09-30"):
        for callee in ("0201234567", "004930123456"):
            made.add(
                "cdrs/standard",
                change,
                call_id=f"{name} {day} {callee}",
                account=f"{name}-trunk",
                caller=f"+31{number}",
                callee=callee,
                started_at=f"{day}T10:00:00",
                duration_s="61",
                direction="outbound",
                disposition="answered",
            )


def after(before: Trade) -> Iterator[tuple[Change, Row]]:
    """Each change's row with its column changed. What the row did not give is given now."""
    for change, row in before.changed.items():
        yield change, row | {change.column: _other(change, declared()[change.feed][change.column], row)}


def _other(change: Change, column: Mapping[str, Any], row: Row) -> str:
    """Another value that the column may have."""
    now = row.get(change.column, "")
    meta = column.get("config", {}).get("meta", {})
    if change.column in SPOKEN:
        return SPOKEN[change.column](row)
    kind = column["data_type"]
    if kind == "enum":
        return next(value for value in meta["values"] if value != now)
    if kind in ("money", "percent"):
        return f"{Decimal(now or '1') + Decimal('10')}"
    if kind == "integer":
        return f"{int(now or '1') + 1}"
    if kind == "date":
        return f"{date.fromisoformat(now) + timedelta(days=5)}" if now else "2026-09-15"
    if kind == "instant":
        return f"{datetime.fromisoformat(now) - timedelta(hours=3):%Y-%m-%dT%H:%M:%S}"
    if kind == "boolean":
        return "true" if now in ("", "false") else "false"
    return {"country": "BE", "time_zone": "America/New_York", "digits": f"{now}1", "number": "+31209999999"}.get(kind, f"{now}-other")


SPOKEN: Mapping[str, Any] = {
    "partner_id": lambda row: CONTROL,
    "customer_id": lambda row: "control-customer",
    "service_code": lambda row: f"{row['customer_id']}-seat" if row.get("customer_id") else "",
    "pbx_id": lambda row: f"{row['customer_id']}-pbx-2",
    "last_number": lambda row: f"{row['first_number'][:-1]}5",
    "valid_to": lambda row: "2026-09-20",
    "ended_on": lambda row: "2026-09-10",
    "iban": lambda row: "NL91ABNA0417164300",
    "vat_number": lambda row: "NL123456782B90",
    "coc_number": lambda row: "87654321",
    "numbers": lambda row: "0201234567-0201234569",
    "mandate_date": lambda row: "2026-01-01",
    "brand_color": lambda row: "#336699",
    "month": lambda row: CLOSED,
    "destination": lambda row: "elsewhere",
    "started_at": lambda row: row["started_at"].replace("T10", "T11"),
    "duration_s": lambda row: "600",
    "direction": lambda row: "inbound",
    "disposition": lambda row: "no_answer",
    "callee": lambda row: "0612345678",
    "leg": lambda row: "airtime",
    "sequence": lambda row: "1",
    "quantity": lambda row: "5",
    "continues_line": lambda row: "",
    "mrc_eur": lambda row: "",
    "nrc_eur": lambda row: "",
    "minute_rate_percent": lambda row: row.get("minute_rate_percent", ""),
}
"""Columns whose lawful values a type does not tell; a blank where another column of the row stands in the way."""


def land(workspace: Workspace, name: str, rows: Mapping[str, Iterable[Row]]) -> None:
    """One new file per feed."""
    for feed, of_feed in rows.items():
        listed = list(of_feed)
        path: Path = workspace.feed(feed) / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = list(dict.fromkeys(column for row in listed for column in row))
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            writer.writerows(listed)
