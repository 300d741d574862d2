{#
    What only DuckDB says so: each form of a macro that is dispatched (`adapter.dispatch`), in one place. Another engine is a file beside this one with the
    same macros. The macro that asks for it, with what it means, is in the file of its kind (periods.sql, parsing.sql, numbers.sql, money.sql, sources.sql).
#}

{# money.sql #}
{% macro duckdb__wide(number) -%} cast({{ number }} as hugeint) {%- endmacro %}
{% macro duckdb__whole_quotient(dividend, divisor) -%} (({{ dividend }}) // ({{ divisor }})) {%- endmacro %}

{# numbers.sql #}
{% macro duckdb__series(first_number, last_number) -%} unnest(generate_series({{ first_number }}, {{ last_number }})) {%- endmacro %}

{# parsing.sql #}
{% macro duckdb__parse_time_zone(text) -%}
    case when trim({{ text }}) in (select name from pg_timezone_names()) then trim({{ text }}) end
{%- endmacro %}
{# DuckDB takes "epoch" and "-infinity" for times as well, and drops the name of a zone: a clock begins with a digit and has no letters but T and Z. #}
{% macro duckdb__parse_wall_clock(text) -%} {{ wall_clock_of(closed_clock(text)) }} {%- endmacro %}
{% macro duckdb__parse_offset_instant(text) -%} {{ offset_instant_of(closed_clock(text)) }} {%- endmacro %}
{# 0 stands for "never" where a call was not answered #}
{% macro duckdb__clock_of_epoch(text) -%}
    case when {{ matches(text, '^[1-9][0-9]{8,9}$') }} then cast(make_timestamp(cast({{ text }} as bigint) * 1000000) as varchar) || 'Z' when {{ text }} <> '0' then {{ text }} end
{%- endmacro %}
{% macro duckdb__matches(text, pattern) -%} regexp_matches({{ text }}, '{{ pattern }}') {%- endmacro %}
{% macro duckdb__replace_all(text, pattern, replacement) -%} regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g') {%- endmacro %}
{% macro duckdb__hash64(text) -%} case when {{ text }} is not null then hash({{ text }}) end {%- endmacro %}
{% macro duckdb__hash_type() -%} ubigint {%- endmacro %}
{% macro duckdb__row_as_json(columns) -%}
    cast(json_object({% for column in columns %}'{{ column }}', "{{ column }}"{{ ', ' if not loop.last }}{% endfor %}) as varchar)
{%- endmacro %}
{% macro duckdb__numbered_parts(text, separator) -%}
    unnest(string_split({{ text }}, '{{ separator }}')) as part, unnest(range(1, len(string_split({{ text }}, '{{ separator }}')) + 1)) as part_number
{%- endmacro %}

{# periods.sql #}
{% macro duckdb__month_of(day) -%} strftime({{ day }}, '%Y-%m') {%- endmacro %}
{% macro duckdb__next_month_start(day) -%} cast(date_trunc('month', {{ day }}) + interval 1 month as date) {%- endmacro %}
{% macro duckdb__days_between(first_day, last_day) -%} date_diff('day', {{ first_day }}, {{ last_day }}) {%- endmacro %}
{% macro duckdb__add_days(day, days) -%} cast({{ day }} + cast({{ days }} as integer) as date) {%- endmacro %}
{% macro duckdb__add_months(day, months) -%} cast({{ day }} + to_months(cast({{ months }} as integer)) as date) {%- endmacro %}
{% macro duckdb__add_seconds(instant, seconds) -%} ({{ instant }} + to_microseconds(1000000 * cast({{ seconds }} as bigint))) {%- endmacro %}
{% macro duckdb__epoch_seconds(clock) -%} (epoch_us({{ clock }}) // 1000000) {%- endmacro %}
{% macro duckdb__microseconds_between(first_instant, last_instant) -%} (epoch_us({{ last_instant }}) - epoch_us({{ first_instant }})) {%- endmacro %}
{% macro duckdb__add_microseconds(instant, microseconds) -%} ({{ instant }} + to_microseconds({{ microseconds }})) {%- endmacro %}
{% macro duckdb__local_time(instant, time_zone) -%} timezone({{ time_zone }}, timezone('UTC', {{ instant }})) {%- endmacro %}
{% macro duckdb__utc_time(wall_clock, time_zone) -%} timezone('UTC', timezone({{ time_zone }}, {{ wall_clock }})) {%- endmacro %}
{% macro duckdb__months_between(first_day, last_day) -%}
    unnest(generate_series(cast(date_trunc('month', {{ first_day }}) as timestamp), cast({{ last_day }} as timestamp), interval 1 month))
{%- endmacro %}

{# sources.sql #}
{% macro duckdb__fields_of_record() -%} [{% for place in range(1, 61) %}c{{ place }}{{ ', ' if not loop.last }}{% endfor %}] {%- endmacro %}
{% macro duckdb__field_at(fields, place) -%} {{ fields }}[{{ place }}] {%- endmacro %}
