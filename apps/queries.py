"""Every question that a page asks of a snapshot: SQL, answered once per snapshot and arguments.

``snapshot`` is the resolved file of one publication of one partner, so a cached answer can serve neither another partner nor an older
publication. Answers are exact: money stays Decimal up to the widgets. All of it reads the aggregates (``daily_calls``, ``margins``,
``concurrency``), never ``calls``: the cost follows the days and destinations, not the number of calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pandas as pd
from streamlit import cache_data

from apps.language import Language
from apps.period import DAY, Period, shift_month
from orchestration.reports.contents import percent_of
from orchestration.serving import connect

Dimension = Literal["customer", "destination", "service", "month"]
DIMENSIONS: tuple[Dimension, ...] = ("customer", "destination", "service", "month")

ANSWERS_KEPT = 512  # per question, over all partners and snapshots; the oldest go first
cached: Callable = cache_data(show_spinner=False, max_entries=ANSWERS_KEPT)


@dataclass(frozen=True)
class Partner:
    """Who the snapshot belongs to. ``time_zone`` is an IANA name."""

    partner_id: str
    name: str
    brand_color: str | None
    time_zone: str


@dataclass(frozen=True)
class CallTotals:
    """Sums over all calls of a period; unanswered calls count in ``calls`` only."""

    calls: int
    answered_calls: int
    duration_s: int
    sale_eur: Decimal
    purchase_eur: Decimal
    margin_eur: Decimal

    @property
    def margin_percent_of_sale(self) -> Decimal | None:
        return percent_of(self.margin_eur, self.sale_eur)


def frame(snapshot: str, sql: str, parameters: Mapping[str, object] | None = None) -> pd.DataFrame:
    """The rows of ``sql`` with amounts as Decimal (DuckDB's own data frames would make them floats)."""
    with connect(Path(snapshot)) as connection:
        return connection.sql(sql, params=dict(parameters or {})).to_arrow_table().to_pandas()


def country_name(language: Language, code: str = "country", table: str = "countries") -> str:
    """SQL for a country's name in this language, its code where it has none."""
    return f"coalesce({table}.name_{language}, {code})"


def days_of(period: Period) -> dict[str, date]:
    return {"first_date": period.first_date, "end_date": period.end_date}


IN_PERIOD = "call_date >= $first_date and call_date < $end_date"


@cached
def partner(snapshot: str) -> Partner:
    row = frame(snapshot, "select partner_id, name, brand_color, time_zone from partner").iloc[0]
    return Partner(row.partner_id, row["name"], row.brand_color, row.time_zone)


@cached
def published_at(snapshot: str) -> datetime:
    """When the snapshot was made, in UTC."""
    moment = frame(snapshot, "select published_at from _snapshot").published_at[0]
    return moment.to_pydatetime().replace(tzinfo=UTC)


@cached
def months(snapshot: str) -> tuple[str, ...]:
    """The months that have calls or margins, oldest first. Services are often billed for longer than calls are kept."""
    rows = frame(
        snapshot,
        """
        select month from margins
        union
        select strftime(call_date, '%Y-%m') as month from (select distinct call_date from daily_calls) as call_dates
        order by month
        """,
    )
    return tuple(rows["month"])


@cached
def available_days(snapshot: str) -> Period | None:
    """From the first day of the first month with calls to the last day that is known; None when there is no call at all.

    Known is the last day with calls, or, when the snapshot was made after that month, the month's end: then no more days will come.
    """
    row = frame(snapshot, "select min(call_date) as first_date, max(call_date) as last_date from daily_calls").iloc[0]
    if pd.isna(row.first_date):
        return None
    first_date, last_date = pd.Timestamp(row.first_date).date(), pd.Timestamp(row.last_date).date()
    month_end = shift_month(last_date.replace(day=1), 1)
    is_over = published_at(snapshot).date() >= month_end
    return Period(first_date.replace(day=1), month_end if is_over else last_date + DAY)


@cached
def call_totals(snapshot: str, period: Period) -> CallTotals:
    row = frame(
        snapshot,
        f"""
        select
            coalesce(sum(calls), 0)::bigint as calls,
            coalesce(sum(answered_calls), 0)::bigint as answered_calls,
            coalesce(sum(duration_s), 0)::bigint as duration_s,
            coalesce(sum(sale_eur), 0) as sale_eur,
            coalesce(sum(purchase_eur), 0) as purchase_eur,
            coalesce(sum(margin_eur), 0) as margin_eur
        from daily_calls
        where {IN_PERIOD}
        """,
        days_of(period),
    ).iloc[0]
    counts = (int(row[name]) for name in ("calls", "answered_calls", "duration_s"))
    return CallTotals(*counts, row.sale_eur, row.purchase_eur, row.margin_eur)


@cached
def calls_by_day(snapshot: str, period: Period) -> pd.DataFrame:
    """One row per day of the period, also for days without calls: call_date, calls, duration_s, margin_eur."""
    return frame(
        snapshot,
        f"""
        with days as (
            select unnest(generate_series($first_date, $end_date - interval 1 day, interval 1 day))::date as call_date
        ),

        calls_of_day as (
            select
                call_date,
                sum(calls)::bigint as calls,
                sum(duration_s)::bigint as duration_s,
                sum(margin_eur) as margin_eur
            from daily_calls
            where {IN_PERIOD}
            group by call_date
        )

        select
            days.call_date,
            coalesce(calls_of_day.calls, 0) as calls,
            coalesce(calls_of_day.duration_s, 0) as duration_s,
            coalesce(calls_of_day.margin_eur, 0) as margin_eur
        from days
        left join calls_of_day on days.call_date = calls_of_day.call_date
        order by days.call_date
        """,
        days_of(period),
    )


@cached
def calls_by_country(snapshot: str, period: Period, language: Language) -> pd.DataFrame:
    """One row per country called: country, alpha3 (None for satellite), name, calls, duration_s, sale_eur, margin_eur."""
    return frame(
        snapshot,
        f"""
        with calls_of_country as (
            select
                country,
                sum(calls)::bigint as calls,
                sum(duration_s)::bigint as duration_s,
                sum(sale_eur) as sale_eur,
                sum(margin_eur) as margin_eur
            from daily_calls
            where {IN_PERIOD} and country is not null
            group by country
        )

        select
            calls_of_country.country,
            countries.alpha3,
            {country_name(language, "calls_of_country.country")} as name,
            calls_of_country.calls,
            calls_of_country.duration_s,
            calls_of_country.sale_eur,
            calls_of_country.margin_eur
        from calls_of_country
        left join countries on calls_of_country.country = countries.country
        order by calls_of_country.duration_s desc, calls_of_country.country
        """,
        days_of(period),
    )


@cached
def international_customers(snapshot: str, period: Period, limit: int) -> pd.DataFrame:
    """The customers with the most international minutes, most first: customer_id, customer, calls, duration_s, sale_eur,
    margin_eur."""
    return frame(
        snapshot,
        f"""
        with calls_abroad as (
            select
                customer_id,
                sum(calls)::bigint as calls,
                sum(duration_s)::bigint as duration_s,
                sum(sale_eur) as sale_eur,
                sum(margin_eur) as margin_eur
            from daily_calls
            where {IN_PERIOD} and is_international
            group by customer_id
            having sum(duration_s) > 0
            order by sum(duration_s) desc, customer_id
            limit $limit
        )

        select
            calls_abroad.customer_id,
            coalesce(customers.name, calls_abroad.customer_id) as customer,
            calls_abroad.calls,
            calls_abroad.duration_s,
            calls_abroad.sale_eur,
            calls_abroad.margin_eur
        from calls_abroad
        left join customers on calls_abroad.customer_id = customers.customer_id
        order by calls_abroad.duration_s desc, calls_abroad.customer_id
        """,
        {**days_of(period), "limit": limit},
    )


@cached
def international_destinations(snapshot: str, period: Period, customer_id: str, language: Language, limit: int) -> pd.DataFrame:
    """One customer's countries abroad, most minutes first: country, name, calls, duration_s, sale_eur, margin_eur."""
    return frame(
        snapshot,
        f"""
        with calls_abroad as (
            select
                country,
                sum(calls)::bigint as calls,
                sum(duration_s)::bigint as duration_s,
                sum(sale_eur) as sale_eur,
                sum(margin_eur) as margin_eur
            from daily_calls
            where {IN_PERIOD} and is_international and customer_id = $customer_id
            group by country
            having sum(duration_s) > 0
        )

        select
            calls_abroad.country,
            {country_name(language, "calls_abroad.country")} as name,
            calls_abroad.calls,
            calls_abroad.duration_s,
            calls_abroad.sale_eur,
            calls_abroad.margin_eur
        from calls_abroad
        left join countries on calls_abroad.country = countries.country
        order by calls_abroad.duration_s desc, calls_abroad.country
        limit $limit
        """,
        {**days_of(period), "customer_id": customer_id, "limit": limit},
    )


@cached
def unrated_calls(snapshot: str, period: Period) -> int:
    """Answered calls that wait for a purchase rate: they stand in no amount."""
    return int(
        frame(
            snapshot,
            f"select coalesce(sum(unrated_calls), 0)::bigint as calls from daily_calls where {IN_PERIOD}",
            days_of(period),
        ).calls[0]
    )


@cached
def quarantined_rows(snapshot: str) -> dict[str, int]:
    """Rejected rows by reason, most first."""
    rows = frame(
        snapshot,
        "select reason, count(*) as row_count from quarantine group by reason order by row_count desc, reason",
    )
    return {reason: int(count) for reason, count in zip(rows.reason, rows.row_count, strict=True)}


def dimension_columns(dimension: Dimension, language: Language) -> str:
    """The SQL of what a margin row is "one per", beside the amounts."""
    match dimension:
        case "customer":
            return (
                "margins.customer_id, coalesce(customers.name, margins.customer_id) as customer, "
                "coalesce(resellers.name, margins.reseller_id) as reseller"
            )
        case "destination":
            return f"margins.country, {country_name(language, 'margins.country')} as destination, margins.line_type"
        case "service":
            return "margins.kind, coalesce(margins.category, margins.kind) as service, margins.line_type"
        case "month":
            return "margins.month"


@cached
def margins(
    snapshot: str,
    chosen_months: tuple[str, ...],
    dimension: Dimension,
    language: Language,
    customer_id: str | None = None,
) -> pd.DataFrame:
    """Sums of ``margins`` over the months, one row per ``dimension``, dearest first (months in order).

    Beside the columns of the dimension: sale_eur, purchase_eur, margin_eur, margin_percent_of_sale and markup_percent (of the sums, not
    a mean of percentages; None where there is nothing to take a percentage of). By destination only calls count: services have none.
    """
    columns = dimension_columns(dimension, language)
    rows = frame(
        snapshot,
        f"""
        select
            {columns},
            sum(margins.sale_eur) as sale_eur,
            sum(margins.purchase_eur) as purchase_eur,
            sum(margins.margin_eur) as margin_eur
        from margins
        left join customers on margins.customer_id = customers.customer_id
        left join resellers on margins.reseller_id = resellers.reseller_id
        left join countries on margins.country = countries.country
        where list_contains($months, margins.month)
            and ($customer_id::varchar is null or margins.customer_id = $customer_id)
            and ($dimension::varchar <> 'destination' or margins.kind = 'calls')
        group by all
        order by {"margins.month" if dimension == "month" else "sale_eur desc, 1, 2, 3"}
        """,
        {"months": list(chosen_months), "customer_id": customer_id, "dimension": dimension},
    )
    pairs = list(zip(rows.margin_eur, rows.sale_eur, rows.purchase_eur, strict=True))
    rows["margin_percent_of_sale"] = [percent_of(margin, sale) for margin, sale, _ in pairs]
    rows["markup_percent"] = [percent_of(margin, purchase) for margin, _, purchase in pairs]
    return rows.astype({"margin_percent_of_sale": object, "markup_percent": object})


def margin_totals(rows: pd.DataFrame) -> dict[str, Decimal | None]:
    """The sums of ``margins`` rows, and the percentages of those sums."""
    sums = {name: sum(rows[name], Decimal(0)) for name in ("sale_eur", "purchase_eur", "margin_eur")}
    return {
        **sums,
        "margin_percent_of_sale": percent_of(sums["margin_eur"], sums["sale_eur"]),
        "markup_percent": percent_of(sums["margin_eur"], sums["purchase_eur"]),
    }


@dataclass(frozen=True)
class AccessProfile:
    """An access line as the seed describes it; ``voice_kbps`` is the voice PVC's own guaranteed speed."""

    access_profile: str
    name: str
    technology: str
    down_kbps: int
    up_kbps: int
    contention: str
    framing: str
    voice_kbps: int | None
    is_illustrative: bool


@cached
def access_profiles(snapshot: str, language: Language) -> tuple[AccessProfile, ...]:
    rows = frame(
        snapshot,
        f"""
        select access_profile, name_{language} as name, technology, down_kbps, up_kbps, contention, framing, voice_kbps, is_illustrative
        from access_profiles
        order by technology, down_kbps, access_profile
        """,
    )
    return tuple(
        AccessProfile(
            row.access_profile, row.name, row.technology, int(row.down_kbps), int(row.up_kbps), row.contention, row.framing,
            None if pd.isna(row.voice_kbps) else int(row.voice_kbps), bool(row.is_illustrative),
        )
        for row in rows.itertuples(index=False)
    )  # fmt: skip


@cached
def contention_shares(snapshot: str) -> dict[str, Decimal]:
    """Percent of the line that a contention ratio leaves: ``{"1:4": Decimal("25")}``, most first."""
    rows = frame(
        snapshot,
        "select contention, share_percent::decimal(5, 2) as share_percent from contention_shares order by share_percent desc",
    )
    return dict(zip(rows.contention, rows.share_percent, strict=True))


@cached
def pvc_matrix(snapshot: str, language: Language, ip_version: int, srtp: bool) -> pd.DataFrame:
    """One row per access profile, codec and packet time, slowest line first."""
    return frame(
        snapshot,
        f"""
        select access_profile, access_profiles.name_{language} as access_profile_name, pvc_matrix.technology, pvc_matrix.contention,
            pvc_matrix.framing, codec, packet_ms, kbps_per_call, guaranteed_kbps, concurrent_calls, pvc_matrix.is_illustrative
        from pvc_matrix
        inner join access_profiles using (access_profile)
        where ip_version = $ip_version and srtp = $srtp
        order by guaranteed_kbps, access_profile, codec, packet_ms
        """,
        {"ip_version": ip_version, "srtp": srtp},
    )


@cached
def line_codecs(snapshot: str) -> tuple[str, ...]:
    """The codecs that ``line_capacity`` is worked out for."""
    return tuple(frame(snapshot, "select distinct codec from line_capacity order by codec").codec)


@cached
def customer_lines(snapshot: str, language: Language, codec: str) -> pd.DataFrame:
    """One row per internet line of a customer, tightest first, those that cannot be computed last.

    Columns: customer_id, customer, line_id, customer_lines, profile (name, as landed where unknown), guaranteed_kbps, concurrent_calls,
    channels, license_calls, limit_calls (all empty where not known or without limit), bottleneck, peak_calls, headroom_calls, line_reason.
    """
    return frame(
        snapshot,
        f"""
        select
            line_capacity.customer_id,
            coalesce(customers.name, line_capacity.customer_id) as customer,
            line_id,
            customer_lines,
            coalesce(access_profiles.name_{language}, line_capacity.access_profile) as profile,
            guaranteed_kbps,
            concurrent_calls,
            channels,
            license_calls,
            limit_calls,
            bottleneck,
            peak_calls,
            headroom_calls,
            line_reason
        from line_capacity
        left join customers using (customer_id)
        left join access_profiles using (access_profile)
        where codec = $codec
        order by headroom_calls nulls last, peak_calls desc, customer, line_id
        """,
        {"codec": codec},
    )


@cached
def peaks_by_day(snapshot: str, customer_id: str, period: Period) -> pd.DataFrame:
    """Every day of the period, in order: call_date, peak_calls (0 where no call stood on the line)."""
    return frame(
        snapshot,
        f"""
        with call_dates as (
            select unnest(generate_series($first_date::date, $end_date::date - 1, interval 1 day))::date as call_date
        ),

        peaks as (
            select call_date, peak_calls from concurrency where customer_id = $customer_id and {IN_PERIOD}
        )

        select call_date, coalesce(peak_calls, 0)::integer as peak_calls
        from call_dates
        left join peaks using (call_date)
        order by call_date
        """,
        {**days_of(period), "customer_id": customer_id},
    )


@cached
def peaks_by_hour(snapshot: str, customer_id: str) -> list[list[int]]:
    """Seven days, Monday first, of 24 local hours: the most simultaneous calls."""
    rows = frame(
        snapshot,
        "select weekday, hour_of_day, peak_calls from hourly_concurrency where customer_id = $customer_id",
        {"customer_id": customer_id},
    )
    week = [[0] * 24 for _ in range(7)]
    for weekday, hour, peak in rows.itertuples(index=False):
        week[weekday - 1][hour] = int(peak)
    return week
