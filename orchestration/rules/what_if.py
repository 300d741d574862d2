"""What a draft call plan would have earned on the calls that were made: exact, and in well under a second.

Calls that a price cannot tell apart are counted in ``call_histogram``; a plan is priced once per group. The rules are the batch's: which
row of the plan covers a destination (model ``int_call_plan_prices``), what a call then sells for (macros of ``rating.sql``).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import duckdb

from orchestration import serving
from orchestration.errors import TiktellerError
from orchestration.rules.explaining import opened, relations
from orchestration.warehouse.formulas import model, rule
from orchestration.workspace import Workspace

DRAFT = "(draft)"
LINE_TYPES = ("FIX", "MOB", "SPECIAL", "*")


@dataclass(frozen=True)
class PlanRate:
    """One row of a draft: destination, fee in EUR, and either EUR a minute or a percentage of the purchase minute."""

    country: str
    line_type: str
    connection_fee_eur: Decimal
    minute_rate_eur: Decimal | None = None
    minute_rate_percent: Decimal | None = None


@dataclass(frozen=True)
class DraftPlan:
    """A call plan that nobody has yet."""

    rates: Sequence[PlanRate]
    onnet_billing: bool = False
    rounding_seconds: int = 1
    rounding_decimals: int = 4


@dataclass(frozen=True)
class Scope:
    """Which calls: months (``YYYY-MM``, from and to, both included), customers, and the plan they had; None for all."""

    first_month: str | None = None
    last_month: str | None = None
    customers: Sequence[str] | None = None
    had_plan: str | None = None


@dataclass(frozen=True)
class Outcome:
    """One customer and month: calls with a price under the draft and what they sell for, beside what they did sell for.

    ``unpriced_calls`` have no price under the draft: no purchase row, or no row of the draft covers them.
    """

    customer_id: str
    month: str
    calls: int
    sale_eur: Decimal
    purchase_eur: Decimal
    unpriced_calls: int
    sale_now_eur: Decimal
    purchase_now_eur: Decimal

    @property
    def margin_eur(self) -> Decimal:
        return self.sale_eur - self.purchase_eur


@dataclass(frozen=True)
class WhatIf:
    """What pricing gave, and how much of the history it went through."""

    outcomes: Sequence[Outcome]
    groups: int

    @property
    def sale_eur(self) -> Decimal:
        return sum((each.sale_eur for each in self.outcomes), Decimal(0))


# A price per group of calls; the same steps as rated_calls, from the plan row on.
PRICED = """
    with grouped as (
        select
            histogram.*,
            prices.rate_country,
            prices.rate_line_type,
            prices.call_plan_id is not null as has_plan_rate,
            {{ to_e8('histogram.purchase_fee_eur') }} as purchase_fee_e8,
            {{ to_e8('histogram.purchase_minute_rate_eur') }} as purchase_rate_e8,
            {{ to_e8('prices.connection_fee_eur') }} as plan_fee_e8,
            {{ to_e8('prices.minute_rate_eur') }} as plan_rate_e8,
            {{ to_ppm('prices.minute_rate_percent') }} as plan_rate_ppm,
            plan.onnet_billing,
            plan.rounding_decimals,
            {{ billed_seconds('histogram.duration_s', 'plan.rounding_seconds') }} as billed_s
        from histogram
        inner join plan on histogram.rates_from >= plan.valid_from and histogram.rates_from < plan.valid_to
        left join prices
            on histogram.country = prices.country and histogram.line_type = prices.line_type
            and histogram.rates_from >= prices.valid_from and histogram.rates_from < prices.valid_to
    ),

    told_apart as (
        select
            *,
            (is_onnet_call and not onnet_billing)
                or (is_free_number and not {{ is_row_for_just('country', 'rate_country', 'rate_line_type') }}) as is_free,
            purchase_rate_e8 is not null and has_plan_rate as has_price,
            is_inbound and not coalesce(rate_country = country and rate_line_type = line_type, false) as is_left_out
        from grouped
    ),

    priced as (
        select *, case when is_free then 0 when has_price then {{ sale_price_eur() }} end as each_eur
        from told_apart
        where not is_left_out
    )

    select
        customer_id,
        month,
        cast(sum(case when is_free or has_price then calls else 0 end) as bigint) as calls,
        cast(coalesce(sum(cast(each_eur as decimal(18, 6)) * calls), 0) as decimal(18, 6)) as sale_eur,
        cast(sum(purchase_eur) as decimal(18, 6)) as purchase_eur,
        cast(sum(case when is_free or has_price then 0 else calls end) as bigint) as unpriced_calls,
        cast(sum(sale_eur) as decimal(18, 6)) as sale_now_eur,
        cast(sum(purchase_eur) as decimal(18, 6)) as purchase_now_eur
    from priced
    group by customer_id, month
    order by customer_id, month
"""


def price_draft(workspace: Workspace, partner_id: str, plan: DraftPlan, scope: Scope = Scope()) -> WhatIf:
    """Price a draft against what was called. Raises TiktellerError for a draft whose rows cannot be used."""
    rows = [_checked(number, rate) for number, rate in enumerate(plan.rates, start=1)]
    if not rows:
        raise TiktellerError("the draft has no rates", mend="give at least Standaard FIX and MOB (country *)")
    with opened(workspace, partner_id) as connection:
        connection.execute(
            "create temp table draft_rates (partner_id varchar, call_plan_id varchar, country varchar, line_type varchar, "
            "connection_fee_eur decimal(18, 8), "
            "minute_rate_eur decimal(18, 8), minute_rate_percent decimal(9, 4), valid_from date, valid_to date, file_id integer, "
            "line bigint)"
        )
        connection.executemany(
            "insert into draft_rates values (?, ?, ?, ?, ?, ?, ?, '0001-01-01', null, null, ?)",
            [
                [
                    partner_id,
                    DRAFT,
                    rate.country,
                    rate.line_type,
                    rate.connection_fee_eur,
                    rate.minute_rate_eur,
                    rate.minute_rate_percent,
                    number,
                ]
                for number, rate in enumerate(rows, start=1)
            ],
        )
        connection.execute(
            "create temp table plan as select ?::boolean as onnet_billing, ?::bigint as rounding_seconds, ?::bigint as rounding_decimals, "
            "'0001-01-01'::date as valid_from, '9999-12-31'::date as valid_to",
            [plan.onnet_billing, plan.rounding_seconds, plan.rounding_decimals],
        )
        return _priced(connection, {"stg_landing__call_plan_rates": "draft_rates"}, DRAFT, scope)


def price_plan(workspace: Workspace, partner_id: str, call_plan_id: str, scope: Scope = Scope()) -> WhatIf:
    """Price a plan that exists, by what its rows said at the time of the calls."""
    with opened(workspace, partner_id) as connection:
        connection.execute(
            "create temp table plan as select onnet_billing, rounding_seconds, rounding_decimals, valid_from, valid_to "
            "from snap.rating.int_call_plans where call_plan_id = ?",
            [call_plan_id],
        )
        if not connection.execute("select 1 from plan").fetchone():
            raise TiktellerError(f"{partner_id} has no call plan {call_plan_id!r}", mend="tikteller sql 'select * from call_prices'")
        return _priced(connection, {}, call_plan_id, scope)


def _priced(connection: duckdb.DuckDBPyConnection, instead: Mapping[str, str], plan_id: str, scope: Scope) -> WhatIf:
    known = relations(connection) | dict(instead)
    connection.execute("create temp table prices as " + model("int_call_plan_prices", known))
    connection.execute("delete from prices where call_plan_id <> ?", [plan_id])
    conditions, values = ["true"], []
    for condition, value in (
        ("month >= ?", scope.first_month),
        ("month <= ?", scope.last_month),
        ("customer_id in (select unnest(?::varchar[]))", list(scope.customers) if scope.customers is not None else None),
        ("call_plan_id = ?", scope.had_plan),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    source = f"(select * from snap.call_histogram where {' and '.join(conditions)})"
    priced = rule(PRICED, known).replace("from histogram\n", f"from {source} as histogram\n", 1)
    outcomes = serving.rows_as(Outcome, connection.execute(priced, values))
    (groups,) = connection.execute(f"select count(*) from {source}", values).fetchone()
    return WhatIf(outcomes, groups)


def read_rates(path: Path) -> list[PlanRate]:
    """A draft's rates from a CSV with the columns of feed ``call_plan_rates`` (the plan's id and validity may be missing)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TiktellerError(f"{path} cannot be read: {error.strerror}") from error
    reader = csv.DictReader(text.splitlines(), delimiter=";" if text.partition("\n")[0].count(";") else ",")
    rates = []
    for row in reader:
        where = f"{path} line {reader.line_num}"
        try:
            rates.append(
                PlanRate(
                    (row.get("country") or "").strip().upper(),
                    (row.get("line_type") or "").strip().upper(),
                    _decimal(row.get("connection_fee_eur")) or Decimal(0),
                    _decimal(row.get("minute_rate_eur")),
                    _decimal(row.get("minute_rate_percent")),
                )
            )
        except InvalidOperation:
            raise TiktellerError(f"{where}: an amount is no number", mend="write it as 0.0250 or 0,0250") from None
    return rates


def _decimal(text: str | None) -> Decimal | None:
    return Decimal(text.strip().replace(",", ".")) if text and text.strip() else None


def _checked(number: int, rate: PlanRate) -> PlanRate:
    """The rate, or an error that names it: the rules of feed ``call_plan_rates``."""
    amounts = (rate.connection_fee_eur, rate.minute_rate_eur, rate.minute_rate_percent)
    if rate.line_type not in LINE_TYPES or not rate.country:
        problem, mend = f"{rate.country!r} {rate.line_type!r} is no destination", "a country (or *) with FIX, MOB, SPECIAL or *"
    elif (rate.minute_rate_eur is None) == (rate.minute_rate_percent is None):
        problem, mend = "a minute rate is given twice or not at all", "give minute_rate_eur or minute_rate_percent, not both"
    elif any(amount is not None and amount < 0 for amount in amounts):
        problem, mend = "an amount is negative", "rates are zero or more"
    else:
        return rate
    raise TiktellerError(f"rate {number} of the draft: {problem}", mend=mend)


def totals(outcomes: Iterable[Outcome], by: str = "both") -> list[Outcome]:
    """Outcomes summed up ``by`` total, customer, month or both (as they are)."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for each in outcomes:
        customer = each.customer_id if by in ("customer", "both") else "all"
        month = each.month if by in ("month", "both") else "all"
        groups.setdefault((customer, month), []).append(each)
    return [_sum(customer, month, listed) for (customer, month), listed in sorted(groups.items())]


def _sum(customer: str, month: str, listed: Sequence[Outcome]) -> Outcome:
    def summed(name: str) -> Decimal:
        return sum((getattr(each, name) for each in listed), Decimal(0))

    return Outcome(
        customer,
        month,
        sum(each.calls for each in listed),
        summed("sale_eur"),
        summed("purchase_eur"),
        sum(each.unpriced_calls for each in listed),
        summed("sale_now_eur"),
        summed("purchase_now_eur"),
    )
