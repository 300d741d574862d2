"""The days that the demo covers and the clock of Amsterdam in them. Never depends on today's date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
LAST_DAY = date(2026, 10, 31)  # so that every period has the autumn change of 25-10-2026 in it
CLOCK_CHANGE_S = (
    2 * 3600,
    3 * 3600,
)  # the European change: local 02:00-03:00 is repeated in autumn and skipped in spring
BEFORE_EVERYTHING = date(2023, 1, 1)  # the longest period, 36 months, begins 2023-11-01


@dataclass(frozen=True)
class Period:
    """Local calendar days, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))

    @property
    def months(self) -> tuple[date, ...]:
        """The first day of each month, in order."""
        return tuple(day for day in self.days if day.day == 1)


def period_of(months: int) -> Period:
    """The ``months`` whole months that end with October 2026."""
    count = LAST_DAY.year * 12 + LAST_DAY.month - months
    return Period(date(count // 12, count % 12 + 1, 1), LAST_DAY)


def month_end(first_day: date) -> date:
    return (first_day + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def clock_offsets_s(day: date) -> tuple[int, int]:
    """Seconds that the local clock is ahead of UTC at the first and at the last moment of a local day."""

    def offset(moment: time) -> int:
        gap = datetime.combine(day, moment, AMSTERDAM).utcoffset()
        assert gap is not None
        return int(gap.total_seconds())

    return offset(time.min), offset(time.max)


def offsets_s(day: date, second_of_day: np.ndarray, second_pass: np.ndarray) -> np.ndarray:
    """UTC offset per local second of ``day``; ``second_pass`` chooses between the two 02:30s of the autumn night."""
    before, after = clock_offsets_s(day)
    if before == after:
        return np.full(len(second_of_day), before, dtype=np.int64)
    change_from, change_to = CLOCK_CHANGE_S
    is_after = (second_of_day >= change_to) | ((second_of_day >= change_from) & second_pass)
    return np.where(is_after, after, before).astype(np.int64)
