"""What every page is told: who looks, at which snapshot, in which language, over which days.

``dashboard.py`` hands a ``View`` over at the start of each run, the chosen page takes it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from apps.language import Language
from apps.period import Period

KEPT_AS = "view"


@dataclass(frozen=True)
class View:
    """One person's look at one snapshot. ``snapshot`` is the resolved file: it names the partner and the publication, and so keys
    every cache. ``available`` are the days that have calls, ``period`` those that were chosen, ``previous`` those to compare with: None
    where the calls do not reach back that far."""

    language: Language
    partner_id: str
    partner_name: str
    snapshot: str
    as_of: datetime
    available: Period
    period: Period
    previous: Period | None

    @property
    def call_days(self) -> Period:
        """The days of the period that can have calls: a month that is still going on ends today, not at its end."""
        return self.period.within(self.available)


def hand_over(view: View) -> None:
    st.session_state[KEPT_AS] = view


def handed_over() -> View:
    """The view of this run."""
    return st.session_state[KEPT_AS]
