"""Whom the demo calls: blocks of numbers that reach nobody, as far as a country keeps such blocks.

Published for fiction: Ofcom (GB 020 7946 0xxx, 0113 496 0xxx, 07700 900xxx), the North American 555-01xx,
Bundesnetzagentur (DE 030 23125 xxx, 069 90009 xxx, 0171 39200 xx, 0176 040690 xx), Arcep (FR 01 99 00 xx xx, 06 39 98
xx xx), ACMA (AU 02 5550 xxxx, 0491 57x xxx), ComReg (IE 020 91x xxxx), PTS (SE 08 465 004 xx, 070 174 06 xx). The
Netherlands and the other countries keep none: there the subscriber part begins with 0 or 000, which networks do not
route (NL also 0970, machines only; see ``partners``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """``count`` numbers of ``country`` from ``first`` (E.164 without +), called with ``weight`` among those of its kind."""

    first: int
    count: int
    weight: float
    country: str


FIXED = tuple(
    Block(31_000000000 + area * 10_000_000 + 900_000, 90_000, weight, "NL")  # 0xx-09xxxxx
    for weight, areas in ((16, (20,)), (12, (10,)), (9, (70, 30)), (5, (40, 50)), (3, (13, 23, 24, 26, 33, 38, 43, 53)))
    for area in areas
)
MOBILE = (Block(31970_10000000, 800_000, 1, "NL"),)
INTERNATIONAL = (
    Block(4930_23125000, 1000, 9, "DE"),
    Block(4969_90009000, 1000, 6, "DE"),
    Block(49171_3920000, 100, 6, "DE"),
    Block(49176_04069000, 100, 5, "DE"),
    Block(322_0000000, 10_000, 9, "BE"),
    Block(32470_000000, 1000, 9, "BE"),
    Block(4420_79460000, 1000, 7, "GB"),
    Block(44113_4960000, 1000, 3, "GB"),
    Block(44_7700900000, 1000, 7, "GB"),  # not a valid number to the reference list, which takes it for GB fixed
    Block(331_99000000, 10_000, 5, "FR"),
    Block(336_39980000, 10_000, 6, "FR"),
    Block(1212_5550100, 100, 3, "US"),
    Block(1415_5550100, 100, 2, "US"),
    Block(1416_5550100, 100, 1, "CA"),
    Block(1242_5550100, 100, 0.2, "BS"),
    Block(34910_000000, 1000, 3, "ES"),
    Block(34600_000000, 1000, 4, "ES"),
    Block(3902_00000000, 1000, 2, "IT"),
    Block(39320_0000000, 1000, 3, "IT"),
    Block(48_220000000, 1000, 2, "PL"),
    Block(48_500000000, 1000, 4, "PL"),
    Block(90212_0000000, 1000, 2, "TR"),
    Block(90530_0000000, 1000, 4, "TR"),
    Block(212_520000000, 1000, 1, "MA"),
    Block(212_600000000, 1000, 3, "MA"),
    Block(612_55500000, 10_000, 0.8, "AU"),
    Block(61_491570156, 4, 0.5, "AU"),
    Block(353_209100000, 10_000, 1, "IE"),
    Block(468_46500400, 100, 1, "SE"),
    Block(4670_1740605, 95, 1, "SE"),
    Block(4122_0000000, 1000, 2, "CH"),
    Block(4179_0000000, 1000, 1, "CH"),
    Block(431_0000000, 1000, 1, "AT"),
    Block(43664_0000000, 1000, 1, "AT"),
    Block(351_210000000, 1000, 0.8, "PT"),
    Block(7495_0000000, 1000, 0.4, "RU"),
    Block(7701_0000000, 1000, 0.2, "KZ"),
    Block(86_13000000000, 1000, 0.6, "CN"),
    Block(91_9000000000, 1000, 0.9, "IN"),
    Block(27_820000000, 1000, 0.4, "ZA"),
    Block(5999_4000000, 1000, 0.9, "CW"),
    Block(597_8100000, 1000, 0.8, "SR"),
    Block(870_773000000, 1000, 0.05, "001"),
)
SPECIAL = (
    Block(31900_0000, 1000, 5, "NL"),  # 0900-0xxx
    Block(31900_1230, 1, 2, "NL"),  # one number with a price of its own in both decks
    Block(31906_0000, 100, 1, "NL"),
    Block(31800_0000, 1000, 9, "NL"),  # 0800-0xxx
)
SHORT_CODES = (  # as dialled; inside the platform 31 stands before them
    ("112", 1), ("116000", 1), ("14020", 6), ("14070", 4), ("140318", 3), ("1888", 1), ("1850", 1),
)  # fmt: skip
FEATURE_CODES = ("*97", "*98", "*43", "*72")

SATELLITE_WITHOUT_RATE = 88216_00000000
"""The network that is on neither deck on purpose: calls to it wait in the queue of unrated calls."""
