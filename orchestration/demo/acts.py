"""What partners do in the middle of October: a customer moves, another becomes exempt, one changes reseller; orders and readings are
corrected, a file of calls grows, and both partners use the same ids.

The acts are those of four customers of their own, so that each answer is known by heart and no other number of the demo hangs on them.
What a file that is archived leaves behind takes two runs, and is not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import duckdb

from orchestration.demo import orders, partners, tariffs
from orchestration.demo.dirt import Source, source_of
from orchestration.demo.files import DUPLICATE, KEPT, Landing, Row, Value, csv_bytes
from orchestration.demo.orders import OrderLine
from orchestration.demo.partners import PARTNERS, SHORT, Customer
from orchestration.demo.period import AMSTERDAM, BEFORE_EVERYTHING
from orchestration.demo.traffic import Crowd

KIND = "act"
ACT_DAY = date(2026, 10, 15)
"""The first day on which what was done counts."""
MOVED, EXEMPTED, RESOLD, NAMESAKE = "kl-091", "kl-092", "kl-093", "bh-091"
RESOLD_AT = "kustlijn"
NAMES = {
    MOVED: "Verhuisd Kantoor Demo",
    EXEMPTED: "Vrijgesteld Kantoor Demo",
    RESOLD: "Doorverkocht Kantoor Demo",
    NAMESAKE: "Naamgenoot Kantoor Demo",
}
SHARED_RESELLER, SHARED_PLAN, SHARED_ORDER = "samen-ict", "samen-afspraak", "ORD-SAMEN"
"""Ids that both partners use, each for something of its own."""
LATER_RESELLER = "kl-zeebries"
RESELLER_NAMES = {"kustlijn": "Samen ICT aan Zee Demo", "binnenhaven": "Samen ICT aan de Haven Demo"}
EXCHANGES = {"kustlijn": "demo-ams1", "binnenhaven": "demo-gro1"}
"""Which exchange writes the calls of a partner's day: a customer that moves is switched by the other one from then on."""

NO_MANDATE = ("", "", "")
FEES_AND_RATES = {"kustlijn": ("0.0500", "0.0200"), "binnenhaven": ("0.0600", "0.0300")}
TALK_S = 120
CALL_SALE_EUR = {"kustlijn": "0.0900", "binnenhaven": "0.1200"}
"""Two minutes to a Dutch landline: 0.05 + 2 x 0.02, and 0.06 + 2 x 0.03."""
CALLED = 31200_900500

BEFORE = (datetime(2026, 10, 5, 9, 30), datetime(2026, 10, 8, 11, 0), datetime(2026, 10, 14, 23, 59, 30))
AFTER = (datetime(2026, 10, 15, 0, 0, 30), datetime(2026, 10, 20, 10, 0), datetime(2026, 10, 26, 16, 45), datetime(2026, 10, 30, 9, 0))
FIRST_SENT = 2
"""Calls of the file that grows that stood in it when it was sent first."""

DELIVERED = date(2026, 10, 5)
TYPED_PIECES = 20
PIECES = {RESOLD: 2, NAMESAKE: 3}
"""What was ordered under the shared id; that of the first was typed as ``TYPED_PIECES``."""
PIECE, TYPED_EDITION, EDITION, SEATS = "VPS-2", "3CX-STD", "3CX-PRO", 17
READ_AT = datetime(2026, 10, 31, 23, 30, tzinfo=AMSTERDAM)


@dataclass(frozen=True)
class Spell:
    """Calls of a customer on one side of ``ACT_DAY``, with the partner whose they are."""

    customer_id: str
    partner_id: str
    begins: tuple[datetime, ...]


SPELLS = (
    Spell(MOVED, "kustlijn", BEFORE),
    Spell(MOVED, "binnenhaven", AFTER),
    Spell(EXEMPTED, "kustlijn", BEFORE),
    Spell(EXEMPTED, "kustlijn", AFTER),
    Spell(NAMESAKE, "binnenhaven", AFTER),
)
GROWING = Spell(RESOLD, RESOLD_AT, BEFORE + AFTER)
"""The calls of the file that grows."""


def actors(customers: Sequence[Customer]) -> tuple[Customer, ...]:
    """The four customers, as they were before the acts."""
    office = next(customer for customer in customers if customer.branch.name == "office")
    return tuple(
        replace(
            office,
            customer_id=customer_id,
            partner_id=next(partner_id for partner_id, short in SHORT.items() if customer_id.startswith(short)),
            name=name,
            accounts=(f"{customer_id}-trunk",),
            channels=4,
            first_number=31200_020000 + 100 * place,
            numbers=10,
            group="",
            reseller_id=SHARED_RESELLER if customer_id in (RESOLD, NAMESAKE) else "",
            vat_category="standard",
            vat_number="",
            is_billing_exempt=False,
            ids_range_eur="",
        )
        for place, (customer_id, name) in enumerate(NAMES.items())
    )


def carts(customers: Sequence[Customer]) -> list[list[OrderLine]]:
    """What the actors ordered, as it is after the correction."""
    result = []
    for customer in actors(customers):
        if customer.customer_id in PIECES:
            cart = [OrderLine(customer, PIECE, PIECES[customer.customer_id], DELIVERED, DELIVERED)]
            if customer.customer_id == RESOLD:
                cart.append(OrderLine(customer, EDITION, 1, DELIVERED, DELIVERED, pbx_id=customer.pbx_id))
            result.append(cart)
    return result


def land_acts(landing: Landing, crowds: Sequence[Crowd], customers: Sequence[Customer], seed: int) -> None:
    """Files of their own in every feed that the acts need; a second file of a feed brings what was done later."""
    everybody = actors(customers)
    _land_who_is_who(landing, everybody)
    _land_prices(landing, everybody)
    _land_orders(landing, customers)
    _land_readings(landing)
    _land_calls(landing, crowds, everybody, seed)


def _land(
    landing: Landing, feed: str, columns: Sequence[str], rows: Sequence[Sequence[Value]], file: int = 1, end: str = "", count: int = 0
) -> None:
    """Write ``rows`` as the first or second ``file``; the last ``count`` of them end as ``end`` says: the other file has them too."""
    dirt = [Row("row_replaced", end, "")] * count
    landing.put_rows(feed, f"{feed}/demo-2026-10-acts-{file}.csv", csv_bytes(columns, rows), dirt, good=len(rows) - count)


def _land_who_is_who(landing: Landing, everybody: Sequence[Customer]) -> None:
    moved, exempted, resold, namesake = everybody
    resellers: list[Sequence[Value]] = [
        (SHARED_RESELLER, partner_id, name, None, Decimal(percent), Decimal(percent))
        for (partner_id, name), percent in zip(RESELLER_NAMES.items(), ("4", "6"), strict=True)
    ]
    _land(landing, "resellers", partners.RESELLER_COLUMNS, resellers)

    def row(customer: Customer, since: date | None = None, until: date | None = None) -> tuple[Value, ...]:
        rest = (*NO_MANDATE, partners.coc_number(customer), None)
        return (*partners.customer_row(customer), *rest, since, until)

    columns = (*partners.CUSTOMER_COLUMNS, "valid_from", "valid_to")
    _land(landing, "customers", columns, [row(each) for each in (exempted, resold, namesake, moved)], 1, DUPLICATE, 1)
    later = [
        row(replace(moved, partner_id="binnenhaven"), ACT_DAY),
        row(replace(exempted, is_billing_exempt=True), ACT_DAY),
        row(replace(resold, reseller_id=LATER_RESELLER), ACT_DAY),
        row(moved, None, ACT_DAY),
    ]
    _land(landing, "customers", columns, later, 2, KEPT, 1)
    _land(landing, "accounts", partners.ACCOUNT_COLUMNS, partners.account_rows(tuple(everybody)))
    numbers = [(each.first_number, each.last_number, each.customer_id, BEFORE_EVERYTHING, None) for each in everybody]
    _land(landing, "numbers", partners.NUMBER_COLUMNS, numbers)


def _land_prices(landing: Landing, everybody: Sequence[Customer]) -> None:
    """The plan that both partners call by one name, and who has it."""
    plans = [(SHARED_PLAN, partner.partner_id, "Samen", "Eigen afspraak", False, 1, 4) for partner in PARTNERS]
    _land(landing, "call_plans", tariffs.CALL_PLAN_COLUMNS, plans)
    rates: list[Sequence[Value]] = []
    for partner_id, (fee, rate) in FEES_AND_RATES.items():
        rates.append((SHARED_PLAN, "*", "*", Decimal(fee), None, Decimal(150), BEFORE_EVERYTHING, None, partner_id))
        rates.append((SHARED_PLAN, "NL", "FIX", Decimal(fee), Decimal(rate), None, BEFORE_EVERYTHING, None, partner_id))
    _land(landing, "call_plan_rates", (*tariffs.CALL_PLAN_RATE_COLUMNS, "partner_id"), rates)
    chosen: list[Sequence[Value]] = [
        (each.customer_id, None, each.partner_id, SHARED_PLAN, f"{SHORT[each.partner_id]}-diensten", BEFORE_EVERYTHING, None)
        for each in everybody
    ]
    chosen.append((MOVED, None, "binnenhaven", SHARED_PLAN, "bh-diensten", ACT_DAY, None))
    _land(landing, "customer_plans", partners.CUSTOMER_PLAN_COLUMNS, chosen)


def _land_orders(landing: Landing, customers: Sequence[Customer]) -> None:
    def row(line: OrderLine, number: int, quantity: int) -> tuple[Value, ...]:
        what = (SHARED_ORDER, number, line.customer.customer_id, line.service_code, quantity)
        return (*what, line.ordered_on, line.delivered_on, None, line.pbx_id, None, None, None, None, None, None, None)

    (pieces, seats), (others,) = carts(customers)
    first = [row(seats, 2, seats.quantity), row(others, 1, others.quantity), row(pieces, 1, TYPED_PIECES)]
    _land(landing, "orders", orders.ORDER_COLUMNS, first, 1, DUPLICATE, 1)
    _land(landing, "orders", orders.ORDER_COLUMNS, [row(pieces, 1, pieces.quantity)], 2, KEPT, 1)


def _land_readings(landing: Landing) -> None:
    for file, (edition, end) in enumerate(((TYPED_EDITION, DUPLICATE), (EDITION, KEPT)), start=1):
        reading = (f"{RESOLD}-pbx", RESOLD, edition, READ_AT.isoformat(), SEATS)
        _land(landing, "extension_counts", orders.READING_COLUMNS, [reading], file, end, 1)


def _land_calls(landing: Landing, crowds: Sequence[Crowd], everybody: Sequence[Customer], seed: int) -> None:
    connection = duckdb.connect(config={"threads": 1})
    known = {each.customer_id: each for each in everybody}
    crowd = {each.exchange.exchange_id: each for each in crowds}
    sources = {partner_id: source_of(crowd[exchange_id], seed, "acts", connection) for partner_id, exchange_id in EXCHANGES.items()}
    for partner_id, source in sources.items():
        rows = [
            source.row(KIND, KEPT, fields)
            for spell in SPELLS
            if spell.partner_id == partner_id
            for fields in _records(source, spell, known[spell.customer_id])
        ]
        _put(landing, source, f"{partner_id}.csv", rows)
    source = sources[GROWING.partner_id]
    records = list(_records(source, GROWING, known[GROWING.customer_id]))
    _put(landing, source, "grown-1.csv", [source.row("file_grew", DUPLICATE, fields) for fields in records[:FIRST_SENT]])
    _put(landing, source, "grown-2.csv", [source.row("file_grew", KEPT, fields) for fields in records])


def _records(source: Source, spell: Spell, customer: Customer) -> Iterator[dict[str, str]]:
    for number, (begins, record) in enumerate(zip(spell.begins, source.records(len(spell.begins)), strict=True)):
        edited = source.setting(account=customer.accounts[0], caller=f"+{customer.first_number + 1}", callee=f"+{CALLED + number}")(record)
        fields = source.at(begins, TALK_S)(edited)
        assert isinstance(fields, dict)
        yield fields


def _put(landing: Landing, source: Source, name: str, rows: Sequence[Row]) -> None:
    landing.put_rows(source.feed, f"{source.feed}/demo-acts/{name}", source.content(row.text for row in rows), rows)


def expected_acts() -> list[Mapping[str, str | int]]:
    """Every act with what has to be published of it, side by side where it has two sides."""
    before, after = len(BEFORE), len(AFTER)
    since = ACT_DAY.isoformat()
    return [
        {
            "act": "moves to another partner", "customer_id": MOVED, "from": since,
            "partner_id": "kustlijn", "calls": before, "sale_eur": "0.2700",
            "to_partner_id": "binnenhaven", "to_calls": after, "to_sale_eur": "0.4800",
        },
        {
            "act": "becomes exempt", "customer_id": EXEMPTED, "from": since,
            "partner_id": "kustlijn", "calls": before, "billed_eur": "0.27", "exempt_calls": after,
        },
        {
            "act": "changes reseller", "customer_id": RESOLD, "from": since, "partner_id": "kustlijn",
            "reseller_id": SHARED_RESELLER, "calls": before, "to_reseller_id": LATER_RESELLER, "to_calls": after,
        },
        {
            "act": "order corrected", "customer_id": RESOLD, "from": DELIVERED.isoformat(), "partner_id": "kustlijn",
            "order_id": SHARED_ORDER, "line_number": 1, "landed_quantity": TYPED_PIECES, "quantity": PIECES[RESOLD],
        },
        {
            "act": "PBX edition corrected", "customer_id": RESOLD, "from": READ_AT.date().isoformat(), "partner_id": "kustlijn",
            "pbx_id": f"{RESOLD}-pbx", "landed_service_code": TYPED_EDITION, "service_code": EDITION, "quantity": SEATS,
            "purchase_eur": "73.95",  # 17 x 4.35
        },
        {
            "act": "file grows", "customer_id": RESOLD, "from": BEFORE[0].date().isoformat(), "partner_id": "kustlijn",
            "file": "demo-acts/grown-1.csv", "rows": FIRST_SENT, "duplicates": FIRST_SENT,
            "to_file": "demo-acts/grown-2.csv", "to_rows": before + after, "calls": before + after,
        },
        {
            "act": "same ids", "customer_id": RESOLD, "from": DELIVERED.isoformat(), "partner_id": "kustlijn",
            "reseller_id": SHARED_RESELLER, "reseller_name": RESELLER_NAMES["kustlijn"], "call_plan_id": SHARED_PLAN,
            "call_sale_eur": CALL_SALE_EUR["kustlijn"], "order_id": SHARED_ORDER, "quantity": PIECES[RESOLD],
        },
        {
            "act": "same ids", "customer_id": NAMESAKE, "from": DELIVERED.isoformat(), "partner_id": "binnenhaven",
            "reseller_id": SHARED_RESELLER, "reseller_name": RESELLER_NAMES["binnenhaven"], "call_plan_id": SHARED_PLAN,
            "call_sale_eur": CALL_SALE_EUR["binnenhaven"], "order_id": SHARED_ORDER, "quantity": PIECES[NAMESAKE],
        },
    ]  # fmt: skip
