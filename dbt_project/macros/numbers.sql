{# Called and calling numbers. Inside the platform a number is E.164 without "+"; DOMAIN 8 lists how it comes in. #}

{# What was written, without spaces, dashes, dots, slashes and brackets; "(0)" is the trunk zero that +31 (0)20 shows and nobody dials. #}
{% macro compact_number(written) -%}
    {{ replace_all("replace(" ~ written ~ ", '(0)', '')", '[^0-9A-Za-z+*#]', '') }}
{%- endmacro %}

{#
    The E.164 digits of a compact number as dialled in a country; null where it is not a public number written in full. `plan` is a relation with
    calling_code, international_prefix and national_prefix (seed dialling_plans). Feature codes, short numbers and extensions are told apart before.
#}
{% macro e164(compact, plan) -%}
    case
        when {{ compact }} is null or not {{ matches(compact, '^[+]?[0-9]{6,20}$') }} then null
        when left({{ compact }}, 1) = '+' then substr({{ compact }}, 2)
        when starts_with({{ compact }}, {{ plan }}.international_prefix) then substr({{ compact }}, length({{ plan }}.international_prefix) + 1)
        -- "031 6 ...": the country's own code behind a single zero, too long to be an area code
        when starts_with({{ compact }}, '0' || {{ plan }}.calling_code) and length({{ compact }}) >= length({{ plan }}.calling_code) + 10
            then substr({{ compact }}, 2)
        when {{ plan }}.national_prefix <> '' and starts_with({{ compact }}, {{ plan }}.national_prefix)
            then {{ plan }}.calling_code || substr({{ compact }}, length({{ plan }}.national_prefix) + 1)
        when starts_with({{ compact }}, {{ plan }}.calling_code) and length({{ compact }}) >= length({{ plan }}.calling_code) + 7 then {{ compact }}
        when length({{ compact }}) >= 10 then {{ compact }}
        when {{ plan }}.national_prefix = '' then {{ plan }}.calling_code || {{ compact }}
    end
{%- endmacro %}

{# DOMAIN 2, longest prefix: one equality join per prefix length, so that each is a hash join; the whole number may be a prefix. #}
{% macro longest_prefix_joins(number, prefixes, extra_condition='true') -%}
    {%- for length in range(15, 0, -1) %}
    left join {{ prefixes }} as prefix_{{ length }}
        on left({{ number }}, {{ length }}) = prefix_{{ length }}.prefix and prefix_{{ length }}.prefix_length = {{ length }}
        and length({{ number }}) >= {{ length }} and {{ extra_condition | replace('PREFIX', 'prefix_' ~ length) }}
    {%- endfor %}
{%- endmacro %}

{% macro longest_prefix(column) -%}
    coalesce({% for length in range(15, 0, -1) %}prefix_{{ length }}.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# One row per whole number from first to last, both included. #}
{% macro series(first_number, last_number) -%} {{ return(adapter.dispatch('series', 'tikteller')(first_number, last_number)) }} {%- endmacro %}
{% macro duckdb__series(first_number, last_number) -%} unnest(generate_series({{ first_number }}, {{ last_number }})) {%- endmacro %}
