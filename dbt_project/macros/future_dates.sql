{#
    A record that starts long after the run that reads it is refused: its exchange's clock is wrong, or ours was. Each run judges those anew by its own
    clock (raw.clock): the records that are in the future no more count from then on. raw.due_records has those of the run at hand, so that their days,
    and the calls that they belong to, are looked at again.
#}
{% macro judge_dates_anew() -%}
    {% if is_incremental() -%}
    insert into raw.due_records
    select call_hash, other_hash, cdr_date from {{ this }} where reject_reason = 'future_date' and started_wall_clock <= {{ latest_start('(select max(began_at) from raw.clock)') }};
    update {{ this }} set reject_reason = null
    where reject_reason = 'future_date' and started_wall_clock <= {{ latest_start('(select max(began_at) from raw.clock)') }};
    {%- endif %}
{%- endmacro %}

{% macro prepare_due_records() -%}
    create or replace table raw.due_records as
    select {{ hash64("''") }} as call_hash, {{ hash64("''") }} as other_hash, cast(null as date) as cdr_date where false;
{%- endmacro %}

{# When the first record that is refused for its date is to be judged again, so that a run knows whether there is anything to do. #}
{% macro remember_next_due() -%}
    update raw.clock set next_due_at = (
        select {{ add_seconds('min(started_wall_clock)', var('future_tolerance_hours') * -3600) }} from {{ this }} where reject_reason = 'future_date'
    )
{%- endmacro %}

{# The latest start that is believed at a moment. #}
{% macro latest_start(at) -%} {{ add_seconds(at, var('future_tolerance_hours') * 3600) }} {%- endmacro %}
