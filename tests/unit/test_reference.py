"""The seeds that follow from packages: a wrong prefix sells a call at another country's, or another kind's, price."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from orchestration.errors import TiktellerError
from orchestration.reference import seeds as reference
from orchestration.reference.number_patterns import language
from orchestration.warehouse.formulas import formula
from orchestration.workspace import SEEDS_DIR

ROWS = {row["prefix"]: row for row in reference.read_seed("number_prefixes")}

# Written down again here on purpose: what partners may not sell at a fixed-line rate, and what is mobile.
LINE_TYPE_OF = {
    PhoneNumberType.FIXED_LINE: "FIX",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "FIX",
    PhoneNumberType.VOIP: "FIX",
    PhoneNumberType.UAN: "FIX",
    PhoneNumberType.MOBILE: "MOB",
    PhoneNumberType.PAGER: "MOB",
    PhoneNumberType.VOICEMAIL: "MOB",
    PhoneNumberType.TOLL_FREE: "SPECIAL",
    PhoneNumberType.PREMIUM_RATE: "SPECIAL",
    PhoneNumberType.SHARED_COST: "SPECIAL",
    PhoneNumberType.PERSONAL_NUMBER: "SPECIAL",
}

ONLY_THEIR_LENGTH_TELLS = {
    "56600123456": "CL: 600 with 9 digits is a fixed line, with 10 or 11 shared cost, of which there are more",
    "81601234567": "JP: 60 with 9 digits is a personal number, with 10 mobile",
    "8215441234": "KR: 15 with 8 digits is a company's number, with 9 or 10 a pager",
    "67881123": "VU: 8 with 5 digits is toll free, with 7 mobile",
}
"""Example numbers that no prefix can place: the same digits, made longer, are of another kind."""

# fmt: off
NANP = {
    "US", "AG", "AI", "AS", "BB", "BM", "BS", "CA", "DM", "DO", "GD", "GU", "JM",
    "KN", "KY", "LC", "MP", "MS", "PR", "SX", "TC", "TT", "VC", "VG", "VI",
}
# fmt: on


def destination(number: str) -> tuple[str, str, str]:
    """What SQL finds: the row of the longest prefix."""
    row = next(ROWS[number[:length]] for length in range(len(number), 0, -1) if number[:length] in ROWS)
    return row["country"], row["line_type"], row["number_kind"]


def e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def examples() -> Iterator[phonenumbers.PhoneNumber]:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in LINE_TYPE_OF:
            number = phonenumbers.example_number_for_type(region, kind)
            if number and phonenumbers.is_valid_number(number):
                yield number


# --- the committed files --------------------------------------------------------------------------------------------------------


def test_committed_seeds_are_what_the_locked_packages_say() -> None:
    # Fails if someone edits a derived file, or raises the version of phonenumbers and keeps last year's prefixes.
    reference.check()


@pytest.fixture
def seeds(tmp_path, monkeypatch):
    copied = shutil.copytree(SEEDS_DIR, tmp_path / "seeds")
    monkeypatch.setattr(reference, "SEEDS_DIR", copied)
    return copied


def test_check_names_the_file_and_line_that_differ(seeds, capsys) -> None:
    # Fails if a silent edit passes the check: Dutch mobile calls would be sold as fixed.
    file = seeds / "number_prefixes.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    number = lines.index("3161,NL,MOB,mobile") + 1
    lines[number - 1] = "3161,NL,FIX,mobile"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    assert reference.main(["--check"]) == 1

    told = capsys.readouterr().err
    assert f"seeds/number_prefixes.csv line {number} is '3161,NL,FIX,mobile'" in told
    assert "'3161,NL,MOB,mobile'" in told
    assert "--write" in told


def test_check_sees_a_row_that_is_missing_at_the_end(seeds) -> None:
    # Fails if a truncated file passes: the countries at its end would be no destination at all.
    file = seeds / "countries.csv"
    file.write_text(file.read_text(encoding="utf-8").rsplit("\n", 2)[0] + "\n", encoding="utf-8")
    with pytest.raises(TiktellerError, match=r"countries\.csv line 254 is ''"):
        reference.check()


def test_write_fixes_what_check_finds(seeds) -> None:
    # Fails if the fix that the message names does not fix, or changes with every run.
    (seeds / "dialling_plans.csv").unlink()
    assert reference.main(["--write"]) == 0
    for name in reference.DERIVED:
        assert (seeds / f"{name}.csv").read_bytes() == (SEEDS_DIR / f"{name}.csv").read_bytes()


# --- number prefixes ------------------------------------------------------------------------------------------------------------


def test_examples_of_the_world_lead_where_phonenumbers_says() -> None:
    # Fails if a range goes to the wrong country or kind: its calls are sold at another price than they cost.
    checked, wrong = 0, {}
    for number in examples():
        expected = phonenumbers.region_code_for_number(number), LINE_TYPE_OF[phonenumbers.number_type(number)]
        checked += 1
        if destination(e164(number))[:2] != expected:
            wrong[e164(number)] = expected
    assert checked > 1000
    assert set(wrong) == set(ONLY_THEIR_LENGTH_TELLS), wrong


def test_numbers_beside_the_examples_too() -> None:
    # Fails if prefixes are cut too short: the examples would pass and their neighbours be sold as something else.
    chance = random.Random(20261025)
    checked, of_another_kind = 0, []
    for example in examples():
        digits = str(example.country_code)
        own = e164(example)[len(digits) :]
        for kept in (0, 1, 2, 3, 4, len(own) - 4):
            digits_beside = own[:kept] + "".join(chance.choice("0123456789") for _ in own[kept:])
            number = phonenumbers.parse(f"+{digits}{digits_beside}") if digits_beside.strip("0") else example
            if e164(number) == digits + digits_beside and phonenumbers.is_valid_number(number):
                country, line_type, _ = destination(e164(number))
                checked += 1
                # 310 and four digits is a Canadian company's number, 310 and seven Los Angeles
                assert country == phonenumbers.region_code_for_number(number) or e164(number)[:4] == "1310"
                if line_type != LINE_TYPE_OF[phonenumbers.number_type(number)]:
                    of_another_kind.append(e164(number))
    assert checked > 2000
    # 0.3 % of 55,000 random valid numbers (phonenumbers 9.0.43), all where only the length tells
    assert len(of_another_kind) < checked / 100, of_another_kind


def test_every_calling_code_is_a_prefix() -> None:
    # Fails if a number finds no row: its call would be unrated because of us, not because of the deck.
    codes = {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}
    assert codes <= set(ROWS)
    for code in codes:
        main = phonenumbers.region_code_for_country_code(int(code))
        assert ROWS[code]["country"] == main
        assert ROWS[code]["line_type"] == ("SPECIAL" if main == "001" else "FIX"), code


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("31201234567", ("NL", "FIX", "fixed_line")),
        ("31184123456", ("NL", "FIX", "fixed_line")),  # 0184 is an area, 18xx a premium number
        ("31113123456", ("NL", "FIX", "fixed_line")),  # 0113 is an area, 113 a short number
        ("31612345678", ("NL", "MOB", "mobile")),
        ("31662345678", ("NL", "MOB", "pager")),
        ("31690000000", ("NL", "MOB", "unlisted")),  # not given out yet, but mobile when it is
        ("3197012345678", ("NL", "MOB", "m2m")),
        ("31850123456", ("NL", "FIX", "voip")),
        ("31910123456", ("NL", "FIX", "voip")),
        ("31840123456", ("NL", "FIX", "uan")),
        ("31870123456", ("NL", "FIX", "uan")),
        ("31880123456", ("NL", "FIX", "uan")),
        ("318001234", ("NL", "SPECIAL", "toll_free")),
        ("318001234567", ("NL", "SPECIAL", "toll_free")),
        ("319001234", ("NL", "SPECIAL", "premium_rate")),
        ("319061234567", ("NL", "SPECIAL", "premium_rate")),
        ("319091234", ("NL", "SPECIAL", "premium_rate")),
        ("3114020", ("NL", "FIX", "uan")),
        ("31140113", ("NL", "FIX", "uan")),
        ("31112", ("NL", "SPECIAL", "emergency")),
        ("31116000", ("NL", "SPECIAL", "toll_free")),
        ("311888", ("NL", "SPECIAL", "premium_rate")),
        ("311850", ("NL", "SPECIAL", "premium_rate")),
    ],
)
def test_dutch_numbers(number: str, expected: tuple[str, str, str]) -> None:
    # Fails if the home market is wrong: most calls of every customer.
    assert destination(number) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("870301234567", ("001", "SPECIAL", "satellite")),  # Inmarsat
        ("881612345678", ("001", "SPECIAL", "satellite")),  # Iridium
        ("88216123456", ("001", "SPECIAL", "satellite")),  # Thuraya
        ("88213300123", ("001", "SPECIAL", "international_network")),
        ("883510012345", ("001", "SPECIAL", "international_network")),
        ("80012345678", ("001", "SPECIAL", "toll_free")),
        ("979123456789", ("001", "SPECIAL", "premium_rate")),
        ("447012345678", ("GB", "SPECIAL", "personal_number")),  # dearer than it looks: a favourite of fraud
        ("12125550123", ("US", "FIX", "fixed_line_or_mobile")),
        ("79161234567", ("RU", "MOB", "mobile")),
        ("77011234567", ("KZ", "MOB", "mobile")),
        ("390612345678", ("IT", "FIX", "fixed_line")),  # Italy keeps its 0
        ("390669812345", ("VA", "FIX", "fixed_line")),  # the Vatican, inside Rome
        ("38344123456", ("XK", "MOB", "mobile")),
    ],
)
def test_numbers_that_are_easily_misplaced(number: str, expected: tuple[str, str, str]) -> None:
    # Fails if a dear destination hides in a cheap one.
    assert destination(number) == expected


def test_north_america_is_25_countries_and_seven_is_two() -> None:
    # Fails if the Caribbean is sold as the United States, at a hundredth of its cost.
    assert {row["country"] for prefix, row in ROWS.items() if prefix.startswith("1")} == NANP
    assert {row["country"] for prefix, row in ROWS.items() if prefix.startswith("7")} == {"RU", "KZ"}


def test_a_new_range_stays_in_its_country() -> None:
    # Fails if a Jamaican number newer than our list falls back to the United States.
    number = phonenumbers.parse("+18760000000")
    assert not phonenumbers.is_valid_number(number)
    assert destination("18760000000")[0] == "JM"


def test_the_list_is_for_the_whole_world_and_rolled_up() -> None:
    # Fails if countries are lost, or if equal neighbours are listed one by one and every join pays for it.
    # phonenumbers gives every number of Western Sahara (EH) to Morocco, whose calling code it shares
    assert {row["country"] for row in ROWS.values()} == {*phonenumbers.SUPPORTED_REGIONS, "001"} - {"EH"}
    assert 20_000 < len(ROWS) < 40_000  # 28,733 with phonenumbers 9.0.43
    assert all(re.fullmatch(r"[1-9]\d{0,14}", prefix) for prefix in ROWS)
    for prefix, row in ROWS.items():
        parent = next((ROWS[prefix[:n]] for n in range(len(prefix) - 1, 0, -1) if prefix[:n] in ROWS), None)
        assert parent is None or {**row, "prefix": ""} != {**parent, "prefix": ""}, f"{prefix} says what its parent says"


# --- short numbers, dialling plans, countries -----------------------------------------------------------------------------------


def test_short_numbers_lead_where_their_prefix_leads_unless_an_area_code_has_it() -> None:
    # Fails if the two lists disagree on a number that both hold: the price would depend on which is read first.
    areas = {
        "113",
        "144",
        "18",
    }  # 0113, 14xxx and 0180-0187 have most numbers there; SQL looks at the exact length first
    for row in reference.read_seed("short_numbers"):
        if row["country"] == "NL" and row["prefix"] not in areas:
            found = ROWS[f"31{row['prefix']}"]
            assert (found["line_type"], found["number_kind"]) == (row["line_type"], row["number_kind"]), row


def test_a_short_number_is_of_one_kind() -> None:
    # Fails if two rows hold one number: which of their prices it has would be a coin toss.
    held: dict[tuple[str, str], list[str]] = {}
    for row in reference.read_seed("short_numbers"):
        held.setdefault((row["country"], row["length"]), []).append(row["prefix"])
    for prefixes in held.values():
        for prefix in prefixes:
            assert [other for other in prefixes if prefix.startswith(other)] == [prefix]
    without = {"GN", "GQ", "IO", "TA"}  # of which the package has none
    assert {country for country, _ in held} >= set(phonenumbers.SUPPORTED_REGIONS) - without


def test_the_lengths_that_the_sql_looks_at_are_those_of_the_seeds() -> None:
    # Fails if a seed grows longer than the joins look: its longest rows would never be found.
    rows = reference.read_seed("dialled_prefixes")
    assert max(len(row["prefix"]) for row in rows) <= 8
    assert max(len(row["prefix"]) for row in rows if row["country"] == "001") == int(formula("longest_prefix_in_full"))
    assert max(int(row["length"]) for row in reference.read_seed("short_numbers")) <= int(formula("longest_short_number"))


@pytest.mark.parametrize(
    ("country", "prefix", "reading"),
    [
        ("NL", "0", ("1", "+31")),
        ("NL", "00", ("2", "+")),
        ("NL", "031", ("1", "+")),
        ("US", "011", ("3", "+")),
        ("US", "1", ("0", "+")),
        ("IT", "", ("0", "+39")),
        ("HU", "06", ("2", "+36")),
        ("RU", "8", ("1", "+7")),
        ("RU", "810", ("3", "+")),
        ("LT", "8", ("1", "+370")),
        ("BR", "0015", ("4", "+")),
        ("BR", "015", ("3", "+55")),
        ("AR", "01115", ("5", "+54911")),
        ("AU", "0011", ("4", "+")),
        ("JP", "010", ("3", "+")),
        ("HK", "001", ("3", "+")),
        ("GB", "1410", ("4", "+44")),
        ("001", "310", ("3", "+31")),
        ("001", "3606", ("4", "+36")),
        ("001", "3708", ("4", "+370")),
    ],
)
def test_dialled_prefixes(country: str, prefix: str, reading: tuple[str, str]) -> None:
    # Fails if what a country dials before a number is taken for a part of it.
    rows = [row for row in reference.read_seed("dialled_prefixes") if (row["country"], row["prefix"]) == (country, prefix)]
    assert reading in {(row["removed"], row["replacement"]) for row in rows}


def test_italy_keeps_its_zero() -> None:
    # Fails if +39 06 becomes +39 6: every Italian fixed line would be another number.
    rows = reference.read_seed("dialled_prefixes")
    assert not [row for row in rows if row["country"] == "001" and row["prefix"].startswith("390")]
    assert not [row for row in rows if row["country"] == "IT" and row["prefix"] == "0"]


def test_dialling_plans() -> None:
    # Fails if a nationally written number is read as another one: the call goes to the wrong country's price.
    plans = {row["country"]: row for row in reference.read_seed("dialling_plans")}
    assert set(plans) == set(phonenumbers.SUPPORTED_REGIONS)
    assert plans["NL"] == {"country": "NL", "calling_code": "31", "international_prefix": "00", "national_prefix": "0"}
    assert plans["US"]["international_prefix"] == "011"
    assert plans["IT"]["national_prefix"] == ""
    assert plans["HU"]["national_prefix"] == "06"
    assert plans["BR"]["international_prefix"] == ""  # callers choose a carrier in it
    for country, plan in plans.items():
        # "(0)" of the number as it is dialled from abroad and at home
        number = phonenumbers.example_number(country)
        if plan["international_prefix"]:
            abroad = phonenumbers.parse(plan["international_prefix"] + "31201234567", country)
            assert e164(abroad) == "31201234567", country
        if plan["national_prefix"] == "0":
            national = plan["national_prefix"] + phonenumbers.national_significant_number(number)
            assert e164(phonenumbers.parse(national, country)) == e164(number), country


def test_countries() -> None:
    # Fails if a country has no name on an invoice line, or the wrong place on the map.
    countries = {row["country"]: row for row in reference.read_seed("countries")}
    official = [row for row in countries.values() if row["alpha3"]]
    assert len(official) == len({row["alpha3"] for row in official}) == 249  # ISO 3166-1
    assert set(countries) - {row["country"] for row in official} == {"001", "AC", "TA", "XK"}
    assert countries["NL"] == {
        "country": "NL",
        "alpha3": "NLD",
        "name_en": "Netherlands",
        "name_nl": "Nederland",
        "calling_code": "31",
    }
    # CLDR also knows former codes of these: a map would not find them
    today = {"FR": "FRA", "DE": "DEU", "CD": "COD", "MM": "MMR", "TL": "TLS", "YE": "YEM"}
    assert {code: countries[code]["alpha3"] for code in today} == today
    assert (countries["DE"]["name_nl"], countries["BE"]["name_nl"]) == ("Duitsland", "België")
    assert all(row["name_en"] and row["name_nl"] for row in countries.values())
    assert set(countries) >= {row["country"] for row in ROWS.values()}


# --- the automata ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", [r"(?:6[1-58]|970\d)\d{7}", r"90[069]\d{4,7}", r"1(?:[035]\d|1[13-578])?|8{2}", r"[2-9]\d{2,3}|1{1,3}"])
def test_an_automaton_accepts_what_its_expression_accepts(pattern: str) -> None:
    # Fails if the walk reads an expression otherwise than Python does: whole ranges would be lost without a sound.
    chance = random.Random(1)
    start = language(pattern)
    samples = [str(n) for n in range(2000)]
    samples += ["".join(chance.choice(f) for f in ("69", "0717", "069", *["0123456789"] * chance.randint(0, 9))) for _ in range(2000)]
    accepted = 0
    for sample in samples:
        at = start
        for digit in sample:
            at = at.children[int(digit)] if at else None
        assert bool(at and at.value) == bool(re.fullmatch(pattern, sample)), sample
        accepted += bool(at and at.value)
    assert accepted


@pytest.mark.parametrize("pattern", [r"\d+", r"(?=1)2", r"1)", r"[^1]"])
def test_what_number_plans_never_used_is_refused(pattern: str) -> None:
    # Fails if a new release of the package brings expressions that the walk would misread in silence.
    with pytest.raises(ValueError, match="number pattern"):
        language(pattern)
