"""What banks take: account numbers, and the days on which they work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache

from stdnum import iban


def is_iban(number: str) -> bool:
    """Whether an account number can be one: length, signs and check digits, those of the country too.

    A Belgian one is judged by its digits only: python-stdnum also asks a list of banks, and refuses the account of one that is newer.
    """
    if not iban.compact(number).startswith("BE"):
        return iban.is_valid(number)
    if not iban.is_valid(number, check_country=False):
        return False
    account = iban.compact(number)[4:]
    return int(account[:10]) % 97 == int(account[10:]) % 97 and account[10:] != "00"


def why_closed(day: date) -> str | None:
    """The holiday or day of the weekend on which banks do not collect; None on a business day."""
    return _holidays().get(day) or (f"a {day:%A}" if day.weekday() > 4 else None)


def next_business_day(day: date) -> date:
    """That day, or the first after it on which banks work."""
    while why_closed(day):
        day += timedelta(days=1)
    return day


@cache
def _holidays() -> Mapping[date, str]:
    """Those of TARGET, by which banks settle payments in euros."""
    from holidays import financial_holidays  # takes a second, which other commands need not wait

    return financial_holidays("ECB")
