"""What the partners pay: a deck of purchase rates for the whole world per partner, cut from the reference list of
prefixes.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache

from orchestration.demo.files import Value
from orchestration.demo.partners import AIRTIME_ACCESS, PARTNERS
from orchestration.demo.period import BEFORE_EVERYTHING
from orchestration.errors import TiktellerError
from orchestration.workspace import SEEDS_DIR

DECK_COLUMNS = (
    "deck_id", "prefix", "destination", "connection_fee_eur", "minute_rate_eur", "first_increment_s",
    "next_increment_s", "valid_from", "valid_to",
)  # fmt: skip
NETWORK_DIGITS = 2  # a deck tells networks apart by so many digits after the country code
AREA_CODE_DIGITS = 3  # but in +1, where only the area code tells the country
LEFT_OUT = "882"  # no rate for calls to 88216: see destinations.SATELLITE_WITHOUT_RATE
PRICE_CHANGE = date(2026, 10, 12)  # in the middle of the last month, so in every period
TEMPORARY_RATE_ENDS = date(2026, 10, 5)
FIVE_DECIMALS = Decimal("0.00001")
LONGEST_NETWORK = 9  # digits of the longest prefix of a network; a longer one is as good as a number

NEAR = frozenset(
    (
        "NL",
        "BE",
        "DE",
        "FR",
        "GB",
        "LU",
        "IE",
        "ES",
        "PT",
        "IT",
        "AT",
        "CH",
        "DK",
        "SE",
        "NO",
        "FI",
        "PL",
        "CZ",
        "US",
        "CA",
    )
)
DUTCH_SPECIALS = (  # prefix, destination, fee, minute rate
    ("31112", "Nederland alarmnummer", "0", "0"),
    ("31116", "Nederland 116-nummers", "0", "0"),
    ("3114", "Nederland gemeenten 14xxx", "0", "0.0055"),
    ("3118", "Nederland nummerinformatie 18xx", "0.1000", "0.9000"),
    ("31800", "Nederland 0800", "0", "0"),
    ("31900", "Nederland 0900", "0.0500", "0.3500"),
    ("319001230", "Nederland 0900-1230", "0.2500", "0"),
    ("31906", "Nederland 0906", "0.0800", "0.8000"),
    ("31909", "Nederland 0909", "0.0800", "0.6500"),
)


@dataclass(frozen=True)
class Rate:
    """One row of a deck but for the deck's name. Rates in EUR, a minute's with at most five decimals."""

    prefix: str
    destination: str
    connection_fee_eur: Decimal
    minute_rate_eur: Decimal
    increments_s: tuple[int, int] = (1, 1)
    valid_from: date = BEFORE_EVERYTHING
    valid_to: date | None = None


@dataclass(frozen=True)
class Network:
    prefix: str
    country: str
    line_type: str


@cache
def networks() -> tuple[Network, ...]:
    """The world by country and line type, cut to NETWORK_DIGITS after the country code and rolled up: a few thousand
    prefixes.
    """
    calling_codes = {row["country"]: row["calling_code"] for row in _seed("countries")}
    shares: dict[str, dict[tuple[str, str], float]] = {}
    for row in _seed("number_prefixes"):
        code = calling_codes.get(row["country"]) or row["prefix"][:3]
        cut = row["prefix"][: len(code) + (AREA_CODE_DIGITS if code == "1" else NETWORK_DIGITS)]
        kind = (row["country"], row["line_type"])
        votes = shares.setdefault(cut, {})
        votes[kind] = votes.get(kind, 0) + 10.0 ** -len(row["prefix"])
    chosen: dict[str, tuple[str, str]] = {}
    for prefix in sorted(shares):
        kind = max(sorted(shares[prefix]), key=shares[prefix].__getitem__)
        parent = next((chosen[prefix[:n]] for n in range(len(prefix) - 1, 0, -1) if prefix[:n] in chosen), None)
        if kind != parent and not prefix.startswith(LEFT_OUT):
            chosen[prefix] = kind
    return tuple(Network(prefix, *kind) for prefix, kind in chosen.items())


def _seed(name: str) -> list[dict[str, str]]:
    path = SEEDS_DIR / f"{name}.csv"
    if not path.is_file():
        raise TiktellerError(f"the reference data {path} is not there", fix="git checkout seeds")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def rates_of(deck_id: str, prefixes: int | None = None) -> tuple[Rate, ...]:
    """A deck: the world's networks, longer exceptions, rates that change or end in the period, and the Dutch special
    numbers; so many ``prefixes`` in all, by telling more networks apart below those.

    Prices do not depend on the demo's seed: a price list is the same for every set of calls. Raises TiktellerError where
    the deck has more prefixes than were asked for.
    """
    names = {row["country"]: row["name_nl"] for row in _seed("countries")}
    world = networks()
    rates = [_network_rate(deck_id, network, names[network.country]) for network in world if network.prefix != "31"]
    rates += _longer_exceptions(deck_id, world, names)
    rates += _dutch_rates(deck_id)
    # An operator's offer that ended: from TEMPORARY_RATE_ENDS on the shorter prefix holds again.
    rates.append(
        Rate(
            "447700",
            "Verenigd Koninkrijk mobiel actie",
            Decimal(0),
            Decimal("0.0110"),
            (1, 1),
            BEFORE_EVERYTHING,
            TEMPORARY_RATE_ENDS,
        )
    )
    if prefixes is not None:
        rates += _more_networks(deck_id, rates, prefixes)
    return tuple(sorted(_changed(rates), key=lambda rate: (rate.prefix, rate.valid_from)))


def _more_networks(deck_id: str, rates: list[Rate], prefixes: int) -> list[Rate]:
    """Networks below those of ``rates`` until there are ``prefixes`` in all: a digit more each, at about the price above it.

    Only prefixes of numbers that exist: the numbering plans of the world name them, or name something shorter.
    """
    taken = {rate.prefix for rate in rates}
    if prefixes < len(taken):
        raise TiktellerError(f"a deck of {prefixes:,} prefixes cannot be made", fix=f"--deck-prefixes {len(taken)} or more")
    assigned = {row["prefix"] for row in _seed("number_prefixes")}
    beginnings = {prefix[:length] for prefix in assigned for length in range(1, len(prefix) + 1)}
    dice = random.Random(f"{deck_id} networks")
    above = [rate for rate in rates if rate.valid_to is None and not rate.prefix.startswith("31")]
    more: list[Rate] = []
    while len(taken) < prefixes:
        parent = dice.choice(above)
        prefix = f"{parent.prefix}{dice.randint(0, 9)}"
        exists = prefix in beginnings or any(prefix[:length] in assigned for length in range(2, len(prefix)))
        if prefix in taken or len(prefix) > LONGEST_NETWORK or not exists:
            continue
        price = (parent.minute_rate_eur * dice.randint(92, 110) / 100).quantize(FIVE_DECIMALS)
        name = parent.destination.removesuffix(f" {parent.prefix}")
        network = replace(parent, prefix=prefix, destination=f"{name} {prefix}", minute_rate_eur=price)
        taken.add(prefix)
        more.append(network)
        above.append(network)
    return more


def _network_rate(deck_id: str, network: Network, name: str) -> Rate:
    dice = random.Random(f"{deck_id} {network.country} {network.line_type}")
    low, high = {
        ("FIX", True): (40, 120), ("MOB", True): (110, 450), ("SPECIAL", True): (600, 4500),
        ("FIX", False): (150, 2200), ("MOB", False): (350, 3600), ("SPECIAL", False): (1500, 9900),
    }[network.line_type, network.country in NEAR]  # fmt: skip
    kind = {"FIX": "vast", "MOB": "mobiel", "SPECIAL": "speciaal"}[network.line_type]
    fee = Decimal("0.0500") if network.line_type == "SPECIAL" else Decimal(0)
    increments = (1, 1) if network.country in NEAR else dice.choice(((1, 1), (1, 1), (30, 6), (60, 60), (60, 1)))
    return Rate(network.prefix, f"{name} {kind}", fee, Decimal(dice.randint(low, high)).scaleb(-4), increments)


def _longer_exceptions(deck_id: str, world: tuple[Network, ...], names: dict[str, str]) -> list[Rate]:
    """Some mobile networks of the world cost more or less than their country's rate: one digit more, five decimals."""
    present = {network.prefix for network in world}
    exceptions = []
    for network in world:
        dice = random.Random(f"{deck_id} {network.prefix} exception")
        prefix = f"{network.prefix}{dice.randint(0, 9)}"
        if network.line_type == "MOB" and network.country != "NL" and prefix not in present and dice.random() < 0.8:
            base = _network_rate(deck_id, network, names[network.country])
            rate = (base.minute_rate_eur * dice.randint(60, 160) / 100).quantize(FIVE_DECIMALS)
            exceptions.append(Rate(prefix, f"{base.destination} {prefix}", base.connection_fee_eur, rate, base.increments_s))
    return exceptions


def _dutch_rates(deck_id: str) -> list[Rate]:
    is_first = deck_id == PARTNERS[0].deck_id
    fixed, mobile = ("0.0055", "0.0140") if is_first else ("0.0060", "0.01525")
    rates = [Rate("31", "Nederland vast", Decimal(0), Decimal(fixed))]
    rates += [
        Rate("316", "Nederland mobiel", Decimal(0), Decimal(mobile)),
        Rate("3197", "Nederland M2M", Decimal(0), Decimal(mobile)),
    ]
    rates.append(Rate(str(AIRTIME_ACCESS)[:7], "Vast-mobiel airtime", Decimal(0), Decimal("0.0095")))
    rates += [
        Rate(prefix, name, Decimal(fee), Decimal(rate), (1, 1) if is_first else (60, 60)) for prefix, name, fee, rate in DUTCH_SPECIALS
    ]
    return rates


def _changed(rates: list[Rate]) -> list[Rate]:
    """German and Dutch mobile rates fall from PRICE_CHANGE on: the later row of a prefix ends the earlier one."""
    later = [
        Rate(
            rate.prefix,
            rate.destination,
            rate.connection_fee_eur,
            rate.minute_rate_eur - Decimal("0.0015"),
            rate.increments_s,
            PRICE_CHANGE,
        )
        for rate in rates
        if rate.destination in ("Nederland mobiel", "Nederland M2M") or rate.destination.startswith("Duitsland mobiel")
    ]
    by_key = {(rate.prefix, rate.valid_from): rate for rate in [*rates, *later]}  # a longer exception gives way to a named rate
    return list(by_key.values())


def deck_rows(deck_id: str, rates: Iterable[Rate]) -> list[tuple[Value, ...]]:
    """The rows of a price list for the deck, in the order of DECK_COLUMNS."""
    return [
        (
            *(deck_id, rate.prefix, rate.destination, rate.connection_fee_eur, rate.minute_rate_eur),
            *rate.increments_s,
            *(rate.valid_from, rate.valid_to),
        )
        for rate in rates
    ]
