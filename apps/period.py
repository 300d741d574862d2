"""Days that a page shows, and the days it compares them with. Pure; all ends half open: ``first_date <= day < end_date``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """The local days ``first_date <= day < end_date`` of a partner."""

    first_date: date
    end_date: date

    @property
    def last_date(self) -> date:
        """The last day that belongs to the period."""
        return self.end_date - DAY

    @property
    def days(self) -> int:
        return (self.end_date - self.first_date).days

    @property
    def months(self) -> tuple[str, ...]:
        """The calendar months (``YYYY-MM``) that the period touches, oldest first."""
        months, month = [], self.first_date.replace(day=1)
        while month < self.end_date:
            months.append(f"{month:%Y-%m}")
            month = shift_month(month, 1)
        return tuple(months)

    def within(self, limits: Period) -> Period:
        """The part of the period that lies in ``limits``; the period itself where none does."""
        first_date, end_date = max(self.first_date, limits.first_date), min(self.end_date, limits.end_date)
        return Period(first_date, end_date) if first_date < end_date else self

    @property
    def is_whole_months(self) -> bool:
        return self.first_date.day == 1 and self.end_date.day == 1


def shift_month(first_of_month: date, count: int) -> date:
    """The first day of the month ``count`` months later (earlier when negative)."""
    index = first_of_month.year * 12 + first_of_month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def whole_months(first_month: str, last_month: str) -> Period:
    """The period from the first to the last of these months (``YYYY-MM``), both included."""
    return Period(date.fromisoformat(f"{first_month}-01"), shift_month(date.fromisoformat(f"{last_month}-01"), 1))


def previous_period(period: Period, available: Period) -> Period | None:
    """The period just before this one, of the same length; None where the data does not reach back that far.

    Whole months are compared with as many whole months before them, since a partner thinks "October against September". A month that
    is still going on (``available`` ends inside it) is compared with the same number of days of the month before, not with all of it.
    Any other range is compared with as many days right before it.
    """
    if period.is_whole_months:
        months = len(period.months)
        first_date = shift_month(period.first_date, -months)
        days_seen = (min(period.end_date, available.end_date) - period.first_date).days
        unfinished = period.first_date < available.end_date < period.end_date
        end_date = min(first_date + days_seen * DAY, period.first_date) if unfinished else period.first_date
        before = Period(first_date, end_date)
    else:
        before = Period(period.first_date - period.days * DAY, period.first_date)
    return before if before.first_date >= available.first_date else None
