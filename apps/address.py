"""The address of what is on the screen: ``?partner=kustlijn&period=2026-09&by=customer&lang=nl``.

The address holds ids, never words of a language or names of partners, so that a link opens the same figures for everybody. A session
starts from its address; after that the selectors decide, and the address follows them. What was chosen stays chosen on every page and
in every language. An id that does not exist chooses nothing: whoever asks for it is told, and sees no other figures instead.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

KEPT_AS, SHOWN_AS, FOLLOWED_AS = "address", "address of this run", "address is followed"
NAMES = ("lang", "partner", "period", "from", "to", "by", "profile", "codec")
"""What an address may say, in this order. The selectors are keyed by the same names."""


def begin() -> None:
    """To be called before the first selector of a run: a new session, and the browser's back and forward, do what the address says."""
    kept = st.session_state.setdefault(KEPT_AS, {})
    new = SHOWN_AS not in st.session_state
    followed = new or getattr(get_script_run_ctx(), "is_history_navigation", False)
    if followed:
        kept.update({name: st.query_params[name] for name in NAMES if name in st.query_params})
    st.session_state[FOLLOWED_AS] = followed
    st.session_state[SHOWN_AS] = {}


def wanted(name: str) -> str | None:
    """What was last chosen, or what the address asks for; it need not exist."""
    return st.session_state[KEPT_AS].get(name)


def prepare(name: str, options: Collection[str], default: str) -> bool:
    """Set the selector ``name``, which is drawn next, to what is wanted. False, and nothing chosen, where that is no option."""
    chosen = None if st.session_state[FOLLOWED_AS] else st.session_state.get(name)
    value = chosen or wanted(name) or default
    st.session_state[name] = value if value in options else None
    if value not in options:
        st.session_state[KEPT_AS][name] = value
    return value in options


def prepare_day(name: str, proposed: date) -> None:
    """As ``prepare``, for a selector of any day; nothing chosen where what is wanted is no day."""
    chosen = None if st.session_state[FOLLOWED_AS] else st.session_state.get(name)
    try:
        st.session_state[name] = chosen or date.fromisoformat(wanted(name) or proposed.isoformat())
    except ValueError:
        st.session_state[name] = None


def keep(name: str, value: str) -> None:
    """Remember what the selector says; the address will say it."""
    st.session_state[KEPT_AS][name] = st.session_state[SHOWN_AS][name] = value


def write() -> None:
    """At the end of a run: the address says what is shown, and nothing else of ours."""
    others = {name: st.query_params.get_all(name) for name in st.query_params if name not in NAMES}
    shown = st.session_state[SHOWN_AS]
    address = others | {name: [shown[name]] for name in NAMES if name in shown}
    if address != {name: st.query_params.get_all(name) for name in st.query_params}:
        st.query_params.from_dict(address)
