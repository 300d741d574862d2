{#
    What is known of the source of a call record (sources.toml and the shipped formats, orchestration/landing/sources.py): raw.file_sources has a row per
    file, raw.source_words what the words of a source mean. A staging model joins them, and asks these macros.
#}

{#
    Per source and text that stands in a column of its records: what the source's words say it means. `word` is a pattern in which * is any text; the
    longest that fits counts. Few texts, many records: so the texts are looked at once.
#}
{% macro meanings(records, text, role) -%}
    (
        select source_name, word, meaning
        from (
            select
                texts.source_name,
                texts.word,
                words.meaning,
                row_number() over (partition by texts.source_name, texts.word order by length(words.word) desc, words.word) as place
            from (
                select distinct sources.source_name, lower(trim(records.{{ text }})) as word
                from {{ records }} as records
                inner join {{ source('raw', 'file_sources') }} as sources on records.file_id = sources.file_id
                where records.{{ text }} is not null
            ) as texts
            inner join {{ source('raw', 'source_words') }} as words
                on texts.source_name = words.source_name and words.role = '{{ role }}'
                and texts.word like replace(replace(words.word, '_', '!_'), '*', '%') escape '!'
        )
        where place = 1
    )
{%- endmacro %}

{#
    A number as it was dialled, without the digits that ask for an outside line. They go where a whole number stands behind them: one that begins with 0 or
    plus, 112, or, where the line is not asked for with a 0 itself, any of seven digits and more.
#}
{% macro without_outside_line(number) -%}
    case
        when sources.strip_1 is null then {{ number }}
        {%- for strip in ['strip_1', 'strip_2', 'strip_3'] %}
        when starts_with({{ number }}, sources.{{ strip }}) and (
            substr({{ number }}, length(sources.{{ strip }}) + 1, 1) in ('0', '+')
            or substr({{ number }}, length(sources.{{ strip }}) + 1) = '112'
            or (left(sources.{{ strip }}, 1) <> '0' and length({{ number }}) >= length(sources.{{ strip }}) + 7)
        ) then substr({{ number }}, length(sources.{{ strip }}) + 1)
        {%- endfor %}
        else {{ number }}
    end
{%- endmacro %}

{# Whether a text may be a number outside: six digits or more and nothing that an extension has. #}
{% macro looks_public(number) -%}
    case
        when {{ number }} is null then false
        when {{ matches(number, '^[+]?[0-9]+$') }} then length({{ number }}) >= 6
        else {{ matches(number, '^[^A-Za-z]*([0-9][^A-Za-z0-9]*){6,}([Ee][^A-Za-z]*)?$') }}
    end
{%- endmacro %}

{# A clock of the source, in ISO order and without the blank before an offset; made once, before it is looked at. #}
{% macro clock_of_source(text) -%} {{ closed_clock(iso_clock(text, 'sources.date_order')) }} {%- endmacro %}

{# The last eight digits of a number: what two spellings of it have alike. #}
{% macro tail_of_number(number, digits=8) -%} right({{ replace_all(number, '[^0-9]', '') }}, {{ digits }}) {%- endmacro %}

{# What is wrong with a clock that could be read, of `started_wall_clock` and `started_offset_utc` (null: a local time) of a source. #}
{% macro clock_problem() -%}
        when started_wall_clock < {{ earliest_start() }} then 'year_out_of_range'
        when started_offset_utc is null and source_time_zone is not null
            and {{ local_time(utc_time('started_wall_clock', 'source_time_zone'), 'source_time_zone') }} <> started_wall_clock then 'nonexistent_local_time'
{%- endmacro %}

{# What is wrong with `typed_duration_s`, as it stands in `column`. #}
{% macro duration_problem(column) -%}
        when {{ parse_text(column) }} is null then 'missing_duration_s'
        when typed_duration_s is null then 'invalid_duration_s'
        when typed_duration_s < 0 then 'negative_duration'
        when typed_duration_s > 86400 then 'duration_over_24h'
{%- endmacro %}

{# The clocks of a record as read, each from the column of its name: `started_clock` gives `started_wall_clock`, and the moment where its text names an offset. #}
{% macro read_clocks(relation, moments=['started', 'answered', 'ended']) -%}
    select
        *,
        {%- for moment in moments %}
        {{ wall_clock_of(moment ~ '_clock') }} as {{ moment }}_wall_clock,
        {%- endfor %}
        {{ offset_instant_of('started_clock') }} as started_offset_utc
    from {{ relation }}
{%- endmacro %}

{# decided: nobody bills a call of the last century; a year of two digits is read as one of the first #}
{% macro earliest_start() -%} cast('2000-01-01' as timestamp) {%- endmacro %}

{# The instant in UTC: the text's own offset, else the source's zone; null where neither says, and the partner's zone is meant. #}
{% macro started_instant() -%}
    coalesce(started_offset_utc, case when source_time_zone is not null then {{ utc_time('started_wall_clock', 'source_time_zone') }} end)
{%- endmacro %}

{# The fields of a record that is landed field by field as one list, and the field at a place of it (from 1; null where there is no such place). #}
{% macro fields_of_record() -%} {{ return(adapter.dispatch('fields_of_record', 'tikteller')()) }} {%- endmacro %}

{% macro field_at(fields, place) -%} {{ return(adapter.dispatch('field_at', 'tikteller')(fields, place)) }} {%- endmacro %}

{# The first of a role's columns that is not empty; raw.file_sources (`sources`) says which columns these are. #}
{% macro of_role(role) -%}
    coalesce({% for number in [1, 2, 3] %}{{ parse_text(field_at('records.fields', 'sources.' ~ role ~ '_' ~ number)) }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# The last seven digits of a number as it was written: what every spelling of it has. #}
{% macro own_tail(number) -%}
    right(
        case
            when strpos({{ number }}, '@') > 0 or strpos({{ number }}, ':') > 0 or strpos({{ number }}, '<') > 0
                then {{ replace_all(user_of_address(number), '[^0-9]', '') }}
            else translate({{ number }}, ' +-().,/', '')
        end,
        7
    )
{%- endmacro %}
