"""Every feed but the calls: the files that arrived first, later corrections to them, and dirt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.demo import collecting, decks, orders, partners, price_lists, tariffs
from orchestration.demo.files import (
    DUPLICATE,
    DUTCH_EXCEL,
    KEPT,
    PLAIN,
    QUARANTINED,
    CsvStyle,
    Landing,
    Row,
    Value,
    csv_bytes,
)
from orchestration.demo.period import Period

LATE_DELIVERIES = 3
"""Order lines that are still undelivered in the first file and delivered in the corrections."""


@dataclass(frozen=True)
class Table:
    """The first file of a feed. ``name`` is the file's name after ``demo-``."""

    feed: str
    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]
    style: CsvStyle = PLAIN


def tables_of(customers: tuple[partners.Customer, ...], period: Period, seed: int, deck_prefixes: int | None = None) -> list[Table]:
    """The first files of every feed but the calls, in the order in which a person would deliver them.

    ``deck_prefixes`` is how many prefixes the first partner's deck has; None: as many as it takes.
    """
    first, second = (partner.deck_id for partner in partners.PARTNERS)
    return [
        Table("partners", "1.csv", partners.PARTNER_COLUMNS, partners.partner_rows(period.first)),
        Table("resellers", "1.csv", partners.RESELLER_COLUMNS, partners.reseller_rows(), DUTCH_EXCEL),
        Table("customers", "1.csv", partners.CUSTOMER_COLUMNS,
              [
                  (
                      *partners.customer_row(customer),
                      *collecting.mandate_of(customer),
                      partners.coc_number(customer),
                      partners.REFERRING.get(customer.customer_id),
                  )
                  for customer in customers
              ]),
        Table("customer_plans", "1.csv", partners.CUSTOMER_PLAN_COLUMNS, partners.customer_plan_rows(customers)),
        Table("accounts", "1.csv", partners.ACCOUNT_COLUMNS, partners.account_rows(customers)),
        Table("numbers", "1.csv.gz", partners.NUMBER_COLUMNS, partners.number_rows(customers)),
        Table("purchase_rates", f"1-{first}.csv.gz", decks.DECK_COLUMNS,
              decks.deck_rows(first, decks.rates_of(first, deck_prefixes))),
        Table("purchase_rates", f"1-{second}.csv", decks.DECK_COLUMNS,
              decks.deck_rows(second, decks.rates_of(second)), DUTCH_EXCEL),
        Table("call_plans", "1.csv", tariffs.CALL_PLAN_COLUMNS, tariffs.call_plan_rows()),
        *(
            Table("call_plan_rates", f"1-{partner.partner_id}.csv", tariffs.CALL_PLAN_RATE_COLUMNS,
                  tariffs.call_plan_rate_rows(partner.partner_id), style)
            for partner, style in zip(partners.PARTNERS, (PLAIN, DUTCH_EXCEL), strict=True)
        ),
        Table("services", "1.csv", tariffs.SERVICE_COLUMNS, tariffs.service_rows()),
        Table("service_plans", "1.csv", tariffs.SERVICE_PLAN_COLUMNS, tariffs.service_plan_rows()),
        Table("service_plan_markups", "1.csv", tariffs.MARKUP_COLUMNS, tariffs.markup_rows()),
        Table("orders", "1.csv", orders.ORDER_COLUMNS, orders.order_rows(customers, seed)),
        *(
            Table("extension_counts", f"{month:%Y-%m}.csv", orders.READING_COLUMNS,
                  list(orders.readings(customers, month, seed)))
            for month in period.months
        ),
        Table("internet_lines", "1.csv", orders.LINE_COLUMNS, orders.line_rows(customers)),
        Table("payments", "1.csv", orders.PAYMENT_COLUMNS, orders.payment_rows(period)),
        Table("payments", "2.csv", orders.PAYMENT_COLUMNS, collecting.part_payments()),
    ]  # fmt: skip


PORTING = {"service_code": "PORT-IN", "losing_operator": "Oude Operator Demo B.V.", "account_holder": "Voorbeeld B.V."}

# What is wrong with a row that is otherwise the feed's first one: feed, reason, and the columns that spoil it.
WRONG_ROWS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("partners", "invalid_tier", {"partner_id": "demo-wrong", "tier": "gold"}),
    ("resellers", "unknown_partner", {"reseller_id": "demo-wrong", "partner_id": "demo-nobody"}),
    ("customers", "unknown_partner", {"customer_id": "demo-wrong-1", "partner_id": "demo-nobody"}),
    ("customers", "invalid_kind", {"customer_id": "demo-wrong-2", "kind": "robot"}),
    ("customers", "missing_customer_id", {"customer_id": ""}),
    ("customer_plans", "unknown_customer", {"customer_id": "demo-nobody", "customer_group": ""}),
    ("customer_plans", "invalid_valid_from", {"valid_from": "1 oktober"}),
    ("accounts", "unknown_customer", {"account": "demo-wrong", "customer_id": "demo-nobody"}),
    ("accounts", "channels_out_of_range", {"account": "demo-wrong-channels", "channels": "-1"}),
    ("numbers", "unknown_customer", {"first_number": "31200990000", "last_number": "", "customer_id": "demo-nobody"}),
    ("numbers", "invalid_first_number", {"first_number": "nul-twintig"}),
    ("purchase_rates", "missing_prefix", {"prefix": ""}),
    ("purchase_rates", "invalid_minute_rate_eur", {"prefix": "99901", "minute_rate_eur": "gratis"}),
    ("purchase_rates", "negative_rate", {"prefix": "99902", "minute_rate_eur": "-0.0100"}),
    ("call_plans", "unknown_partner", {"call_plan_id": "demo-wrong", "partner_id": "demo-nobody"}),
    (
        "call_plan_rates",
        "both_minute_rates",
        {"country": "PT", "minute_rate_eur": "0.0100", "minute_rate_percent": "150"},
    ),
    ("call_plan_rates", "no_minute_rate", {"country": "PT", "minute_rate_eur": "", "minute_rate_percent": ""}),
    ("call_plan_rates", "negative_rate", {"country": "PT", "minute_rate_eur": "-0.0100", "minute_rate_percent": ""}),
    ("services", "invalid_metering", {"service_code": "DEMO-WRONG", "metering": "guess"}),
    ("services", "license_calls_out_of_range", {"service_code": "DEMO-WRONG-2", "license_calls": "0"}),
    ("service_plans", "unknown_partner", {"service_plan_id": "demo-wrong", "partner_id": "demo-nobody"}),
    ("service_plan_markups", "percent_out_of_range", {"category": "", "service_code": "VPS-2", "nrc_percent": "99"}),
    ("service_plan_markups", "percent_out_of_range", {"category": "", "service_code": "VPS-8", "mrc_percent": "1000"}),
    ("service_plan_markups", "no_markup_given", {"nrc_percent": "", "mrc_percent": "", "valid_from": "2026-10-01"}),
    ("orders", "unknown_customer", {"order_id": "ORD-WRONG-1", "customer_id": "demo-nobody"}),
    ("orders", "unknown_customer", {"order_id": "ORD-WRONG-2", "customer_id": "demo-nobody"}),
    ("orders", "unknown_service", {"order_id": "ORD-WRONG-3", "service_code": "DEMO-NOTHING"}),
    ("orders", "invalid_delivered_on", {"order_id": "ORD-WRONG-4", "delivered_on": "2026-02-30"}),
    ("orders", "invalid_quantity", {"order_id": "ORD-WRONG-5", "quantity": "een paar"}),
    ("orders", "missing_order_id", {"order_id": ""}),
    ("orders", "ended_before_delivered", {"order_id": "ORD-WRONG-6", "delivered_on": "2026-09-10", "ended_on": "2026-09-09"}),
    ("orders", "tier_without_fmc", {"order_id": "ORD-WRONG-7", "customer_id": "bh-001", "service_code": "FMC-SIM"}),
    ("orders", "unknown_continued_line", {"order_id": "ORD-WRONG-8", "line_number": "2", "continues_line": "1"}),
    (
        "orders",
        "several_losing_operators",
        {"order_id": "ORD-WRONG-9", "line_number": "1", **PORTING, "losing_operator": "Eerste Operator Demo"},
    ),
    (
        "orders",
        "several_losing_operators",
        {"order_id": "ORD-WRONG-9", "line_number": "2", **PORTING, "losing_operator": "Tweede Operator Demo"},
    ),
    ("orders", "several_account_holders", {"order_id": "ORD-WRONG-10", "line_number": "1", **PORTING, "account_holder": "Jan Voorbeeld"}),
    ("orders", "several_account_holders", {"order_id": "ORD-WRONG-10", "line_number": "2", **PORTING, "account_holder": "Voorbeeld B.V."}),
    ("orders", "overlapping_numbers", {"order_id": "ORD-WRONG-11", **PORTING, "numbers": "0200990000-0200990099;020 099 00 50"}),
    ("orders", "invalid_numbers", {"order_id": "ORD-WRONG-12", **PORTING, "numbers": "020-0990000"}),
    ("extension_counts", "unknown_customer", {"pbx_id": "demo-wrong-1", "customer_id": "demo-nobody"}),
    ("extension_counts", "unknown_pbx", {"pbx_id": "demo-nobodys-pbx"}),
    ("extension_counts", "unknown_seat_service", {"read_at": "2026-10-01T12:00:00+02:00", "service_code": "SIP-TRUNK"}),
    ("extension_counts", "invalid_extensions", {"pbx_id": "demo-wrong-2", "extensions": "veel"}),
    ("extension_counts", "invalid_read_at", {"pbx_id": "demo-wrong-3", "read_at": "gisteren"}),
    ("internet_lines", "unknown_customer", {"line_id": "demo-wrong-1", "customer_id": "demo-nobody"}),
    ("internet_lines", "invalid_down_kbps", {"line_id": "demo-wrong-2", "down_kbps": "snel"}),
    ("internet_lines", "speed_out_of_range", {"line_id": "demo-wrong-3", "up_kbps": "0"}),
    ("payments", "invalid_amount_eur", {"invoice_number": "DEMO-WRONG-1", "amount_eur": "tien"}),
    ("payments", "missing_invoice_number", {"invoice_number": ""}),
)


def land_tables(landing: Landing, tables: Sequence[Table], deck_prefixes: int | None = None) -> None:
    """Write the tables, then the files of corrections and of dirt. File names sort in the order in which they must be
    read. ``deck_prefixes`` as for the tables.
    """
    first = {table.feed: table for table in reversed(tables)}
    last = {table.feed: table for table in tables}
    corrected = {
        "customers": [{"email": f"boekhouding-{n}@nieuw.example"} for n in (1, 2)],
        "extension_counts": [{"extensions": "7"}],
    }
    for table in tables:
        if table.feed == "orders":
            _land_orders(landing, table)
        elif table.feed == "purchase_rates":
            _land_deck(landing, table, deck_prefixes)
        elif table.feed in corrected and table is last[table.feed]:
            _land_corrected(landing, table, corrected[table.feed])
        else:
            _land(landing, table, f"{table.feed}/demo-{table.name}", table.rows, [])
    for feed, table in first.items():
        _land_wrong_rows(landing, table)
        if feed == "purchase_rates":
            rows = [table.rows[0][:4], (*table.rows[0], "too", "many")]
            _land(landing, table, f"{feed}/demo-dirt-columns.csv", rows, [("column_count", QUARANTINED)] * 2)
    _land_wrong_files(landing, first)


def _land(landing: Landing, table: Table, path: str, rows: Sequence[Sequence[Value]], ends: Sequence[tuple[str, str]]) -> None:
    """Write ``rows``; the last ones of them are dirt, of the kinds and ends given."""
    dirt = [Row(kind, outcome, "") for kind, outcome in ends]
    landing.put_rows(table.feed, path, csv_bytes(table.columns, rows, table.style), dirt, good=len(rows) - len(dirt))


def _with(table: Table, row: Sequence[Value], changes: dict[str, str]) -> list[Value]:
    return [changes.get(column, value) for column, value in zip(table.columns, row, strict=True)]


def _land_corrected(landing: Landing, table: Table, changes: list[dict[str, str]]) -> None:
    """The last rows come again in a second file with other values: the later row replaces the earlier one."""
    corrected = [_with(table, row, change) for row, change in zip(table.rows[-len(changes) :], changes, strict=True)]
    _land(landing, table, f"{table.feed}/demo-{table.name}", table.rows, [("row_replaced", DUPLICATE)] * len(changes))
    _land(landing, table, f"{table.feed}/demo-2026-11-corrections.csv", corrected, [("row_replaced", KEPT)] * len(changes))


def _land_orders(landing: Landing, table: Table) -> None:
    """The first file leaves LATE_DELIVERIES lines undelivered, the second brings their delivery."""
    delivered_on = table.columns.index("delivered_on")
    late = [row for row in table.rows if row[delivered_on]][-LATE_DELIVERIES:]
    rest = [row for row in table.rows if row not in late]
    waiting = [_with(table, row, {"delivered_on": "", "ended_on": ""}) for row in late]
    _land(landing, table, "orders/demo-1.csv", [*rest, *waiting], [("row_replaced", DUPLICATE)] * len(late))
    _land(landing, table, "orders/demo-2026-11-corrections.csv", late, [("row_replaced", KEPT)] * len(late))


def _land_deck(landing: Landing, table: Table, deck_prefixes: int | None) -> None:
    """The first partner's deck gets a second price list; the other's too, but that one has faults and is held back."""
    first, second = (partner.deck_id for partner in partners.PARTNERS)
    deck_id = str(table.rows[0][0])
    following = price_lists.new_list(first, deck_prefixes) if deck_id == first else ()
    replaced = sum(rate.valid_from < price_lists.NEW_LIST_FROM for rate in following)
    _land(landing, table, f"{table.feed}/demo-{table.name}", table.rows, [("row_replaced", DUPLICATE)] * replaced)
    if deck_id == first:
        rows = decks.deck_rows(deck_id, following)
        _land(landing, table, f"{table.feed}/demo-2-{deck_id}.csv", rows, [("row_replaced", KEPT)] * replaced)
    else:
        faulty = price_lists.faulty_list(second)
        rows = decks.deck_rows(deck_id, [rate for rate, _ in faulty])
        _land(landing, table, f"{table.feed}/demo-dirt-list-{deck_id}.csv", rows, [(reason, QUARANTINED) for _, reason in faulty])


def _land_wrong_rows(landing: Landing, table: Table) -> None:
    wrong = [(reason, _with(table, table.rows[0], changes)) for feed, reason, changes in WRONG_ROWS if feed == table.feed]
    if wrong:
        rows = [row for _, row in wrong]
        _land(
            landing,
            table,
            f"{table.feed}/demo-dirt-wrong-rows.csv",
            rows,
            [(reason, QUARANTINED) for reason, _ in wrong],
        )


def _land_wrong_files(landing: Landing, tables: dict[str, Table]) -> None:
    """A file in another encoding, one without a required column, and one that was cut off."""

    def land(feed: str, reason: str, content: bytes, rows: int) -> None:
        dirt = [Row(reason, QUARANTINED, "")] * rows
        landing.put_rows(feed, f"{feed}/demo-dirt-{reason.replace('_', '-')}.csv", content, dirt)

    customers = tables["customers"]
    latin = [_with(customers, customers.rows[0], {"customer_id": f"demo-latin-{n}", "name": "Patisserie Zoë"}) for n in range(2)]
    land("customers", "wrong_encoding", csv_bytes(customers.columns, latin).decode().encode("latin-1"), 2)

    orders_table = tables["orders"]
    position = orders_table.columns.index("service_code")
    columns = [column for column in orders_table.columns if column != "service_code"]
    narrower = [(f"ORD-NARROW-{n}", *row[1:position], *row[position + 1 :]) for n, row in enumerate(orders_table.rows[:2])]
    land("orders", "wrong_header", csv_bytes(columns, narrower), 2)

    readings = tables["extension_counts"]
    cut = [_with(readings, readings.rows[0], {"pbx_id": f"demo-cut-{n}"}) for n in range(3)]
    land("extension_counts", "truncated", csv_bytes(readings.columns, cut)[:-40], 3)
