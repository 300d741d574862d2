{# Raw text -> typed value; null where it cannot be read, so that a reason can be given. What differs between engines is dispatched. #}

{% macro parse(data_type, text, values=none) -%}
    {%- if data_type == 'text' -%} {{ parse_text(text) }}
    {%- elif data_type == 'integer' -%} {{ parse_integer(text) }}
    {%- elif data_type == 'money' -%} {{ parse_decimal(text, 18, 8) }}
    {%- elif data_type == 'percent' -%} {{ parse_decimal(text, 9, 4) }}
    {%- elif data_type == 'date' -%} {{ parse_date(text) }}
    {%- elif data_type == 'instant' -%} {{ parse_wall_clock(text) }}
    {%- elif data_type == 'boolean' -%} {{ parse_boolean(text) }}
    {%- elif data_type == 'digits' -%} {{ parse_digits(text) }}
    {%- elif data_type == 'prefix' -%} {{ parse_prefix(text) }}
    {%- elif data_type == 'number' -%} {{ parse_number(text) }}
    {%- elif data_type == 'country' -%} {{ parse_country(text) }}
    {%- elif data_type == 'time_zone' -%} {{ parse_time_zone(text) }}
    {%- elif data_type == 'enum' -%} {{ parse_enum(text, values) }}
    {%- else -%} {{ exceptions.raise_compiler_error("no data_type " ~ data_type ~ " in a feed") }}
    {%- endif -%}
{%- endmacro %}

{% macro parse_text(text) -%} nullif(trim({{ text }}), '') {%- endmacro %}

{% macro parse_integer(text) -%}
    case when {{ matches('trim(' ~ text ~ ')', '^-?[0-9]{1,18}$') }} then cast(trim({{ text }}) as bigint) end
{%- endmacro %}

{# Decimal point or comma, thousands separators when both occur ("1.234,56", "1,234.56"); more decimals than `scale` cannot be read exactly and give null. #}
{% macro parse_decimal(text, precision, scale) -%}
    case
        when {{ matches('trim(' ~ text ~ ')', '^-?[0-9]{1,' ~ (precision - scale) ~ '}([.,][0-9]{1,' ~ scale ~ '})?$') }}
            then cast(replace(trim({{ text }}), ',', '.') as decimal({{ precision }}, {{ scale }}))
        when {{ matches('trim(' ~ text ~ ')', '^-?[0-9]{1,3}(\\.[0-9]{3})+,[0-9]{1,' ~ scale ~ '}$') }}
            then try_cast(replace(replace(trim({{ text }}), '.', ''), ',', '.') as decimal({{ precision }}, {{ scale }}))
        when {{ matches('trim(' ~ text ~ ')', '^-?[0-9]{1,3}(,[0-9]{3})+\\.[0-9]{1,' ~ scale ~ '}$') }}
            then try_cast(replace(trim({{ text }}), ',', '') as decimal({{ precision }}, {{ scale }}))
    end
{%- endmacro %}

{% macro parse_date(text) -%}
    case when {{ matches('trim(' ~ text ~ ')', '^[0-9]{4}-[0-9]{2}-[0-9]{2}$') }} then try_cast(trim({{ text }}) as date) end
{%- endmacro %}

{% macro parse_boolean(text) -%}
    case
        when lower(trim({{ text }})) in ('true', 't', 'yes', 'y', 'ja', 'j', '1') then true
        when lower(trim({{ text }})) in ('false', 'f', 'no', 'n', 'nee', '0') then false
    end
{%- endmacro %}

{% macro parse_digits(text) -%}
    case when {{ matches('trim(' ~ text ~ ')', '^[+]?[0-9]{1,15}$') }} then replace(trim({{ text }}), '+', '') end
{%- endmacro %}

{#
    The beginning of numbers in E.164: "+" or "00" before it and blanks in it are no part of it. What begins with one 0 (06) is written for a country that only a
    person can name: it could never match, and is refused.
#}
{% macro parse_prefix(text) -%}
    case
        when {{ matches('replace(trim(' ~ text ~ "), ' ', '')", '^([+]|00|[+]00)?[1-9][0-9]{0,14}$') }}
            then {{ replace_all('replace(trim(' ~ text ~ "), ' ', '')", '^([+]|00|[+]00)', '') }}
    end
{%- endmacro %}

{# A country of the seed in any case, or `*`. A model that reads such a column says `-- depends_on: {{ ref('countries') }}`. #}
{% macro parse_country(text) -%}
    case when upper(trim({{ text }})) = '*' or upper(trim({{ text }})) in (select country from {{ ref('countries') }}) then upper(trim({{ text }})) end
{%- endmacro %}

{# The name of a zone that the engine knows: a wrong one would stop every call of the partner. #}
{% macro parse_time_zone(text) -%} {{ return(adapter.dispatch('parse_time_zone', 'tikteller')(text)) }} {%- endmacro %}

{# A telephone number in any spelling, to be normalised later. #}
{% macro parse_number(text) -%}
    case
        when {{ matches('trim(' ~ text ~ ')', '^[+]?[0-9][-0-9 ()./]{1,24}$') }}
            and {{ matches(replace_all(text, '[^0-9]', ''), '^(00)?[0-9]{2,15}$') }}  -- E.164 ends at 15 digits; more are two numbers in one
            then trim({{ text }})
    end
{%- endmacro %}

{% macro parse_enum(text, values) -%}
    case lower(trim({{ text }})) {% for value in values %} when '{{ value | lower }}' then '{{ value }}'{% endfor %} end
{%- endmacro %}

{# The clock as written, whatever zone stands behind it; null where that is no offset (+99:99). #}
{% macro parse_wall_clock(text) -%} {{ return(adapter.dispatch('parse_wall_clock', 'tikteller')(text)) }} {%- endmacro %}

{# The same of a text that closed_clock has been through. #}
{% macro wall_clock_of(clock) -%}
    case
        when left({{ clock }}, 1) between '0' and '9' and not {{ matches(clock, '[A-SU-Ya-su-y]') }}
            and case when {{ names_offset(clock) }} then {{ has_true_offset(clock) }} else true end
            then try_cast({{ clock }} as timestamp)
    end
{%- endmacro %}

{# The same text as an instant in UTC when it names its offset ("Z", "+02:00", "+0200", "+02", also behind a blank); null when it is a local time. #}
{% macro parse_offset_instant(text) -%} {{ return(adapter.dispatch('parse_offset_instant', 'tikteller')(text)) }} {%- endmacro %}

{# The same of a text that closed_clock has been through. #}
{% macro offset_instant_of(clock) -%}
    case
        when {{ names_offset(clock) }}
            then case when {{ has_true_offset(clock) }} then cast(try_cast({{ clock }} as timestamptz) as timestamp) end
    end
{%- endmacro %}

{% macro names_offset(clock) -%}
    (right({{ clock }}, 1) in ('Z', 'z') or strpos(substr({{ clock }}, 12), '+') > 0 or strpos(substr({{ clock }}, 12), '-') > 0)
{%- endmacro %}

{# Offsets go from -14:00 to +14:00, in quarters of an hour. #}
{% macro has_true_offset(clock) -%}
    {{ matches(clock, '([Zz]|[-+]((0[0-9]|1[0-3])(:?(00|15|30|45))?|14(:?00)?))$') }}
{%- endmacro %}

{# Without the blank that some exchanges write before the offset. #}
{% macro closed_clock(text) -%}
    case
        when strpos(substr({{ text }}, 12), ' ') > 0
            then left(trim({{ text }}), 11) || replace(replace(replace(replace(substr(trim({{ text }}), 12), ' +', '+'), ' -', '-'), ' Z', 'Z'), ' z', 'z')
        else trim({{ text }})
    end
{%- endmacro %}

{# A clock in another order than ISO 8601's, as ISO writes it: dmy (31-10-2026 09:00), mdy, compact (20261031090000), epoch (seconds since 1970). #}
{% macro iso_clock(text, date_order) -%}
    case
        when {{ date_order }} is null then {{ text }}
        when {{ date_order }} = 'dmy' then {{ replace_all('trim(' ~ text ~ ')', '^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})[ ,T]*', '\\3-\\2-\\1 ') }}
        when {{ date_order }} = 'mdy' then {{ replace_all('trim(' ~ text ~ ')', '^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})[ ,T]*', '\\3-\\1-\\2 ') }}
        when {{ date_order }} = 'compact'
            then {{ replace_all('trim(' ~ text ~ ')', '^([0-9]{4})([0-9]{2})([0-9]{2})[ T]?([0-9]{2}):?([0-9]{2}):?([0-9]{2})', '\\1-\\2-\\3 \\4:\\5:\\6') }}
        when {{ date_order }} = 'epoch' then {{ clock_of_epoch('trim(' ~ text ~ ')') }}
        else {{ text }}
    end
{%- endmacro %}

{% macro clock_of_epoch(text) -%} {{ return(adapter.dispatch('clock_of_epoch', 'tikteller')(text)) }} {%- endmacro %}

{% macro matches(text, pattern) -%} {{ return(adapter.dispatch('matches', 'tikteller')(text, pattern)) }} {%- endmacro %}

{% macro replace_all(text, pattern, replacement) -%} {{ return(adapter.dispatch('replace_all', 'tikteller')(text, pattern, replacement)) }} {%- endmacro %}

{# 64 bits of a text, stable within one warehouse; two texts may share them, so compare the text too. #}
{% macro hash64(text) -%} {{ return(adapter.dispatch('hash64', 'tikteller')(text)) }} {%- endmacro %}

{% macro hash_type() -%} {{ return(adapter.dispatch('hash_type', 'tikteller')()) }} {%- endmacro %}

{# A rejected row as JSON, its columns named, for the person who fixes it. #}
{% macro row_as_json(columns) -%} {{ return(adapter.dispatch('row_as_json', 'tikteller')(columns)) }} {%- endmacro %}

{# One row per part of a text, as columns `part` and `part_number` (from 1); the text itself where nothing separates. #}
{% macro numbered_parts(text, separator) -%} {{ return(adapter.dispatch('numbered_parts', 'tikteller')(text, separator)) }} {%- endmacro %}

{# "hh:mm:ss" (also "-hh:mm:ss") as seconds. #}
{% macro seconds_of_clock(clock) -%}
    case
        when {{ matches(clock, '^-?[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]$') }}
            then (case when left({{ clock }}, 1) = '-' then -1 else 1 end) * (
                cast(replace(split_part({{ clock }}, ':', 1), '-', '') as bigint) * 3600
                + cast(split_part({{ clock }}, ':', 2) as bigint) * 60
                + cast(split_part({{ clock }}, ':', 3) as bigint)
            )
    end
{%- endmacro %}

{# 3CX names an extension "Ext.101". #}
{% macro without_ext(number) -%} {{ replace_all(parse_text(number), '^Ext[.]', '') }} {%- endmacro %}

{# An invoice number as it is compared: people type it with other case and blanks than it was given. #}
{% macro invoice_key(number) -%} upper(replace({{ number }}, ' ', '')) {%- endmacro %}

{# A moment of the state ("2026-10-01T10:15:00Z") as a timestamp in UTC. #}
{% macro utc_moment(text) -%} cast(left({{ text }}, 19) as timestamp) {%- endmacro %}
{# 3CX begins a line of its own file with "Call ". #}
{% macro without_call(first_field) -%} {{ replace_all(parse_text(first_field), '^Call +', '') }} {%- endmacro %}

{# An IBAN as machines write it: capitals and digits only. #}
{% macro compact_iban(text) -%} upper({{ replace_all(parse_text(text), '[ .-]', '') }}) {%- endmacro %}

{# Letters as the numbers that ISO 13616 gives them, A = 10 to Z = 35. #}
{% macro letters_as_digits(text) -%}
    {%- set spelled = namespace(sql=text) -%}
    {%- for letter in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' -%}
        {%- set spelled.sql = "replace(" ~ spelled.sql ~ ", '" ~ letter ~ "', '" ~ (loop.index + 9) ~ "')" -%}
    {%- endfor -%}
    {{ spelled.sql }}
{%- endmacro %}

{# The remainder of a number of up to 72 digits (an IBAN has 34 signs, of which 30 may be letters), seven digits at a time. #}
{% macro modulo_97(digits) -%}
    {%- set remainder = namespace(sql="mod(cast(substring(" ~ digits ~ ", 1, 9) as bigint), 97)") -%}
    {%- for start in range(10, 73, 7) -%}
        {%- set remainder.sql = "mod(cast(concat(cast(" ~ remainder.sql ~ " as varchar), substring(" ~ digits ~ ", " ~ start ~ ", 7)) as bigint), 97)" -%}
    {%- endfor -%}
    {{ remainder.sql }}
{%- endmacro %}

{# A Belgian account ends in the remainder of its first ten digits by 97, 97 for none: a slip that the digits of ISO do not show. Its bank is not asked for. #}
{% macro has_wrong_belgian_digits(iban) -%}
    case
        when left({{ iban }}, 2) <> 'BE' then false
        when not {{ matches(iban, '^BE[0-9]{14}$') }} then true
        else cast(right({{ iban }}, 2) as integer)
            <> coalesce(nullif(mod(cast(substring({{ iban }}, 5, 10) as bigint), 97), 0), 97)
    end
{%- endmacro %}
