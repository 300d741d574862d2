"""Reference data that follows from packages: countries, number prefixes and dialling plans as seeds.

``python -m orchestration.reference --write`` derives the three CSV files below ``seeds/``; ``--check`` fails when a committed file is
not what the locked packages say. Numbers come from ``phonenumbers`` (Google's libphonenumber), country names and alpha-3 codes from
Unicode CLDR as ``babel`` carries it. Neither is asked about a call: SQL joins the CSV files.

Judgements that the packages do not make stand in this module with their reason: ``LINE_TYPES`` (what is sold as fixed, mobile or
special), ``CORRECTIONS`` (what the plans know and the package does not) and the short numbers of ``seeds/short_numbers.csv``.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import phonenumbers
from babel import Locale
from babel.core import get_global
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

from orchestration.errors import TiktellerError
from orchestration.number_patterns import LONGEST, State, all_of, any_digits, combine, language, state
from orchestration.workspace import SEEDS_DIR

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
    plan = combine([*map(_plan_of_region, regions), *shorts], _first)
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


def _plan_of_region(region: PhoneMetadata) -> State | None:
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

    return combine([_numbers(region.general_desc), *(_numbers(getattr(region, kind)) for kind in KINDS)], first_kind)


def _numbers(described: PhoneNumberDesc | None) -> State | None:
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
    def only_length_counts(at: State | None) -> bool:
        return at is None or (len(set(at.children)) == 1 and only_length_counts(at.children[0]))

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


def number_prefixes() -> Iterator[tuple[str, ...]]:
    """Rows (prefix, country, line_type, number_kind) for the world: E.164 digits without ``+``, in the order of the text."""
    short_numbers = read_seed("short_numbers")
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


# --- countries and dialling plans -----------------------------------------------------------------------------------------------

NOT_A_COUNTRY = frozenset(("CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "UN", "XA", "XB", "ZZ"))
"""What CLDR names as a territory and neither ISO 3166 nor a calling code knows: groups, islands of another country, test codes."""

EXTRA_COUNTRIES = frozenset(("AC", "TA", "XK"))
"""Not assigned by ISO 3166, but countries to the telephone: Ascension and Tristan da Cunha (reserved), Kosovo (user-assigned)."""

FORMER_ALPHA3 = frozenset(("BUR", "DDR", "FXX", "TMP", "YMD", "ZAR"))
"""What CLDR still knows of former countries (Burma, the GDR, Metropolitan France, ...) beside the code of today."""

NAMES: Mapping[str, tuple[str, str]] = {
    NETWORKS: ("Satellite and international networks", "Satelliet en internationale netwerken"),
    "HK": ("Hong Kong", "Hongkong"),  # CLDR: "Hong Kong SAR China", too long for an invoice line
    "MO": ("Macao", "Macau"),
}
"""English and Dutch names that differ from CLDR's."""


def countries() -> Iterator[tuple[str, ...]]:
    """Rows (country, alpha3, name_en, name_nl, calling_code); alpha3 and calling_code are empty where there is none."""
    english, dutch = Locale("en").territories, Locale("nl").territories
    alpha3 = {
        new[0]: old
        for old, new in get_global("territory_aliases").items()
        if len(old) == 3 and old.isalpha() and len(new) == 1 and old not in FORMER_ALPHA3
    }
    codes = {code for code in english if len(code) == 2 and code.isalpha()} - NOT_A_COUNTRY
    for code in sorted(codes | {NETWORKS}):
        name_en, name_nl = NAMES.get(code) or (english[code], dutch[code])
        known = code in phonenumbers.SUPPORTED_REGIONS
        yield (
            code,
            "" if code in EXTRA_COUNTRIES else alpha3.get(code, ""),
            name_en,
            name_nl,
            str(phonenumbers.country_code_for_region(code)) if known else "",
        )


def dialling_plans() -> Iterator[tuple[str, ...]]:
    """Rows (country, calling_code, international_prefix, national_prefix), one a country with a calling code.

    A prefix is empty where there is none (Italy keeps its 0), and where callers dial a carrier in it, so that it is not one text
    (Brazil 0014, 0015, ...); ``00`` is taken where it works beside the carriers' own.
    """
    for code in sorted(phonenumbers.SUPPORTED_REGIONS):
        region = PhoneMetadata.metadata_for_region(code)
        choices = (region.preferred_international_prefix, region.international_prefix, "00")
        international = next((c for c in choices if c and c.isdigit() and re.fullmatch(region.international_prefix, c)), "")
        yield code, str(region.country_code), international, region.national_prefix or ""


# --- files ----------------------------------------------------------------------------------------------------------------------

DERIVED = {
    "countries": (("country", "alpha3", "name_en", "name_nl", "calling_code"), countries),
    "dialling_plans": (("country", "calling_code", "international_prefix", "national_prefix"), dialling_plans),
    "number_prefixes": (("prefix", "country", "line_type", "number_kind"), number_prefixes),
}
"""Per seed its header and what gives its rows."""


def seed_file(name: str) -> Path:
    return SEEDS_DIR / f"{name}.csv"


def read_seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed, all text."""
    with seed_file(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def derived(name: str) -> str:
    """The text that ``seeds/<name>.csv`` has to have."""
    header, rows = DERIVED[name]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows()])
    return text.getvalue()


def check() -> None:
    """Raises TiktellerError naming the first seed, and its first line, that is not what the packages say."""
    for name in DERIVED:
        wanted = derived(name).splitlines()
        found = seed_file(name).read_text(encoding="utf-8").splitlines() if seed_file(name).exists() else []
        if found != wanted:
            pairs = zip(found + [""] * len(wanted), wanted + [""] * len(found), strict=False)
            number, (has, wants) = next((n, pair) for n, pair in enumerate(pairs, start=1) if pair[0] != pair[1])
            raise TiktellerError(
                f"seeds/{name}.csv line {number} is {has!r}, phonenumbers {phonenumbers.__version__} gives {wants!r}",
                mend="python -m orchestration.reference --write, then read the difference before you commit it",
            )


def write() -> None:
    for name in DERIVED:
        seed_file(name).write_text(derived(name), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m orchestration.reference", description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="fail when a seed is not what the locked packages say")
    what.add_argument("--write", action="store_true", help="derive the seeds again")
    chosen = parser.parse_args(arguments)
    try:
        write() if chosen.write else check()
    except TiktellerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
