"""What comes after the first deck: a price list that changes part of it, and one that is sent with faults and held back."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

from orchestration.demo.decks import FIVE_DECIMALS, Rate, rates_of
from orchestration.demo.period import BEFORE_EVERYTHING, LAST_DAY

NEW_LIST_FROM = LAST_DAY.replace(day=1)
FAULTY_LIST_FROM = date(2026, 10, 8)  # in the middle of calls: would it take effect, they would show it
FAULTY_LIST_ROWS = 24
SLIPPED_COMMA = 10

# Of a hundred destinations so many change, and of a hundred longer prefixes so many come and go
DEARER, CHEAPER, OTHER_INCREMENTS = 12, 10, 2
GONE, NEW = 8, 6


@cache
def new_list(deck_id: str, prefixes: int | None = None) -> tuple[Rate, ...]:
    """The rows of the deck's second price list, valid from NEW_LIST_FROM: amendments only, what is not on it goes on as it was.

    Destinations become dearer, cheaper or are counted in other steps as a whole; of the longer prefixes some are new, and some end.
    The row of one that ends is the first list's own with a ``valid_to``: it replaces that row.
    """
    deck = rates_of(deck_id, prefixes)
    present = {rate.prefix for rate in deck}
    rows: list[Rate] = []
    for rate in _steady(deck):
        dice = random.Random(f"{deck_id} {rate.destination.removesuffix(' ' + rate.prefix)} second list")
        lot, percent = dice.randint(1, 100), dice.randint(3, 18)
        own = random.Random(f"{deck_id} {rate.prefix} second list")
        is_longer = rate.destination.endswith(rate.prefix)
        if is_longer and own.randint(1, 100) <= GONE:
            rows.append(replace(rate, valid_to=NEW_LIST_FROM))
        elif lot <= DEARER:
            rows.append(_changed(rate, 100 + percent))
        elif lot <= DEARER + CHEAPER:
            rows.append(_changed(rate, 100 - percent))
        elif lot <= DEARER + CHEAPER + OTHER_INCREMENTS:
            rows.append(replace(rate, increments_s=(60, 1) if rate.increments_s != (60, 1) else (1, 1), valid_from=NEW_LIST_FROM))
        longer = f"{rate.prefix}{own.randint(0, 9)}"
        if not is_longer and rate.destination.endswith("mobiel") and longer not in present and own.randint(1, 100) <= NEW:
            rows.append(replace(_changed(rate, own.randint(80, 140)), prefix=longer, destination=f"{rate.destination} {longer}"))
    return tuple(sorted(rows, key=lambda row: row.prefix))


@cache
def faulty_list(deck_id: str) -> tuple[tuple[Rate, str], ...]:
    """A price list that must not take effect, each row with the reason under which it waits: ten times too dear, and faults beside it."""
    fine = [replace(_changed(rate, 100 * SLIPPED_COMMA), valid_from=FAULTY_LIST_FROM) for rate in _steady(rates_of(deck_id))]
    several = fine[:: len(fine) // FAULTY_LIST_ROWS]
    (twice, gapped, nameless, negative), rest = several[:4], several[4:]
    ending = next(rate for rate in rates_of(deck_id) if rate.valid_to)
    assert ending.valid_to
    before_the_end, month = ending.valid_to - timedelta(days=3), timedelta(days=31)
    return (
        *((rate, "deck_version_blocked") for rate in rest),
        (twice, "two_rows_for_one_moment"),
        (_changed(twice, 110, twice.valid_from), "two_rows_for_one_moment"),
        (replace(ending, valid_from=before_the_end, valid_to=None), "two_rows_for_one_moment"),
        (replace(gapped, valid_to=FAULTY_LIST_FROM + month), "gap"),
        (replace(gapped, valid_from=FAULTY_LIST_FROM + 2 * month), "gap"),
        (replace(nameless, destination=""), "missing_destination"),
        (replace(negative, minute_rate_eur=-negative.minute_rate_eur), "negative_rate"),
    )


def _steady(deck: tuple[Rate, ...]) -> list[Rate]:
    """The rates that neither change nor end by the first list itself, but for those at home."""
    rows: dict[str, list[Rate]] = {}
    for rate in deck:
        rows.setdefault(rate.prefix, []).append(rate)
    return [
        only[0]
        for only in rows.values()
        if len(only) == 1 and not only[0].valid_to and only[0].valid_from == BEFORE_EVERYTHING and not only[0].prefix.startswith("31")
    ]


def _changed(rate: Rate, percent: int, valid_from: date = NEW_LIST_FROM) -> Rate:
    price = (rate.minute_rate_eur * percent / 100).quantize(FIVE_DECIMALS)
    return replace(rate, minute_rate_eur=max(price, FIVE_DECIMALS), valid_from=valid_from)
