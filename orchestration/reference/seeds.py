"""Reference data that follows from packages: countries and all there is to know of numbers, as seeds.

``python -m orchestration.reference --write`` derives the CSV files of ``DERIVED`` below ``seeds/``; ``--check`` fails when a committed
file is not what the locked packages say. Numbers come from ``phonenumbers`` (Google's libphonenumber), country names and alpha-3 codes from
Unicode CLDR as ``babel`` carries it. Neither is asked about a call: SQL joins the CSV files.

Judgements that the packages do not make stand with their reason where they are made: what is sold as fixed, mobile or special in
``number_plans``, how people dial in ``dialling``, the Dutch short numbers in ``short_numbers``.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from string import ascii_uppercase

import phonenumbers
from babel import Locale
from babel.core import get_global
from phonenumbers.phonemetadata import PhoneMetadata
from stdnum import numdb

from orchestration.errors import TiktellerError
from orchestration.reference import guide
from orchestration.reference.dialling import dialled_prefixes
from orchestration.reference.number_plans import NETWORKS, number_prefixes
from orchestration.reference.short_numbers import DUTCH, HEADER, short_numbers
from orchestration.workspace import SEEDS_DIR

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


def iban_lengths() -> Iterator[tuple[str, ...]]:
    """Rows (country, length), one a country whose accounts have an IBAN (ISO 13616), as python-stdnum knows them."""
    countries = numdb.get("iban")
    for country in (first + second for first in ascii_uppercase for second in ascii_uppercase):
        if structure := countries.info(country)[0][1].get("bban"):
            yield country, str(4 + sum(int(digits) for digits in re.findall(r"(\d+)!", structure)))


# --- files ----------------------------------------------------------------------------------------------------------------------

DERIVED = {
    "countries": (("country", "alpha3", "name_en", "name_nl", "calling_code"), countries),
    "dialling_plans": (("country", "calling_code", "international_prefix", "national_prefix"), dialling_plans),
    "dialled_prefixes": (("country", "prefix", "shortest", "longest", "removed", "replacement"), lambda: dialled_prefixes(DUTCH)),
    "number_prefixes": (("prefix", "country", "line_type", "number_kind"), lambda: number_prefixes(DUTCH)),
    "short_numbers": (HEADER, short_numbers),
    "iban_lengths": (("country", "length"), iban_lengths),
}
"""Per seed its header and what gives its rows."""


def seed_file(name: str) -> Path:
    return SEEDS_DIR / f"{name}.csv"


def read_seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed, all text."""
    with seed_file(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
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
                f"seeds/{name}.csv line {number} is {has!r}, the locked packages (phonenumbers {phonenumbers.__version__}) give {wants!r}",
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
        guide.write() if chosen.write else guide.check()
    except TiktellerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
