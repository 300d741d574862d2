{#
    The fraud guard (IDS, DOMAIN 6). The models of security/ and `tikteller ids-backtest` (orchestration/rules/ids_backtest.py, on a published file) are these macros.
    A relation that a macro takes is a table's or a CTE's name.
#}

{% macro ids_window_days() -%} 60 {%- endmacro %}
{% macro ids_most_stages() -%} 9 {%- endmacro %}

{# What fraud is made of: calls abroad and to premium numbers at home (of a Dutch partner: 090x and 18xx). Columns of `calls`. #}
{% macro is_ids_usage() -%} (is_international or coalesce(number_kind, '') = 'premium_rate') {%- endmacro %}

{#
    Whether a sum of a day passes the average and a limit, exactly: the average is past_usage_eur / average_days, which has no end in decimals, so both
    sides are taken times average_days. Exactly at the limit is not over it.
#}
{% macro is_over_limit(usage_eur, past_usage_eur, average_days, limit_eur) -%}
    (
        cast({{ usage_eur }} as decimal(28, 6)) * cast({{ average_days }} as decimal(3, 0))
        > cast({{ past_usage_eur }} as decimal(28, 6)) + cast({{ limit_eur }} as decimal(28, 6)) * cast({{ average_days }} as decimal(3, 0))
    )
{%- endmacro %}

{# past_usage_eur / average_days for people, rounded, half up, to 6 decimals. Whole numbers of 128 bits: absurd prices must not stop everybody. #}
{% macro ids_average_eur(past_usage_eur, average_days) -%}
    cast(
        cast({{ whole_quotient(
            '2 * ' ~ wide('cast(' ~ past_usage_eur ~ ' as decimal(28, 6)) * 1000000') ~ ' + ' ~ average_days,
            wide('2 * ' ~ average_days)
        ) }} as decimal(28, 0))
        * cast(0.000001 as decimal(7, 6))
        as decimal(28, 6)
    )
{%- endmacro %}

{#
    What was typed as stages ("40-80-120", "€ 40,50 - 80"): the lowest limit is stage 1, equal ones count once.

    ranges   partner_id, customer_id (unique together), ids_range_eur
    result   partner_id, customer_id, stage, stages (how many there are), limit_eur; none for a customer without a range, or with one that cannot be read
#}
{% macro ids_stages(ranges) -%}
    (
        with written as (
            select partner_id, customer_id, {{ replace_all("lower(ids_range_eur)", '[–—−]', '-') }} as typed
            from {{ ranges }}
            where {{ parse_text('ids_range_eur') }} is not null
        ),

        -- one place more than there may be: what stands there makes the range unreadable
        pieces as (
            {%- for place in range(1, ids_most_stages() | int + 2) %}
            select
                partner_id,
                customer_id,
                {{ place }} as place,
                {{ replace_all("split_part(typed, '-', " ~ place ~ ")", '[\\s\\x{00A0}]*(€|euro|eur)?[\\s\\x{00A0}]*$|^[\\s\\x{00A0}]*(€|euro|eur)?[\\s\\x{00A0}]*', '') }} as amount
            from written
            where length(typed) - length(replace(typed, '-', '')) >= {{ place - 1 }}
            {{ 'union all' if not loop.last }}
            {%- endfor %}
        ),

        limits as (
            select partner_id, customer_id, place, cast({{ parse_decimal('amount', 12, 2) }} as decimal(18, 2)) as limit_eur
            from pieces
        ),

        readable as (
            select partner_id, customer_id
            from limits
            group by partner_id, customer_id
            having count(*) = count(limit_eur) and max(place) <= {{ ids_most_stages() }}
        ),

        distinct_limits as (
            select distinct limits.partner_id, limits.customer_id, limits.limit_eur
            from limits
            inner join readable on limits.partner_id = readable.partner_id and limits.customer_id = readable.customer_id
        )

        select
            partner_id,
            customer_id,
            cast(row_number() over (partition by partner_id, customer_id order by limit_eur) as integer) as stage,
            cast(count(*) over (partition by partner_id, customer_id) as integer) as stages,
            limit_eur
        from distinct_limits
    )
{%- endmacro %}

{# Lower stages warn, the highest blocks (decided). #}
{% macro ids_stage_action(stage, stages) -%}
    case when {{ stage }} = 0 then 'none' when {{ stage }} = {{ stages }} then 'block' else 'warn' end
{%- endmacro %}

{#
    Every stage that a customer passed on a day, with the call that passed it. Calls are rated when they end, so they count in that order.

    days     partner_id, customer_id, call_date (one row for both), usage_eur, past_usage_eur, average_days, average_eur
    stages   as ids_stages gives them
    calls    as published
    result   one row per customer, day and stage: those columns, stage_action, excess_eur, is_highest (of that day), the crossing call (crossed_call_id,
             crossed_call_key, crossed_at: when it ended, UTC), after_eur (usage that came after it), saved_eur (that part of it which began after it: a
             block keeps new calls out and lets those end that are going on)
#}
{% macro ids_crossings(days, stages, calls) -%}
    (
        with stages_passed as (
            select
                days.partner_id, days.customer_id, days.call_date, days.usage_eur, days.past_usage_eur, days.average_days, days.average_eur,
                stages.stage, stages.stages, stages.limit_eur
            from {{ days }} as days
            -- the second condition follows from the third; it spares most days the wide arithmetic
            inner join {{ stages }} as stages
                on days.partner_id = stages.partner_id and days.customer_id = stages.customer_id and days.usage_eur > stages.limit_eur
            where {{ is_over_limit('days.usage_eur', 'days.past_usage_eur', 'days.average_days', 'stages.limit_eur') }}
        ),

        usage_calls as (
            select
                calls.partner_id, calls.customer_id, calls.call_date, calls.call_id, calls.call_key, calls.started_at, calls.sale_eur,
                {{ add_seconds('calls.started_at', 'calls.duration_s') }} as ended_at
            from (select * from {{ calls }} where {{ is_ids_usage() }} and sale_eur > 0) as calls
            inner join (select partner_id, customer_id, call_date from stages_passed where stage = 1) as passed_days
                on calls.partner_id = passed_days.partner_id and calls.customer_id = passed_days.customer_id and calls.call_date = passed_days.call_date
        ),

        running_usage as (
            select
                *,
                cast(
                    sum(sale_eur) over (partition by partner_id, customer_id, call_date order by ended_at, call_key rows between unbounded preceding and current row)
                    as decimal(28, 6)
                ) as usage_so_far_eur
            from usage_calls
        ),

        -- the one call before which the day was within the limit, and with which it is over
        crossing_calls as (
            select stages_passed.*, running.call_id, running.call_key, running.ended_at, running.usage_so_far_eur
            from stages_passed
            inner join running_usage as running
                on stages_passed.partner_id = running.partner_id and stages_passed.customer_id = running.customer_id and stages_passed.call_date = running.call_date
            where {{ is_over_limit('running.usage_so_far_eur', 'past_usage_eur', 'average_days', 'limit_eur') }}
                and not {{ is_over_limit('running.usage_so_far_eur - running.sale_eur', 'past_usage_eur', 'average_days', 'limit_eur') }}
        ),

        begun_after as (
            select crossing_calls.partner_id, crossing_calls.customer_id, crossing_calls.call_date, crossing_calls.stage, sum(usage_calls.sale_eur) as saved_eur
            from crossing_calls
            inner join usage_calls
                on crossing_calls.partner_id = usage_calls.partner_id and crossing_calls.customer_id = usage_calls.customer_id and crossing_calls.call_date = usage_calls.call_date
                and usage_calls.started_at >= crossing_calls.ended_at and usage_calls.call_key <> crossing_calls.call_key
            group by crossing_calls.partner_id, crossing_calls.customer_id, crossing_calls.call_date, crossing_calls.stage
        )

        select
            crossing_calls.partner_id,
            crossing_calls.customer_id,
            crossing_calls.call_date,
            crossing_calls.stage,
            {{ ids_stage_action('crossing_calls.stage', 'crossing_calls.stages') }} as stage_action,
            crossing_calls.stage = max(crossing_calls.stage) over (partition by crossing_calls.partner_id, crossing_calls.customer_id, crossing_calls.call_date) as is_highest,
            crossing_calls.limit_eur,
            crossing_calls.usage_eur,
            crossing_calls.average_eur,
            cast(crossing_calls.usage_eur - crossing_calls.average_eur - crossing_calls.limit_eur as decimal(28, 6)) as excess_eur,
            crossing_calls.call_id as crossed_call_id,
            crossing_calls.call_key as crossed_call_key,
            crossing_calls.ended_at as crossed_at,
            cast(crossing_calls.usage_eur - crossing_calls.usage_so_far_eur as decimal(28, 6)) as after_eur,
            cast(coalesce(begun_after.saved_eur, 0) as decimal(28, 6)) as saved_eur
        from crossing_calls
        left join begun_after
            on crossing_calls.partner_id = begun_after.partner_id and crossing_calls.customer_id = begun_after.customer_id and crossing_calls.call_date = begun_after.call_date
            and crossing_calls.stage = begun_after.stage
    )
{%- endmacro %}

{# DOMAIN 6, what can still come when the guard speaks: channels x longest call x dearest rate, rounded once, half up, to 6 decimals. #}
{% macro residual_exposure_eur(channels, longest_call_s, minute_rate_eur) -%}
    cast(
        cast({{ whole_quotient(
            '2 * ' ~ wide(channels) ~ ' * ' ~ longest_call_s ~ ' * ' ~ to_e8(minute_rate_eur) ~ ' + 6000',
            wide('12000')
        ) }} as decimal(32, 0)) * cast(0.000001 as decimal(6, 6))
        as decimal(38, 6)
    )
{%- endmacro %}
