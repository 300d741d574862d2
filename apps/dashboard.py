"""The frame around every page: navigation, partner, period, language and "as of". ``streamlit run apps/dashboard.py``."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from secrets import token_hex
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from apps import address, queries
from apps.language import DATE_FORMATS, LANGUAGES, Language, moment, month, text, verbatim
from apps.period import DAY, Period, previous_period, whole_months
from apps.view import View, hand_over
from orchestration.errors import TiktellerError
from orchestration.serving import DamagedSnapshotError, current_snapshot, published_partners
from orchestration.workspace import open_workspace

SIDEBAR_WIDTH = 250  # pixels; the rest of a laptop is for the figures
ALL, CUSTOM = "all", "custom"
LOGO = Path(__file__).parent / "static" / "tikteller.svg"
PAGES = (
    ("screens/overview.py", "dashboard", ":material/monitoring:", ""),
    ("screens/pvc_matrix.py", "pvc_matrix", ":material/grid_on:", "pvc-matrix"),
    ("screens/margins.py", "margins", ":material/account_balance_wallet:", "margins"),
)
STYLE = """
<style>
[data-testid="stMainBlockContainer"] { padding-left: 2.2rem; padding-right: 2.2rem; }
[data-testid="stMetricValue"], [data-testid="stMetricDelta"], [data-testid="stDataFrame"] { font-variant-numeric: tabular-nums; }
[data-testid="stMetricLabel"] p { color: #6b7c86; }
.answer { display: flex; align-items: center; gap: 1rem; line-height: 1.25; }
.answer .count { font-size: 4.2rem; font-weight: 650; color: #0f5b66; line-height: 1; font-variant-numeric: tabular-nums; }
.answer .words { font-size: 1.25rem; font-weight: 600; }
.answer small { font-size: 0.95rem; font-weight: 400; color: #6b7c86; }
[class*="st-key-wraps-"] [data-testid="stHorizontalBlock"] { flex-wrap: wrap; }
[class*="st-key-wraps-"] [data-testid="stColumn"] { min-width: 10.5rem; }
[class*="st-key-scrolls-"] { overflow-x: auto; }
[class*="st-key-scrolls-"] > div { min-width: 820px; }
@media (max-width: 640px) {
  [class*="st-key-phone-scrolls-"] { overflow-x: auto; }
  [class*="st-key-phone-scrolls-"] > div { min-width: 540px; }
}
@media (max-width: 1100px) {
  [class*="st-key-wraps-"] [data-testid="stColumn"] { min-width: 12rem; }
  :is([class*="st-key-stacks-"], [class*="st-key-stacks-"] > div) > [data-testid="stHorizontalBlock"] { flex-wrap: wrap; }
  :is([class*="st-key-stacks-"], [class*="st-key-stacks-"] > div) > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"] {
    flex: 1 1 100%; min-width: 100%;
  }
}
</style>
"""


def main() -> None:
    st.set_page_config(
        page_title="Tikteller",
        page_icon=str(LOGO.with_name("icon.svg")),
        layout="wide",
        initial_sidebar_state=SIDEBAR_WIDTH,
    )
    st.logo(str(LOGO), size="large")
    st.html(STYLE)
    address.begin()
    choices, foot = st.sidebar.container(), st.sidebar.container()
    with foot:
        language = choose_language()
    page = st.navigation(
        [st.Page(path, title=text(language, title), icon=icon, url_path=url or None, default=not url) for path, title, icon, url in PAGES]
    )
    try:
        view = choose_view(language, choices)
        if view is not None:
            hand_over(view)
            page.run()
            show_as_of(view)
            address.write()
    except Exception as error:
        if isinstance(error, TiktellerError) and not isinstance(error, DamagedSnapshotError):
            st.error(f"{error.message}." + (f"\n\n{text(language, 'fix', fix=error.fix)}" if error.fix else ""))
            return
        reference = token_hex(4)
        logging.getLogger("tikteller.app").exception("page %s failed, reference %s", page.url_path, reference)
        nothing(text(language, "something_failed"), text(language, "something_failed_fix", reference=reference))


def choose_language() -> Language:
    if not address.prepare("lang", LANGUAGES, LANGUAGES[0]):
        st.session_state["lang"] = LANGUAGES[0]
    language = st.segmented_control(
        "Taal / language", LANGUAGES, format_func=str.upper, required=True, key="lang", label_visibility="collapsed"
    )
    address.keep("lang", language)
    return language


def choose_view(language: Language, sidebar: DeltaGenerator) -> View | None:
    """The selectors of the sidebar. None, with the reason on the page, where there is nothing to look at."""
    workspace = open_workspace()
    partners = published_partners(workspace)
    if not partners:
        nothing(text(language, "nothing_published"), text(language, "nothing_published_fix"))
        return None
    snapshots = {partner_id: str(current_snapshot(workspace, partner_id)) for partner_id in partners}
    address.prepare("partner", partners, partners[0])
    partner_id = sidebar.selectbox(
        text(language, "partner"),
        partners,
        format_func=lambda chosen: queries.partner(snapshots[chosen]).name,
        key="partner",
        placeholder=text(language, "choose"),
    )
    if partner_id is None:
        st.error(text(language, "unknown_partner", asked=verbatim(address.wanted("partner"))))
        return None
    address.keep("partner", partner_id)
    snapshot = snapshots[partner_id]
    partner = queries.partner(snapshot)
    available = queries.available_days(snapshot)
    if available is None:
        nothing(text(language, "no_calls_ever"), text(language, "no_calls_ever_fix"))
        return None
    period = choose_period(language, sidebar, queries.months(snapshot), available)
    if period is None:
        return None
    return View(
        language=language,
        partner_id=partner_id,
        partner_name=partner.name,
        snapshot=snapshot,
        as_of=queries.published_at(snapshot).astimezone(ZoneInfo(partner.time_zone)),
        available=available,
        period=period,
        previous=previous_period(period, available),
    )


def choose_period(language: Language, sidebar: DeltaGenerator, months: tuple[str, ...], available: Period) -> Period | None:
    """A month (the newest with calls unless chosen), all months, or a range of days. None, with the reason on the page, where a period
    was asked for that this partner does not have."""
    periods = (*months[::-1], ALL, CUSTOM)

    def name(choice: str) -> str:
        if choice == CUSTOM:
            return text(language, "period_custom")
        if choice == ALL:
            return text(language, "period_all", first=month(language, months[0]), last=month(language, months[-1]))
        return month(language, choice)

    address.prepare("period", periods, available.months[-1])
    choice = sidebar.selectbox(text(language, "period"), periods, format_func=name, key="period", placeholder=text(language, "choose"))
    if choice is None:
        st.error(text(language, "unknown_period", asked=verbatim(address.wanted("period"))))
        return None
    address.keep("period", choice)
    if choice == ALL:
        return whole_months(months[0], months[-1])
    if choice != CUSTOM:
        return whole_months(choice, choice)
    first_date = choose_day(language, sidebar, "from", "from_day", available.last_date.replace(day=1))
    last_date = choose_day(language, sidebar, "to", "to_day", available.last_date)
    if first_date is None or last_date is None:
        return None
    if last_date < first_date:
        st.error(text(language, "days_reversed"))
        return None
    return Period(first_date, last_date + DAY)


def choose_day(language: Language, sidebar: DeltaGenerator, name: str, label: str, proposed: date) -> date | None:
    """Any day: limits would refuse a day that was chosen for another partner, where the page can just say that it has no calls."""
    address.prepare_day(name, proposed)
    chosen = sidebar.date_input(
        text(language, label), None, key=name, format=DATE_FORMATS[language], min_value=date.min, max_value=date.max
    )
    if chosen is None:
        st.error(text(language, "unknown_day", asked=verbatim(address.wanted(name) or "")))
        return None
    address.keep(name, chosen.isoformat())
    return chosen


def show_as_of(view: View) -> None:
    st.caption(
        f"{verbatim(view.partner_name)} · {text(view.language, 'as_of', moment=moment(view.language, view.as_of))} · "
        f"{text(view.language, 'snapshot', name=Path(view.snapshot).stem)}"
    )


def nothing(title: str, fix: str) -> None:
    """What a page says instead of showing an empty frame."""
    with st.container(border=True):
        st.subheader(title)
        st.markdown(fix)


main()
