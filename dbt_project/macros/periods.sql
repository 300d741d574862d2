{# Days, months and zones. Validity is half open everywhere: valid_from <= day and day < valid_to. #}

{% macro end_of_time() -%} cast('9999-12-31' as date) {%- endmacro %}
{% macro start_of_time() -%} cast('0001-01-01' as date) {%- endmacro %}

{% macro month_of(day) -%} {{ return(adapter.dispatch('month_of', 'tikteller')(day)) }} {%- endmacro %}

{# Months counted from the year 0, for telling neighbours. #}
{% macro month_index(month) -%} (cast(left({{ month }}, 4) as integer) * 12 + cast(right({{ month }}, 2) as integer)) {%- endmacro %}

{% macro first_day_of(month) -%} cast({{ month }} || '-01' as date) {%- endmacro %}

{% macro next_month_start(day) -%} {{ return(adapter.dispatch('next_month_start', 'tikteller')(day)) }} {%- endmacro %}

{% macro days_between(first_day, last_day) -%} {{ return(adapter.dispatch('days_between', 'tikteller')(first_day, last_day)) }} {%- endmacro %}

{% macro add_days(day, days) -%} {{ return(adapter.dispatch('add_days', 'tikteller')(day, days)) }} {%- endmacro %}

{% macro add_months(day, months) -%} {{ return(adapter.dispatch('add_months', 'tikteller')(day, months)) }} {%- endmacro %}

{% macro add_seconds(instant, seconds) -%} {{ return(adapter.dispatch('add_seconds', 'tikteller')(instant, seconds)) }} {%- endmacro %}

{# Whole seconds of a clock since 1970, for differences. #}
{% macro epoch_seconds(clock) -%} {{ return(adapter.dispatch('epoch_seconds', 'tikteller')(clock)) }} {%- endmacro %}

{# Microseconds from one instant to another: whole numbers, so that instants can be compared, sliced and packed exactly. #}
{% macro microseconds_between(first_instant, last_instant) -%}
    {{ return(adapter.dispatch('microseconds_between', 'tikteller')(first_instant, last_instant)) }}
{%- endmacro %}

{% macro add_microseconds(instant, microseconds) -%} {{ return(adapter.dispatch('add_microseconds', 'tikteller')(instant, microseconds)) }} {%- endmacro %}

{# The clock on the wall of a zone at an instant in UTC. #}
{% macro local_time(instant, time_zone) -%} {{ return(adapter.dispatch('local_time', 'tikteller')(instant, time_zone)) }} {%- endmacro %}

{# The day on the wall of a zone: of an instant in UTC where there is one, else of the clock as it was written. #}
{% macro local_day(instant, wall_clock, time_zone) -%}
    coalesce(cast({{ local_time(instant, time_zone) }} as date), cast({{ wall_clock }} as date))
{%- endmacro %}

{# The instant in UTC of a wall clock. In the hour that autumn repeats: the second pass, winter time (decided). #}
{% macro utc_time(wall_clock, time_zone) -%} {{ return(adapter.dispatch('utc_time', 'tikteller')(wall_clock, time_zone)) }} {%- endmacro %}

{# The instant in UTC at which a day begins in a zone; where a clock is put forward at midnight, the first instant after it. #}
{% macro day_starts_at(day, time_zone) -%} {{ utc_time('cast(' ~ day ~ ' as timestamp)', time_zone) }} {%- endmacro %}

{# One row per first day of a month, from the month of first_day to the month of last_day. #}
{% macro months_between(first_day, last_day) -%} {{ return(adapter.dispatch('months_between', 'tikteller')(first_day, last_day)) }} {%- endmacro %}

{# Days of a month on which a service is there: from its delivery until it ends, the day it ends not counted (DOMAIN 4). Below one where it is not. #}
{% macro days_in_service(month_start, delivered_on, ends_on) -%}
    cast({{ days_between('greatest(' ~ month_start ~ ', ' ~ delivered_on ~ ')', 'least(' ~ next_month_start(month_start) ~ ', ' ~ ends_on ~ ')') }} as integer)
{%- endmacro %}

{# The day on which the next row of a time line begins: a later one than this row's, so that two rows of one day end together. Null for the last. #}
{% macro next_valid_from(time_line) -%}
    min(valid_from) over (
        partition by {{ time_line | join(', ') }}
        order by {{ days_between(start_of_time(), 'valid_from') }} range between 1 following and unbounded following
    )
{%- endmacro %}

{#
    Who is valid when: from candidates that may overlap to periods that do not.

    candidates   a relation: the key columns, valid_from, valid_to (null: until the next row of the same `series`), specificity, and what `carry` names
    series       columns that, with the key, make one time line (a later row of it ends the earlier one)
    result       key, valid_from, valid_to, the carried columns of the most specific candidate valid in that period, and `contenders`: how many
                 candidates were equally specific (more than one is an error of the data, never a coin toss)
#}
{% macro valid_periods(candidates, key, carry, series) -%}
    (
        with dated as (
            select
                *,
                coalesce(valid_to, {{ next_valid_from(key + series) }}, {{ end_of_time() }}) as ends_on
            from {{ candidates }}
        ),

        spans as (
            select
                *,
                max(ends_on) over (
                    partition by {{ key | join(', ') }} order by valid_from rows between unbounded preceding and 1 preceding
                ) as earlier_ends_on
            from dated
            where valid_from < ends_on
        ),

        -- most keys have one candidate at a time, which is its own period
        contested_keys as (
            select distinct {{ key | join(', ') }} from spans where valid_from < earlier_ends_on
        ),

        contested as (
            select spans.*
            from spans
            inner join contested_keys on {{ same_key('spans', 'contested_keys', key) }}
        ),

        boundaries as (
            select {{ key | join(', ') }}, valid_from as boundary from contested
            union
            select {{ key | join(', ') }}, ends_on as boundary from contested
        ),

        periods as (
            select
                {{ key | join(', ') }},
                boundary as valid_from,
                lead(boundary) over (partition by {{ key | join(', ') }} order by boundary) as valid_to
            from boundaries
        ),

        ranked as (
            select
                {% for column in key %}periods.{{ column }}, {% endfor %}
                periods.valid_from,
                periods.valid_to,
                {% for column in carry %}contested.{{ column }}, {% endfor %}
                contested.specificity,
                row_number() over (
                    partition by {% for column in key %}periods.{{ column }}, {% endfor %}periods.valid_from
                    order by contested.specificity desc, contested.valid_from desc
                ) as place,
                count(*) over (
                    partition by {% for column in key %}periods.{{ column }}, {% endfor %}periods.valid_from, contested.specificity
                ) as contenders
            from periods
            inner join contested
                on {{ same_key('periods', 'contested', key) }} and periods.valid_from >= contested.valid_from and periods.valid_to <= contested.ends_on
            where periods.valid_to is not null
        )

        select {{ key | join(', ') }}, valid_from, valid_to, {{ carry | join(', ') }}, specificity, contenders
        from ranked
        where place = 1

        union all

        select
            {% for column in key %}spans.{{ column }}, {% endfor %}
            spans.valid_from, spans.ends_on as valid_to, {% for column in carry %}spans.{{ column }}, {% endfor %}spans.specificity, 1 as contenders
        from spans
        left join contested_keys on {{ same_key('spans', 'contested_keys', key) }}
        where contested_keys.{{ key | first }} is null
    )
{%- endmacro %}

{% macro same_key(one, other, key) -%}
    {% for column in key %}{{ one }}.{{ column }} = {{ other }}.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}

{#
    The rows of a time line (key, valid_from, valid_to, local_time_zone) with the moments between which each holds: from the first instant of its first day by
    its own partner's clock, until the next row begins by that one's. A day begins in another zone at another moment: were each row asked by its own day, a call
    between two midnights would be of both, or of nobody.
#}
{% macro with_moments(rows, key) -%}
    (
        select
            *,
            case when valid_to = next_valid_from then next_begins_at else least({{ day_starts_at('valid_to', 'local_time_zone') }}, next_begins_at) end as ends_at
        from (
            select
                *,
                lead(valid_from) over (partition by {{ key }} order by valid_from) as next_valid_from,
                min(begins_at) over (partition by {{ key }} order by valid_from rows between 1 following and unbounded following) as next_begins_at
            from (select *, {{ day_starts_at('valid_from', 'local_time_zone') }} as begins_at from {{ rows }} where valid_from < valid_to)
        )
    )
{%- endmacro %}

{# Whether such a row holds when a call begins: at its instant, else, where its clock says no more, on the day that was on the wall. #}
{% macro holds_at(row, instant, wall_clock) -%}
    case
        when {{ instant }} is null then cast({{ wall_clock }} as date) >= {{ row }}.valid_from and cast({{ wall_clock }} as date) < {{ row }}.valid_to
        else {{ instant }} >= {{ row }}.begins_at and {{ instant }} < {{ row }}.ends_at
    end
{%- endmacro %}

{#
    Two local clocks of one call of which the later is not later. On a Sunday night that is no fault by itself: a call that is going on when the clock is
    put back an hour ends, on the wall, before it began.
#}
{% macro ends_before_it_starts(started, ended) -%}
    (
        {{ ended }} < {{ started }}
        and not (extract(isodow from {{ started }}) = 7 and extract(hour from {{ started }}) < 4 and {{ ended }} >= {{ add_seconds(started, -3600) }})
    )
{%- endmacro %}

{#
    Of the rows that each say what holds from a day on (valid_from; empty: from the beginning), per key the one that holds on the newest day that landed; where
    all begin later, the first. Never by the clock of the machine.
#}
{% macro as_of_the_horizon(rows, key) -%}
    (
        select *
        from (
            select
                rows.*,
                row_number() over (
                    partition by {% for column in key %}rows.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
                    order by
                        case when coalesce(rows.valid_from, {{ start_of_time() }}) <= coalesce(horizon.last_date, {{ end_of_time() }}) then 0 else 1 end,
                        case
                            when coalesce(rows.valid_from, {{ start_of_time() }}) <= coalesce(horizon.last_date, {{ end_of_time() }})
                                then {{ days_between(start_of_time(), 'coalesce(rows.valid_from, ' ~ start_of_time() ~ ')') }}
                        end desc,
                        rows.valid_from
                ) as standing
            from {{ rows }} as rows
            cross join {{ ref('int_billing_horizon') }} as horizon
        )
        where standing = 1
    )
{%- endmacro %}

{# Where two rows hold at once: the days that both have. #}
{% macro common_from(one, other) -%} greatest({{ one }}.valid_from, {{ other }}.valid_from) {%- endmacro %}
{% macro common_to(one, other) -%} least({{ one }}.valid_to, {{ other }}.valid_to) {%- endmacro %}
{% macro hold_at_once(one, other) -%} {{ one }}.valid_from < {{ other }}.valid_to and {{ other }}.valid_from < {{ one }}.valid_to {%- endmacro %}
{% macro holds_on(row, day) -%} {{ day }} >= {{ row }}.valid_from and {{ day }} < {{ row }}.valid_to {%- endmacro %}
