"""The wholesaler's invoices: what its switch and its books counted, a file per partner and month, with differences in known places.

The first partner gets lines per destination with exact amounts; the second per prefix in cents, one account apart, and a total.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from orchestration.demo import wholesale_switch
from orchestration.demo.files import DUPLICATE, DUTCH_EXCEL, KEPT, PLAIN, QUARANTINED, CsvStyle, Landing, Row, Value, csv_bytes
from orchestration.demo.orders import edition, threecx_customers
from orchestration.demo.partners import PARTNERS, Customer, Partner
from orchestration.demo.period import BEFORE_EVERYTHING, LAST_DAY, Period
from orchestration.demo.price_lists import NEW_LIST_FROM
from orchestration.demo.wholesale_services import Delivered, delivered_services
from orchestration.demo.wholesale_switch import Cell, Switch

FEED = "purchase_invoices"
COLUMNS = ("deck_id", "service_code", "month", "account", "prefix", "destination", "calls", "seconds", "amount_eur", "partner_id")
CENT = Decimal("0.01")
FOUR_DECIMALS = Decimal("0.0001")
AT_HOME = ("Nederland", "Vast-mobiel", "Satelliet")
EXTRA_CALLS, EXTRA_SECONDS_EACH = 12, 95
LATE_DESTINATION = "Duitsland mobiel"
TELLING, HALF_A_CENT_E4 = 2, 50
"""A planted price differs by more than so many times a ten-thousandth for each call and half a cent: rounding does not."""


@dataclass(frozen=True)
class Line:
    """One line of an invoice. Of a service, ``calls`` are pieces."""

    month: str
    calls: int
    seconds: int | None
    amount_eur: Decimal
    prefix: str = ""
    destination: str = ""
    service_code: str = ""
    account: str = ""

    @property
    def place(self) -> tuple[str, ...]:
        return self.prefix, self.destination, self.service_code, self.account

    def row(self, partner: Partner) -> tuple[Value, ...]:
        deck_id, partner_id = (None, partner.partner_id) if self.service_code else (partner.deck_id, None)
        where = (self.account or None, self.prefix or None, self.destination or None)
        return (deck_id, self.service_code or None, self.month, *where, self.calls, self.seconds, self.amount_eur, partner_id)


@dataclass(frozen=True)
class Planted:
    """A difference that must be found: on which line, in which words, and how much was billed too much (negative: too little)."""

    partner_id: str
    month: str
    prefix: str
    destination: str
    service_code: str
    finding: str
    calls_too_many: int
    seconds_too_many: int
    amount_too_much_eur: str


@dataclass
class Invoice:
    """The lines of a partner's invoice for a month, and what is wrong with them on purpose: each thing on a line of its own."""

    partner: Partner
    month: str
    lines: list[Line]
    planted: list[Planted] = field(default_factory=list)

    def line_to(self, destination: str) -> Line:
        return next(line for line in self.lines if line.destination == destination)

    def billed_instead(self, line: Line, billed: Line, finding: str) -> None:
        """``line`` is what was bought, ``billed`` what stands on the invoice; with nothing on it the line is left out."""
        self.planted.append(
            Planted(
                self.partner.partner_id, self.month, line.prefix, line.destination, line.service_code, finding, billed.calls - line.calls,
                (billed.seconds or 0) - (line.seconds or 0), f"{billed.amount_eur - line.amount_eur:f}",
            )
        )  # fmt: skip
        place = next(place for place, own in enumerate(self.lines) if own.place == line.place)
        self.lines[place : place + 1] = [billed] if billed.calls else []


def land_purchase_invoices(
    landing: Landing, switch: Switch, customers: Sequence[Customer], period: Period, seed: int
) -> list[dict[str, str | int]]:
    """Write the invoices of all partners and months, a correction and wrong rows; returns what was planted in them."""
    counted = switch.counted()
    services = delivered_services(customers, period, seed)
    last_month = f"{period.months[-1]:%Y-%m}"
    planted: list[Planted] = []
    for partner, style in zip(PARTNERS, (PLAIN, DUTCH_EXCEL), strict=True):
        for month in (f"{first_day:%Y-%m}" for first_day in period.months):
            invoice = Invoice(partner, month, [*_call_lines(partner, month, counted), *_service_lines(partner, month, services)])
            _plant_unpriced(invoice)
            _plant_unread(invoice, services)
            if partner is PARTNERS[0] and month == f"{NEW_LIST_FROM - timedelta(days=1):%Y-%m}":
                _plant_early_rate(invoice, counted)
            if partner is PARTNERS[0] and month == last_month:
                _plant_in_calls(invoice, counted)
                _plant_seat(invoice, customers)
            planted += invoice.planted
            _land(landing, invoice, style, is_sent_again=partner is PARTNERS[0] and month == last_month)
    _land_wrong_rows(landing)
    return [asdict(each) for each in planted]


def _call_lines(partner: Partner, month: str, counted: Mapping[Cell, Sequence[int]]) -> list[Line]:
    """A line per destination (first partner), or per prefix and account, in cents, with the total of all that bears no account."""
    by_line: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    is_first = partner is PARTNERS[0]
    for cell, sums in counted.items():
        if (cell.partner_id, cell.month) != (partner.partner_id, month):
            continue
        is_unpriced = cell.prefix == wholesale_switch.UNPRICED.prefix
        line = by_line[cell.account, "" if is_first and not is_unpriced else cell.prefix, cell.destination]
        for place in (wholesale_switch.CALLS, wholesale_switch.SECONDS, wholesale_switch.AMOUNT_E4):
            line[place] += sums[place]
    lines = [
        Line(month, calls, seconds, _eur(amount_e4), prefix, destination, account=account)
        for (account, prefix, destination), (calls, seconds, amount_e4) in sorted(by_line.items())
    ]
    if is_first:
        return lines
    lines = [replace(line, amount_eur=line.amount_eur.quantize(CENT, ROUND_HALF_UP)) for line in lines]
    together = [line for line in lines if not line.account]
    total = Line(
        month,
        sum(line.calls for line in together),
        sum(line.seconds or 0 for line in together),
        sum((line.amount_eur for line in together), Decimal(0)),
    )
    return [*lines, total] if together else lines


def _service_lines(partner: Partner, month: str, services: Mapping[tuple[str, str, str], Delivered]) -> list[Line]:
    lines = [
        Line(month, delivered.pieces, None, delivered.amount_eur, service_code=service_code)
        for (partner_id, of_month, service_code), delivered in sorted(services.items())
        if (partner_id, of_month) == (partner.partner_id, month)
    ]
    return lines if partner is PARTNERS[0] else [replace(line, amount_eur=line.amount_eur.quantize(CENT, ROUND_HALF_UP)) for line in lines]


def _by_destination(invoice: Invoice, counted: Mapping[Cell, Sequence[int]]) -> dict[str, list[int]]:
    """What was counted per destination abroad, the busiest first."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0] * (wholesale_switch.UNEVEN + 1))
    for cell, values in counted.items():
        if (cell.partner_id, cell.month) == (invoice.partner.partner_id, invoice.month) and not cell.destination.startswith(AT_HOME):
            sums[cell.destination] = [one + other for one, other in zip(sums[cell.destination], values, strict=True)]
    return dict(sorted(sums.items(), key=lambda item: (-item[1][wholesale_switch.SECONDS], item[0])))


def _plant_early_rate(invoice: Invoice, counted: Mapping[Cell, Sequence[int]]) -> None:
    """The busiest destination that the new price list makes dearer is billed at it a month too early."""
    for name, sums in _by_destination(invoice, counted).items():
        if not sums[wholesale_switch.UNEVEN] and _is_dearer(sums, wholesale_switch.EARLY_E4):
            line = invoice.line_to(name)
            early = replace(line, amount_eur=_eur(sums[wholesale_switch.EARLY_E4]))
            invoice.billed_instead(line, early, f"rate of {NEW_LIST_FROM}")
            return


def _plant_in_calls(invoice: Invoice, counted: Mapping[Cell, Sequence[int]]) -> None:
    """An old price that goes on; and of the busiest destinations one with calls that nobody made, one in whole minutes, one forgotten."""
    found = _by_destination(invoice, counted)
    if LATE_DESTINATION in found and _is_dearer(found[LATE_DESTINATION], wholesale_switch.LATE_E4):
        line = invoice.line_to(LATE_DESTINATION)
        late = replace(line, amount_eur=_eur(found[LATE_DESTINATION][wholesale_switch.LATE_E4]))
        invoice.billed_instead(line, late, f"rate of {BEFORE_EVERYTHING}")
    others = [name for name, sums in found.items() if not sums[wholesale_switch.UNEVEN] and name != LATE_DESTINATION]
    for name in others[:1]:
        line = invoice.line_to(name)
        seconds = EXTRA_CALLS * EXTRA_SECONDS_EACH
        amount = (line.amount_eur * seconds / (line.seconds or 1)).quantize(FOUR_DECIMALS, ROUND_HALF_UP)
        more = replace(line, calls=line.calls + EXTRA_CALLS, seconds=(line.seconds or 0) + seconds, amount_eur=line.amount_eur + amount)
        invoice.billed_instead(line, more, "calls missing here")
    for name in others[1:2]:
        line, sums = invoice.line_to(name), found[name]
        minutes = replace(line, seconds=sums[wholesale_switch.MINUTES_S], amount_eur=_eur(sums[wholesale_switch.MINUTES_E4]))
        invoice.billed_instead(line, minutes, "other seconds")
    for name in others[2:3]:
        line = invoice.line_to(name)
        invoice.billed_instead(line, replace(line, calls=0, seconds=0, amount_eur=Decimal(0)), "not billed")


def _plant_unpriced(invoice: Invoice) -> None:
    """Calls to the network that is on no deck: the wholesaler has a price for them."""
    for line in [line for line in invoice.lines if line.prefix == wholesale_switch.UNPRICED.prefix and not line.account]:
        invoice.billed_instead(replace(line, calls=0, seconds=0, amount_eur=Decimal(0)), line, "without a price here")


def _plant_unread(invoice: Invoice, services: Mapping[tuple[str, str, str], Delivered]) -> None:
    """Seats of PBXs that have no reading in time: the wholesaler looked itself."""
    for line in [line for line in invoice.lines if line.service_code]:
        if unread := services[invoice.partner.partner_id, invoice.month, line.service_code].unread:
            price = line.amount_eur / line.calls
            ours = replace(line, calls=line.calls - unread, amount_eur=line.amount_eur - unread * price)
            invoice.billed_instead(ours, line, "pieces missing here")


def _plant_seat(invoice: Invoice, customers: Sequence[Customer]) -> None:
    """A seat too many, of an edition of which every PBX was read."""
    editions = {edition(customer) for customer in threecx_customers(tuple(customers))} - {each.service_code for each in invoice.planted}
    for line in [line for line in invoice.lines if line.service_code in editions][:1]:
        more = replace(line, calls=line.calls + 1, amount_eur=line.amount_eur + line.amount_eur / line.calls)
        invoice.billed_instead(line, more, "pieces missing here")


def _eur(amount_e4: int) -> Decimal:
    return Decimal(amount_e4).scaleb(-4)


def _is_dearer(sums: Sequence[int], other: int) -> bool:
    """Whether the other price is dearer by more than rounding could be."""
    return sums[other] - sums[wholesale_switch.AMOUNT_E4] > TELLING * (sums[wholesale_switch.CALLS] + HALF_A_CENT_E4)


def _land(landing: Landing, invoice: Invoice, style: CsvStyle, is_sent_again: bool) -> None:
    """The invoice of a month; ``is_sent_again``: the amount of its first line slipped, and comes as it should be in November."""
    partner, lines = invoice.partner, invoice.lines
    if not lines:
        return
    path = f"{FEED}/demo-{partner.partner_id}"
    rows = [line.row(partner) for line in lines]
    if not is_sent_again:
        _put(landing, f"{path}-{invoice.month}.csv", rows, [], style)
        return
    slipped = replace(lines[0], amount_eur=lines[0].amount_eur * 10).row(partner)
    _put(landing, f"{path}-{invoice.month}.csv", [*rows[1:], slipped], [("row_replaced", DUPLICATE)], style)
    _put(landing, f"{path}-2026-11-corrections.csv", rows[:1], [("row_replaced", KEPT)], style)


def _land_wrong_rows(landing: Landing) -> None:
    first, second = PARTNERS
    month, amount = f"{LAST_DAY:%Y-%m}", Decimal("1.00")
    wrong: tuple[tuple[str, tuple[Value, ...]], ...] = (
        ("no_deck_or_service", (None, None, month, None, "31", None, 1, 60, amount, None)),
        ("both_deck_and_service", (first.deck_id, "SIP-TRUNK", month, None, None, None, 1, None, amount, None)),
        ("invalid_month", (first.deck_id, None, "oktober", None, "31", None, 1, 60, amount, None)),
        ("invalid_prefix", (first.deck_id, None, month, None, "31x", None, 1, 60, amount, None)),
        ("invalid_amount_eur", (first.deck_id, None, month, None, "31", None, 1, 60, "veel", None)),
        ("destination_of_a_service", (None, "SIP-TRUNK", month, None, "31", None, 1, None, amount, first.partner_id)),
        ("seconds_of_a_service", (None, "SIP-TRUNK", month, None, None, None, 1, 60, amount, first.partner_id)),
        ("calls_out_of_range", (first.deck_id, None, month, None, "31", None, 99_999_999_999, 60, amount, None)),
        ("ambiguous_partner", (None, "SIP-TRUNK", month, None, None, None, 1, None, amount, None)),
        ("nobodys_deck", ("demo-nobody", None, month, None, "31", None, 1, 60, amount, None)),
        ("deck_of_another_partner", (first.deck_id, None, month, None, "31", None, 1, 60, amount, second.partner_id)),
        ("account_of_another_partner", (first.deck_id, None, month, "bh-053-trunk", "31", None, 1, 60, amount, first.partner_id)),
        ("unknown_partner", (None, "SIP-TRUNK", month, None, None, None, 1, None, amount, "demo-nobody")),
    )
    _put(landing, f"{FEED}/demo-dirt-wrong-rows.csv", [row for _, row in wrong], [(reason, QUARANTINED) for reason, _ in wrong], PLAIN)


def _put(landing: Landing, path: str, rows: Sequence[Sequence[Value]], ends: Iterable[tuple[str, str]], style: CsvStyle) -> None:
    """Write ``rows``; the last ones of them are dirt, of the kinds and ends given."""
    dirt = [Row(kind, outcome, "") for kind, outcome in ends]
    landing.put_rows(FEED, path, csv_bytes(COLUMNS, rows, style), dirt, good=len(rows) - len(dirt))
