"""Numbers as people dial them: the SQL that reads them against the package that knows every country's plan.

The models run here as they are (``orchestration.warehouse.formulas``), on the seeds of the repository, with the world's prefixes for a
purchase deck.
"""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import phonenumbers
import pytest
from phonenumbers import PhoneNumber, PhoneNumberFormat, shortnumberinfo
from phonenumbers.phonemetadata import PhoneMetadata

from orchestration.warehouse.formulas import model
from orchestration.workspace import SEEDS_DIR
from tests.unit.test_reference import LINE_TYPE_OF, ONLY_THEIR_LENGTH_TELLS, examples

HOME = "NL"


class Read(NamedTuple):
    number_class: str
    e164: str
    country: str
    line_type: str


Reader = Callable[[Iterable[tuple[str, str]]], dict[tuple[str, str], Read]]


@pytest.fixture(scope="module")
def read() -> Iterator[Reader]:
    """What becomes of (country where it is dialled, what is written), by that pair."""
    with duckdb.connect() as connection:
        numbers = {"shortest": "integer", "longest": "integer", "removed": "integer", "length": "integer"}
        for seed in ("dialled_prefixes", "dialling_plans", "short_numbers", "number_prefixes"):
            header = (SEEDS_DIR / f"{seed}.csv").open(encoding="utf-8").readline().strip().split(",")
            columns = {name: numbers.get(name, "varchar") for name in header}
            connection.execute(f"create table {seed} as from read_csv('{SEEDS_DIR / seed}.csv', header = true, columns = {columns})")
        connection.execute(
            """
            create table int_deck_prefixes as
                select 'world' as deck_id, *, cast(length(prefix) as integer) as prefix_length from number_prefixes;
            create table stg_landing__partner_periods as
                select country as partner_id, country as home_country, 'world' as deck_id from dialling_plans;
            create table int_platform_numbers (e164 varchar);
            create table int_calls_attributed (partner_id varchar, callee varchar, reject_reason varchar);
            """
        )
        tables = {name: name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        sql = model("int_called_numbers", tables)

        def read_numbers(dialled: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Read]:
            places, written = zip(*dialled, strict=True)
            connection.execute("delete from int_calls_attributed")
            connection.execute(
                "insert into int_calls_attributed select unnest($places), unnest($written), null",
                {"places": list(places), "written": list(written)},
            )
            rows = connection.execute(f"select partner_id, callee, number_class, e164, country, line_type from ({sql})").fetchall()
            found = {(place, how): Read(*(value or "" for value in values)) for place, how, *values in rows}
            assert len(found) == len(rows), "a number is read twice"
            return found

        yield read_numbers


def as_phonenumbers(place: str, written: str) -> Read | None:
    """What the package makes of it; None where it makes nothing of it."""
    try:
        number = phonenumbers.parse(written, place)
    except phonenumbers.NumberParseException:
        return None
    return expected(number)


def expected(number: PhoneNumber) -> Read:
    line_type = LINE_TYPE_OF.get(phonenumbers.number_type(number), "")
    return Read("public", e164(number), phonenumbers.region_code_for_number(number) or "", line_type)


def e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]


# --- a table of what is dialled -------------------------------------------------------------------------------------------------

TABLE = list(csv.DictReader((Path(__file__).parent / "numbers_as_dialled.csv").open(encoding="utf-8")))
"""Written out number by number; ``why_not_as_phonenumbers`` where we mean to read otherwise than the package."""


def test_the_table_is_wide_enough() -> None:
    # Fails if the comparison below proves little: numbers of few countries, or as dialled in few.
    assert len(TABLE) == len({(row["dialled_in"], row["written"]) for row in TABLE}) >= 450
    assert len({row["dialled_in"] for row in TABLE}) >= 40
    assert len({row["country"] for row in TABLE}) >= 60


def test_numbers_are_read_as_people_dial_them(read: Reader) -> None:
    # Fails if a number leads to another country or kind than where the caller was connected: it is sold at a wrong price, or for nothing.
    wanted = {(row["dialled_in"], row["written"]): Read(*(row[name] for name in Read._fields)) for row in TABLE}
    found = read(wanted)
    assert {dialled: found[dialled] for dialled, should in wanted.items() if found[dialled] != should} == {}


def test_the_table_says_what_phonenumbers_says_or_why_not() -> None:
    # Fails if the table was filled in from our own mistakes, or names a difference that is none any more.
    agrees = {
        (row["dialled_in"], row["written"]): as_phonenumbers(row["dialled_in"], row["written"])
        == Read(*(row[name] for name in Read._fields))
        for row in TABLE
    }
    excused = {(row["dialled_in"], row["written"]) for row in TABLE if row["why_not_as_phonenumbers"]}
    assert {dialled for dialled, same in agrees.items() if not same} == excused


def test_short_numbers_are_those_of_phonenumbers() -> None:
    # Fails if an emergency or premium number of a partner's country is taken for an extension, and so sold for nothing.
    cost = shortnumberinfo.ShortNumberCost
    line_types = {cost.STANDARD_RATE: "FIX", cost.PREMIUM_RATE: "SPECIAL", cost.TOLL_FREE: "SPECIAL", cost.UNKNOWN_COST: "SPECIAL"}
    checked = 0
    for row in TABLE:
        place, written = row["dialled_in"], row["written"]
        if row["why_not_as_phonenumbers"] == "a short number" and place != HOME:  # the Dutch ones are a list of our own
            zeros = len(written) - len(written.lstrip("0"))
            number = PhoneNumber(
                country_code=phonenumbers.country_code_for_region(place),
                national_number=int(written),
                italian_leading_zero=zeros > 0,
                # of 000 the package counts the last 0 as the number itself
                number_of_leading_zeros=min(zeros, len(written) - 1) or None,
            )
            assert shortnumberinfo.is_valid_short_number_for_region(number, place), row
            assert row["line_type"] == line_types[shortnumberinfo.expected_cost_for_region(number, place)], row
            assert row["country"] == place, row
            checked += 1
    assert checked >= 25


# --- every spelling -------------------------------------------------------------------------------------------------------------


def spellings(number: PhoneNumber, region: str) -> Iterator[tuple[str, str]]:
    """(where, how) a number can be dialled, whatever it is."""
    digits, code = e164(number), str(number.country_code)
    own = digits[len(code) :]
    yield HOME, f"+{digits}"
    yield HOME, f"00{digits}"
    yield HOME, f"+{code} {own[:2]}-{own[2:5]} {own[5:]}"
    yield HOME, f"++{code}({own})"
    yield HOME, f"tel:+{code}-{own}"
    yield HOME, f"sip:+{digits}@sbc.example;user=phone"
    yield HOME, f"*31*00{digits}"
    yield HOME, f"#31#+{digits}#"
    yield region, f"+{digits}"
    yield region, phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    at_home = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    yield region, at_home
    plan = PhoneMetadata.metadata_for_region(region)
    for abroad in {plan.preferred_international_prefix, plan.international_prefix, "00"} - {None}:
        if re.fullmatch(plan.international_prefix, abroad.replace("~", "")):
            yield region, f"{abroad}{digits}"
    if plan.national_prefix == "0" and at_home.strip("(").startswith("0"):
        yield HOME, f"+{code} (0){own}"
        yield HOME, f"00{code}0{own}"
        yield region, f"0{own}"
    # in full without a plus, where the digits are no number at home
    for place in (region, HOME):
        if len(digits) >= 10 and not is_another_number_at_home(place, number):
            yield place, digits


def is_another_number_at_home(place: str, number: PhoneNumber) -> bool:
    at_home = phonenumbers.parse(e164(number), place)
    return at_home != number and phonenumbers.is_valid_number(at_home)


TOO_SHORT_TO_TELL = {
    "DE": r"16\d{6,7}",  # a pager's number as the package writes it: without the 0 that it is dialled with it may be a neighbour's
    "IR": r"096\d\d",  # as long as an extension
    "KI": r"[1-9]\d{4}",  # as long as an extension, and most numbers are dialled with a 0 there
}
"""What we take for no public number in a country, though the package knows one."""


def is_too_short_to_tell(place: str, written: str) -> bool:
    return place in TOO_SHORT_TO_TELL and bool(re.fullmatch(TOO_SHORT_TO_TELL[place], re.sub(r"\D", "", written)))


def test_every_spelling_leads_to_the_same_number(read: Reader) -> None:
    # Fails if the same call has two prices, by how the exchange wrote the number: for examples of every kind of number of every country.
    wanted = {
        dialled: expected(number)
        for number in examples()
        if e164(number) not in ONLY_THEIR_LENGTH_TELLS
        for dialled in spellings(number, phonenumbers.region_code_for_number(number))
    }
    assert len(wanted) > 13_000
    found = read(wanted)
    wrong = {dialled: (found[dialled], should) for dialled, should in wanted.items() if found[dialled] != should}
    assert {place for place, _ in wrong} == set(TOO_SHORT_TO_TELL)
    assert not {dialled: how for dialled, how in wrong.items() if not is_too_short_to_tell(*dialled)}


def test_numbers_beside_the_examples_are_read_the_same(read: Reader) -> None:
    # Fails if only the examples are read well: valid numbers of every country, drawn anew, in every spelling.
    chance = random.Random(20261025)
    wanted = {}
    for example in examples():
        code, own = str(example.country_code), e164(example)[len(str(example.country_code)) :]
        for kept in (1, 2, 3, len(own) - 4):
            number = phonenumbers.parse(f"+{code}{own[:kept]}" + "".join(chance.choice("0123456789") for _ in own[kept:]))
            if phonenumbers.is_valid_number(number):
                wanted |= {dialled: e164(number) for dialled in spellings(number, phonenumbers.region_code_for_number(number))}
    assert len(wanted) > 25_000
    found = read(wanted)
    wrong = {dialled: (found[dialled].e164, should) for dialled, should in wanted.items() if found[dialled].e164 != should}
    assert not {dialled: how for dialled, how in wrong.items() if not is_too_short_to_tell(*dialled)}
