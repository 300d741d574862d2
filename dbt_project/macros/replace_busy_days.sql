{#
    Incremental strategy `replace_busy_days`: for tables that are one per local day (`call_date`), made of calls that a run replaces by the day of
    their record (`cdr_date`). The two differ: by time zones, and a call that lasts past midnight stands on the line on both days. So each row keeps
    of which days of the CDRs its calls are (`first_cdr_date`, `last_cdr_date`). What the model selects replaces whole days, and rows whose calls are
    rated again go also where nothing comes back.
#}
{% macro get_incremental_replace_busy_days_sql(arg_dict) -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    delete from {{ arg_dict["target_relation"] }} as earlier
    where
        earlier.call_date in (select call_date from {{ arg_dict["temp_relation"] }})
        or {{ has_calls_rated_again('earlier') }};
    insert into {{ arg_dict["target_relation"] }} ({{ columns }}) select {{ columns }} from {{ arg_dict["temp_relation"] }};
{%- endmacro %}

{# Whether a row holds calls of a day of the CDRs that this run rates (or of a day between two of its calls' days: a day too many does no harm). #}
{% macro has_calls_rated_again(row) -%}
    exists (
        select 1
        from {{ ref('int_days_to_rate') }} as rated_again
        where rated_again.cdr_date >= {{ row }}.first_cdr_date and rated_again.cdr_date <= {{ row }}.last_cdr_date
    )
{%- endmacro %}
