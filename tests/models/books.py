"""An independent bookkeeper: what every customer should be billed, every reseller be paid and every quarter declared, in plain Python.

Written from the rules of the domain (docs, decided rules included) and the formats of the feeds alone: exact fractions, no SQL, and nothing
of the models. It keeps a ledger of its own of what people decided, and works out all the rest anew from the rows that were given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]

READING_REACH = 3
"""A reading counts for a month's end when it was taken no earlier than so many days before it."""

NEVER = date.max
BEGINNING = date.min


# Days, months and amounts ----------------------------------------------------------------------------------------------------------


@cache
def first_of(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def month_of(on: date) -> str:
    return f"{on.year:04d}-{on.month:02d}"


@cache
def months_after(month: str, count: int) -> str:
    year, index = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + count, 12)
    return f"{year:04d}-{index + 1:02d}"


def following(month: str) -> str:
    return months_after(month, 1)


@cache
def last_of(month: str) -> date:
    return first_of(following(month)) - timedelta(days=1)


def quarter_of(month: str) -> str:
    return f"{month[:4]}-Q{(int(month[5:]) + 2) // 3}"


def rounded(amount: Fraction, decimals: int) -> Fraction:
    """Half away from zero."""
    scaled = abs(amount) * 10**decimals
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(whole if amount >= 0 else -whole, 10**decimals)


def exact(amount: Decimal | None) -> Fraction | None:
    return None if amount is None else Fraction(amount)


# What the bookkeeper writes --------------------------------------------------------------------------------------------------------


class Key(NamedTuple):
    """What is billed once: an order line's one-off price, its month, a PBX's month, an order line's minutes of a month."""

    partner: str
    customer: str
    kind: str
    service: str
    month: str
    order: str
    line: int
    pbx: str  # of seats alone: an order line with another PBX is the same


@dataclass(frozen=True)
class Charge:
    """A charge, or the difference that settles one. ``days`` of a monthly charge alone."""

    key: Key
    invoice_month: str
    quantity: int | None
    days: int | None
    unit_purchase: Fraction | None
    unit_sale: Fraction | None
    purchase: Fraction | None
    sale: Fraction | None
    pbx: str | None
    plan: str | None
    is_exception: bool
    category: str | None
    reseller: str | None
    vat: str
    is_exempt: bool
    reason: str | None = None
    settles: bool = False

    @property
    def piece_days(self) -> int:
        return (self.quantity or 0) * (1 if self.days is None else self.days)


@dataclass(frozen=True)
class Call:
    """A call as it was rated; from ``billing_month`` on once it stands somewhere."""

    key: str
    partner: str
    customer: str
    on: date
    leg: str | None
    country: str | None
    line_type: str | None
    duration_s: int
    billed_s: int | None
    purchase: Fraction | None
    sale: Fraction | None
    status: str
    billing_month: str = ""
    reseller: str | None = None
    vat: str = "standard"
    is_exempt: bool = False


@dataclass(frozen=True)
class Line:
    """A line of an invoice; ``credits`` is the line's own place in its invoice, of a credit note by hand."""

    partner: str
    customer: str
    month: str
    invoice: str
    kind: str
    country: str | None
    line_type: str | None
    service: str | None
    pbx: str | None
    quantity: int
    duration_s: int | None
    amount: Fraction
    exact: Fraction
    purchase: Fraction
    vat: str
    vat_code: str | None
    vat_percent: Fraction | None
    settled_month: str | None
    first_month: str
    last_month: str
    reseller: str | None
    percent: Fraction
    price: Fraction | None = None
    """Of a piece, and ``days``: where all that stands on the line has the same."""
    days: int | None = None

    @property
    def of_charges(self) -> tuple:
        """What the charges on this line have alike."""
        return (
            self.partner, self.customer, self.month, self.kind, self.service, self.pbx, self.settled_month, self.first_month, self.reseller,
            self.vat, *((None, None) if self.settled_month else (self.price, self.days)),
        )  # fmt: skip


@dataclass(frozen=True)
class Invoice:
    partner: str
    customer: str
    month: str
    invoice: str
    kind: str
    status: str
    reseller: str | None
    net: Fraction
    vat: Fraction
    number: str | None = None
    credits: str | None = None
    issued_on: date | None = None
    reasons: tuple[str, ...] = ()

    @property
    def is_by_hand(self) -> bool:
        return "-credit-" in self.invoice

    @property
    def gross(self) -> Fraction:
        return self.net + self.vat


class CommissionLine(NamedTuple):
    partner: str
    month: str
    reseller: str
    customer: str
    invoice: str
    status: str
    kind: str
    sale: Fraction
    percent: Fraction

    @property
    def commission(self) -> Fraction:
        return self.sale * self.percent / 100


class VatLine(NamedTuple):
    partner: str
    customer: str
    month: str
    invoice: str
    vat: str
    vat_code: str | None
    vat_percent: Fraction | None
    net: Fraction
    amount: Fraction | None
    filed_in: str | None


@dataclass
class Ledger:
    """What people decided, as it was decided."""

    charges: list[Charge] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)
    final: set[tuple[str, str, str]] = field(default_factory=set)
    closed: set[tuple[str, str]] = field(default_factory=set)
    invoices: list[Invoice] = field(default_factory=list)
    lines: dict[str, list[Line]] = field(default_factory=dict)
    credited: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Invoice number -> places of its lines that a person credited."""
    statements: dict[tuple[str, str], dict[str, set[tuple[str, str]]]] = field(default_factory=lambda: defaultdict(dict))
    """(partner, reseller) -> settled month -> (invoice, kind)."""
    returns: dict[str, dict[str, dict[str, str]]] = field(default_factory=lambda: defaultdict(dict))
    """Partner -> filed quarter -> invoice -> the month in which it was declared."""


@dataclass(frozen=True)
class Books:
    """All that stands now, decided or not."""

    calls: list[Call]
    charges: list[Charge]
    lines: list[Line]
    invoices: list[Invoice]
    vat: list[VatLine]
    commission_lines: list[CommissionLine]


# Master data from day to day -------------------------------------------------------------------------------------------------------


class Rows:
    """The rows that were kept, and what they say on a day."""

    def __init__(self, staged: Mapping[str, Iterable[Row]], vat_rates: Iterable[Row], horizon: date) -> None:
        self.horizon = horizon
        self.vat_rates = list(vat_rates)
        self.partners = {row["partner_id"]: row for row in staged["partners"]}
        self._partners = _grouped(staged["partners"], "partner_id")
        self.resellers = {(row["partner_id"], row["reseller_id"]): row for row in staged["resellers"]}
        self.plans = {(row["partner_id"], row["service_plan_id"]) for row in staged["service_plans"]}
        self.orders = {(row["partner_id"], row["order_id"], row["line_number"]): row for row in staged["orders"]}
        self.readings = list(staged["extension_counts"])
        self._customers = _grouped(staged["customers"], "customer_id")
        self._services = _grouped(staged["services"], "service_code")
        groups = (row for row in staged["customer_plans"] if not row["customer_id"])
        self._group_plans = _grouped(groups, "partner_id", "customer_group")
        owned = ({**row, "partner_id": self._tenant_of(row)} for row in staged["customer_plans"] if row["customer_id"])
        self._own_plans = _grouped(owned, "partner_id", "customer_id")
        self._markups = _grouped(staged["service_plan_markups"], "partner_id", "service_plan_id", "category", "service_code")
        self._continued_by = {
            (row["partner_id"], row["order_id"], row["continues_line"]): row for row in staged["orders"] if row["continues_line"]
        }

    def customers(self) -> Iterator[tuple[str, str]]:
        """(partner, customer) of all who ever were one's."""
        for (customer,), rows in self._customers.items():
            yield from {(row["partner_id"], customer) for row in rows}

    def customer(self, partner: str, customer: str, on: date) -> Row | None:
        """The row of the customer that holds on a day, where it is this partner's then."""
        begun = [row for row in self._customers.get((customer,), ()) if _begins(row) <= on]
        if not begun:
            return None
        row = begun[-1]
        return row if row["partner_id"] == partner and on < (row["valid_to"] or NEVER) else None

    def reseller_of_month(self, partner: str, customer: str, month: str) -> str | None:
        row = self.customer(partner, customer, last_of(month))
        if row is None:  # as it was when it left, or as it comes
            own = [each for each in self._customers[customer,] if each["partner_id"] == partner]
            begun = [each for each in own if _begins(each) <= self.horizon]
            row = begun[-1] if begun else own[0]
        return row["reseller_id"]

    def first_partner(self, customer: str) -> str:
        return self._customers[customer,][0]["partner_id"]

    def leaves(self, partner: str, customer: str, on: date) -> date:
        """The first day after ``on`` from which the customer is not the partner's any more; it may come back later."""
        rows = self._customers.get((customer,), ())
        for row, after in _with_next(list(rows)):
            ends = min(row["valid_to"] or NEVER, _begins(after) if after else NEVER)
            stays = after is not None and after["partner_id"] == partner and _begins(after) == ends
            if row["partner_id"] == partner and ends > on and not stays:
                return ends
        return NEVER

    def service(self, code: str, on: date) -> Row | None:
        return _holding(self._services.get((code,), ()), on)

    def metering(self, order: Row) -> Row:
        """How an order line is metered and when it is charged: as the service was at its delivery, or first was."""
        return (
            self.service(order["service_code"], order["delivered_on"] or order["ordered_on"]) or self._services[order["service_code"],][0]
        )

    def plan(self, partner: str, customer: str, on: date) -> str | None:
        """The service plan of a day: the customer's own, else that of its group; None where the partner has no such plan."""
        row = self.customer(partner, customer, on)
        if row is None:
            return None
        assigned = _holding(self._own_plans.get((partner, customer), ()), on)
        if assigned is None:
            assigned = _holding(self._group_plans.get((partner, row["customer_group"]), ()), on)
        if assigned is None or (partner, assigned["service_plan_id"]) not in self.plans:
            return None
        return assigned["service_plan_id"]

    def _tenant_of(self, assigned: Row) -> str | None:
        """Whose row it is: of the partner that it names, else of the one who has the customer when it begins, or gets it next."""
        if assigned["partner_id"]:
            return assigned["partner_id"]
        for row, after in _with_next(self._customers.get((assigned["customer_id"],), ())):
            begins, ends = _begins(row), min(row["valid_to"] or NEVER, _begins(after) if after else NEVER)
            if begins < ends and ends > _begins(assigned):
                return row["partner_id"]
        return None

    def unit_prices(
        self, partner: str, plan: str | None, code: str, charge: str, on: date
    ) -> tuple[Fraction | None, Fraction | None, bool]:
        """Purchase and sale of a piece (None: not known), and whether the sale price is an exception for just this service."""
        service = self.service(code, on)
        purchase = exact(service[f"{charge}_purchase_eur"]) if service else None
        if plan is None:
            return purchase, None, False
        exceptions = self._markups.get((partner, plan, None, code), ())
        telling = [row for row in exceptions if _gives(row, charge) or not (_gives(row, "nrc") or _gives(row, "mrc"))]
        markup = _holding(telling, on)
        is_exception = markup is not None and _gives(markup, charge)
        if not is_exception:
            of_category = self._markups.get((partner, plan, service["category"] if service else None, None), ())
            markup = _holding([row for row in of_category if row[f"{charge}_percent"] is not None], on)
        if markup is not None and is_exception and markup[f"{charge}_eur"] is not None:
            return purchase, exact(markup[f"{charge}_eur"]), True
        if markup is None:
            return purchase, Fraction(0) if purchase == 0 else None, False
        return purchase, None if purchase is None else rounded(purchase * exact(markup[f"{charge}_percent"]) / 100, 6), is_exception

    def ends(self, order: Row) -> date:
        """The day from which an order line is not there any more."""
        successor = self._continued_by.get((order["partner_id"], order["order_id"], order["line_number"]))
        return min(
            order["ended_on"] or NEVER,
            (successor and successor["delivered_on"]) or NEVER,
            self.leaves(order["partner_id"], order["customer_id"], order["delivered_on"] or order["ordered_on"]),
        )

    def new_pieces(self, order: Row) -> int:
        before = self.orders.get((order["partner_id"], order["order_id"], order["continues_line"]))
        return max(order["quantity"] - (before["quantity"] if before else 0), 0)

    def days_in(self, order: Row, month: str) -> int:
        """Calendar days of a month on which an order line is there."""
        if order["delivered_on"] is None:
            return 0
        return max((min(first_of(following(month)), self.ends(order)) - max(first_of(month), order["delivered_on"])).days, 0)

    def percent(self, partner: str, reseller: str | None, kind: str) -> Fraction:
        row = self.resellers.get((partner, reseller)) if reseller else None
        return (
            exact(row[f"{'call' if kind in ('calls', 'airtime') else 'service'}_commission_percent"] or Decimal(0)) if row else Fraction(0)
        )

    def vat_rate(self, partner: str, vat: str, month: str) -> tuple[str | None, Fraction | None]:
        of_partner = self._partners[partner,]
        begun = [row for row in of_partner if _begins(row) <= last_of(month)]
        country = (begun[-1] if begun else of_partner[0])["country"] or "NL"
        for row in self.vat_rates:
            if (row["country"], row["vat_category"]) == (country, vat) and row["valid_from"] <= last_of(month) < (row["valid_to"] or NEVER):
                return row["vat_code"], Fraction(row["vat_percent"])
        return None, None


def _grouped(rows: Iterable[Row], *names: str) -> dict[tuple, list[Row]]:
    found: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    for each in found.values():
        each.sort(key=_begins)
    return dict(found)


def _with_next(rows: list[Row]) -> Iterator[tuple[Row, Row | None]]:
    return zip(rows, (*rows[1:], None)[: len(rows)], strict=True)


def _begins(row: Row) -> date:
    return row["valid_from"] or BEGINNING


def _holding(rows: Iterable[Row], on: date) -> Row | None:
    """The row of a time line that holds on a day: the later one where one with a ``valid_to`` of its own reaches over it."""
    rows = list(rows)
    for row, after in reversed(list(_with_next(rows))):
        if _begins(row) <= on < (row["valid_to"] or (_begins(after) if after else NEVER)):
            return row
    return None


def _gives(markup: Row, charge: str) -> bool:
    return markup[f"{charge}_percent"] is not None or markup[f"{charge}_eur"] is not None


# What is given now -----------------------------------------------------------------------------------------------------------------


def post(rows: Rows, calls: Iterable[Call], ledger: Ledger) -> Books:
    """All that stands: what was decided as it was, all else by the rows of now."""
    final = _final_months(rows, ledger)
    standing = [_standing(rows, call, ledger, final) for call in calls]
    charges = list(_charges(rows, standing, ledger, final))
    approved = {(each.partner, each.customer, each.month) for each in ledger.invoices if not each.is_by_hand}
    drafted = [line for line in _lines(rows, standing, charges, ledger) if (line.partner, line.customer, line.month) not in approved]
    lines = drafted + [line for each in ledger.lines.values() for line in each]
    invoices = [*_drafts(rows, standing, charges, drafted, ledger, approved), *(_as_approved(each, ledger) for each in ledger.invoices)]
    return Books(standing, charges, lines, invoices, _vat(lines, invoices, ledger), _commission_lines(lines, invoices, ledger))


def _final_months(rows: Rows, ledger: Ledger) -> dict[tuple[str, str], set[str]]:
    """(partner, customer) -> months that take nothing more."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for partner, customer, month in ledger.final:
        found[partner, customer].add(month)
    for partner, customer in rows.customers():
        found[partner, customer] |= {month for of, month in ledger.closed if of == partner}
    return found


def _first_open(month: str, final: set[str]) -> str:
    while month in final:
        month = following(month)
    return month


def _standing(rows: Rows, call: Call, ledger: Ledger, final: Mapping[tuple[str, str], set[str]]) -> Call:
    if call.key in ledger.calls:
        return ledger.calls[call.key]
    row = rows.customer(call.partner, call.customer, call.on)
    month = _first_open(month_of(call.on), final[call.partner, call.customer])
    if row is None:
        return replace(call, billing_month=month)
    return replace(
        call, billing_month=month, reseller=row["reseller_id"], vat=row["vat_category"] or "standard", is_exempt=bool(row["billing_exempt"])
    )


def _charges(rows: Rows, calls: list[Call], ledger: Ledger, final: Mapping[tuple[str, str], set[str]]) -> Iterator[Charge]:
    billed: dict[Key, list[Charge]] = defaultdict(list)
    for charge in ledger.charges:
        billed[charge.key].append(charge)
        yield charge
    seats, minutes = _seats(rows), _minutes(rows, calls)
    for charge in (*_order_charges(rows), *_seat_charges(rows, seats), *_airtime_charges(rows, minutes)):
        if charge.key not in billed:
            yield replace(charge, invoice_month=_first_open(charge.invoice_month, final[charge.key.partner, charge.key.customer]))
    by_hand = credited_by_hand(ledger)
    for key, before in billed.items():
        if any(each in by_hand for each in map(line_of, before)):
            continue  # that person's to settle
        given = _given(rows, key, before[0], seats, minutes)
        if given is not None and given[0] * given[1] != sum(each.piece_days for each in before):
            yield _settlement(before, given, following(max(final[key.partner, key.customer])))


def line_of(charge: Charge) -> tuple:
    """On which line of its customer's month a charge stands."""
    key = charge.key
    settled = key.month if charge.settles else None
    return (
        key.partner, key.customer, charge.invoice_month, key.kind, key.service, charge.pbx if key.kind == "seat" else None,
        settled, key.month, charge.reseller, charge.vat,
        *((None, None) if charge.settles else (charge.unit_sale, charge.days)),
    )  # fmt: skip


def credited_by_hand(ledger: Ledger) -> set[tuple]:
    by_number = {(each.partner, each.number): each.invoice for each in ledger.invoices}
    return {
        ledger.lines[by_number[partner_number]][place].of_charges for partner_number, places in ledger.credited.items() for place in places
    }


def _given(rows: Rows, key: Key, first: Charge, seats: Mapping[Key, int | None], minutes: Mapping[Key, tuple]) -> tuple[int, int] | None:
    """(pieces, days) of what was billed that are given now; None where nothing says so."""
    if key.kind == "seat":
        of_pbx = [count for seat, count in seats.items() if (seat.partner, seat.pbx, seat.month) == (key.partner, key.pbx, key.month)]
        if any(count is not None for count in of_pbx):
            return seats.get(key) or 0, 1
        ends = [
            rows.ends(row)
            for (partner, _, _), row in rows.orders.items()
            if partner == key.partner and row["pbx_id"] == key.pbx and row["delivered_on"]
        ]
        return (0, 1) if not of_pbx and ends and max(ends) <= last_of(key.month) else None
    order = rows.orders.get((key.partner, key.order, key.line))
    if order is None:  # waits in quarantine
        return None
    if key.kind == "airtime":
        return minutes[key][0] if key in minutes else 0, 1
    is_theirs = order["delivered_on"] is not None and (order["customer_id"], order["service_code"]) == (key.customer, key.service)
    if key.kind == "nrc":
        return rows.new_pieces(order) if is_theirs and month_of(order["delivered_on"]) == key.month else 0, 1
    return (order["quantity"], rows.days_in(order, key.month)) if is_theirs else (0, 0)


def _settlement(before: list[Charge], given: tuple[int, int], invoice_month: str) -> Charge:
    """The difference, at the terms of what it settles."""
    first = before[0]
    pieces, days = given
    more = pieces * days - sum(each.piece_days for each in before)
    share = Fraction(pieces * days, (last_of(first.key.month).day if first.key.kind == "mrc" else 1))
    quantity = more
    if first.key.kind == "mrc":
        only_days = (pieces == first.quantity or pieces * days == 0) and more % first.quantity == 0
        quantity = first.quantity if only_days else 1
    return replace(
        first,
        invoice_month=invoice_month,
        quantity=quantity,
        days=more // quantity if first.key.kind == "mrc" else None,
        purchase=rounded(first.unit_purchase * share, 6) - sum(each.purchase for each in before),
        sale=rounded(first.unit_sale * share, 6) - sum(each.sale for each in before),
        settles=True,
    )


def _priced(rows: Rows, key: Key, invoice_month: str, on: date, quantity: int | None, days: int | None, pbx: str | None) -> Charge | None:
    """A charge by the price, plan, VAT, exemption and reseller of the first day that it is for; None where it is the partner's past."""
    billing_from = rows.partners[key.partner]["billing_from"]
    if billing_from and invoice_month < month_of(billing_from):
        return None
    customer = rows.customer(key.partner, key.customer, on)
    plan = rows.plan(key.partner, key.customer, on)
    purchase, sale, is_exception = rows.unit_prices(key.partner, plan, key.service, "nrc" if key.kind == "nrc" else "mrc", on)
    share = None if quantity is None else quantity if days is None else Fraction(quantity * days, last_of(key.month).day)
    reason = (
        "missing_reading" if quantity is None
        else "no_service_price" if purchase is None
        else "no_service_plan" if plan is None
        else "no_markup" if sale is None
        else "below_purchase" if sale < purchase
        else None
    )  # fmt: skip
    service = rows.service(key.service, on)
    return Charge(
        key, invoice_month, quantity, days, purchase, sale,
        None if purchase is None or share is None else rounded(purchase * share, 6),
        None if sale is None or share is None else rounded(sale * share, 6),
        pbx, plan, is_exception, service["category"] if service else None,
        customer["reseller_id"] if customer else None,
        (customer["vat_category"] if customer else None) or "standard",
        bool(customer and customer["billing_exempt"]), reason,
    )  # fmt: skip


def _order_charges(rows: Rows) -> Iterator[Charge]:
    newest = month_of(rows.horizon)
    for (partner, order_id, line), order in rows.orders.items():
        delivered = order["delivered_on"]
        if delivered is None or month_of(delivered) > newest:
            continue
        of = partner, order["customer_id"]
        where = order_id, line, ""
        month = month_of(delivered)
        if pieces := rows.new_pieces(order):
            key = Key(*of, "nrc", order["service_code"], month, *where)
            yield from filter(None, [_priced(rows, key, month, delivered, pieces, None, order["pbx_id"])])
        terms = rows.metering(order)
        is_advance = terms["charged"] == "advance"
        while terms["metering"] == "quantity" and month <= (following(newest) if is_advance else newest):
            if days := rows.days_in(order, month):
                stands_on = months_after(month, -1) if is_advance and month > month_of(delivered) else month
                key = Key(*of, "mrc", order["service_code"], month, *where)
                yield from filter(
                    None, [_priced(rows, key, stands_on, max(first_of(month), delivered), order["quantity"], days, order["pbx_id"])]
                )
            month = following(month)


def _seats(rows: Rows) -> dict[Key, int | None]:
    """Every PBX and month end at which it is in service: its extensions; None where it was not read in time."""
    lines = [row for row in rows.orders.values() if row["delivered_on"]]
    readings = [(_local(row), row) for row in rows.readings]
    periods: list[tuple[str, str | None, str, str, date, date]] = []
    ordered = set()
    for row in lines:
        if rows.metering(row)["metering"] == "extensions":
            periods.append((row["partner_id"], row["pbx_id"], row["customer_id"], row["service_code"], row["delivered_on"], rows.ends(row)))
            ordered.add((row["partner_id"], row["pbx_id"], row["customer_id"]))
    read_only: dict[tuple, list[date]] = defaultdict(list)
    for (local, _), reading in readings:
        for partner in {row["partner_id"] for row in lines if (row["pbx_id"], row["customer_id"]) == _pbx_of(reading)}:
            if (partner, *_pbx_of(reading)) not in ordered and rows.customer(partner, reading["customer_id"], reading["read_at"].date()):
                read_only[partner, *_pbx_of(reading), reading["service_code"]].append(local.date())
    for (partner, pbx, customer, service), days in read_only.items():
        ends = [rows.ends(row) for row in lines if (row["partner_id"], row["pbx_id"], row["customer_id"]) == (partner, pbx, customer)]
        periods.append((partner, pbx, customer, service, min(days), max(ends)))
    found: dict[Key, int | None] = {}
    for partner, pbx, customer, service, begins, ends in periods:
        month = month_of(begins)
        while month <= month_of(rows.horizon):
            last = last_of(month)
            if last < ends and rows.horizon >= last - timedelta(days=READING_REACH):
                reading = _reading(rows, readings, partner, pbx, customer, last)
                key = Key(partner, customer, "seat", reading["service_code"] if reading else service, month, "", 0, pbx or "")
                found[key] = reading["extensions"] if reading else None
            month = following(month)
    return found


def _pbx_of(row: Row) -> tuple[str, str]:
    return row["pbx_id"], row["customer_id"]


def _local(reading: Row) -> tuple[datetime, datetime]:
    """The clock on the wall, and the instant in UTC."""
    zone = ZoneInfo("Europe/Amsterdam")
    if reading["read_at_utc"] is not None:
        instant = reading["read_at_utc"].replace(tzinfo=UTC)
        return instant.astimezone(zone).replace(tzinfo=None), instant
    return reading["read_at"], reading["read_at"].replace(tzinfo=zone, fold=1).astimezone(UTC)


def _reading(rows: Rows, readings: list, partner: str, pbx: str | None, customer: str, last: date) -> Row | None:
    """The last one on the month's last day or the three before it."""
    found = [
        (instant, place, reading)
        for place, ((local, instant), reading) in enumerate(readings)
        if _pbx_of(reading) == (pbx, customer)
        and last - timedelta(days=READING_REACH) <= local.date() <= last
        and rows.customer(partner, customer, reading["read_at"].date())
    ]
    return max(found, key=lambda each: each[:2])[2] if found else None


def _seat_charges(rows: Rows, seats: Mapping[Key, int | None]) -> Iterator[Charge]:
    for key, extensions in seats.items():
        charge = _priced(rows, key, key.month, last_of(key.month), extensions, None, key.pbx or None)
        if charge:
            yield charge


def _minutes(rows: Rows, calls: list[Call]) -> dict[Key, tuple[int, date]]:
    """Begun minutes of airtime legs that the call plan gives no price for, by the order line that meters them; and since when it does."""
    meters: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in sorted(
        (row for row in rows.orders.values() if row["delivered_on"]),
        key=lambda each: (each["delivered_on"], each["order_id"], each["line_number"]),
    ):
        if rows.metering(row)["metering"] == "airtime":
            meters[row["partner_id"], row["customer_id"]].append(row)
    found: dict[Key, tuple[int, date]] = {}
    for call in calls:
        if call.leg != "airtime" or call.status != "rated" or call.sale != 0:
            continue
        for row in meters.get((call.partner, call.customer), ()):
            if row["delivered_on"] <= call.on < rows.ends(row):
                key = Key(
                    call.partner, call.customer, "airtime", row["service_code"], call.billing_month, row["order_id"], row["line_number"], ""
                )
                before, _ = found.get(key, (0, None))
                found[key] = before + -(-call.duration_s // 60), row["delivered_on"]
                break
    return found


def _airtime_charges(rows: Rows, minutes: Mapping[Key, tuple[int, date]]) -> Iterator[Charge]:
    for key, (count, delivered) in minutes.items():
        charge = _priced(rows, key, key.month, max(first_of(key.month), delivered), count, None, None)
        if charge and not (charge.unit_purchase == 0 and charge.unit_sale in (0, None) and charge.unit_sale is not None):
            yield charge


# Invoices --------------------------------------------------------------------------------------------------------------------------


def _lines(rows: Rows, calls: list[Call], charges: list[Charge], ledger: Ledger) -> Iterator[Line]:
    of_calls: dict[tuple, list[Call]] = defaultdict(list)
    for call in calls:
        if call.status == "rated" and not call.is_exempt:
            kind = "airtime" if call.leg == "airtime" else "calls"
            of_calls[call.partner, call.customer, call.billing_month, kind, call.country, call.line_type, call.reseller, call.vat].append(
                call
            )
    for (partner, customer, month, kind, country, line_type, reseller, vat), called in of_calls.items():
        total = sum(call.sale for call in called)
        yield Line(
            partner, customer, month, _draft_id(rows, ledger, partner, customer, month), kind, country, line_type, None, None, len(called),
            sum(call.billed_s for call in called), rounded(total, 2), total, sum(call.purchase for call in called), vat,
            *rows.vat_rate(partner, vat, month), None, month_of(min(call.on for call in called)), month_of(max(call.on for call in called)),
            reseller, rows.percent(partner, reseller, kind),
        )  # fmt: skip
    originals = {charge.key: charge for charge in reversed(ledger.charges) if not charge.settles}
    approved = {line.of_charges: line for each in ledger.lines.values() for line in each if "-credit-" not in line.invoice and line.service}
    of_charges: dict[tuple, list[Charge]] = defaultdict(list)
    for charge in charges:
        if charge.reason is None and not charge.is_exempt:
            key = charge.key
            billed = approved.get(line_of(originals[key])) if charge.settles else None
            rate = (
                (billed.vat_code, billed.vat_percent)
                if billed
                else rows.vat_rate(key.partner, charge.vat, key.month if charge.settles else charge.invoice_month)
            )
            percent = billed.percent if billed else rows.percent(key.partner, charge.reseller, key.kind)
            of_charges[(*line_of(charge), *rate, percent)].append(charge)
    for (*of_line, code, vat_percent, percent), charged in of_charges.items():
        partner, customer, month, kind, service, pbx, settled, for_month, reseller, vat, *_ = of_line
        total = sum(charge.sale for charge in charged)
        terms = {(charge.unit_sale, charge.days) for charge in charged}
        yield Line(
            partner, customer, month, _draft_id(rows, ledger, partner, customer, month), kind, None, None, service, pbx,
            sum(charge.quantity for charge in charged), None, rounded(total, 2), total, sum(charge.purchase for charge in charged), vat,
            code, vat_percent, settled, for_month, for_month, reseller, percent, *(terms.pop() if len(terms) == 1 else (None, None)),
        )  # fmt: skip


def _draft_id(rows: Rows, ledger: Ledger, partner: str, customer: str, month: str) -> str:
    """Who billed the customer under its bare id goes on with it, else who had it first."""
    plainly = [each for each in ledger.invoices if each.customer == customer and each.invoice == f"{customer}-{each.month}"]
    whose = max(plainly, key=lambda each: each.month).partner if plainly else rows.first_partner(customer)
    return f"{customer}-{month}" + ("" if partner == whose else f"@{partner}")


def _by_rate(lines: Iterable[Line]) -> dict[tuple, Fraction]:
    found: dict[tuple, Fraction] = defaultdict(Fraction)
    for line in lines:
        found[line.vat, line.vat_code, line.vat_percent] += line.amount
    return found


def totals(lines: Iterable[Line]) -> tuple[Fraction, Fraction]:
    """Net, and VAT rounded once per category and rate."""
    by_rate = _by_rate(lines)
    vat = (rounded(net * percent / 100, 2) for (_, _, percent), net in by_rate.items() if percent is not None)
    return sum(by_rate.values(), Fraction(0)), sum(vat, Fraction(0))


def _drafts(rows: Rows, calls: list[Call], charges: list[Charge], lines: list[Line], ledger: Ledger, approved: set) -> Iterator[Invoice]:
    of_month: dict[tuple[str, str, str], list[Line]] = defaultdict(list)
    reasons: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for line in lines:
        of_month[line.partner, line.customer, line.month].append(line)
    for call in calls:
        if call.status == "unrated" and not call.is_exempt:
            reasons[call.partner, call.customer, call.billing_month].add("unrated_calls")
    for charge in charges:
        if charge.reason and not charge.is_exempt:
            reasons[charge.key.partner, charge.key.customer, charge.invoice_month].add(charge.reason)
    for key in {*of_month, *reasons} - approved:
        partner, customer, month = key
        net, vat = totals(of_month[key])
        number = _credits(key, charges, ledger) if net + vat < 0 else None
        why = set(reasons[key])
        if net + vat < 0 and number is None:
            why.add("no_invoice_to_credit")
        if why or any(line.amount for line in of_month[key]):
            yield Invoice(
                partner, customer, month, _draft_id(rows, ledger, partner, customer, month), "credit_note" if net + vat < 0 else "invoice",
                "blocked" if why else "draft", rows.reseller_of_month(partner, customer, month), net, vat, credits=number,
                reasons=tuple(sorted(why)),
            )  # fmt: skip


def _credits(key: tuple[str, str, str], charges: list[Charge], ledger: Ledger) -> str | None:
    """The invoice that a draft below nothing refers to: the last that billed what it settles, else the customer's last before it."""
    partner, customer, month = key
    settled = {
        charge.key for charge in charges if charge.settles and (charge.key.partner, charge.key.customer, charge.invoice_month) == key
    }
    months = {charge.invoice_month for charge in charges if not charge.settles and charge.key in settled}
    before = [
        each for each in ledger.invoices
        if (each.partner, each.customer, each.kind) == (partner, customer, "invoice") and each.month < month
    ]  # fmt: skip
    return max(before, key=lambda each: (each.month in months, each.month)).number if before else None


def _as_approved(invoice: Invoice, ledger: Ledger) -> Invoice:
    notes = [each for each in ledger.invoices if each.partner == invoice.partner and invoice.number == each.credits]
    is_credited = notes and sum((each.gross for each in notes), invoice.gross) == 0
    return replace(invoice, status="credited" if is_credited else "approved")


# What follows from invoices --------------------------------------------------------------------------------------------------------


def _own_month(invoice: Invoice) -> str:
    """A credit note by hand belongs to the month of its issue."""
    return month_of(invoice.issued_on) if invoice.is_by_hand else invoice.month


def _vat(lines: list[Line], invoices: list[Invoice], ledger: Ledger) -> list[VatLine]:
    found = []
    by_id = {each.invoice: each for each in invoices}
    of_invoice: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line.invoice in by_id:
            of_invoice[line.invoice].append(line)
    for invoice_id, each in of_invoice.items():
        invoice = by_id[invoice_id]
        month, filed = _own_month(invoice), None
        for quarter, held in ledger.returns[invoice.partner].items():
            if invoice_id in held:
                month, filed = held[invoice_id], quarter
        if filed is None and ledger.returns[invoice.partner]:
            last = max(ledger.returns[invoice.partner])
            open_from = months_after(f"{last[:4]}-{int(last[-1]) * 3:02d}", 1)
            if month < open_from:
                month = max(open_from, month_of(invoice.issued_on) if invoice.issued_on else open_from)
        for (vat, code, percent), net in _by_rate(each).items():
            amount = None if percent is None else rounded(net * percent / 100, 2)
            found.append(VatLine(invoice.partner, invoice.customer, month, invoice_id, vat, code, percent, net, amount, filed))
    return found


def _commission_lines(lines: list[Line], invoices: list[Invoice], ledger: Ledger) -> list[CommissionLine]:
    sums: dict[tuple, Fraction] = defaultdict(Fraction)
    by_id = {each.invoice: each for each in invoices}
    for line in lines:
        if line.reseller is not None and line.invoice in by_id:
            kind = "calls" if line.kind in ("calls", "airtime") else "services"
            sums[line.invoice, line.reseller, kind, line.percent] += line.amount
    found = []
    for (invoice_id, reseller, kind, percent), sale in sums.items():
        invoice = by_id[invoice_id]
        settled = ledger.statements[invoice.partner, reseller]
        month = next((each for each, held in settled.items() if (invoice_id, kind) in held), None)
        if month is None:
            month = _own_month(invoice)
            if settled and month <= max(settled):
                open_from = following(max(settled))
                month = max(open_from, month_of(invoice.issued_on) if invoice.issued_on else open_from)
        found.append(CommissionLine(invoice.partner, month, reseller, invoice.customer, invoice_id, invoice.status, kind, sale, percent))
    return found
