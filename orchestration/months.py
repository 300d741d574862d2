"""Months as people write them, and the days in them."""

from __future__ import annotations

import re
from datetime import date, timedelta

from orchestration.errors import TiktellerError

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def month_named(text: str) -> str:
    """``YYYY-MM`` as typed. Raises TiktellerError for anything else."""
    if not MONTH.fullmatch(text):
        raise TiktellerError(f"{text!r} is not a month", fix="write it as 2026-10")
    return text


def last_day_of(month: str) -> date:
    first = date.fromisoformat(f"{month}-01")
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
