"""Fails if money is collected from an account that is none, an account is refused that is one, or a debit falls on a day without banks."""

from __future__ import annotations

from datetime import date

import pytest

from orchestration.documents.bank import is_iban, next_business_day, why_closed


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("BE68539007547034", True),
        ("BE68 5390 0754 7034", True),
        ("BE91184999833576", True),  # right digits, of a bank that python-stdnum's list does not know
        ("BE41539007547035", False),  # the digits of ISO are right, those of the bank are not
        ("BE54000119746597", True),  # a remainder of 0 is written 97
        ("BE68539007547033", False),
        ("BE6853900754703", False),
        ("NL91ABNA0417164300", True),
        ("NL91ABNA0417164301", False),
        ("NO9386011117947", True),
        ("XX00", False),
        ("", False),
    ],
)
def test_an_account_is_judged_by_its_digits(number: str, expected: bool) -> None:
    """A customer could not be debited though its account is right, or the bank would refuse the whole file."""
    assert is_iban(number) == expected


@pytest.mark.parametrize(
    ("day", "closed", "following"),
    [
        (date(2026, 12, 25), "Christmas Day", date(2026, 12, 28)),
        (date(2026, 12, 26), "Christmas Holiday", date(2026, 12, 28)),
        (date(2026, 4, 3), "Good Friday", date(2026, 4, 7)),
        (date(2027, 1, 1), "New Year's Day", date(2027, 1, 4)),
        (date(2026, 4, 27), None, date(2026, 4, 27)),  # the king's birthday is no holiday of the banks
        (date(2026, 11, 29), "a Sunday", date(2026, 11, 30)),
        (date(2026, 11, 30), None, date(2026, 11, 30)),
    ],
)
def test_a_debit_falls_on_a_day_on_which_banks_work(day: date, closed: str | None, following: date) -> None:
    """The money would come days later than the customer was told."""
    assert (why_closed(day), next_business_day(day)) == (closed, following)
