"""Who is who in the demo: two partners, their resellers and customers, with plans, accounts and numbers.

Everything here is fictional. Identifiers have valid checksums but cannot be anybody's:

- IBAN: bank code ``TEST``, which no bank has.
- VAT: ``NL0000999..``, the series in which the Dutch tax office prints its own example (NL000099998B57).
- KvK: below 00001000, never issued.
- e-mail: the reserved top level domain ``.example`` (RFC 2606).
- Numbers of customers: geographic numbers whose subscriber part begins with 0. The Netherlands has no official range
  for fiction, but 0 is the trunk prefix, so no subscriber number begins with it: ``020-0xxxxxx`` is well formed and
  reaches nobody.
- SIM cards: 0970, the Dutch range for machines (M2M), which belongs to no person.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from orchestration.demo.branches import BRANCHES, Branch
from orchestration.demo.exchanges import EXCHANGES, THREECX, Exchange
from orchestration.demo.files import Value
from orchestration.demo.period import BEFORE_EVERYTHING

PLAN_CHANGE = date(2026, 10, 15)
"""In the middle of the last month: the customers of ``CHANGED_PLAN`` are rated by another plan from here on."""


@dataclass(frozen=True)
class Partner:
    partner_id: str
    short: str
    """Begins every id that belongs to this partner."""
    name: str
    tier: str
    deck_id: str
    city: str
    invoice_prefix: str
    last_invoice_number: int
    closing_name: str
    brand_color: str
    invoice_number_length: int
    payment_term_days: int
    sends_formal_notices: bool

    def invoice_number(self, number: int) -> str:
        return f"{self.invoice_prefix}{number:0{self.invoice_number_length}d}"


PARTNERS = (
    Partner(
        "kustlijn", "kl", "Kustlijn Telecom Demo B.V.", "premium", "kustlijn-world", "Den Haag", "INV", 15901582,
        "Marit Zeeman", "#0f4c5c", 0, 14, True,
    ),
    Partner(
        "binnenhaven", "bh", "Binnenhaven Communicatie Demo B.V.", "standard", "binnenhaven-world", "Zwolle", "BH",
        4711, "Joost Havenaar", "#7b2d26", 6, 30, False,
    ),
)  # fmt: skip
SHORT = {partner.partner_id: partner.short for partner in PARTNERS}


@dataclass(frozen=True)
class Reseller:
    reseller_id: str
    partner_id: str
    name: str
    call_percent: str
    service_percent: str


RESELLERS = (
    Reseller("kl-duinkantoor", "kustlijn", "Duinkantoor Automatisering Demo", "10", "7.5"),
    Reseller("kl-zeebries", "kustlijn", "Zeebries ICT Demo", "12.5", "5"),
    Reseller("kl-vuurtoren", "kustlijn", "Vuurtoren Zakelijk Demo", "8", "10"),
    Reseller("bh-sluiswachter", "binnenhaven", "Sluiswachter Systemen Demo", "15", "10"),
    Reseller("bh-kadewerk", "binnenhaven", "Kadewerk Telefonie Demo", "7.5", "7.5"),
)


@dataclass(frozen=True)
class Customer:
    """One customer with what its exchange knows of it. ``first_number`` is E.164 without +."""

    customer_id: str
    partner_id: str
    name: str
    branch: Branch
    exchange: Exchange
    city: str
    accounts: tuple[str, ...]
    channels: int
    first_number: int
    numbers: int
    extensions: int
    weight: int
    """Calls of this customer relative to the others on its exchange."""
    group: str = ""
    reseller_id: str = ""
    kind: str = "business"
    vat_category: str = "standard"
    vat_number: str = ""
    is_billing_exempt: bool = False
    ids_range_eur: str = ""

    @property
    def last_number(self) -> int:
        return self.first_number + self.numbers - 1

    @property
    def pbx_id(self) -> str:
        return f"{self.customer_id}-pbx"


AREAS = (  # netnummer without its 0, city
    (20, "Amsterdam"), (10, "Rotterdam"), (70, "Den Haag"), (30, "Utrecht"), (40, "Eindhoven"), (50, "Groningen"),
    (38, "Zwolle"), (13, "Tilburg"), (76, "Breda"), (24, "Nijmegen"), (26, "Arnhem"), (33, "Amersfoort"),
    (43, "Maastricht"), (58, "Leeuwarden"), (71, "Leiden"), (23, "Haarlem"), (53, "Enschede"), (73, "'s-Hertogenbosch"),
)  # fmt: skip
SIM_CARDS = 31970_00000000, 25
"""First number and count of the SIM cards of the customer with fixed-mobile integration: 0970-00000000 and on."""
AIRTIME_ACCESS = 31970_99000000
"""Where a SIM card reaches its exchange: 0970-99000000; on nobody's list of numbers, so that the airtime leg is rated
by the deck.
"""
FIXED_MOBILE_CUSTOMER = "kl-001"
FIXED_MOBILE_BUSYNESS = 6  # times what its size would give: one customer must show what fixed-mobile integration earns
CHANGED_PLAN = ("kl-002", "bh-002")
UNREADABLE = "veertig tot tachtig"
ODD_RANGES = {"kl-012": "€ 40 - 80 - 120", "kl-013": "100,00-250,00-500,00", "bh-018": UNREADABLE}
"""IDS ranges as people type them, by customer."""
PRIVATE = {"kl-057": "Mevrouw T. Duinstra Demo"}
"""A consumer of the partner that sends formal notices, by another name than her branch gives: hers is the free letter of fourteen days."""
UNREGISTERED = "kl-003"
"""A business whose KvK number nobody asked for: its e-invoice is remarked when it is approved."""
REFERRING = {"kl-004": "INKOOP-2026-17"}
"""What a buyer wants to see on its invoices, by customer."""


def iban(bank: str, account: str, country: str = "NL") -> str:
    """An IBAN with its check digits (ISO 13616: the rearranged number is 1 modulo 97)."""
    check = 98 - _as_digits(f"{bank}{account}{country}00") % 97
    return f"{country}{check:02d}{bank}{account}"


def dutch_vat_number(serial: int) -> str:
    """A btw-id of the example series; its last two digits make it 1 modulo 97 (the rule for ids since 2020)."""
    stem = f"NL0000999{serial:02d}B"
    return next(number for n in range(2, 99) if _as_digits(number := f"{stem}{n:02d}") % 97 == 1)


def _as_digits(text: str) -> int:
    return int("".join(str(int(sign, 36)) for sign in text))


def customers_of(seed: int) -> tuple[Customer, ...]:
    """About 120 customers, the same names for every seed; sizes and shares differ."""
    dice = random.Random(f"customers {seed}")
    customers: list[Customer] = []
    for exchange in EXCHANGES:
        for position in range(exchange.customers):
            customers.append(_customer(len(customers), position, exchange, customers, dice))
    return tuple(customers)


def _customer(index: int, position: int, exchange: Exchange, before: list[Customer], dice: random.Random) -> Customer:
    number = 1 + sum(customer.partner_id == exchange.partner_id for customer in before)
    customer_id = f"{SHORT[exchange.partner_id]}-{number:03d}"
    branch = exchange.branches[position % len(exchange.branches)]
    is_consumer = branch is BRANCHES["home"]
    area, city = AREAS[index % len(AREAS)]
    extensions = dice.randint(*branch.extensions)
    busyness = FIXED_MOBILE_BUSYNESS if customer_id == FIXED_MOBILE_CUSTOMER else 1
    fewest_channels = 4 if exchange.feed == THREECX else 2  # behind a 3CX it is its licence that limits a small customer
    channels = max(fewest_channels, round(extensions * branch.channels_per_extension))
    trunks = 2 if branch is BRANCHES["call centre"] else 1
    accounts = tuple(f"{customer_id}-{trunk}" for trunk in ("trunk", "overflow")[:trunks])
    seat = index % 40  # rare properties, spread over both partners
    return Customer(
        customer_id=customer_id,
        partner_id=exchange.partner_id,
        name=branch.customer_name(number, city),
        branch=branch,
        exchange=exchange,
        city=city,
        accounts=accounts,
        channels=channels,
        first_number=31_000000000 + area * 10_000_000 + index * 100,
        numbers=1 if is_consumer else 100 if extensions > 10 else 10,
        extensions=extensions,
        weight=max(1, round(branch.calls_per_extension * extensions * busyness * dice.uniform(0.7, 1.4))),
        group=branch.group_of(exchange.partner_id),
        reseller_id="" if is_consumer else _reseller_of(exchange.partner_id, number),
        kind="consumer" if is_consumer else "business",
        vat_category="reverse_charge" if seat == 7 else "exempt" if seat == 19 else "standard",
        vat_number=dutch_vat_number(10 + index // 40) if seat == 7 else "",
        is_billing_exempt=seat == 33 and index < 80,
        ids_range_eur=ODD_RANGES.get(customer_id) or _ids_range(index, is_consumer),
    )


def _ids_range(index: int, is_consumer: bool) -> str:
    if index % 5 == 4:
        return ""
    return "20-40-60" if is_consumer else "40-80-120" if index % 3 else "100-250-500"


def _reseller_of(partner_id: str, number: int) -> str:
    own = [reseller.reseller_id for reseller in RESELLERS if reseller.partner_id == partner_id]
    return own[number % 10] if number % 10 < len(own) else ""


# The feeds

PARTNER_COLUMNS = (
    "partner_id", "name", "tier", "deck_id", "time_zone", "country", "vat_number", "coc_number", "street",
    "postal_code", "city", "email", "iban", "bic", "invoice_prefix", "invoice_suffix", "invoice_number_length",
    "last_invoice_number", "payment_term_days", "send_reminders", "send_formal_notices", "formal_notice_email",
    "closing_name", "logo_file", "footer", "brand_color",
    "billing_from",
)  # fmt: skip
RESELLER_COLUMNS = (
    "reseller_id", "partner_id", "name", "vat_number", "call_commission_percent", "service_commission_percent",
)  # fmt: skip
CUSTOMER_COLUMNS = (
    "customer_id", "partner_id", "name", "reseller_id", "customer_group", "kind", "vat_category", "vat_number",
    "street", "postal_code", "city", "country", "email", "billing_exempt", "ids_range_eur", "iban", "mandate_id", "mandate_date",
    "coc_number", "buyer_reference",
)  # fmt: skip
CUSTOMER_PLAN_COLUMNS = (
    "customer_id", "customer_group", "partner_id", "call_plan_id", "service_plan_id", "valid_from", "valid_to",
)  # fmt: skip
ACCOUNT_COLUMNS = ("account", "customer_id", "channels", "valid_from", "valid_to")
NUMBER_COLUMNS = ("first_number", "last_number", "customer_id", "valid_from", "valid_to")


def partner_rows(billing_from: date) -> list[tuple[Value, ...]]:
    """The partners; what they delivered before ``billing_from`` was invoiced by whatever they used before us."""
    return [
        (
            partner.partner_id, partner.name, partner.tier, partner.deck_id, "Europe/Amsterdam", "NL",
            dutch_vat_number(index), f"0000010{index}", f"Voorbeeldkade {index}", f"1234 {partner.short.upper()}",
            partner.city,
            f"facturen@{partner.partner_id}.example", iban("TEST", f"{123456700 + index:010d}"), "TESTNL2A",
            partner.invoice_prefix, None, partner.invoice_number_length, partner.last_invoice_number,
            partner.payment_term_days, True, partner.sends_formal_notices,
            f"aanmaningen@{partner.partner_id}.example", partner.closing_name, None,
            f"{partner.name} is een voorbeeldbedrijf", partner.brand_color, billing_from,
        )
        for index, partner in enumerate(PARTNERS, start=1)
    ]  # fmt: skip


def reseller_rows() -> list[tuple[Value, ...]]:
    return [
        (
            *(reseller.reseller_id, reseller.partner_id, reseller.name, dutch_vat_number(20 + index)),
            *(Decimal(reseller.call_percent), Decimal(reseller.service_percent)),
        )
        for index, reseller in enumerate(RESELLERS)
    ]


def coc_number(customer: Customer) -> str | None:
    """A KvK number that was never issued; consumers have none."""
    if customer.customer_id in (UNREGISTERED, *PRIVATE) or customer.kind == "consumer":
        return None
    first = 200 + 300 * [partner.partner_id for partner in PARTNERS].index(customer.partner_id)
    return f"{first + int(customer.customer_id[3:]):08d}"


def customer_row(customer: Customer) -> tuple[Value, ...]:
    serial = int(customer.customer_id[3:])
    private_name = PRIVATE.get(customer.customer_id)
    return (
        customer.customer_id, customer.partner_id, private_name or customer.name, customer.reseller_id, customer.group,
        "consumer" if private_name else customer.kind,
        customer.vat_category, customer.vat_number, f"Voorbeeldstraat {serial}", f"1234 {'ABCDEFGH'[serial % 8]}Z",
        customer.city, "NL", f"administratie@{customer.customer_id}.example", customer.is_billing_exempt,
        customer.ids_range_eur,
    )  # fmt: skip


def customer_plan_rows(customers: tuple[Customer, ...]) -> list[tuple[Value, ...]]:
    """A plan of its own for every customer outside a group, one row per group, and the changes in the middle of
    October.
    """
    always = BEFORE_EVERYTHING
    rows: list[tuple[Value, ...]] = []
    groups = sorted({(customer.group, customer.partner_id, customer.branch.name) for customer in customers if customer.group})
    for group, partner_id, branch in groups:
        short = SHORT[partner_id]
        rows.append((None, group, partner_id, f"{short}-{BRANCHES[branch].call_plan}", f"{short}-diensten", always, None))
    for customer in customers:
        short = SHORT[customer.partner_id]
        if customer.group:
            continue
        plan = f"{short}-{customer.branch.call_plan}"
        service_plan = f"{short}-diensten" if customer.reseller_id == "" else f"{short}-wederverkoop"
        rows.append((customer.customer_id, None, customer.partner_id, plan, service_plan, always, None))
        if customer.customer_id in CHANGED_PLAN:  # the call plan only: the service plan's own time line goes on
            rows.append((customer.customer_id, None, customer.partner_id, f"{short}-standaard", None, PLAN_CHANGE, None))
    # A member with a plan of its own, for a time: it comes before the group's, and the group's returns after it.
    member = next(customer for customer in customers if customer.group)
    own_plan = f"{SHORT[member.partner_id]}-standaard"
    until = PLAN_CHANGE + timedelta(days=7)
    rows.append((member.customer_id, None, member.partner_id, own_plan, None, PLAN_CHANGE, until))
    return rows


def account_rows(customers: tuple[Customer, ...]) -> list[tuple[Value, ...]]:
    return [
        (
            account,
            customer.customer_id,
            customer.channels if trunk == 0 else max(2, customer.channels // 2),
            BEFORE_EVERYTHING,
            None,
        )
        for customer in customers
        for trunk, account in enumerate(customer.accounts)
    ]


def number_rows(customers: tuple[Customer, ...]) -> list[tuple[Value, ...]]:
    rows: list[tuple[Value, ...]] = [
        (
            customer.first_number,
            customer.last_number if customer.numbers > 1 else None,
            customer.customer_id,
            BEFORE_EVERYTHING,
            None,
        )
        for customer in customers
    ]
    first_sim, sims = SIM_CARDS
    rows.append((first_sim, first_sim + sims - 1, FIXED_MOBILE_CUSTOMER, BEFORE_EVERYTHING, None))
    return rows
