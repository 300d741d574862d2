-- depends_on: {{ ref('int_days_to_rate') }}
{{ config(materialized='incremental', incremental_strategy='replace_busy_days') }}

{#-
    A sweep: every call is +1 when it begins and -1 when it ends, and the running sum is how many stand on the line. Calls are cut at each hour of the
    partner's day, and what was going on is +1 at the cut, so that every hour stands alone: short sorts, and an hour profile at no cost.
    Measured on 10 million calls, seconds of CPU: 7.3 by the hour (the sort is 5 of them), 10 by the day, 10 with customer_id instead of a number in the
    sort key; a night of 100,000 calls: 0.3. What else was tried: docs/decisions.md.
    A day begins by the zone that its partner has on it, and lasts until the next one begins by the zone of that day: no instant is lost, or stands on two
    days, where a partner changes its zone.
#}
{%- set hour_us = 3600000000 %}
{%- set day_us = 100000000000 %}  {#- more than the longest day, 25 hours #}

{# What a call is on the line: answered, and not from one extension to another. Both legs of a fixed-mobile call count: one comes in, one goes out. -#}
{%- set is_on_line = "status <> 'unanswered' and coalesce(status_reason, '') not in ('internal', 'feature_code')" %}

with
{%- if is_incremental() %}
changed_calls as (
    select calls.call_date, {{ local_time(add_seconds('calls.started_at', 'calls.duration_s'), 'tomorrow.local_time_zone') }} as ended_local
    from {{ ref('calls') }} as calls
    inner join {{ ref('stg_landing__partner_periods') }} as tomorrow
        on calls.partner_id = tomorrow.partner_id and {{ holds_on('tomorrow', add_days('calls.call_date', 1)) }}
    where calls.cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }}) and {{ is_on_line }}
),

-- the days on which calls stand that were rated now, and those on which the calls stood that they replace
busy_days as (
    select {{ add_days('call_date', 'later_days') }} as call_date
    from (
        select distinct call_date, {{ series('0', days_between('call_date', 'cast(ended_local as date)')) }} as later_days
        from changed_calls
    )
    union
    select earlier.call_date
    from {{ this }} as earlier
    where {{ has_calls_rated_again('earlier') }}
),

-- which calls may stand on one of these days
reach as (
    select min(cdr_date) as first_cdr_date, (select max(call_date) from busy_days) as last_call_date
    from (
        select min(cdr_date) as cdr_date from {{ ref('int_days_to_rate') }}
        union all
        select min(first_cdr_date) as cdr_date from {{ this }} where call_date in (select call_date from busy_days)
    )
),
{%- endif %}

calls_on_line as (
    select partner_id, customer_id, call_date, cdr_date, started_at, {{ add_seconds('started_at', 'duration_s') }} as ended_at
    from {{ ref('calls') }}
    where {{ is_on_line }}
        {%- if is_incremental() %}
        and cdr_date >= (select first_cdr_date from reach)
        and call_date <= (select last_call_date from reach)
        {%- endif %}
),

-- a whole number sorts faster than a name
customer_days as (
    select
        days.partner_id,
        days.customer_id,
        days.call_date,
        cast(dense_rank() over (order by days.partner_id, days.customer_id) as integer) as customer_number,
        tomorrow.local_time_zone as time_zone_tomorrow,
        {{ day_starts_at('days.call_date', 'today.local_time_zone') }} as day_starts_at,
        {{ day_starts_at(add_days('days.call_date', 1), 'tomorrow.local_time_zone') }} as day_ends_at
    from (select distinct partner_id, customer_id, call_date from calls_on_line) as days
    inner join {{ ref('stg_landing__partner_periods') }} as today
        on days.partner_id = today.partner_id and {{ holds_on('today', 'days.call_date') }}
    inner join {{ ref('stg_landing__partner_periods') }} as tomorrow
        on days.partner_id = tomorrow.partner_id and {{ holds_on('tomorrow', add_days('days.call_date', 1)) }}
),

customers as (
    select distinct customer_number, partner_id, customer_id
    from customer_days
),

calls_by_day as (
    select
        days.customer_number,
        calls.call_date,
        calls.cdr_date,
        calls.started_at,
        calls.ended_at,
        days.day_starts_at,
        days.day_ends_at,
        days.time_zone_tomorrow
    from calls_on_line as calls
    inner join customer_days as days
        on calls.customer_id = days.customer_id and calls.call_date = days.call_date and calls.partner_id = days.partner_id
),

later_days as (
    select
        customer_number, cdr_date, started_at, ended_at, {{ add_days('call_date', 'days_later') }} as call_date
    from (
        select *, {{ series('1', days_between('call_date', 'cast(' ~ local_time('ended_at', 'time_zone_tomorrow') ~ ' as date)')) }} as days_later
        from calls_by_day
        where ended_at > day_ends_at
    )
),

calls_on_later_days as (
    select
        days.*,
        {{ day_starts_at('days.call_date', 'today.local_time_zone') }} as day_starts_at,
        {{ day_starts_at(add_days('days.call_date', 1), 'tomorrow.local_time_zone') }} as day_ends_at
    from later_days as days
    inner join customers on days.customer_number = customers.customer_number
    inner join {{ ref('stg_landing__partner_periods') }} as today
        on customers.partner_id = today.partner_id and {{ holds_on('today', 'days.call_date') }}
    inner join {{ ref('stg_landing__partner_periods') }} as tomorrow
        on customers.partner_id = tomorrow.partner_id and {{ holds_on('tomorrow', add_days('days.call_date', 1)) }}
),

calls_cut_by_day as (
    -- what was billed stays on the day of then, also where its partner's clock was another later
    select customer_number, call_date, cdr_date, day_starts_at, started_at as from_at, least(ended_at, day_ends_at) as until_at
    from calls_by_day
    where started_at < day_ends_at
    union all
    select customer_number, call_date, cdr_date, day_starts_at, greatest(started_at, day_starts_at) as from_at, least(ended_at, day_ends_at) as until_at
    from calls_on_later_days
    where ended_at > day_starts_at
),

calls_to_count as (
    select *
    from calls_cut_by_day
    {%- if is_incremental() %}
    where call_date in (select call_date from busy_days)
    {%- endif %}
),

days_on_line as (
    select customer_number, call_date, min(day_starts_at) as day_starts_at, min(cdr_date) as first_cdr_date, max(cdr_date) as last_cdr_date
    from calls_to_count
    group by customer_number, call_date
),

-- from here on in microseconds from the day's first instant
calls_by_hour as (
    select
        customer_number,
        call_date,
        {{ microseconds_between('day_starts_at', 'from_at') }} as from_us,
        {{ microseconds_between('day_starts_at', 'until_at') }} as until_us,
        {{ whole_quotient(microseconds_between('day_starts_at', 'from_at'), hour_us) }} as first_hour,
        {{ whole_quotient(microseconds_between('day_starts_at', 'until_at') ~ ' - 1', hour_us) }} as last_hour
    from calls_to_count
),

calls_over_hours as (
    select *, {{ series('first_hour', 'last_hour') }} as hour_of_day
    from calls_by_hour
    where first_hour < last_hour
),

calls_cut_by_hour as (
    select customer_number, call_date, first_hour as hour_of_day, from_us, until_us
    from calls_by_hour
    where first_hour = last_hour
    union all
    select
        customer_number,
        call_date,
        hour_of_day,
        greatest(from_us, hour_of_day * {{ hour_us }}) as from_us,
        least(until_us, (hour_of_day + 1) * {{ hour_us }}) as until_us
    from calls_over_hours
),

steps as (
    select customer_number, call_date, cast(hour_of_day as smallint) as hour_of_day, from_us as step_us, cast(1 as tinyint) as step
    from calls_cut_by_hour
    union all
    select customer_number, call_date, cast(hour_of_day as smallint) as hour_of_day, until_us as step_us, cast(-1 as tinyint) as step
    from calls_cut_by_hour
),

-- at one instant those that end go first: half open, so a call that begins as another ends is not beside it
levels as (
    select
        *,
        sum(step) over (
            partition by customer_number, call_date, hour_of_day
            order by step_us, step
            rows between unbounded preceding and current row
        ) as calls_now
    from steps
),

-- the highest level and its first instant in one number: a level weighs a whole day, and a later instant takes something off
peaks as (
    select customer_number, call_date, hour_of_day, max(cast(calls_now as bigint) * {{ day_us }} - step_us) as packed_peak
    from levels
    where step = 1
    group by customer_number, call_date, hour_of_day
),

unpacked_peaks as (
    select *, {{ whole_quotient('packed_peak + ' ~ (day_us - 1), day_us) }} as peak_calls
    from peaks
)

select
    customers.partner_id,
    customers.customer_id,
    days.call_date,
    {{ add_microseconds('days.day_starts_at', 'peaks.hour_of_day * ' ~ hour_us) }} as hour_starts_at,
    cast(peaks.peak_calls as integer) as peak_calls,
    {{ add_microseconds('days.day_starts_at', 'peaks.peak_calls * ' ~ day_us ~ ' - peaks.packed_peak') }} as peak_at,
    days.first_cdr_date,
    days.last_cdr_date
from unpacked_peaks as peaks
inner join days_on_line as days on peaks.customer_number = days.customer_number and peaks.call_date = days.call_date
inner join customers on peaks.customer_number = customers.customer_number
