"""The world's numbering plans: where a number leads to, by the digits it begins with.

Numbers come from ``phonenumbers`` (Google's libphonenumber). Judgements that the package does not make stand here with their reason:
``LINE_TYPES`` (what is sold as fixed, mobile or special) and ``CORRECTIONS`` (what the plans know and the package does not).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

from orchestration.reference.number_patterns import LONGEST, State, all_of, any_digits, combine, language, only_length_counts, state

NETWORKS = "001"
"""The country of what belongs to no country: satellites and international networks (the name phonenumbers gives their region)."""

LINE_TYPES: Mapping[str, str] = {
    "fixed_line": "FIX",
    "fixed_line_or_mobile": "FIX",  # the country does not split them (US, CA): DOMAIN 8
    "voip": "FIX",
    "uan": "FIX",  # one number for a company's all branches, at the price of a fixed line (NL 14xxx, 084, 087, 088; GB 03)
    "unlisted": "FIX",  # no number of the plan begins so; the row only says whose it would be
    "mobile": "MOB",
    "m2m": "MOB",
    "pager": "MOB",  # ranges out of the mobile ones (NL 066, GB 076)
    "voicemail": "MOB",  # the mailbox of a mobile number (CH 0860, DE 0150x13, IT 3xx with digits added)
    # What must not be sold at a fixed-line rate is SPECIAL, and so priced from its purchase rate (DOMAIN 2):
    "toll_free": "SPECIAL",
    "premium_rate": "SPECIAL",
    "shared_cost": "SPECIAL",
    "personal_number": "SPECIAL",  # costs as a mobile call or more (GB 070, a favourite of fraud), never as a fixed one
    "satellite": "SPECIAL",
    "international_network": "SPECIAL",
    "emergency": "SPECIAL",
    # Short numbers only:
    "standard_rate": "FIX",  # at the price of a usual call
}


class Destination(NamedTuple):
    """Where a number leads to: one row of ``number_prefixes.csv`` without its prefix."""

    country: str
    line_type: str
    number_kind: str


def destination(country: str, number_kind: str) -> Destination:
    return Destination(country, LINE_TYPES[number_kind], number_kind)


CORRECTIONS: Mapping[str, Destination] = {
    "3197": destination("NL", "m2m"),  # the package says mobile; the Dutch number plan keeps 097 for machines
    "870": destination(NETWORKS, "satellite"),  # Inmarsat
    "881": destination(NETWORKS, "satellite"),  # Globalstar and Iridium, both below 881 (ITU-T E.164)
    "88216": destination(NETWORKS, "satellite"),  # Thuraya, inside the shared code 882
}
"""Prefixes whose numbers lead somewhere else than phonenumbers says."""

NETWORK_KINDS = frozenset({"toll_free", "shared_cost", "premium_rate"})
"""What an international number keeps of its kind (800 UIFN, 808 shared cost, 979 premium); the rest is an international network."""

# The order in which phonenumberutil._number_type_helper asks: the first kind that fits is the number's kind.
KINDS = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)


# --- number prefixes ------------------------------------------------------------------------------------------------------------


def plan_of_calling_code(calling_code: int, short_numbers: Iterable[Mapping[str, str]] = ()) -> State:
    """All numbers of a calling code as one automaton whose values are ``Destination``s.

    Of regions that share the code, the first one that knows a number has it, as in phonenumberutil.region_code_for_number; the
    regions' leading digits, which it asks too, have never decided otherwise (tests/unit/test_reference.py compares).
    """
    regions = regions_of(calling_code)
    shorts = [_short_number(row) for row in short_numbers if row["country"] == regions[0].id]
    plan = combine([*map(plan_of_region, regions), *shorts], _first)
    for prefix, corrected in CORRECTIONS.items():
        if prefix.startswith(str(calling_code)):
            below = language(prefix.removeprefix(str(calling_code)), any_digits(range(LONGEST + 1)))
            plan = combine([plan, below], lambda values, to=corrected: to if all(values) else values[0])
    return plan


def _first(values: Iterable[Hashable | None]) -> Hashable | None:
    return next((value for value in values if value), None)


def regions_of(calling_code: int) -> list[PhoneMetadata]:
    """The regions that share a calling code, the main one first."""
    names = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[calling_code]
    if names == (NETWORKS,):
        return [PhoneMetadata.metadata_for_nongeo_region(calling_code)]
    return [PhoneMetadata.metadata_for_region(name) for name in names]


def plan_of_region(region: PhoneMetadata) -> State | None:
    """All valid numbers of a region as one automaton whose values are ``Destination``s."""

    def first_kind(values: Sequence[bool | None]) -> Destination | None:
        valid, fits = values[0], dict(zip(KINDS, values[1:], strict=True))
        kind = next((kind for kind in KINDS if fits[kind]), None)
        if not valid or not kind:
            return None
        if kind == "fixed_line" and fits["mobile"]:
            kind = "fixed_line_or_mobile"
        if region.id == NETWORKS and kind not in NETWORK_KINDS:
            kind = "international_network"
        return destination(region.id, kind)

    return combine([numbers_of(region.general_desc), *(numbers_of(getattr(region, kind)) for kind in KINDS)], first_kind)


def numbers_of(described: PhoneNumberDesc | None) -> State | None:
    """The numbers of one kind: its expression and its lengths."""
    if described is None or described.national_number_pattern is None:
        return None
    numbers = language(described.national_number_pattern)
    if not described.possible_length or described.possible_length == (-1,):
        return numbers
    return combine([numbers, any_digits(described.possible_length)], all_of)


def _short_number(row: Mapping[str, str]) -> State | None:
    where = Destination(row["country"], row["line_type"], row["number_kind"])
    return combine(
        [language(f"{row['prefix']}\\d{{{int(row['length']) - len(row['prefix'])}}}")],
        lambda values: where if values[0] else None,
    )


def settled(plan: State) -> State:
    """The plan without what no prefix can tell: where only the length of a number decides, the kind with most numbers has it all."""

    @cache
    def how_many(at: State | None) -> Counter:
        numbers = Counter({at.value: 1} if at and at.value else {})
        for child in at.children if at else ():
            numbers.update(how_many(child))
        return numbers

    @cache
    def settle(at: State | None) -> State | None:
        if at is None:
            return None
        if only_length_counts(at):
            return state(max(how_many(at).items(), key=lambda item: (item[1], item[0]))[0], (None,) * 10)
        return state(at.value, tuple(settle(child) for child in at.children))

    return settle(plan)


def prefixes(plan: State, calling_code: str, main: Destination, undecided: Mapping[str, Destination]) -> Iterator[tuple[str, Destination]]:
    """The shortest prefixes that tell where every number of the plan leads, when the longest that fits wins.

    Equal children are rolled up into their parent. Where they differ but agree on country, or on country and line type, the parent
    is listed as ``unlisted``: a range that is opened after this list was made still goes to the right country. ``undecided`` gives
    such a parent another destination. The calling code itself is always listed, with ``main`` where its countries differ, so that
    every number finds a row.
    """

    @cache
    def leads_to(at: State | None) -> frozenset[Destination]:
        if at is None:
            return frozenset()
        return frozenset([at.value] if at.value else []).union(*map(leads_to, at.children))

    def walk(at: State, prefix: str, inherited: Destination | None) -> Iterator[tuple[str, Destination]]:
        here = leads_to(at)
        if len(here) == 1:
            (found,) = here
        else:
            found = at.value or undecided.get(prefix) or _agreed(here) or inherited or main
        if found != inherited:
            yield prefix, found
        if len(here) > 1:
            for digit, child in enumerate(at.children):
                if child:
                    yield from walk(child, f"{prefix}{digit}", found)

    return walk(plan, calling_code, None)


def _agreed(here: frozenset[Destination]) -> Destination | None:
    countries, line_types = {d.country for d in here}, {d.line_type for d in here}
    if len(countries) > 1:
        return None
    line_type = line_types.pop() if len(line_types) == 1 else LINE_TYPES["unlisted"]
    return Destination(countries.pop(), line_type, "unlisted")


def number_prefixes(short_numbers: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, ...]]:
    """Rows (prefix, country, line_type, number_kind) for the world: E.164 digits without ``+``, in the order of the text."""
    rows: dict[str, Destination] = {}
    for calling_code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        main = regions_of(calling_code)[0].id
        undecided = {
            f"{calling_code}{row['prefix']}": Destination(row["country"], row["line_type"], row["number_kind"])
            for row in short_numbers
            if row["country"] == main
        }
        plan = settled(plan_of_calling_code(calling_code, short_numbers))
        rows.update(prefixes(plan, str(calling_code), destination(main, "unlisted"), undecided))
    return ((prefix, *rows[prefix]) for prefix in sorted(rows))
