"""What customers ordered, how many extensions their PBXs counted, which lines they have and what they paid."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from orchestration.demo.branches import BRANCHES
from orchestration.demo.exchanges import THREECX
from orchestration.demo.files import Value
from orchestration.demo.partners import FIXED_MOBILE_CUSTOMER, PARTNERS, SIM_CARDS, Customer
from orchestration.demo.period import AMSTERDAM, BEFORE_EVERYTHING, LAST_DAY, Period, month_end

ORDER_COLUMNS = (
    "order_id", "line_number", "customer_id", "service_code", "quantity", "ordered_on", "delivered_on", "ended_on",
    "pbx_id", "email", "reference", "remarks", "losing_operator", "account_holder", "numbers", "continues_line",
)  # fmt: skip
READING_COLUMNS = ("pbx_id", "customer_id", "service_code", "read_at", "extensions")
LINE_COLUMNS = (
    "line_id", "customer_id", "access_profile", "down_kbps", "up_kbps", "voice_kbps", "valid_from", "valid_to",
)  # fmt: skip
PAYMENT_COLUMNS = ("invoice_number", "paid_on", "amount_eur")

Kbps = tuple[int | None, int | None, int | None]
"""Down, up, voice PVC; None: as the access profile says."""

# per branch what its customers have: access profile, and what a longer wire leaves of it
PROFILES: dict[str, tuple[tuple[str, Kbps], ...]] = {
    "office": (
        ("adsl2plus-20-voice", (14_200, 820, None)), ("vdsl2-50", (38_400, 4_100, None)), ("fibre-100", (None, None, None)),
        ("vdsl2-50-voice", (41_000, 4_600, 768)), ("sdsl-2", (1_536, 1_536, None)),
    ),
    "call centre": (
        ("fibre-500-voice", (None, None, 4_096)), ("fibre-1000", (None, None, None)), ("vdsl2-200-bonded", (152_000, 48_000, None)),
    ),
    "hotel": (("vdsl2-100", (71_000, 22_000, None)), ("fibre-100", (None, None, None)), ("sdsl-2-voice", (None, None, 768))),
    "weekend shop": (("vdsl2-50", (44_000, 4_800, None)), ("adsl2plus-20", (11_900, 896, None)), ("adsl-8", (6_100, 384, None))),
    "hospitality": (("vdsl2-50", (36_000, 3_900, None)), ("adsl-8", (5_300, 320, None))),
    "home": (("vdsl2-100", (64_000, 20_000, None)), ("adsl2plus-20", (9_700, 1_024, None))),
}  # fmt: skip


@dataclass(frozen=True)
class OddLine:
    """A line that a partner should look at."""

    customer_id: str
    name: str
    access_profile: str
    kbps: Kbps = (None, None, None)
    since: date = BEFORE_EVERYTHING
    until: date | None = None


ODD_LINES = (
    OddLine(FIXED_MOBILE_CUSTOMER, "line", "adsl-8-shared"),  # at 1:20 not one call fits
    OddLine("kl-003", "line", "adsl2plus-20-voice"),  # the call centres outgrew their four calls
    OddLine("kl-003", "backup", "vdsl2-50"),  # nobody knows which calls took the second line
    OddLine("bh-025", "line", "adsl2plus-20-voice"),
    OddLine("kl-005", "line", "adsl-8", since=BEFORE_EVERYTHING, until=date(2026, 10, 12)),  # moved to fibre, and again soon
    OddLine("kl-005", "fibre", "fibre-100", since=date(2026, 10, 12)),
    OddLine("kl-005", "fibre-2", "fibre-1000", since=date(2026, 12, 1)),
    OddLine("kl-006", "line", "satelliet-30"),  # no such profile, and no speed of its own
    OddLine("bh-004", "line", "kabel-40", (40_000, 4_000, None)),  # no such profile, but its speed is known
)


@dataclass(frozen=True)
class OrderLine:
    """One line of a cart; ``delivered_on`` empty means that it never came."""

    customer: Customer
    service_code: str
    quantity: int
    ordered_on: date
    delivered_on: date | None
    ended_on: date | None = None
    pbx_id: str = ""
    remarks: str = ""
    porting: tuple[str, str, str] = ("", "", "")
    """Losing operator, account holder, blocks ``first-last;first-last``."""
    continues_line: int | None = None
    """The line of the same cart whose quantity this one changes from its delivery on."""


def threecx_customers(customers: tuple[Customer, ...]) -> tuple[Customer, ...]:
    """The customers whose PBX is a 3CX that is read at every month end."""
    return tuple(customer for customer in customers if customer.exchange.feed == THREECX)


def edition(customer: Customer) -> str:
    return "3CX-FREE" if customer.extensions <= 4 else "3CX-PRO" if customer.extensions > 20 else "3CX-STD"


def carts(customers: tuple[Customer, ...], seed: int) -> list[list[OrderLine]]:
    """One cart per customer from before the period, and later ones: deliveries and ends in mid-month, changes of quantity,
    portings, some never delivered.
    """
    dice = random.Random(f"orders {seed}")
    result = [_first_cart(customer, dice) for customer in customers]
    for position, customer in enumerate(customers):
        if position % 4 == 1:
            result.append([_later_line(customer, position, dice)])
        if position % 17 == 3 and customer.numbers > 1:
            result.append(_porting_cart(customer, position, dice))
        if position % 31 == 7:
            result.append(_changed_cart(customer, dice))
        if position % 29 == 5:
            ordered = LAST_DAY - timedelta(days=dice.randint(5, 60))
            result.append([OrderLine(customer, "VPS-8", 1, ordered, None, remarks="Nog niet opgeleverd")])
    return result


def _first_cart(customer: Customer, dice: random.Random) -> list[OrderLine]:
    ordered = BEFORE_EVERYTHING + timedelta(days=dice.randint(0, 250))
    delivered = ordered + timedelta(days=dice.randint(3, 21))

    def line(service_code: str, quantity: int = 1, pbx_id: str = "") -> OrderLine:
        return OrderLine(customer, service_code, quantity, ordered, delivered, pbx_id=pbx_id)

    lines = [line("SIP-TRUNK", len(customer.accounts))]
    if customer.channels > 4:
        lines.append(line("SIP-CHANNEL", customer.channels - 4))
    lines.append(line("NUMBER-GEO-100") if customer.numbers == 100 else line("NUMBER-GEO", customer.numbers))
    if customer.exchange.feed == THREECX:
        lines += [
            line(edition(customer), 1, customer.pbx_id),
            line("3CX-HOST-L" if customer.extensions > 20 else "3CX-HOST-S"),
        ]
    elif customer.extensions > 5:
        lines.append(line("PBX-HOSTED", 1, customer.pbx_id))
    if customer.branch is BRANCHES["call centre"]:
        lines += [line("PBX-QUEUE", 3), line("DID-0800"), line("DID-0900")]
    if customer.branch is BRANCHES["office"] and dice.random() < 0.4:
        lines.append(line("FAX2MAIL"))
    if customer.customer_id == FIXED_MOBILE_CUSTOMER:
        lines += [line("FMC-SIM", SIM_CARDS[1]), line("FMC-AIRTIME")]
    if customer.kind == "business" and dice.random() < 0.6:
        lines.append(line(dice.choice(("NET-ADSL", "NET-VDSL", "NET-FIBRE"))))
    return lines


def _later_line(customer: Customer, position: int, dice: random.Random) -> OrderLine:
    """Delivered in the middle of one of the last three months; every third ends there too."""
    month = (date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1))[position // 4 % 3]
    delivered = month + timedelta(days=dice.randint(3, 24))
    ended = min(LAST_DAY, delivered + timedelta(days=dice.randint(9, 35))) if position % 3 == 0 else None
    service = dice.choice(("VPS-2", "VPS-8", "FAX2MAIL", "NUMBER-088", "SIP-CHANNEL", "NET-PVC", "3CX-LIC-STD-16"))
    return OrderLine(customer, service, dice.randint(1, 3), delivered - timedelta(days=dice.randint(2, 14)), delivered, ended)


def _changed_cart(customer: Customer, dice: random.Random) -> list[OrderLine]:
    """Two queues, five from the middle of September on, four from the middle of October on: never a day twice, and the one-off
    price of three more only.
    """
    ordered = date(2026, 6, 1) + timedelta(days=dice.randint(0, 20))
    lines = [OrderLine(customer, "PBX-QUEUE", 2, ordered, ordered + timedelta(days=4))]
    for quantity, month in ((5, date(2026, 9, 1)), (4, date(2026, 10, 1))):
        delivered = month + timedelta(days=dice.randint(8, 20))
        lines.append(OrderLine(customer, "PBX-QUEUE", quantity, delivered, delivered, continues_line=len(lines)))
    return lines


def _porting_cart(customer: Customer, position: int, dice: random.Random) -> list[OrderLine]:
    """One request for two blocks: one losing operator and one account holder, as a porting must have.

    The first still waits for the other side; the second was ordered for one number too few, which the published
    portings say.
    """
    half = customer.first_number + customer.numbers // 2
    blocks = f"{customer.first_number}-{half - 1};{half}-{customer.last_number}"
    ordered = date(2026, 9, 1) + timedelta(days=dice.randint(0, 20))
    delivered = None if position == 3 else ordered + timedelta(days=dice.randint(10, 24))
    quantity = customer.numbers - (position == 20)
    porting = ("Oude Operator Demo B.V.", customer.name, blocks)
    return [OrderLine(customer, "PORT-IN", quantity, ordered, delivered, remarks="Graag in de ochtend", porting=porting)]


def order_rows(customers: tuple[Customer, ...], seed: int) -> list[tuple[Value, ...]]:
    rows: list[tuple[Value, ...]] = []
    for number, cart in enumerate(carts(customers, seed), start=1):
        for line_number, line in enumerate(cart, start=1):
            ordered = (line.customer.customer_id, line.service_code, line.quantity)
            dates = (line.ordered_on, line.delivered_on, line.ended_on)
            contact = (f"orders@{line.customer.customer_id}.example", f"Ref {number:05d}/{line_number}", line.remarks)
            rows.append((f"ORD-{number:05d}", line_number, *ordered, *dates, line.pbx_id, *contact, *line.porting, line.continues_line))
    return rows


def readings(customers: tuple[Customer, ...], first_day: date, seed: int) -> Iterator[tuple[Value, ...]]:
    """Extension counts of one month: every PBX at its end, some also in the middle.

    In October the second PBX has no reading at all and the third none after the 24th: both must block their customer's
    invoice.
    """
    last = month_end(first_day)
    is_last_month = last == LAST_DAY
    for position, customer in enumerate(threecx_customers(customers)):
        dice = random.Random(f"readings {seed} {customer.pbx_id} {first_day}")
        moments = [datetime.combine(last, time(23, 30), AMSTERDAM)]
        if position % 3 == 0:
            moments.insert(0, datetime.combine(first_day.replace(day=15), time(6, 0), AMSTERDAM))
        if is_last_month and position == 1:
            moments = []
        if is_last_month and position == 2:
            moments = [datetime.combine(date(2026, 10, 24), time(23, 30), AMSTERDAM)]
        for moment in moments:
            extensions = max(1, customer.extensions + dice.randint(-2, 2))
            yield (customer.pbx_id, customer.customer_id, edition(customer), moment.isoformat(), extensions)


def line_rows(customers: tuple[Customer, ...]) -> list[tuple[Value, ...]]:
    """A line for two customers in three and for everyone with an unlicensed 3CX, as fast as its branch needs, and the lines
    of ``ODD_LINES``. A line is what its profile says, but for every fourth, which is as long as it is: slower.
    """
    rows: list[tuple[Value, ...]] = []
    for position, customer in enumerate(customers):
        odd = [line for line in ODD_LINES if line.customer_id == customer.customer_id]
        rows += [
            (f"{customer.customer_id}-{line.name}", customer.customer_id, line.access_profile, *line.kbps, line.since, line.until)
            for line in odd
        ]
        is_unlicensed = customer.exchange.feed == THREECX and edition(customer) == "3CX-FREE"
        if any(line.name == "line" for line in odd) or (position % 3 == 2 and not is_unlicensed):
            continue
        profiles = PROFILES[customer.branch.name]
        profile, slower = profiles[position % len(profiles)]
        kbps = slower if position % 4 == 0 else (None, None, None)
        rows.append((f"{customer.customer_id}-line", customer.customer_id, profile, *kbps, BEFORE_EVERYTHING, None))
    return rows


def payment_rows(period: Period) -> list[tuple[Value, ...]]:
    """Payments of invoices from before the platform: the numbers up to each partner's last one."""
    rows: list[tuple[Value, ...]] = []
    for partner in PARTNERS:
        dice = random.Random(f"payments {partner.partner_id}")
        for n in range(4):
            paid_on = period.months[0] + timedelta(days=3 * n)
            amount = Decimal(dice.randint(4000, 90000)).scaleb(-2)
            rows.append((partner.invoice_number(partner.last_invoice_number - n), paid_on, amount))
    return rows
