"""Trades that nobody would make, drawn by hypothesis, and calls around them: rows that overlap, end and nest in every way.

Partners change their deck, customers their group and their partner, plans their rounding, each from a day on.

All rows are text, as the feeds give them. The calls come from one drawn seed: thousands a trade, around every edge that the rows have. What
a call dialled is known from how it was made, so that reading numbers is no part of the comparison.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from hypothesis import strategies as st

from tests.models import oracle
from tests.models.oracle import Row

FEEDS: dict[str, dict[str, str]] = {
    "partners": {
        "partner_id": "varchar",
        "name": "varchar",
        "tier": "varchar",
        "deck_id": "varchar",
        "time_zone": "varchar",
        "country": "varchar",
        "valid_from": "date",
    },
    "customers": {
        "customer_id": "varchar",
        "partner_id": "varchar",
        "reseller_id": "varchar",
        "customer_group": "varchar",
        "vat_category": "varchar",
        "billing_exempt": "boolean",
        "valid_from": "date",
        "valid_to": "date",
    },
    "numbers": {
        "first_number": "varchar",
        "last_number": "varchar",
        "customer_id": "varchar",
        "valid_from": "date",
        "valid_to": "date",
    },
    "purchase_rates": {
        "deck_id": "varchar",
        "prefix": "varchar",
        "destination": "varchar",
        "connection_fee_eur": "decimal(18, 8)",
        "minute_rate_eur": "decimal(18, 8)",
        "first_increment_s": "bigint",
        "next_increment_s": "bigint",
        "country": "varchar",
        "line_type": "varchar",
        "valid_from": "date",
        "valid_to": "date",
    },
    "call_plans": {
        "call_plan_id": "varchar",
        "partner_id": "varchar",
        "name": "varchar",
        "onnet_billing": "boolean",
        "rounding_seconds": "bigint",
        "rounding_decimals": "bigint",
        "valid_from": "date",
    },
    "call_plan_rates": {
        "partner_id": "varchar",
        "call_plan_id": "varchar",
        "country": "varchar",
        "line_type": "varchar",
        "connection_fee_eur": "decimal(18, 8)",
        "minute_rate_eur": "decimal(18, 8)",
        "minute_rate_percent": "decimal(9, 4)",
        "valid_from": "date",
        "valid_to": "date",
    },
    "customer_plans": {
        "customer_id": "varchar",
        "customer_group": "varchar",
        "partner_id": "varchar",
        "call_plan_id": "varchar",
        "service_plan_id": "varchar",
        "valid_from": "date",
        "valid_to": "date",
    },
}
"""The columns that rating reads of each feed, with the types that staging gives them."""

NUMBERS = (
    "31201234567",
    "31612345678",
    "318001234",
    "3190912345678",
    "31881234567",
    "4930123456789",
    "4915112345678",
    "498001234567",
    "491234567890123",  # fifteen digits: the whole number may be a prefix
    "447911123456",
    "12125551234",
    "77011234567",
    "74951234567",
    "881612345678",
    "9991234567890",  # in no numbering plan
)
TOLL_FREE = ("318001234", "498001234567")
SHORT_NUMBERS = ("112", "113", "144", "1400", "14020", "140591", "116000", "1800", "1888")
FEATURE_CODES = ("*97", "#31#", "*21*0612345678#")
UNPARSABLE = ("anonymous", "", "sip:alice@example.com", "+1234567890123456", "0031 20 123 45 67 89 01 23")
EDGES = tuple(date(2026, 3, 1) + timedelta(days=days) for days in (0, 1, 9, 10, 20, 27, 28, 29, 31, 45))
COUNTRIES = ("*", "*", "*", "NL", "NL", "NL", "DE", "DE", "GB", "US", "KZ", "001")
LINE_TYPES = ("FIX", "FIX", "MOB", "SPECIAL", "*")
DECKS = ("world", "west")
GROUPS = ("", "gold", "silver")
PARTNERS = ("noord", "oost", "zuid")


# Rows --------------------------------------------------------------------------------------------------------------------------


def _amount(e8: int) -> str:
    return f"{e8 // 10**8}.{e8 % 10**8:08d}"


def amounts() -> st.SearchStrategy[str]:
    """EUR with up to eight decimals: those that people give, which make ties, and any up to 100,000."""
    given = ("0", "0.03", "0.0250", "0.0080", "0.0120", "0.0001", "0.00000001", "1", "1.00000001", "0.15", "2.5")
    return st.sampled_from(given) | st.integers(0, 10**7).map(_amount) | st.integers(0, 10**13).map(_amount)


def percents() -> st.SearchStrategy[str]:
    given = ("100", "175", "0", "999", "999.0001", "1000", "12.5", "0.0001", "99999.9999")
    return st.sampled_from(given) | st.integers(0, 10**9 - 1).map(lambda ppm: f"{ppm // 10**4}.{ppm % 10**4:04d}")


def terms() -> st.SearchStrategy[Row]:
    """All the time, or from a day, until another, until none, or until one that lies before it: such a row is never valid."""
    days = [day.isoformat() for day in EDGES]
    edged = [{"valid_from": first, "valid_to": last} for first in days for last in ["", "", "", *days, "2027-01-01"]]
    broad = [{"valid_from": first, "valid_to": last} for first in ("2026-01-01", "2026-02-01") for last in ("", "2027-01-01")]
    return st.sampled_from(edged + broad * (len(edged) // 3))


def _prefixes() -> st.SearchStrategy[str]:
    """Each number's own digits from the first to all fifteen, so that prefixes nest, and neighbours that differ in the last digit."""
    own = {number[:length] for number in NUMBERS for length in range(1, len(number) + 1)} | {f"31{short}" for short in SHORT_NUMBERS}
    neighbours = {prefix[:-1] + str((int(prefix[-1]) + 1) % 10) for prefix in own if len(prefix) > 1}
    # a deck without a first digit would leave nearly every call unrated
    return st.sampled_from(["31", "31", "3", "4", "49", "1", "7", "8", "9"] * 15 + sorted(own) + sorted(neighbours))


def _deck_rows() -> st.SearchStrategy[Row]:
    increments = [
        ("", ""),
        ("0", "1"),
        ("1", "1"),
        ("30", "30"),
        ("60", "60"),
        ("60", "1"),
        ("30", "6"),
        ("0", "60"),
        ("7", "13"),
        ("3600", "3600"),
    ]
    return st.builds(
        lambda deck, prefix, destination, country, line_type, fee, rate, steps, term: {
            "deck_id": deck,
            "prefix": prefix,
            "destination": destination.format(prefix),
            "country": country,
            "line_type": line_type,
            "connection_fee_eur": fee,
            "minute_rate_eur": rate,
            "first_increment_s": steps[0],
            "next_increment_s": steps[1],
            **term,
        },
        st.sampled_from(DECKS),
        _prefixes(),
        st.sampled_from(("to {}", "to {}", "{} mobiel", "Premium {}")),
        st.sampled_from(("",) * 8 + ("NL", "DE")),
        st.sampled_from(("",) * 8 + LINE_TYPES[1:4]),
        amounts(),
        amounts(),
        st.sampled_from(increments),
        terms(),
    )


def _plans() -> st.SearchStrategy[Row]:
    return st.builds(
        lambda onnet, seconds, decimals: {
            "onnet_billing": onnet,
            "rounding_seconds": seconds,
            "rounding_decimals": decimals,
        },
        st.sampled_from(("true", "false", "")),
        st.sampled_from(("", "1", "6", "30", "60", "61", "3600")) | st.integers(1, 3600).map(str),
        st.sampled_from(("", "0", "1", "2", "3", "4", "5", "6")),
    )


def _plan_rates(plans: list[tuple[str, str]]) -> st.SearchStrategy[Row]:
    """Of a partner and its plan."""
    minutes = st.tuples(amounts(), st.just("")) | st.tuples(st.just(""), percents())
    return st.builds(
        lambda plan, country, line_type, fee, minute, term: {
            "partner_id": plan[0],
            "call_plan_id": plan[1],
            "country": country,
            "line_type": line_type,
            "connection_fee_eur": fee,
            "minute_rate_eur": minute[0],
            "minute_rate_percent": minute[1],
            **term,
        },
        st.sampled_from(plans),
        st.sampled_from(COUNTRIES),
        st.sampled_from(LINE_TYPES),
        amounts(),
        minutes,
        terms(),
    )


def _assignments(customers: list[Row], plans: list[Row]) -> st.SearchStrategy[Row]:
    """To a customer (a group besides says nothing) or to a group of a partner; now and then a plan of another, unknown, or none."""
    whose = [{"customer_id": "", "customer_group": group, "partner_id": partner} for group in GROUPS[1:] for partner in PARTNERS]
    whose += [row | {"customer_group": group} for row in customers for group in ("", "", GROUPS[1])]
    choices = [
        {name: row[name] for name in ("customer_id", "customer_group", "partner_id")} | {"call_plan_id": plan}
        for row in whose
        for own in [sorted({plan["call_plan_id"] for plan in plans if plan["partner_id"] == row["partner_id"]})]
        for plan in [*own * 24, *(plan["call_plan_id"] for plan in plans), "unknown", ""]
    ]
    return st.builds(
        lambda assigned, term: assigned | {"service_plan_id": "" if assigned["call_plan_id"] else "support", **term},
        st.sampled_from(choices),
        terms(),
    )


def _platform_numbers(customer_ids: list[str]) -> st.SearchStrategy[Row]:
    blocks = [(number, last) for number in NUMBERS[:5] for last in (number, number[:-1] + "9")]
    return st.builds(
        lambda block, customer, term: {"first_number": f"+{block[0]}", "last_number": f"+{block[1]}", "customer_id": customer, **term},
        st.sampled_from(blocks),
        st.sampled_from(customer_ids),
        terms(),
    )


@dataclass(frozen=True)
class Trade:
    """Rows per feed, in the order in which they landed, and the seed of its calls."""

    rows: dict[str, list[Row]] = field(repr=False)
    seed: int


def _first_days() -> st.SearchStrategy[list[str]]:
    """Of the rows of one thing: from the beginning, and often from another day or two on; in the order in which they landed."""
    later = st.lists(st.sampled_from([day.isoformat() for day in EDGES]), max_size=2, unique=True)
    return later.flatmap(lambda days: st.permutations(["", *days]))


@st.composite
def _customer_rows(draw: st.DrawFn, number: int) -> list[Row]:
    """A customer in a group of a partner, who may change either from a day on; between two partners there may be days of nobody."""
    partner, group = PARTNERS[number % 3], GROUPS[number // 3 % 3]
    rows = [
        {
            "customer_id": f"c{number}",
            "partner_id": partner if not day or draw(st.integers(0, 3)) else draw(st.sampled_from(PARTNERS)),
            "reseller_id": "",
            "customer_group": group if not day else draw(st.sampled_from(GROUPS)),
            "valid_from": day,
            "valid_to": draw(st.sampled_from(("", "", "", "", "2026-03-25", "2026-04-10"))) if day < max(days) else "",
        }
        for days in [draw(_first_days())]
        for day in days
    ]
    return [row for row in rows if not row["valid_to"] or row["valid_from"] < row["valid_to"]]


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    homes = draw(st.tuples(st.sampled_from(("NL", "")), st.sampled_from(("NL", "DE", "US")), st.sampled_from(("NL", "GB"))))
    partners = [
        {"partner_id": partner, "name": partner, "tier": "", "deck_id": deck, "time_zone": "", "country": home, "valid_from": day}
        for partner, home in zip(PARTNERS, homes, strict=True)
        for day, deck in zip(draw(_first_days()), draw(st.lists(st.sampled_from(DECKS), min_size=3, max_size=3)), strict=False)
    ]
    customers = [row for number in range(9) for row in draw(_customer_rows(number))]
    customer_ids = sorted({customer["customer_id"] for customer in customers})
    # two partners may call a plan alike
    named = [(PARTNERS[number % 3], f"p{number // 2 * 2}") for number in range(draw(st.integers(4, 8)))]
    plans = [
        {**draw(_plans()), "partner_id": partner, "call_plan_id": plan, "name": plan, "valid_from": day}
        for partner, plan in named
        for day in draw(_first_days())
    ]
    return Trade(
        {
            "partners": partners,
            "customers": customers,
            "numbers": draw(st.lists(_platform_numbers(customer_ids), max_size=8)),
            "purchase_rates": draw(st.lists(_deck_rows(), min_size=50, max_size=90)),
            "call_plans": plans,
            "call_plan_rates": draw(st.lists(_plan_rates(named), min_size=40, max_size=90)),
            "customer_plans": draw(st.lists(_assignments(customers, plans), min_size=40, max_size=60)),
        },
        draw(st.integers(0, 2**32 - 1)),
    )


# Calls -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RandomCall:
    customer: Row
    dialled: str
    listed: oracle.Called
    """Where it leads by the numbering plans alone."""
    destination: oracle.Called
    on: date
    is_inbound: bool
    disposition: str
    duration_s: int


def calls_of(trade: Trade, books: oracle.Books, seed: Callable[[str], list[Row]], count: int) -> Iterator[RandomCall]:
    """Calls around the edges of the trade's rows; ``seed`` gives the rows of a seed's file."""
    dialling_plans = {row["country"]: row for row in seed("dialling_plans.csv")}
    trunks = tuple(row["prefix"] for row in seed("dialled_prefixes.csv") if row["country"] == "001" and int(row["removed"]))
    luck = random.Random(trade.seed)
    customer_ids = sorted(books.customers)
    prefixes = [row["prefix"] for row in trade.rows["purchase_rates"]] + list(NUMBERS) * 3
    days = [day + timedelta(days=near) for day in EDGES for near in (-1, 0, 0, 1)]
    edges_s = [int(row[f"{step}_increment_s"] or 1) for row in trade.rows["purchase_rates"] for step in ("first", "next")]
    edges_s += [int(row["rounding_seconds"] or 1) for row in trade.rows["call_plans"]]
    made = 0
    while made < count:
        (customer_id,), on = luck.choice(customer_ids), luck.choice(days)
        customer = oracle.customer_on(books, customer_id, on)
        partner = customer and oracle.partner_on(books, customer["partner_id"], on)
        if not customer or not partner:
            continue  # on a day of nobody nobody pays
        made += 1
        is_inbound = luck.random() < 0.15
        near = TOLL_FREE if is_inbound and luck.random() < 0.5 else prefixes
        dialled, listed = _dialled(luck, books, dialling_plans[partner["country"] or oracle.HOME], near, trunks)
        destination = oracle.as_the_deck_says(books, partner["partner_id"], listed, on)
        yield RandomCall(
            customer,
            dialled,
            listed,
            destination,
            on,
            is_inbound,
            luck.choice(("answered",) * 24 + ("no_answer", "busy", "failed")),
            _duration(luck, edges_s),
        )


def _duration(luck: random.Random, edges_s: list[int]) -> int:
    draws: tuple[Callable[[], int], ...] = (
        lambda: luck.choice((0, 1, 2)),
        lambda: max(0, luck.choice(edges_s) * luck.choice((1, 1, 2, 3)) + luck.choice((-1, 0, 1))),
        lambda: 30 * luck.randrange(1, 20),
        lambda: luck.randrange(1, 600),
        lambda: luck.randrange(3590, 3 * 86400),
    )
    return luck.choices(draws, (1, 5, 4, 5, 1))[0]()


def _dialled(
    luck: random.Random, books: oracle.Books, home: Row, near: Sequence[str], trunks: tuple[str, ...]
) -> tuple[str, oracle.Called]:
    kind = luck.random()
    if kind < 0.03:
        return luck.choice(FEATURE_CODES), oracle.Called("feature_code")
    if kind < 0.05:
        return luck.choice(UNPARSABLE), oracle.Called("unparsable")
    if kind < 0.10:
        return _short(luck, books, home)
    number = luck.choice(near)
    if kind > 0.9 and len(number) > 6:  # a number of a block
        number = number[:-1] + str(luck.randrange(10))
    while len(number) < 7 or (luck.random() < 0.4 and len(number) < 15):
        number += str(luck.randrange(10))
    if number.startswith(trunks):  # whoever writes such a number means another
        return _dialled(luck, books, home, near, trunks)
    return _written(luck, number, home), oracle.called_in_full(books, number, home["country"], home["calling_code"])


def _short(luck: random.Random, books: oracle.Books, home: Row) -> tuple[str, oracle.Called]:
    if luck.random() < 0.5 and home["country"] == oracle.HOME:
        short = luck.choice(SHORT_NUMBERS)
        return short, oracle.called(books, short)
    extension = str(luck.randrange(300, 400))  # no short number of any home country
    return extension, oracle.Called("internal")


def _written(luck: random.Random, number: str, home: Row) -> str:
    """A number as somebody writes it; only what leaves no doubt."""
    national = number.removeprefix(oracle.HOME_CODE)
    forms = [f"+{number}", f"{home['international_prefix']}{number}"]
    if home["country"] == oracle.HOME and number.startswith(oracle.HOME_CODE) and len(national) == 9 and national[0] != "0":
        forms.append(f"0{national}")
    written = luck.choice(forms)
    return f"{written[:4]} {written[4:6]}-{written[6:]}" if luck.random() < 0.2 else written
