"""What a limit of the fraud guard would have caught in the past (DOMAIN 6), asked of one partner's published file.

The rule is that of ``dbt_project/macros/ids.sql``, the same that makes the published ``ids_days`` and ``ids_crossings``: usage and
average of a day are taken from ``ids_days``, and only the limit is another. With a customer's own range the answer is what is published.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.errors import TiktellerError
from orchestration.output import Answer
from orchestration.serving import sql
from orchestration.warehouse.formulas import formula
from orchestration.workspace import Workspace


@dataclass(frozen=True)
class BacktestRequest:
    """``limits`` as in customers.ids_range_eur (``40-80-120``); days from ``first_day`` up to and including ``last_day``, None for all."""

    partner_id: str
    limits: str
    customer_id: str | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True)
class Backtest:
    """What the limits would have caught.

    ``crossings``  one row per customer, day and stage passed, with the call that passed it; ``after_eur`` is the usage that came after that
                   call ended, ``saved_eur`` the part of it by calls that began after it: what a block at that moment would have kept out;
                   ``is_usual``: the customer used as much on a day of the 60 before; ``own_stage``: what its own range says of the day
    ``summary``    one row per stage of the limits, also where it caught nothing; ``usual_days`` are alarms on usual days,
                   ``own_alarm_days`` those on which the customer's own range alarms too; each stage counts every day that passed it
    ``judged_days`` and ``judged_customers``: how many days (of a customer each) were looked at, and of how many customers
    """

    crossings: Answer
    summary: Answer
    judged_days: int
    judged_customers: int


def backtest(workspace: Workspace, request: BacktestRequest) -> Backtest:
    """Judge what is published of the partner by other limits. Raises TiktellerError as ``judge`` does, and where nothing is published."""
    with sql.opened(workspace, request.partner_id) as connection:
        return judge(connection, request)


def judge(connection: duckdb.DuckDBPyConnection, request: BacktestRequest) -> Backtest:
    """The same on a connection to the partner's published file.

    Raises TiktellerError: limits that cannot be read, a customer that is not this partner's, a first day after the last.
    """
    if request.first_day and request.last_day and request.first_day > request.last_day:
        raise TiktellerError(f"--from {request.first_day} is after --to {request.last_day}", fix="give the earlier day first")
    with closing(connection.cursor()) as cursor:  # one of its own: temporary tables are a cursor's
        if request.customer_id and not _answer(cursor, "select 1 from customers where customer_id = $1", request.customer_id).rows:
            raise TiktellerError(
                f"--customer {request.customer_id} is no customer of {request.partner_id}",
                fix=f'tikteller sql "select customer_id, name from customers" --partner {request.partner_id}',
            )
        _make_crossings(cursor, request)
        ((judged_days, judged_customers),) = _answer(cursor, "select count(*), count(distinct customer_id) from judged_days").rows
        return Backtest(_answer(cursor, CROSSINGS), _answer(cursor, SUMMARY), judged_days, judged_customers)


def _make_crossings(cursor: duckdb.DuckDBPyConnection, request: BacktestRequest) -> None:
    """Leave what the macros make of the request in temporary tables: limits, judged_days, crossings."""
    cursor.execute(
        "create temp table range_given as select '' as partner_id, '' as customer_id, $1::varchar as ids_range_eur", [request.limits]
    )
    cursor.execute(f"create temp table limits as select * exclude (partner_id, customer_id) from {formula('ids_stages', 'range_given')}")
    if not _answer(cursor, "select 1 from limits").rows:
        raise TiktellerError(f"--range {request.limits!r} cannot be read", fix="stages in EUR, the lowest first, such as 40-80-120")
    cursor.execute(f"create temp table judged_days as {JUDGED_DAYS}", [request.customer_id, request.first_day, request.last_day])
    cursor.execute("""
        create temp table stages as
        select customers.*, limits.* from (select distinct partner_id, customer_id from judged_days) as customers cross join limits
    """)
    cursor.execute(f"create temp table crossings as select * from {formula('ids_crossings', 'judged_days', 'stages', 'calls')}")


JUDGED_DAYS = f"""
    with days as (
        select
            *,
            max(usage_eur) over (
                partition by partner_id, customer_id order by call_date
                range between interval {formula("ids_window_days")} day preceding and interval 1 day preceding
            ) as past_peak_eur
        from ids_days
        where customer_id = coalesce($1, customer_id)
    )
    select * from days where call_date >= coalesce($2, call_date) and call_date <= coalesce($3, call_date)
"""

CROSSINGS = """
    select
        crossings.call_date, crossings.customer_id, customers.name, crossings.stage, crossings.stage_action, crossings.limit_eur,
        crossings.usage_eur, crossings.average_eur, crossings.excess_eur, crossings.crossed_call_id, crossings.crossed_at,
        crossings.after_eur, crossings.saved_eur, coalesce(days.past_peak_eur >= days.usage_eur, false) as is_usual, days.stage as own_stage
    from crossings
    inner join judged_days as days using (partner_id, customer_id, call_date)
    left join customers using (partner_id, customer_id)
    order by crossings.call_date, crossings.customer_id, crossings.stage
"""

SUMMARY = f"""
    select
        limits.stage,
        {formula("ids_stage_action", "limits.stage", "limits.stages")} as stage_action,
        limits.limit_eur,
        count(found.customer_id) as days,
        count(distinct found.customer_id) as customers,
        count(*) filter (found.is_usual) as usual_days,
        count(*) filter (found.own_stage > 0) as own_alarm_days,
        coalesce(sum(found.excess_eur), 0)::decimal(18, 6) as excess_eur,
        coalesce(sum(found.after_eur), 0)::decimal(18, 6) as after_eur,
        coalesce(sum(found.saved_eur), 0)::decimal(18, 6) as saved_eur
    from limits
    left join ({CROSSINGS}) as found using (stage)
    group by limits.stage, limits.stages, limits.limit_eur
    order by limits.stage
"""


def _answer(cursor: duckdb.DuckDBPyConnection, statement: str, *parameters: object) -> Answer:
    result = cursor.execute(statement, parameters)
    return Answer(tuple(column[0] for column in result.description or ()), result.fetchall())
