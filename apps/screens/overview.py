"""Dashboard: how the calls of a period went, beside the period before it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from apps import charts, queries
from apps.language import change, day, days, minutes, money, number, percent, reason, rounded, text, verbatim
from apps.queries import CallTotals
from apps.view import View, handed_over

CUSTOMERS_SHOWN = 8
DESTINATIONS_SHOWN = 8
MOST_DESTINATIONS = 1000  # more than there are countries
REASONS_SHOWN = 3


def show(view: View) -> None:
    say = partial(text, view.language)
    st.title(verbatim(view.partner_name))
    totals = queries.call_totals(view.snapshot, view.call_days)
    st.caption(scope(view))
    if not totals.calls:
        first, last = day(view.language, view.available.first_date), day(view.language, view.available.last_date)
        st.info(f"**{say('no_calls')}.** {say('no_calls_fix', first=first, last=last)}")
        return
    before = queries.call_totals(view.snapshot, view.previous) if view.previous else None
    show_figures(view, totals, before if before and before.calls else None)
    show_notices(view)
    left, right = st.container(key="stacks-abroad").columns(2)
    with left.container(border=True, height="stretch"):
        clicked = show_international(view)
    with right.container(border=True, height="stretch"):
        show_world(view)
    if clicked:
        with st.container(border=True):
            show_destinations(view, *clicked)
    show_days(view)


def scope(view: View) -> str:
    """Which calls these are, and what they are compared with."""
    figures = text(view.language, "call_figures", period=days(view.language, view.call_days.first_date, view.call_days.last_date))
    if view.previous is None:
        return f"{figures} · {text(view.language, 'not_compared')}"
    before = days(view.language, view.previous.first_date, view.previous.last_date)
    return f"{figures} · {text(view.language, 'compared_with', period=before)}"


def show_figures(view: View, now: CallTotals, before: CallTotals | None) -> None:
    language, say = view.language, partial(text, view.language)
    cards = st.container(key="wraps-figures").columns(5)

    def card(
        place: int,
        key: str,
        write,
        value,
        earlier,
        *,
        color: str = "normal",
        heading: str | None = None,
        help: str | None = None,
    ) -> None:
        cards[place].metric(
            heading or say(key),
            write(value),
            delta=change(language, value, earlier) if earlier is not None else None,
            delta_description=say("previously", value=write(earlier)) if earlier is not None else None,
            delta_color=color,
            help=help,
            border=True,
            height="stretch",
        )

    count, euros = partial(number, language), partial(money, language)
    answered = percent(language, rounded(now.answered_calls * 100 / now.calls, 1))
    card(0, "calls", count, now.calls, before and before.calls, help=say("answered_share", percent=answered))
    card(1, "minutes", count, minutes(now.duration_s), minutes(before.duration_s) if before else None)
    card(2, "sale", euros, now.sale_eur, before and before.sale_eur)
    card(3, "purchase", euros, now.purchase_eur, before and before.purchase_eur, color="off")
    share = say("percent_of_revenue", percent=percent(language, now.margin_percent_of_sale))
    card(4, "margin", euros, now.margin_eur, before and before.margin_eur, heading=f"{say('margin')} · {share}")


def show_notices(view: View) -> None:
    """What a partner must know before he believes the amounts; nothing when all is well."""
    say, count = partial(text, view.language), partial(number, view.language)
    notices = []
    if unrated := queries.unrated_calls(view.snapshot, view.call_days):
        notices.append(say("unrated_notice_one") if unrated == 1 else say("unrated_notice", count=count(unrated)))
    if quarantined := queries.quarantined_rows(view.snapshot):
        named = list(quarantined.items())[:REASONS_SHOWN]
        reasons = ", ".join(f"{count(rows)} × {reason(view.language, code)}" for code, rows in named)
        key = "quarantine_notice" if len(named) == len(quarantined) else "quarantine_notice_some"
        notices.append(say(key, count=count(sum(quarantined.values())), reasons=reasons))
    if notices:
        st.markdown(" &nbsp; ".join(f":orange[:material/info:] :small[{notice}]" for notice in notices))


def show_international(view: View) -> tuple[str, str] | None:
    """The customers with the most minutes abroad. Gives the one that was clicked, id and name."""
    say = partial(text, view.language)
    customers = queries.international_customers(view.snapshot, view.call_days, CUSTOMERS_SHOWN)
    st.subheader(say("international_customers"))
    if customers.empty:
        st.caption(say("no_international"))
        return None
    with st.container(key="phone-scrolls-customers"):
        clicked = st.plotly_chart(
            charts.ranking(customers, view.language, key="customer_id", name="customer"),
            key=f"international {view.partner_id} {view.period}",
            theme=None,
            on_select="rerun",
            selection_mode="points",
            config=charts.CONFIG,
            alt=say("international_customers"),
        )
    st.caption(say("international_hint"))
    if not clicked.selection.points:
        return None
    customer_id = clicked.selection.points[0]["customdata"][0]
    return customer_id, customers.customer[customers.customer_id == customer_id].iloc[0]


def show_destinations(view: View, customer_id: str, customer: str) -> None:
    st.subheader(text(view.language, "top_destinations", customer=verbatim(customer)))
    destinations = queries.international_destinations(view.snapshot, view.call_days, customer_id, view.language, MOST_DESTINATIONS)
    shown = destinations.head(DESTINATIONS_SHOWN)
    with st.container(key="phone-scrolls-destinations"):
        st.plotly_chart(
            charts.ranking(shown, view.language, key="country", name="name"),
            key="destinations",
            theme=None,
            config=charts.CONFIG,
        )
    if more := len(destinations) - len(shown):
        st.caption(text(view.language, "more_destinations", count=len(shown), more=more))


def show_world(view: View) -> None:
    say = partial(text, view.language)
    title, switch = st.columns([3, 2], vertical_alignment="center")
    title.subheader(say("world"))
    with switch.container(horizontal=True, horizontal_alignment="right"):
        measure = st.segmented_control(
            say("world"), ("minutes", "margin"), default="minutes", format_func=say, required=True, key="map_measure",
            label_visibility="collapsed",
        )  # fmt: skip
    countries = queries.calls_by_country(view.snapshot, view.call_days, view.language)
    drawn = countries.alpha3.isin(charts.outlined_countries())
    st.plotly_chart(
        charts.world(countries[drawn], view.language, measure),
        key="world",
        theme=None,
        config=charts.CONFIG,
        alt=say("world"),
    )
    if not drawn.all():
        absent = countries[~drawn]
        names = [f"{name} ({number(view.language, minutes(s))} min)" for name, s in zip(absent["name"], absent.duration_s, strict=True)]
        st.caption(say("not_on_map", countries=", ".join(names)))


def show_days(view: View) -> None:
    say = partial(text, view.language)
    now = queries.calls_by_day(view.snapshot, view.call_days)
    before = queries.calls_by_day(view.snapshot, view.previous) if view.previous else None
    left, right = st.container(key="stacks-days").columns(2)
    with left.container(border=True):
        title, switch = st.columns([3, 2], vertical_alignment="center")
        with switch.container(horizontal=True, horizontal_alignment="right"):
            measure = st.segmented_control(
                say("per_day"), ("calls", "minutes"), default="calls", format_func=say, required=True, key="day_measure",
                label_visibility="collapsed",
            )  # fmt: skip
        title.subheader(f"{say(measure)} {say('per_day').lower()}")
        st.plotly_chart(charts.daily(now, before, view.language, measure), key="days", theme=None, config=charts.CONFIG)
    with right.container(border=True):
        st.subheader(f"{say('margin')} {say('per_day').lower()}")
        st.plotly_chart(charts.daily(now, before, view.language, "margin"), key="margin days", theme=None, config=charts.CONFIG)


show(handed_over())
