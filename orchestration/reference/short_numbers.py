"""Numbers that are dialled as they are, without area code: emergency services, directory enquiries, and what a country adds.

The Netherlands' stand here by hand, with the decision that gives each its purpose. Those of other countries follow from ``phonenumbers``:
its short numbers of known cost, and its numbers of five digits or fewer before which nothing is dialled (Norway's 02800).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

from orchestration.reference.dialling import SHORTEST, numbers_dialled_as_they_are
from orchestration.reference.number_patterns import State, any_digits, combine, language
from orchestration.reference.number_plans import LINE_TYPES, numbers_of, plan_of_region

HEADER = ("country", "prefix", "length", "line_type", "number_kind", "name_en", "name_nl", "source")
NUMBER_PLAN = "Nummerplan telefoon- en ISDN-diensten"

DUTCH: Sequence[Mapping[str, str]] = tuple(
    dict(zip(HEADER, ("NL", prefix, length, LINE_TYPES[kind], kind, name_en, name_nl, source), strict=True))
    for prefix, length, kind, name_en, name_nl, source in (
        ("112", "3", "emergency", "Emergency services", "Alarmnummer", NUMBER_PLAN),
        ("113", "3", "toll_free", "Suicide prevention", "Zelfmoordpreventie", NUMBER_PLAN),
        (
            "116",
            "6",
            "toll_free",
            "European services of social value",
            "Europese diensten van maatschappelijk belang",
            "Decision 2007/116/EC",
        ),
        ("14", "4", "uan", "Government contact centres", "Contactcentra van de overheid", NUMBER_PLAN),
        ("14", "5", "uan", "Municipalities", "Gemeenten", NUMBER_PLAN),
        ("14", "6", "uan", "Municipalities", "Gemeenten", NUMBER_PLAN),
        ("144", "3", "uan", "Animal emergencies (police)", "Dieren in nood (politie)", NUMBER_PLAN),
        ("18", "4", "premium_rate", "Directory enquiries", "Abonnee-informatie", NUMBER_PLAN),
    )
)
"""Only what the Dutch number plan opens to every caller."""

COSTS = ("premium_rate", "standard_rate", "toll_free")
"""What a short number costs, in the order in which phonenumbers' ``expected_cost`` asks."""

ENQUIRIES: Mapping[str, str] = {"1": "411", "3": "118", "4": "118"}
"""Directory enquiries in North America (1) and Europe (3, 4), by the first digit of the calling code: never cheap, and the package often
does not know what they cost. Other short numbers of unknown cost stay what most of their length are: extensions."""


def short_numbers() -> Iterator[tuple[str, ...]]:
    """Rows as ``HEADER`` says; no two of a country hold one number."""
    for country in sorted(phonenumbers.SUPPORTED_REGIONS):
        if country == "NL":
            yield from (tuple(row.values()) for row in DUTCH)
        else:
            for prefix, length, kind in _ranges(_plan(country)):
                yield country, prefix, str(length), LINE_TYPES[kind], kind, "", "", "phonenumbers"


def _plan(country: str) -> State | None:
    """The short numbers of a country as one automaton whose values are kinds of numbers."""
    region, short = PhoneMetadata.metadata_for_region(country), PhoneMetadata.short_metadata_for_region(country)
    as_it_is = combine([numbers_dialled_as_they_are(country), any_digits(range(1, SHORTEST))], all)
    named = combine([as_it_is, plan_of_region(region)], lambda values: values[1].number_kind if all(values) else None)
    enquiries = ENQUIRIES.get(str(region.country_code)[0])
    return combine([_of_known_cost(short, enquiries) if short else None, named], lambda values: next(filter(None, values), None))


def _of_known_cost(short: PhoneMetadata, enquiries: str | None) -> State | None:
    asked = ("emergency", "sms_services", *COSTS, "short_code")

    def kind(values: Sequence[Hashable | None]) -> str | None:
        fits = dict(zip(asked, values, strict=False))
        if fits["emergency"]:
            return "emergency"
        if fits["sms_services"]:
            return None  # texts, which nobody calls: they would take many an extension
        cost = next((each for each in COSTS if fits[each]), None)
        return cost or ("premium_rate" if fits["short_code"] and values[-1] else None)

    of_enquiries = language(enquiries, any_digits(range(4))) if enquiries else None
    return combine([*(numbers_of(getattr(short, each)) for each in asked), of_enquiries], kind)


def _ranges(plan: State | None) -> Iterator[tuple[str, int, str]]:
    """The shortest beginnings, per length, behind which all numbers of that length are of one kind."""

    def kinds(at: State | None, digits: int) -> set[Hashable | None]:
        if at is None or not digits:
            return {at.value if at else None}
        return set().union(*(kinds(child, digits - 1) for child in set(at.children)))

    def walk(at: State | None, prefix: str, digits: int) -> Iterator[tuple[str, int, str]]:
        found = kinds(at, digits)
        if len(found) > 1:
            for digit, child in enumerate(at.children):
                yield from walk(child, f"{prefix}{digit}", digits - 1)
        elif found != {None}:
            yield prefix, len(prefix) + digits, found.pop()

    for length in range(2, 11):
        yield from walk(plan, "", length)
