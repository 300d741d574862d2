"""An independent reader of orders and readings: what every order line and every PBX should cost and sell for, in plain Python.

Written, as the rater beside it, from the rules of the domain and the formats of the feeds alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.models.oracle import ZONE, Books, Row, assigned, customer_on, day, exact, gives, only, valid


@dataclass(frozen=True)
class Charge:
    """What one line of an order costs and sells for in a month (``YYYY-MM``, that it is for and of whose invoice it is), exactly."""

    month: str
    invoice_month: str
    kind: str
    purchase_eur: Fraction
    sale_eur: Fraction


def order_charges(books: Books, last_month: date) -> dict[tuple[str, str, str, str, str], Charge]:
    """By partner, order, line, kind (nrc, mrc) and month: every charge that stands on an invoice up to ``last_month`` (its first day)."""
    charges: dict[tuple[str, str, str, str, str], Charge] = {}
    for (partner_id, order_id, line_number), order in books.orders.items():
        delivered = day(order["delivered_on"])
        if delivered is None or delivered >= _next_month(last_month):
            continue
        for charge in _charges_of(books, partner_id, order, delivered, last_month):
            charges[partner_id, order_id, line_number, charge.kind, charge.month] = charge
    return charges


def _next_month(first: date) -> date:
    return (first.replace(day=1) + timedelta(days=31)).replace(day=1)


def _charges_of(books: Books, partner_id: str, order: Row, delivered: date, last_month: date) -> Iterator[Charge]:
    def charge(kind: str, month: date, invoice_month: date, on: date, quantity: Fraction) -> Charge:
        purchase, sale = _unit_prices(books, order, kind, on)
        return Charge(f"{month:%Y-%m}", f"{invoice_month:%Y-%m}", kind, purchase * quantity, sale * quantity)

    service = books.services[order["service_code"],][-1].row
    month = delivered.replace(day=1)
    quantity = int(order["quantity"])
    before = books.orders.get((partner_id, order["order_id"], order.get("continues_line", "")))
    if (added := quantity - (int(before["quantity"]) if before else 0)) > 0:
        yield charge("nrc", month, month, delivered, Fraction(added))
    ended = min([day(order["ended_on"]) or date.max, _left_on(books, partner_id, order), *_taken_over(books, partner_id, order)])
    is_advance = service["charged"].lower() == "advance"
    while service["metering"].lower() == "quantity" and month <= (_next_month(last_month) if is_advance else last_month):
        first, last = max(month, delivered), min(_next_month(month), ended)
        invoice_month = (month - timedelta(days=1)).replace(day=1) if is_advance and month > delivered else month
        if first < last:
            yield charge("mrc", month, invoice_month, first, quantity * Fraction((last - first).days, (_next_month(month) - month).days))
        month = _next_month(month)


def _taken_over(books: Books, partner_id: str, order: Row) -> Iterator[date]:
    """When the line that continues this one is delivered: from then on that one is billed."""
    for (owner_id, order_id, _), other in books.orders.items():
        continued = owner_id, order_id, other.get("continues_line", "")
        if continued == (partner_id, order["order_id"], order["line_number"]) and other["delivered_on"]:
            yield date.fromisoformat(other["delivered_on"])


def _left_on(books: Books, partner_id: str, order: Row) -> date:
    """When the customer leaves the partner, and with it the partner's services."""
    return max(term.valid_to for term in books.customers[order["customer_id"],] if term.row["partner_id"] == partner_id)


def _unit_prices(books: Books, order: Row, kind: str, on: date) -> tuple[Fraction, Fraction]:
    """Purchase and sale of one piece: an exception for the service goes before the markup of its category."""
    (service,) = valid(books.services[order["service_code"],], on)
    purchase = exact(service[f"{kind}_purchase_eur"]) or Fraction(0)
    customer = customer_on(books, order["customer_id"], on)
    assert customer, f"nobody's customer on {on}: {order}"
    assignment = assigned(books, "service", customer, on)
    assert assignment, f"no service plan for {order}"
    plan = customer["partner_id"], assignment["service_plan_id"]
    exception = only(valid(books.markups[kind].get((*plan, "", order["service_code"]), ()), on))
    if exception and not gives(exception, kind):
        exception = None  # taken back
    markup = exception or only(valid(books.markups[kind].get((*plan, service["category"], ""), ()), on))
    assert markup, f"no markup for {order}"
    amount = exact(markup[f"{kind}_eur"])
    return purchase, purchase * (exact(markup[f"{kind}_percent"]) or 0) / 100 if amount is None else amount


def seat_charges(books: Books, last_day: date) -> dict[tuple[str, str, str], tuple[int | None, Fraction | None]]:
    """By PBX, customer and month that is over: extensions and what they sell for; None where the PBX was not read in time.

    Only PBXs whose seats were ordered; a month is over three days before its end, when a reading may count.
    """
    charges: dict[tuple[str, str, str], tuple[int | None, Fraction | None]] = {}
    for (partner_id, _, _), order in books.orders.items():
        delivered = day(order["delivered_on"])
        if delivered is None or books.services[order["service_code"],][-1].row["metering"] != "extensions":
            continue
        ended = min([day(order["ended_on"]) or date.max, _left_on(books, partner_id, order), *_taken_over(books, partner_id, order)])
        month = delivered.replace(day=1)
        while (last := _next_month(month) - timedelta(days=1)) <= last_day + timedelta(days=3):
            if last < ended:
                read = _last_reading(books, order["pbx_id"], order["customer_id"], last)
                key = (order["pbx_id"], order["customer_id"], f"{month:%Y-%m}")
                sale = _unit_prices(books, {**order, **read}, "mrc", last)[1] * int(read["extensions"]) if read else None
                charges[key] = (int(read["extensions"]), sale) if read else (None, None)
            month = _next_month(month)
    return charges


def _last_reading(books: Books, pbx_id: str, customer_id: str, last: date) -> Row | None:
    """The last reading on the month's last day in the zone of the partner, or on the three days before it."""
    found: list[tuple[datetime, Row]] = []
    for reading in books.readings:
        if (reading["pbx_id"], reading["customer_id"]) == (pbx_id, customer_id):
            moment = datetime.fromisoformat(reading["read_at"])
            local = (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(ZONE), fold=1)).astimezone(ZoneInfo(ZONE))
            if last - timedelta(days=3) <= local.date() <= last:
                found.append((local.astimezone(UTC), reading))
    return max(reversed(found), key=lambda each: each[0])[1] if found else None
