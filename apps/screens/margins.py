"""Margins: sales, purchase and margin by customer, destination, service or month; the same rows as files."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import pandas as pd
import streamlit as st

from apps import address, charts, exports, queries
from apps.exports import Column, Report
from apps.language import DASH, SERVICE_CATEGORIES, moment, money, month, months, number, percent, short_month, text, verbatim
from apps.queries import DIMENSIONS, Dimension
from apps.view import View, handed_over

BARS_SHOWN = 8
ROW_HEIGHT = 32  # pixels
ROWS_IN_SIGHT = 20  # the rest scrolls
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
AMOUNTS = ("sale", "purchase", "margin")
LINE_TYPES = ("FIX", "MOB", "SPECIAL")


def show(view: View) -> None:
    say = partial(text, view.language)
    st.title(say("margins"))
    chosen_months = view.period.months
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        known = address.prepare("by", DIMENSIONS, "customer")
        dimension: Dimension | None = st.segmented_control(
            say("by"), DIMENSIONS, format_func=lambda by: say(f"by_{by}"), required=known, key="by", label_visibility="collapsed"
        )
        files = st.container(horizontal=True, width="content")
    if dimension is None:
        st.error(say("unknown_choice", asked=verbatim(address.wanted("by"))))
        return
    address.keep("by", dimension)
    scope = "margins_scope_calls" if dimension == "destination" else "margins_scope"
    st.caption(say(scope, months=months(view.language, chosen_months)))
    if not view.period.is_whole_months:
        st.caption(f":material/info: {say('whole_months')}")
    rows = queries.margins(view.snapshot, chosen_months, dimension, view.language)
    if rows.empty:
        st.info(say("no_margins"))
        return
    report = margin_report(view, dimension, rows)
    with files:
        offer_files(view, report)
    left, right = st.container(key="stacks-margins").columns([8, 5])
    with left.container(border=True, height="stretch"):
        show_chart(view, report, dimension)
    with right:
        show_totals(view, report)
    chosen = show_table(view, report, selectable=dimension == "customer")
    if chosen is not None:
        show_customer(view, chosen_months, rows.customer_id[chosen], rows.customer[chosen])


def columns_of(view: View, dimension: Dimension, rows: pd.DataFrame) -> tuple[Column, ...]:
    """The columns of a margin table: what its rows are one per, then the amounts, then the percentages."""
    say = partial(text, view.language)
    line_types = {code: say(code) for code in LINE_TYPES}
    categories = {"calls": say("kind_calls"), **(SERVICE_CATEGORIES if view.language == "en" else {})}
    match dimension:
        case "customer":
            named = [
                Column("customer", say("customer")),
                Column("customer_id", say("customer_id")),
                Column("reseller", say("reseller")),
            ]
        case "destination":
            named = [
                Column("destination", say("destination")), Column("line_type", say("line_type"), words=line_types),
                Column("country", say("country")),
            ]  # fmt: skip
        case "service":
            named = [
                Column("service", say("service"), words=categories),
                Column("line_type", say("line_type"), words=line_types),
                Column("kind", say("kind"), words={kind: say(f"kind_{kind}") for kind in ("calls", "services")}),
            ]
        case "month":
            named = [Column("month", say("month"), words={value: month(view.language, value) for value in rows.month})]
    return (
        *named,
        *(Column(f"{amount}_eur", say(amount), "money") for amount in AMOUNTS),
        Column("margin_percent_of_sale", say("margin_percent_of_sale"), "percent"),
        Column("markup_percent", say("markup_percent"), "percent"),
    )


def margin_report(
    view: View, dimension: Dimension, rows: pd.DataFrame, customer_id: str | None = None, customer: str | None = None
) -> Report:
    say = partial(text, view.language)
    chosen_months = view.period.months
    parts = [
        "margins",
        view.partner_id,
        dimension,
        chosen_months[0],
        *(chosen_months[-1:] if len(chosen_months) > 1 else ()),
    ]
    parameters = [
        (say("report"), f"{say('margins')}: {say('by').lower()} {say(f'by_{dimension}').lower()}"),
        (say("partner"), f"{view.partner_name} ({view.partner_id})"),
        (say("period"), months(view.language, chosen_months)),
        *([(say("customer"), f"{customer} ({customer_id})")] if customer_id else []),
        (say("as_of_label"), moment(view.language, view.as_of)),
        (say("time_zone"), str(view.as_of.tzinfo)),
        (say("snapshot_label"), view.snapshot.rsplit("/", 1)[-1].removesuffix(".duckdb")),
        (say("rows"), number(view.language, len(rows))),
    ]
    return Report(
        file_name="-".join([*parts, *([customer_id] if customer_id else [])]),
        title=say("margins"),
        total_heading=say("total"),
        parameters_heading=say("parameters"),
        columns=columns_of(view, dimension, rows),
        rows=rows,
        totals=queries.margin_totals(rows),
        parameters=tuple(parameters),
    )


def offer_files(view: View, report: Report) -> None:
    """Made when clicked: a page that nobody exports from makes no workbook."""
    for kind, make, mime in (("csv", exports.to_csv, "text/csv"), ("xlsx", exports.to_xlsx, XLSX)):
        st.download_button(
            text(view.language, f"download_{kind}"), partial(make, report), f"{report.file_name}.{kind}", mime,
            key=f"{report.file_name} {kind}", help=text(view.language, f"download_{kind}_help"), on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip


def show_totals(view: View, report: Report) -> None:
    """The totals as four cards, two by two."""
    totals = report.totals
    figures = [(amount, money(view.language, totals[f"{amount}_eur"])) for amount in AMOUNTS]
    figures.append(("margin_percent_of_sale", percent(view.language, totals["margin_percent_of_sale"])))
    cards = [card for row in range(2) for card in st.container(key=f"wraps-totals-{row}").columns(2)]
    for card, (name, value) in zip(cards, figures, strict=True):
        card.metric(text(view.language, name), value, border=True)


def show_table(view: View, report: Report, *, selectable: bool = False) -> int | None:
    """All rows under their total. Gives the position of the chosen row in ``report.rows``, None where none is chosen."""
    language = view.language
    write = {"money": partial(money, language), "percent": partial(percent, language, decimals=2)}
    table = pd.DataFrame({column.heading: cells(report, column) for column in report.columns})
    styled = table.style.apply(emphasize_total, axis=1)
    settings = {}
    for column in report.columns:
        if column.kind != "text":
            styled = styled.format(write[column.kind], subset=[column.heading], na_rep=DASH)
            settings[column.heading] = st.column_config.NumberColumn(alignment="right")
    with pd.option_context("styler.render.max_elements", table.size + 1):
        selection = st.dataframe(
            styled,
            hide_index=True,
            height=ROW_HEIGHT * min(ROWS_IN_SIGHT, len(table) + 1) + 3,
            row_height=ROW_HEIGHT,
            column_config=settings,
            key=f"table {report.file_name}",
            on_select="rerun" if selectable else "ignore",
            selection_mode="single-row",
        )
    if not selectable:
        return None
    st.caption(text(language, "drill_hint"))
    chosen = [row - 1 for row in selection.selection.rows if row > 0]
    return chosen[0] if chosen else None


def cells(report: Report, column: Column) -> list[str | float | None]:
    """A column as the table holds it: the total first, so that it stays in sight above rows that are sorted by amount."""
    if column.kind == "text":
        total = report.total_heading if column is report.columns[0] else ""
        return [total, *(exports.shown_text(column, value) for value in report.rows[column.name])]
    return [sortable(report.totals[column.name]), *(sortable(value) for value in report.rows[column.name])]


def sortable(value: Decimal | None) -> float | None:
    """What the browser sorts by; what it shows is written from its shortest decimal form, which is the exact amount again."""
    return None if value is None else float(value)


def emphasize_total(row: pd.Series) -> list[str]:
    return ["font-weight: 600; background-color: #f3f6f7" if row.name == 0 else ""] * len(row)


def show_chart(view: View, report: Report, dimension: Dimension) -> None:
    say = partial(text, view.language)
    rows = report.rows if dimension == "month" else report.rows.head(BARS_SHOWN)
    title = f"{say('sale')} = {say('purchase').lower()} + {say('margin').lower()}"
    st.subheader(title)
    st.plotly_chart(
        charts.sale_split(names_of(view, report, dimension, rows), rows, view.language, upright=dimension == "month"),
        key=f"chart {report.file_name}", theme=None, config=charts.CONFIG, alt=title,
    )  # fmt: skip
    if len(rows) < len(report.rows):
        st.caption(say("largest_only", count=len(rows)))


def names_of(view: View, report: Report, dimension: Dimension, rows: pd.DataFrame) -> list[str]:
    """How a row is called beside its bar: the name, with the line type where that tells rows apart."""
    if dimension == "month":
        return [short_month(view.language, value) for value in rows.month]
    columns = report.columns[:2] if dimension in ("destination", "service") else report.columns[:1]
    words = [[exports.shown_text(column, value) for value in rows[column.name]] for column in columns]
    return [" · ".join(filter(None, parts)) for parts in zip(*words, strict=True)]


def show_customer(view: View, chosen_months: tuple[str, ...], customer_id: str, customer: str) -> None:
    """One customer's destinations and services, each with its files."""
    st.subheader(text(view.language, "drill_title", customer=verbatim(customer)))
    dimensions: tuple[Dimension, ...] = ("destination", "service")
    tabs = st.tabs([text(view.language, f"by_{dimension}") for dimension in dimensions])
    for place, dimension in zip(tabs, dimensions, strict=True):
        rows = queries.margins(view.snapshot, chosen_months, dimension, view.language, customer_id)
        with place:
            if rows.empty:
                st.info(text(view.language, "no_margins"))
                continue
            report = margin_report(view, dimension, rows, customer_id, customer)
            show_table(view, report)
            with st.container(horizontal=True):
                offer_files(view, report)


show(handed_over())
