"""Frames to figures, in one look: petrol for volume and sales, amber for margin, grey for what was before or only gives scale.

Amounts become floats here and only here, because pixels are floats; every number that a person reads is written by ``language`` from the
exact value. Names come from customers and are escaped: Plotly reads tags in labels.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from html import escape
from math import ceil, copysign, log10
from pathlib import Path
from typing import Literal

import pandas as pd
import plotly.graph_objects as go

from apps.language import SEPARATORS, WEEKDAYS, Language, days, minutes, money, number, percent, short_day, text, weekday

INK, MUTED, LINE, FAINT, LAND = "#1c2b33", "#6b7c86", "#e1e7ea", "#c3cdd3", "#eef2f3"
VOLUME, MARGIN, PURCHASE, LOSS = "#0f5b66", "#d9902f", "#c9d5da", "#b23a48"
VOLUME_SCALE = ["#e3eef0", "#9cc3c9", "#4d929c", "#0f5b66", "#083b43"]
MARGIN_SCALE = ["#fbf1e1", "#f2cf9a", "#e3a851", "#c47a1b", "#8a5210"]
LOSS_TO_MARGIN_SCALE = ["#b23a48", "#e3a3aa", "#f4f4f2", "#eebf7d", "#c47a1b"]
BANDS = (1, 3, 6, 11, 21, 51, 101, 501)
"""The least calls of each band of the heat map but the first, in which none fits."""
BAND_COLORS = ("#f7dfe1", "#fbeccb", "#f2cf9a", "#e8f2f3", "#c3dde1", "#9cc3c9", "#74adb6", "#17626d", "#083b43")
FONT = "'Source Sans', 'Source Sans Pro', sans-serif"

CONFIG = {"displayModeBar": False, "scrollZoom": False, "topojsonURL": "/app/static/topojson/"}
"""For every chart: no floating toolbar, and outlines of countries from our own server."""

Measure = Literal["calls", "minutes", "margin"]
OUTLINES = Path(__file__).parent / "static" / "topojson" / "world_110m.json"
SHORTEST_SHIFTED = 14  # days
MOST_UPRIGHT_NAMES = 12  # side by side on a laptop without turning them
BARS_SHARE = 0.34  # of the row; the rest is for the numbers
COLUMNS = (0.48, 0.74, 1.0)  # where the numbers end, as shares of the row
LINE_BARS_SHARE = 0.4  # of the row of a line
LINE_COLUMNS = (0.47, 0.74, 0.84, 1.0)
LONGEST_LIMIT = 3  # times the highest peak: what is longer has room enough
LONGEST_LABEL = 30  # characters; the longest that leaves a bar its room on a laptop


def figure(language: Language, height: int, *, left: int = 8, right: int = 8, top: int = 8, bottom: int = 8) -> go.Figure:
    """An empty figure in the house look."""
    return go.Figure(
        layout=go.Layout(
            height=height,
            margin={"l": left, "r": right, "t": top, "b": bottom},
            font={"family": FONT, "size": 13, "color": INK},
            separators=SEPARATORS[language],
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            hoverlabel={"bgcolor": "white", "bordercolor": LINE, "font": {"family": FONT, "size": 13, "color": INK}},
            showlegend=False,
            dragmode=False,
            bargap=0.35,
            xaxis={"ticks": "", "showgrid": False, "zeroline": False, "linecolor": LINE, "fixedrange": True, "automargin": True},
            yaxis={"ticks": "", "gridcolor": LINE, "zeroline": False, "fixedrange": True, "automargin": True},
        )
    )


def label(name: str) -> str:
    """A name as Plotly may show it: never read as markup, cut where it would push the bars away."""
    return escape(name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1].rstrip()}…")


def note(fig: go.Figure, x: float, y: object, words: str, *, yref: str = "y", anchor: str = "right", muted: bool = False) -> None:
    """Words on the paper at share ``x`` of its width."""
    fig.add_annotation(
        x=x, y=y, text=words, xref="paper", yref=yref, xanchor=anchor, yanchor="middle", showarrow=False,
        font={"size": 12 if muted else 13, "color": MUTED if muted else INK},
    )  # fmt: skip


def ranking(rows: pd.DataFrame, language: Language, *, key: str, name: str) -> go.Figure:
    """Horizontal bars of minutes, most first, with minutes, sales and margin in columns beside them.

    ``rows`` has the columns named by ``key`` and ``name``, and duration_s, sale_eur, margin_eur. A click anywhere in a row gives
    ``customdata[0]`` = key.
    """
    count = len(rows)
    fig = figure(language, height=34 * count + 36, top=0, bottom=0)
    positions = list(range(count))
    lengths = [float(minutes(seconds)) for seconds in rows.duration_s]
    width = max(lengths) / BARS_SHARE
    fig.add_bar(
        orientation="h",
        x=lengths,
        y=positions,
        marker={"color": VOLUME, "cornerradius": 3},
        unselected={"marker": {"opacity": 1}},
        hoverinfo="skip",
    )
    # An unseen bar over the whole row takes the clicks: nobody should have to hit a bar of three pixels.
    fig.add_bar(
        orientation="h",
        x=[width] * count,
        y=positions,
        width=0.96,
        marker={"color": "rgba(15,91,102,0)"},
        selected={"marker": {"color": "rgba(15,91,102,0.10)"}},
        unselected={"marker": {"opacity": 0}},
        customdata=[
            [row, escape(called), number(language, minutes(seconds)), money(language, sale), money(language, margin)]
            for row, called, seconds, sale, margin in zip(
                rows[key], rows[name], rows.duration_s, rows.sale_eur, rows.margin_eur, strict=True
            )
        ],
        hovertemplate=(
            "<b>%{customdata[1]}</b><br>"
            f"{text(language, 'minutes')} %{{customdata[2]}}<br>"
            f"{text(language, 'sale')} %{{customdata[3]}}<br>"
            f"{text(language, 'margin')} %{{customdata[4]}}<extra></extra>"
        ),
    )
    for x, words in zip(COLUMNS, ("minutes", "sale", "margin"), strict=True):
        note(fig, x, -0.8, text(language, words), muted=True)
    for position, seconds, sale, margin in zip(positions, rows.duration_s, rows.sale_eur, rows.margin_eur, strict=True):
        note(fig, COLUMNS[0], position, number(language, minutes(seconds)))
        note(fig, COLUMNS[1], position, money(language, sale))
        note(fig, COLUMNS[2], position, money(language, margin))
    fig.update_xaxes(visible=False, range=[0, width])
    fig.update_yaxes(
        range=[count - 0.5, -1.15],
        tickvals=positions,
        ticktext=[f"{label(called)}  " for called in rows[name]],
        showgrid=False,
    )
    fig.update_layout(clickmode="event+select", barmode="overlay")
    return fig


@cache
def outlined_countries() -> frozenset[str]:
    """The alpha-3 codes that the map has an outline for."""
    outlines = json.loads(OUTLINES.read_text())
    return frozenset(country["id"] for country in outlines["objects"]["countries"]["geometries"])


def magnitude(value: Decimal | float) -> float:
    """The order of magnitude with the sign kept: 10 -> 1, 1,000 -> 3, -10 -> -1, and all below 1 near 0. The home country must not wash
    out all others, and a loss must stay a loss."""
    return copysign(log10(1 + abs(float(value))), float(value))


def world(rows: pd.DataFrame, language: Language, measure: Literal["minutes", "margin"]) -> go.Figure:
    """Countries coloured by minutes or margin. ``rows`` as ``queries.calls_by_country``, those with an alpha3 only."""
    values = [
        minutes(seconds) if measure == "minutes" else margin for seconds, margin in zip(rows.duration_s, rows.margin_eur, strict=True)
    ]
    magnitudes = [magnitude(value) for value in values]
    reach = max(1, *(ceil(abs(found)) for found in magnitudes)) if magnitudes else 1
    has_loss = any(found < 0 for found in magnitudes)
    marks = [copysign(10 ** abs(power), power) if power else 0 for power in range(-reach if has_loss else 0, reach + 1)]
    legend = [number(language, mark) if measure == "minutes" else money(language, mark, 0) for mark in marks]
    scale = VOLUME_SCALE if measure == "minutes" else LOSS_TO_MARGIN_SCALE if has_loss else MARGIN_SCALE
    fig = figure(language, height=300, left=0, right=0, top=0, bottom=0)
    fig.add_choropleth(
        locations=rows.alpha3,
        z=magnitudes,
        zmin=-reach if has_loss else 0,
        zmax=reach,
        colorscale=scale,
        marker={"line": {"color": "white", "width": 0.6}},
        customdata=[
            [escape(name), number(language, calls), number(language, minutes(seconds)), money(language, sale), money(language, margin)]
            for name, calls, seconds, sale, margin in zip(
                rows["name"], rows.calls, rows.duration_s, rows.sale_eur, rows.margin_eur, strict=True
            )
        ],
        hovertemplate=(
            "<b>%{customdata[0]}</b><br>"
            f"{text(language, 'calls')} %{{customdata[1]}}<br>"
            f"{text(language, 'minutes')} %{{customdata[2]}}<br>"
            f"{text(language, 'sale')} %{{customdata[3]}}<br>"
            f"{text(language, 'margin')} %{{customdata[4]}}<extra></extra>"
        ),
        colorbar={
            "orientation": "h", "x": 0.5, "y": 0.0, "yanchor": "bottom", "len": 0.62, "thickness": 8, "outlinewidth": 0, "ypad": 0,
            "tickvals": [magnitude(mark) for mark in marks],
            "ticktext": legend,
            "tickfont": {"size": 11, "color": MUTED},
        },
    )  # fmt: skip
    fig.update_geos(
        projection_type="natural earth",
        lataxis_range=[-52, 78],
        showframe=False,
        showcoastlines=False,
        showcountries=True,
        countrycolor="white",
        countrywidth=0.6,
        showland=True,
        landcolor=LAND,
        showlakes=False,
        bgcolor="rgba(0,0,0,0)",
        domain={"x": [0, 1], "y": [0.12, 1]},
    )
    return fig


def same_weekday_shift(now: pd.DataFrame, before: pd.DataFrame) -> int:
    """Days to move ``before`` so that Mondays fall on Mondays; 0 for short periods, which a shift would cut to pieces."""
    if len(now) < SHORTEST_SHIFTED:
        return 0
    days_apart = (pd.Timestamp(now.call_date.iloc[0]) - pd.Timestamp(before.call_date.iloc[0])).days % 7
    return -days_apart if days_apart <= 3 else 7 - days_apart


def daily(now: pd.DataFrame, before: pd.DataFrame | None, language: Language, measure: Measure) -> go.Figure:
    """A period day by day, with the previous period faint behind it, weekday on weekday. Frames as ``queries.calls_by_day``."""
    fig = figure(language, height=240, left=0, right=8, top=22, bottom=0)
    if before is not None:
        shift = same_weekday_shift(now, before)
        places = [place + shift for place in range(len(before))]
        kept = [0 <= place < len(now) for place in places]
        days_shown = before[kept]
        fig.add_scatter(
            x=[place for place in places if 0 <= place < len(now)],
            y=heights(days_shown, measure),
            mode="lines",
            line={"color": FAINT, "width": 2},
            customdata=hover(days_shown, language, measure),
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            zorder=0,
        )
        first, last = (pd.Timestamp(before.call_date.iloc[end]).date() for end in (0, -1))
        words = f"<span style='color:{FAINT}'>━</span> {days(language, first, last)}"
        note(fig, 1, 1.06, words, yref="paper", muted=True)
    positions, y = list(range(len(now))), heights(now, measure)
    template = "<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>"
    if measure == "margin":
        fig.add_scatter(
            x=positions, y=y, mode="lines" if len(now) > 1 else "markers", line={"color": MARGIN, "width": 2.5}, fill="tozeroy",
            fillcolor="rgba(217,144,47,0.10)", customdata=hover(now, language, measure), hovertemplate=template, zorder=1,
        )  # fmt: skip
    else:
        fig.add_bar(
            x=positions, y=y, marker={"color": VOLUME, "cornerradius": 2}, customdata=hover(now, language, measure),
            hovertemplate=template, zorder=-1,
        )  # fmt: skip
    step = max(1, round(len(now) / 7))
    fig.update_xaxes(
        tickvals=positions[::step],
        ticktext=[short_day(language, pd.Timestamp(value).date()) for value in now.call_date[::step]],
        tickfont={"color": MUTED},
    )
    fig.update_yaxes(
        rangemode="tozero", nticks=5, tickfont={"color": MUTED}, tickformat=",.0f",
        tickprefix={"nl": "€ ", "en": "€"}[language] if measure == "margin" else "",
    )  # fmt: skip
    return fig


def heights(rows: pd.DataFrame, measure: Measure) -> list[float]:
    """What a day weighs on the chart: calls, minutes or euros."""
    match measure:
        case "calls":
            return [float(calls) for calls in rows.calls]
        case "minutes":
            return [float(minutes(seconds)) for seconds in rows.duration_s]
        case "margin":
            return [float(margin) for margin in rows.margin_eur]


def hover(rows: pd.DataFrame, language: Language, measure: Measure) -> list[list[str]]:
    """Per day its date and its value, as people write them."""
    dates = [weekday(language, pd.Timestamp(value).date()) for value in rows.call_date]
    match measure:
        case "calls":
            values = [f"{number(language, calls)} {text(language, 'calls').lower()}" for calls in rows.calls]
        case "minutes":
            values = [f"{number(language, minutes(seconds))} {text(language, 'minutes').lower()}" for seconds in rows.duration_s]
        case "margin":
            values = [money(language, margin) for margin in rows.margin_eur]
    return [[day, value] for day, value in zip(dates, values, strict=True)]


def sale_split(labels: Sequence[str], rows: pd.DataFrame, language: Language, *, upright: bool) -> go.Figure:
    """Sales as bars, split into what was bought (grey) and what was earned (amber; red where sold below purchase).

    ``rows`` has sale_eur, purchase_eur, margin_eur and margin_percent_of_sale; ``labels`` its names in the same order.
    """
    count = len(rows)
    fig = figure(language, height=300 if upright else 27 * count + 46, top=28, bottom=0)
    losses = [margin < 0 for margin in rows.margin_eur]
    # Sold below purchase: the bar is as long as the purchase, and what was lost of it is red.
    bought = [float(min(purchase, sale)) for purchase, sale in zip(rows.purchase_eur, rows.sale_eur, strict=True)]
    parts = (
        ("purchase", bought, [PURCHASE] * count),
        ("margin", [abs(float(margin)) for margin in rows.margin_eur], [LOSS if lost else MARGIN for lost in losses]),
    )
    customdata = [
        [
            escape(name),
            money(language, sale),
            money(language, purchase),
            money(language, margin),
            percent(language, share),
        ]
        for name, sale, purchase, margin, share in zip(
            labels, rows.sale_eur, rows.purchase_eur, rows.margin_eur, rows.margin_percent_of_sale, strict=True
        )
    ]
    positions = list(range(count))
    for key, sizes, colors in parts:
        fig.add_bar(
            name=text(language, key),
            orientation="v" if upright else "h",
            x=positions if upright else sizes,
            y=sizes if upright else positions,
            marker={"color": colors},
            customdata=customdata,
            hovertemplate=(
                "<b>%{customdata[0]}</b><br>"
                f"{text(language, 'sale')} %{{customdata[1]}}<br>"
                f"{text(language, 'purchase')} %{{customdata[2]}}<br>"
                f"{text(language, 'margin')} %{{customdata[3]}} (%{{customdata[4]}})<extra></extra>"
            ),
        )
    fig.update_layout(
        barmode="stack",
        showlegend=True,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "traceorder": "normal"},
    )
    euros = {
        "tickprefix": {"nl": "€ ", "en": "€"}[language],
        "tickformat": ",.0f",
        "nticks": 5,
        "tickfont": {"color": MUTED},
    }
    step = max(1, ceil(count / MOST_UPRIGHT_NAMES)) if upright else 1
    names = {"tickvals": positions[::step], "ticktext": [f"{label(name)}  " for name in labels[::step]], "showgrid": False, "tickangle": 0}
    if upright:
        fig.update_xaxes(names)
        fig.update_yaxes(euros)
    else:
        fig.update_xaxes({**euros, "showgrid": True, "gridcolor": LINE})
        fig.update_yaxes({**names, "range": [count - 0.4, -0.6]})
    return fig


def band(calls: int) -> int:
    """Which of the ``BANDS`` a number of calls lies in, counted from 0."""
    return bisect_right(BANDS, calls)


def banded(colors: Sequence[str]) -> list[tuple[float, str]]:
    """A colour scale in steps, each colour the same part of it."""
    return [(place / len(colors), color) for index, color in enumerate(colors) for place in (index, index + 1)]


def capacity(profiles: Sequence[str], packets: Sequence[str], calls: Sequence[Sequence[int]], language: Language) -> go.Figure:
    """A heat map of calls that fit: one row per profile, one column per codec and packet time; the number stands in the cell.

    Colours in bands, narrow where lines are small: between 0 and 4 calls lies a decision, between 400 and 404 none.
    """
    fig = figure(language, height=26 * len(profiles) + 44, top=44, bottom=0)
    fig.add_heatmap(
        x=list(range(len(packets))),
        y=list(range(len(profiles))),
        z=[[band(count) + 0.5 for count in row] for row in calls],
        text=[[number(language, count) for count in row] for row in calls],
        texttemplate="%{text}",
        textfont={"size": 12},
        customdata=[[[escape(profile), escape(packet)] for packet in packets] for profile in profiles],
        hovertemplate="<b>%{text}</b> " + text(language, "calls").lower() + "<br>%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
        colorscale=banded(BAND_COLORS),
        zmin=0,
        zmax=len(BAND_COLORS),
        showscale=False,
        xgap=2,
        ygap=2,
    )
    fig.update_xaxes(
        side="top",
        tickvals=list(range(len(packets))),
        ticktext=[escape(packet).replace(" ", "<br>", 1) for packet in packets],
        linewidth=0,
        ticks="",
        tickangle=0,
    )
    fig.update_yaxes(
        autorange="reversed", tickvals=list(range(len(profiles))), ticktext=[f"{escape(profile)}  " for profile in profiles],
        showgrid=False,
    )  # fmt: skip
    return fig


def lines_and_peaks(rows: pd.DataFrame, names: Sequence[str], limits: Sequence[str], language: Language) -> go.Figure:
    """Per line a broad bar of the calls that fit and a narrow one of the peak, red where it is longer; the numbers beside them.

    ``rows`` has limit_calls, peak_calls and headroom_calls, none empty; ``names`` and ``limits`` (what limits) are in the same order. A
    line that carries many times any peak is drawn only as long as it takes to see that, with an open end.
    """
    count = len(rows)
    fig = figure(language, height=34 * count + 36, top=0, bottom=0)
    positions = list(range(count))
    fits, peaks = [int(calls) for calls in rows.limit_calls], [int(calls) for calls in rows.peak_calls]
    longest = max(LONGEST_LIMIT * max(peaks), 1)
    customdata = [
        [escape(name), number(language, limit), escape(what), number(language, peak), number(language, int(spare))]
        for name, what, limit, peak, spare in zip(names, limits, fits, peaks, rows.headroom_calls, strict=True)
    ]
    hovertemplate = (
        "<b>%{customdata[0]}</b><br>"
        f"{text(language, 'fits')} %{{customdata[1]}} (%{{customdata[2]}})<br>"
        f"{text(language, 'peak')} %{{customdata[3]}}<br>"
        f"{text(language, 'headroom')} %{{customdata[4]}}<extra></extra>"
    )
    bars = (
        ([min(limit, longest) for limit in fits], 0.72, [PURCHASE] * count),
        (peaks, 0.3, [LOSS if peak > limit else VOLUME for limit, peak in zip(fits, peaks, strict=True)]),
    )
    for lengths, width, colors in bars:
        fig.add_bar(
            orientation="h", x=lengths, y=positions, width=width, marker={"color": colors, "cornerradius": 2}, customdata=customdata,
            hovertemplate=hovertemplate,
        )  # fmt: skip
    reach = max(*(min(limit, longest) for limit in fits), *peaks, 1)
    for position, limit in zip(positions, fits, strict=True):
        if limit > longest:
            note(fig, longest / reach * LINE_BARS_SHARE, position, "…", anchor="left", muted=True)
    for x, words in zip(LINE_COLUMNS, ("fits", "limited_by", "peak", "headroom"), strict=True):
        note(fig, x, -0.8, text(language, words), muted=True)
    for position, (_, limit, what, peak, spare) in zip(positions, customdata, strict=True):
        for x, words in zip(LINE_COLUMNS, (limit, what, peak, spare), strict=True):
            note(fig, x, position, words)
    fig.update_xaxes(visible=False, range=[0, reach / LINE_BARS_SHARE])
    fig.update_yaxes(
        range=[count - 0.5, -1.15], tickvals=positions, ticktext=[f"{label(name)}  " for name in names], showgrid=False,
    )  # fmt: skip
    fig.update_layout(barmode="overlay")
    return fig


def week(peaks: Sequence[Sequence[int]], language: Language) -> go.Figure:
    """A heat map of a week: a row per weekday, a column per hour; the peak stands in the cell, nothing where nobody called."""
    fig = figure(language, height=26 * len(peaks) + 44, top=24, bottom=0)
    names = WEEKDAYS[language]
    fig.add_heatmap(
        x=list(range(24)),
        y=list(range(7)),
        z=[[float(peak) for peak in day] for day in peaks],
        text=[[number(language, peak) if peak else "" for peak in day] for day in peaks],
        texttemplate="%{text}",
        textfont={"size": 12},
        customdata=[
            [[names[weekday], f"{hour:02d}:00 – {hour + 1:02d}:00", peak] for hour, peak in enumerate(day)]
            for weekday, day in enumerate(peaks)
        ],
        hovertemplate="%{customdata[0]} %{customdata[1]}<br><b>%{customdata[2]}</b> " + text(language, "calls").lower() + "<extra></extra>",
        colorscale=["#f4f7f8", *VOLUME_SCALE],
        zmin=0,
        zmax=max(1, *(max(day) for day in peaks)),
        showscale=False,
        xgap=2,
        ygap=2,
    )
    fig.update_xaxes(
        side="top", tickvals=list(range(0, 24, 2)), ticktext=[f"{hour:02d}" for hour in range(0, 24, 2)], linewidth=0, tickangle=0
    )
    fig.update_yaxes(autorange="reversed", tickvals=list(range(7)), ticktext=[f"{name}  " for name in names], showgrid=False)
    return fig


def peaks_against_limit(rows: pd.DataFrame, limit_calls: int | None, language: Language) -> go.Figure:
    """A customer's peak of every day as bars, red over the limit, and the limit as a line. ``rows`` as ``queries.peaks_by_day``."""
    fig = figure(language, height=226, left=0, right=8, top=24, bottom=0)
    positions = list(range(len(rows)))
    is_over = [limit_calls is not None and peak > limit_calls for peak in rows.peak_calls]
    fig.add_bar(
        x=positions,
        y=[float(peak) for peak in rows.peak_calls],
        marker={"color": [LOSS if over else VOLUME for over in is_over], "cornerradius": 2},
        customdata=[
            [weekday(language, pd.Timestamp(day).date()), f"{number(language, int(peak))} {text(language, 'calls').lower()}"]
            for day, peak in zip(rows.call_date, rows.peak_calls, strict=True)
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
    )
    highest = top = max(1, *rows.peak_calls) if len(rows) else 1
    if limit_calls is not None and limit_calls <= LONGEST_LIMIT * highest:
        top = max(highest, limit_calls)
        fig.add_hline(y=limit_calls, line={"color": MARGIN, "width": 2})
        note(
            fig,
            1,
            1.07,
            f"<span style='color:{MARGIN}'>━</span> {text(language, 'fits')} {number(language, limit_calls)}",
            yref="paper",
            muted=True,
        )
    step = max(1, round(len(rows) / 7))
    fig.update_xaxes(
        tickvals=positions[::step],
        ticktext=[short_day(language, pd.Timestamp(value).date()) for value in rows.call_date[::step]],
        tickfont={"color": MUTED},
    )
    # calls are whole: between two of them there is no tick
    fig.update_yaxes(rangemode="tozero", tickfont={"color": MUTED}, tickformat=",d", **({"nticks": 5} if top > 5 else {"dtick": 1}))
    return fig
