"""How each branch of customers calls: when, whom, how long and how often."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

KINDS = ("fixed", "mobile", "international", "special", "onnet", "inbound", "internal", "feature")
TICKETS = 4096
LONGEST_CALL_S = 4 * 3600


def lottery(weights: dict[int, float] | list[float]) -> np.ndarray:
    """4096 tickets with an outcome each, in proportion to ``weights``: one random integer then draws an outcome.

    Integers only, so that the same seed gives the same calls on every processor.
    """
    pairs = weights.items() if isinstance(weights, dict) else enumerate(weights)
    outcomes, shares = zip(*((outcome, share) for outcome, share in pairs if share > 0), strict=True)
    total, passed, ends = sum(shares), 0.0, []
    for share in shares:
        passed += share
        ends.append(round(TICKETS * passed / total))
    return np.repeat(np.array(outcomes, dtype=np.int32), np.diff([0, *ends]))


@cache
def lognormal_durations(median_s: int, spread: float) -> np.ndarray:
    """4096 talk times in seconds at the quantiles of a log-normal distribution: most calls are short, a few last for
    hours.
    """
    normal = NormalDist()
    quantiles = (math.exp(spread * normal.inv_cdf((n + 0.5) / TICKETS)) for n in range(TICKETS))
    return np.array([min(LONGEST_CALL_S, max(1, round(median_s * q))) for q in quantiles], dtype=np.int32)


@dataclass(frozen=True)
class Branch:
    """One kind of customer. ``weekday_hours`` and ``weekend_hours`` weigh the 24 local hours; ``week`` weighs Monday to
    Sunday.
    """

    name: str
    names: tuple[str, ...]
    weekday_hours: str
    """24 digits, midnight first: 9 is the busiest hour, 0 is closed."""
    weekend_hours: str
    week: tuple[float, ...]
    kinds: tuple[float, ...]
    """Weights of KINDS."""
    talk_median_s: int
    talk_spread: float
    extensions: tuple[int, int]
    channels_per_extension: float
    calls_per_extension: float
    call_plan: str
    groups: tuple[str, ...] = ()

    def customer_name(self, number: int, city: str) -> str:
        return f"{self.names[number % len(self.names)]} {city} {number}"

    def group_of(self, partner_id: str) -> str:
        return next((group for group in self.groups if group.startswith(partner_id)), "")


_BRANCHES = (
    Branch(
        name="office",
        names=(
            "Administratiekantoor De Linde",
            "Notariaat Wilgenhof",
            "Bouwbedrijf Steenrode",
            "Tandartspraktijk Molenzicht",
            "Garage De Kruisweg",
            "Makelaardij Eikenlaan",
            "Drukkerij Letterhof",
        ),
        weekday_hours="000000027998599873100000",
        weekend_hours="000000001121100000000000",
        week=(1.1, 1.1, 1, 1.05, 0.85, 0.06, 0.02),
        kinds=(24, 34, 9, 2, 5, 18, 7, 1),
        talk_median_s=95,
        talk_spread=1.15,
        extensions=(3, 40),
        channels_per_extension=0.4,
        calls_per_extension=6,
        call_plan="zakelijk",
    ),
    Branch(
        name="call centre",
        names=("Klantcontact Noorderpoort", "Servicelijn De Brug", "Belteam Oostkade"),
        weekday_hours="000000005899899887763000",
        weekend_hours="000000002566554310000000",
        week=(1.15, 1.05, 1, 1, 0.95, 0.45, 0.1),
        kinds=(30, 44, 3, 1, 3, 17, 2, 0),
        talk_median_s=170,
        talk_spread=1.0,
        extensions=(30, 90),
        channels_per_extension=1.0,
        calls_per_extension=40,
        call_plan="callcenter",
    ),
    Branch(
        name="hotel",
        names=("Hotel De Gouden Reiger", "Herberg Het Anker", "Pension Duinroos", "Hotel Vier Linden"),
        weekday_hours="211112478776656667775432",
        weekend_hours="321112357776656667776543",
        week=(0.9, 0.9, 0.95, 1, 1.15, 1.25, 1.05),
        kinds=(14, 26, 32, 3, 2, 15, 7, 1),
        talk_median_s=140,
        talk_spread=1.25,
        extensions=(20, 90),
        channels_per_extension=0.3,
        calls_per_extension=5,
        call_plan="hotel",
        groups=("binnenhaven-hotels",),
    ),
    Branch(
        name="weekend shop",
        names=("Meubelhuis Zomerdijk", "Tuincentrum De Heg", "Keukenwereld Waalzicht", "Fietsplein Oudeweg"),
        weekday_hours="000000000368888885210000",
        weekend_hours="000000000589999986100000",
        week=(0.5, 0.6, 0.7, 0.9, 1.1, 1.8, 1.2),
        kinds=(26, 42, 3, 2, 5, 19, 3, 0),
        talk_median_s=80,
        talk_spread=1.05,
        extensions=(2, 12),
        channels_per_extension=0.6,
        calls_per_extension=7,
        call_plan="standaard",
        groups=("kustlijn-winkels",),
    ),
    Branch(
        name="hospitality",
        names=("Restaurant De Waterlelie", "Eetcafe Het Schip", "Brasserie Kersentuin", "Bowling De Tien"),
        weekday_hours="100000000123445678998752",
        weekend_hours="310000000123556778999864",
        week=(0.4, 0.6, 0.8, 0.9, 1.4, 1.7, 1.3),
        kinds=(22, 40, 4, 1, 2, 30, 1, 0),
        talk_median_s=60,
        talk_spread=0.95,
        extensions=(1, 6),
        channels_per_extension=0.8,
        calls_per_extension=9,
        call_plan="centen",
    ),
    Branch(
        name="home",
        names=("Familie Voorbeeld", "Familie Modelman", "Huishouden Proef"),
        weekday_hours="000000013343332347897410",
        weekend_hours="000000002466654457787420",
        week=(0.9, 0.9, 0.95, 0.95, 1, 1.2, 1.25),
        kinds=(34, 40, 10, 3, 2, 11, 0, 0),
        talk_median_s=190,
        talk_spread=1.3,
        extensions=(1, 1),
        channels_per_extension=1.0,
        calls_per_extension=4,
        call_plan="standaard",
    ),
)
BRANCHES = {branch.name: branch for branch in _BRANCHES}
