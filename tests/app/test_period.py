"""Fails if a partner compares eleven days of November with all of October, and believes that his business collapsed."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from apps.period import DAY, Period, previous_period, whole_months

CALLS = Period(date(2026, 8, 1), date(2026, 11, 12))  # the last call is of 11 November


def test_a_month_is_compared_with_the_month_before() -> None:
    assert previous_period(whole_months("2026-10", "2026-10"), CALLS) == whole_months("2026-09", "2026-09")


def test_a_month_that_is_going_on_is_compared_with_as_many_days_of_the_month_before() -> None:
    november = whole_months("2026-11", "2026-11")
    assert previous_period(november, CALLS) == Period(date(2026, 10, 1), date(2026, 10, 12))
    assert november.within(CALLS) == Period(date(2026, 11, 1), date(2026, 11, 12))


def test_a_range_is_compared_with_the_days_right_before_it() -> None:
    assert previous_period(Period(date(2026, 10, 8), date(2026, 10, 15)), CALLS) == Period(date(2026, 10, 1), date(2026, 10, 8))


def test_what_lies_before_the_first_call_is_not_compared_with() -> None:
    """Half a period without data would look like growth."""
    assert previous_period(whole_months("2026-08", "2026-08"), CALLS) is None
    assert previous_period(Period(date(2026, 8, 3), date(2026, 8, 10)), CALLS) is None
    assert previous_period(whole_months("2026-09", "2026-10"), CALLS) is None


def test_months_touched() -> None:
    assert Period(date(2026, 12, 31), date(2027, 1, 2)).months == ("2026-12", "2027-01")
    assert whole_months("2026-10", "2026-10").months == ("2026-10",)


@given(st.dates(date(2020, 1, 2), date(2030, 1, 1)), st.integers(1, 400))
def test_a_previous_period_ends_before_the_period_begins(first_date: date, length: int) -> None:
    period = Period(first_date, first_date + length * DAY)
    before = previous_period(period, Period(date(2000, 1, 1), period.end_date))
    assert before is not None
    assert before.end_date <= period.first_date
    if not period.is_whole_months:
        assert before.days == period.days
        assert before.end_date == period.first_date
