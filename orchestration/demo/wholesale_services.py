"""What the wholesaler counted of services: pieces and what they cost, from the carts and from its own look at the PBXs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from orchestration.demo import acts, orders, tariffs
from orchestration.demo.orders import OrderLine
from orchestration.demo.partners import Customer
from orchestration.demo.period import LAST_DAY, Period, month_end

CORRECTED_EXTENSIONS = 7
"""What ``tables`` corrects the last reading to."""
SIX_DECIMALS = Decimal("0.000001")


@dataclass
class Delivered:
    """Pieces of a service in a month that cost something, and what they cost. ``unread`` of them are of PBXs that nobody else has read."""

    pieces: int = 0
    amount_eur: Decimal = Decimal(0)
    unread: int = 0

    def add(self, pieces: int, amount_eur: Decimal) -> None:
        if amount_eur:
            self.pieces += pieces
            self.amount_eur += amount_eur


def delivered_services(customers: Sequence[Customer], period: Period, seed: int) -> dict[tuple[str, str, str], Delivered]:
    """Per partner, month (that the charge is for) and service what was delivered in the period."""
    found: dict[tuple[str, str, str], Delivered] = defaultdict(Delivered)
    for cart in (*orders.carts(tuple(customers), seed), *acts.carts(customers)):
        for number, line in enumerate(cart, start=1):
            for month, pieces, amount in _charges(cart, number, line, period):
                found[line.customer.partner_id, f"{month:%Y-%m}", line.service_code].add(pieces, amount)
    for month in period.months:
        for customer, extensions, is_read in extensions_of(customers, month, seed):
            seats = found[customer.partner_id, f"{month:%Y-%m}", orders.edition(customer)]
            seats.add(extensions, extensions * _price(orders.edition(customer), month_end(month))[1])
            seats.unread += 0 if is_read else extensions
    read_on = acts.READ_AT.date()
    corrected = found[acts.RESOLD_AT, f"{read_on:%Y-%m}", acts.EDITION]
    corrected.add(acts.SEATS, acts.SEATS * _price(acts.EDITION, read_on)[1])
    return {key: delivered for key, delivered in found.items() if delivered.pieces}


def extensions_of(customers: Sequence[Customer], month: date, seed: int) -> Iterator[tuple[Customer, int, bool]]:
    """The extensions of every 3CX at the month's end: as its reading says; where there is none in time, as many as it has."""
    last_readings = {pbx_id: (read_at, count) for pbx_id, _, _, read_at, count in orders.readings(tuple(customers), month, seed)}
    threecx = orders.threecx_customers(tuple(customers))
    for customer in threecx:
        read_at, count = last_readings.get(customer.pbx_id, ("", 0))
        is_read = str(read_at)[:10] > (month_end(month) - timedelta(days=4)).isoformat()
        if month_end(month) == LAST_DAY and customer is threecx[-1]:
            count = CORRECTED_EXTENSIONS
        yield customer, int(str(count)) if is_read else customer.extensions, is_read


def _price(service_code: str, day: date) -> tuple[Decimal, Decimal]:
    """NRC and MRC of a piece on a day."""
    changed = [(nrc, mrc) for code, nrc, mrc, since in tariffs.SERVICE_PRICE_CHANGES if code == service_code and since <= day]
    nrc, mrc = changed[-1] if changed else next(service[5:7] for service in tariffs.SERVICES if service[0] == service_code)
    return Decimal(nrc), Decimal(mrc)


def _charges(cart: Sequence[OrderLine], number: int, line: OrderLine, period: Period) -> Iterator[tuple[date, int, Decimal]]:
    """Month, pieces and amount of each charge of a line that falls in the period: one-off at delivery, monthly by its days."""
    if line.delivered_on is None:
        return
    metering, charged = next(service[3:5] for service in tariffs.SERVICES if service[0] == line.service_code)
    continued = cart[line.continues_line - 1].quantity if line.continues_line else 0
    if line.delivered_on >= period.first and line.quantity > continued:
        pieces = line.quantity - continued
        yield line.delivered_on.replace(day=1), pieces, pieces * _price(line.service_code, line.delivered_on)[0]
    if metering != "quantity":
        return
    followers = [other.delivered_on for other in cart if other.continues_line == number and other.delivered_on]
    ends = min([day for day in (line.ended_on, *followers) if day], default=date.max)
    for month in period.months:
        first, following = max(month, line.delivered_on), month_end(month) + timedelta(days=1)
        # in advance: the first month stood on an invoice from before the platform
        if first >= min(ends, following) or (charged == "advance" and month == period.first and line.delivered_on < month):
            continue
        days, days_in_month = (min(ends, following) - first).days, (following - month).days
        amount = line.quantity * _price(line.service_code, first)[1] * days / days_in_month
        yield month, line.quantity, amount.quantize(SIX_DECIMALS, ROUND_HALF_UP)
