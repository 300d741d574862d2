"""How people dial: what a number means by the digits it begins with, in the country where it was dialled.

``phonenumbers`` knows per region what is dialled before a number abroad (an expression: 00, 8~10, carriers), what before a number at home
(an expression too, sometimes with a rule that rewrites it) and which numbers are valid. From these, ``dialled_prefixes`` makes a table
that SQL joins: of the rows whose ``prefix`` a number begins with, and whose lengths it has, the longest prefix tells how many digits go
and what comes in their place: a plus, and the country's calling code where the number was dialled as one at home. Where digits can be
read in two ways, the first reading that leads to numbers in use wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import NamedTuple

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

from orchestration.reference.number_patterns import State, any_digits, combine, language, only_length_counts, state
from orchestration.reference.number_plans import NETWORKS, plan_of_calling_code, plan_of_region

SHORTEST = 6
"""Digits of the shortest number that is not an extension or a short number: those are told apart before (DOMAIN 8)."""
LONGEST = 23
"""Digits of the longest: AU 14110011 and the 15 of E.164."""
LOCAL = 8
"""Digits that a number within its own area can have: who leaves out the 0 of a number as short as that may have meant a neighbour's."""
LONGEST_AFTER_CODE = 3
"""Digits of the longest that is dialled at home and is still seen written behind a calling code."""
DEPTH = 5
"""Digits that are looked at to decide between readings, of which the calling code takes up to 3."""

ANY_DIGITS = any_digits(range(18))

CALL_PREFIXES: Mapping[str, tuple[str, ...]] = {
    "AU": ("1831", "1832"),  # phonenumbers has both, but not the 0 that is dialled behind them
    "GB": ("141", "1470"),
    "HK": ("133", "1357"),
    "IE": ("141", "142"),
    "JP": ("184", "186"),
    "NZ": ("0197", "0196"),
}
"""Digits before a number that withhold (the first of each) or show the caller's number: the call is one to the number behind them.

What the operators of these countries tell their subscribers; elsewhere it is a code with * and # (macro ``number_behind_code``).
"""


class Reading(NamedTuple):
    """How a dialled number becomes E.164 digits: ``removed`` digits go, ``added`` comes before the rest."""

    removed: int
    added: str


class Opening(NamedTuple):
    """What digits can be dialled as: numbers that begin with ``prefix`` and have ``shortest`` to ``longest`` digits."""

    prefix: str
    reading: Reading
    shortest: int = SHORTEST
    longest: int = LONGEST
    is_default: bool = False
    """Whether it also holds where no number in use begins so."""
    goes_abroad: bool = False
    """Whether only other ways abroad can be meant by numbers that begin so."""
    numbers: State | None = None
    """The numbers that count as in use; all of the world where it is not given."""


# --- dialled prefixes -----------------------------------------------------------------------------------------------------------


def dialled_prefixes(short_numbers: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, ...]]:
    """Rows (country, prefix, shortest, longest, removed, replacement); the country of what follows a plus is ``001``."""
    world = Numbers(_world(short_numbers))
    yield from _rows(NETWORKS, openings_after_plus(), world)
    for country in sorted(phonenumbers.SUPPORTED_REGIONS):
        yield from _rows(country, openings(country), world)


def _rows(country: str, ways: Sequence[Opening], world: Numbers) -> Iterator[tuple[str, ...]]:
    found: list[tuple[str, Reading, int]] = []
    for digits in range(SHORTEST, LONGEST + 1):
        fitting = [way for way in ways if way.shortest <= digits <= way.longest]
        found += [(prefix, reading, digits) for prefix, reading in Decision(fitting, digits, world).rows()]
    for (prefix, reading), lengths in groupby(sorted(found), key=lambda row: row[:2]):
        for first, last in _runs([digits for _, _, digits in lengths]):
            yield country, prefix, str(first), str(last), str(reading.removed), f"+{reading.added}"


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive numbers."""
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]


class Numbers:
    """How many numbers of a plan begin with certain digits."""

    def __init__(self, plan: State | None) -> None:
        @cache
        def at(digits: str) -> State | None:
            before = at(digits[:-1]) if digits else plan
            return before.children[int(digits[-1])] if digits and before else before

        self._at = at

    def beginning_with(self, digits: str, length: int) -> int:
        return _how_many(self._at(digits), length - len(digits))


@cache
def _how_many(plan: State | None, digits: int) -> int:
    if plan is None or digits < 0:
        return 0
    return sum(_how_many(child, digits - 1) for child in plan.children) if digits else int(bool(plan.value))


class Decision:
    """Between the ways to read the numbers of one length, by as few of their leading digits as it takes."""

    def __init__(self, ways: Sequence[Opening], digits: int, world: Numbers) -> None:
        self.digits = digits
        self.numbers = {way: Numbers(way.numbers) if way.numbers else world for way in ways}
        self.place = {way: place for place, way in enumerate(ways)}
        self.beginning: dict[str, list[Opening]] = {}
        for way in ways:
            if way.is_default or self._leads_somewhere(way, way.prefix):
                self.beginning.setdefault(way.prefix, []).append(way)
        self.abroad = {prefix for prefix, found in self.beginning.items() if any(way.goes_abroad for way in found)}
        self.undecided = {prefix[:length] for prefix in self.beginning for length in range(len(prefix))}
        self.in_use = cache(self._in_use)
        self.below = cache(self._below)

    def rows(self) -> Sequence[tuple[str, Reading]]:
        return self.below("", None)

    def _below(self, head: str, inherited: Reading | None) -> tuple[tuple[str, Reading], ...]:
        """The rows for numbers that begin with ``head``, when what is above says ``inherited``."""
        in_use = self.in_use(head)
        default = next((way.reading for way in self.beginning.get(head, ()) if way.is_default), None)
        if head not in self.undecided and (len(head) >= DEPTH or len({way.reading for way in in_use}) <= 1):
            here = in_use[0].reading if in_use else default or inherited
            return ((head, here),) if here and here != inherited else ()
        # what follows decides: whatever makes the fewest rows stands here, but a default stands where it is
        choices = [default] if default else dict.fromkeys([inherited, *(way.reading for way in in_use if head)])
        return min((self._with(head, here, inherited) for here in choices), key=len)

    def _with(self, head: str, here: Reading | None, inherited: Reading | None) -> tuple[tuple[str, Reading], ...]:
        own = ((head, here),) if here and here != inherited else ()
        return sum((self.below(f"{head}{digit}", here) for digit in range(10)), own)

    def _in_use(self, head: str) -> Sequence[Opening]:
        """The ways that lead numbers beginning with ``head`` somewhere, the one that goes first first."""
        ways = [*(self.in_use(head[:-1]) if head else ()), *self.beginning.get(head, ())]
        if any(head.startswith(prefix) for prefix in self.abroad):
            ways = [way for way in ways if way.goes_abroad]
        return sorted((way for way in ways if self._leads_somewhere(way, head)), key=self.place.__getitem__)

    def _leads_somewhere(self, way: Opening, head: str) -> bool:
        removed, added = way.reading
        return removed < self.digits and self.numbers[way].beginning_with(added + head[removed:], len(added) + self.digits - removed) > 0


def _world(short_numbers: Sequence[Mapping[str, str]]) -> State:
    codes = {str(code): plan_of_calling_code(code, short_numbers) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}

    def below(prefix: str) -> State | None:
        if prefix in codes or len(prefix) == max(map(len, codes)):
            return codes.get(prefix)
        return state(None, tuple(below(f"{prefix}{digit}") for digit in range(10)))

    return below("")


# --- the ways to dial -----------------------------------------------------------------------------------------------------------


def openings(country: str) -> list[Opening]:
    """All ways to begin a number in a country, the one that goes first where two lead to numbers in use first."""
    region = PhoneMetadata.metadata_for_region(country)
    code = str(region.country_code)
    abroad = international_openings(region)
    at_home = national_openings(region)
    as_it_is = numbers_dialled_as_they_are(country)
    starts_with_zero = any(way.prefix == "0" for way in at_home)
    before_calls = [
        way._replace(prefix=before + way.prefix, reading=Reading(len(before) + way.reading.removed, way.reading.added), is_default=False)
        for before in CALL_PREFIXES.get(country, ())
        for way in [*abroad, *at_home, *([] if starts_with_zero else [Opening("", Reading(0, code))])]
        if len(way.prefix) < 5
    ]
    written_in_full = [
        *([Opening("", Reading(0, code), numbers=_behind(code, as_it_is))] if as_it_is else []),
        # the country's own code, and nothing before it
        Opening(code, Reading(0, ""), shortest=len(code) + 5),
        # the 0 that has to be dialled was left out
        Opening("", Reading(0, code), shortest=LOCAL + 1),
        *(Opening("", Reading(0, ""), digits, digits) for digits in range(LOCAL + 1, LONGEST + 1) if not _always(region, digits)),
        Opening(code, Reading(0, ""), shortest=len(code) + 7, is_default=True),
    ]
    # "031 20 ...": the country's own code behind a single zero, too long to be an area code
    own_code_behind_zero = [Opening(f"0{code}", Reading(1, ""), shortest=1 + len(code) + usual_digits(region))] if starts_with_zero else []
    return [*abroad, *at_home, *own_code_behind_zero, *before_calls, *written_in_full, *_otherwise(region)]


def _otherwise(region: PhoneMetadata) -> Iterator[Opening]:
    """What a number is that begins like none in use."""
    for digits in range(SHORTEST, LONGEST + 1):
        if dials_as_it_is(region) and digits in region.general_desc.possible_length:
            yield Opening("", Reading(0, str(region.country_code)), shortest=digits, longest=digits, is_default=True)
        elif digits > LOCAL + 1:
            yield Opening("", Reading(0, ""), shortest=digits, longest=digits, is_default=True)


def _always(region: PhoneMetadata, digits: int) -> bool:
    """Whether a number of so many digits is one of the region: ten digits are American to an American."""
    return dials_as_it_is(region) and digits == usual_digits(region) == max(region.general_desc.possible_length)


def usual_digits(region: PhoneMetadata) -> int:
    """Digits of a region's example number, without what is dialled before it at home."""
    return len(phonenumbers.national_significant_number(phonenumbers.example_number(region.id)))


def dials_as_it_is(region: PhoneMetadata) -> bool:
    """Whether nothing is dialled before most numbers of a region at home."""
    example = phonenumbers.format_number(phonenumbers.example_number(region.id), phonenumbers.PhoneNumberFormat.NATIONAL)
    return not region.national_prefix or not re.sub(r"\D", "", example).startswith(region.national_prefix)


def international_openings(region: PhoneMetadata) -> list[Opening]:
    """What is dialled before a calling code, the longest first: in Hong Kong 001 and 0030 are carriers, 00 is dialled too.

    00 is read so everywhere, unless numbers at home begin with it: exchanges write it also where people dial something else. China's two
    thousand carriers (17909 00 ...) are left out.
    """
    words = {(word, tail) for word, tail, _ in words_of(region.international_prefix)} if region.id != "CN" else {("00", 0)}
    ways = [
        Opening(word, Reading(len(word) + tail, ""), is_default=True, goes_abroad=True)
        for word, tail in sorted(words, key=lambda each: -len(each[0]) - each[1])
    ]
    only_abroad = region.id != "JP"  # 00777 and its like are dialled in Japan
    return ways if ("00", 0) in words else [*ways, Opening("00", Reading(2, ""), is_default=only_abroad, goes_abroad=only_abroad)]


def national_openings(region: PhoneMetadata) -> list[Opening]:
    """What is dialled before a number at home: a prefix, a carrier behind it, or digits that a rule rewrites (phonenumbers' own rules).

    An Argentine mobile is 0 11 15 2345 6789 at home and 54 9 11 2345 6789 for the world; seven digits in Antigua are 1 268 and these.
    """
    code, expression = str(region.country_code), region.national_prefix_for_parsing
    if not expression:
        return []
    ways = []
    for prefix, tail, is_whole_number in words_of(expression):
        dialled = prefix + "5" * tail
        matched = re.match(expression, dialled)
        if not dialled or not matched:
            continue
        rewritten = ""
        if region.national_prefix_transform_rule and matched.group(matched.re.groups):
            rewritten = matched.expand(region.national_prefix_transform_rule)
        # what the rule keeps at the end stays where it is: it is what was dialled, not the 5 that stands for any digit
        kept = next((n for n in range(tail, 0, -1) if rewritten.endswith(dialled[len(dialled) - n :])), 0)
        reading = Reading(len(dialled) - kept, code + rewritten[: len(rewritten) - kept])
        lengths = (len(dialled), len(dialled)) if is_whole_number else (max(SHORTEST, len(dialled) + (not kept)), LONGEST)
        ways.append(Opening(prefix, reading, *lengths, is_default=prefix == region.national_prefix))
    return sorted((_shortened(way, code) for way in ways), key=lambda way: -len(way.prefix))


def _shortened(way: Opening, code: str) -> Opening:
    """Nothing goes that comes back: 1 is dialled before an American number and is its calling code as well."""
    removed, added = way.reading
    if way.prefix[:removed] == added:
        return way._replace(reading=Reading(0, ""))
    while 0 < removed <= len(way.prefix) and len(added) > len(code) and added[-1] == way.prefix[removed - 1]:
        removed, added = removed - 1, added[:-1]
    return way._replace(reading=Reading(removed, added))


def openings_after_plus() -> list[Opening]:
    """After a plus stands the whole number, or one with what is dialled at home still in it: +31 (0)20, +370 8, +36 06."""
    ways = [Opening("", Reading(0, ""), is_default=True)]
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        if regions[0] != NETWORKS:
            for way in national_openings(PhoneMetadata.metadata_for_region(regions[0])):
                if len(way.prefix) <= LONGEST_AFTER_CODE:
                    reading = Reading(way.reading.removed + len(str(code)), way.reading.added)
                    ways.append(way._replace(prefix=f"{code}{way.prefix}", reading=reading, is_default=way.prefix == "0"))
    return ways


@cache
def numbers_dialled_as_they_are(country: str) -> State | None:
    """The numbers of a region before which nothing is dialled at home, as ``phonenumbers`` writes them: Spain's, Australia's 13 12 34."""
    region = PhoneMetadata.metadata_for_region(country)
    formats = [
        combine(
            [
                language(each.pattern),
                language(each.leading_digits_pattern[-1], ANY_DIGITS) if each.leading_digits_pattern else ANY_DIGITS,
            ],
            lambda values, bare=not _has_prefix(each, region): ("as it is" if bare else "prefixed") if all(values) else None,
        )
        for each in region.number_format
    ]
    known = [plan_of_region(region), *formats]
    usual = "prefixed" if region.national_prefix else "as it is"
    return combine(known, lambda values: True if values[0] and next(filter(None, values[1:]), usual) == "as it is" else None)


def _has_prefix(written: object, region: PhoneMetadata) -> bool:
    rule = written.national_prefix_formatting_rule
    return bool(region.national_prefix and rule and region.national_prefix in rule)


def _behind(digits: str, plan: State) -> State:
    for digit in reversed(digits):
        plan = state(None, tuple(plan if other == int(digit) else None for other in range(10)))
    return plan


def words_of(expression: str) -> Iterator[tuple[str, int, bool]]:
    r"""What an expression of ``phonenumbers`` begins a number with: (digits, how many of any kind follow, whether the number ends there).

    ``(1(?:[12]\d|79)\d\d)|0`` gives 11 and 12 with 3 digits, 179 with 2, and 0; ``([457]\d{6})$|1`` gives 4, 5 and 7 with 6 that end it,
    and 1.
    """
    for branch in _branches(expression):
        yield from ((digits, tail, branch.endswith("$")) for digits, tail in _words(language(branch.removesuffix("$"))))


def _branches(expression: str) -> Iterator[str]:
    depth, branch = 0, ""
    for character in expression:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and not depth:
            yield branch
            branch = ""
        else:
            branch += character
    yield branch


def _words(at: State | None, before: str = "") -> Iterator[tuple[str, int]]:
    if at is None:
        return
    if only_length_counts(at):
        for tail in range(18):
            if _how_many(at, tail):
                yield before, tail
        return
    if at.value:
        yield before, 0
    for digit, child in enumerate(at.children):
        yield from _words(child, f"{before}{digit}")
