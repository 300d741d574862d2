{#
    Every row that landed in a reference feed: typed, with what became of it. The feed's declaration (_landing__sources.yml) is all it needs.

    Columns: file_id, line, the feed's columns with their types, reject_reason, disposition
        quarantined  a required value is missing, a value cannot be read, a rule is broken, or what it refers to is not known
        duplicate    a later row has the same key (further down, or in a file ingested later)
        kept         the rest: one row per key
#}
{% macro landed_rows(feed, with_raw=false) -%}
    {%- set declared = feed_declaration(feed) -%}
    {%- set columns = declared.columns.values() | list -%}
    {%- set key = columns | selectattr('config.meta.key', 'defined') | map(attribute='name') | list -%}
    (
        with typed as (
            select
                file_id,
                line,
                {%- for column in columns %}
                {{ parse(column.data_type, column.name, column.config.meta.get('values')) }} as {{ column.name }},
                {%- if column.data_type == 'instant' %}
                {{ parse_offset_instant(column.name) }} as {{ column.name }}_utc,
                {%- endif %}
                {%- endfor %}
                {%- if with_raw %}
                {{ row_as_json(columns | map(attribute='name')) }} as raw,
                {%- endif %}
                case
                    {%- for column in columns %}
                    {%- if column.config.meta.get('required') %}
                    when {{ parse_text(column.name) }} is null then 'missing_{{ column.name }}'
                    {%- endif %}
                    {%- if column.data_type != 'text' %}
                    when {{ parse_text(column.name) }} is not null and {{ parse(column.data_type, column.name, column.config.meta.get('values')) }} is null then 'invalid_{{ column.name }}'
                    {%- endif %}
                    {%- endfor %}
                end as reading_problem
            from {{ source('raw', feed) }}
        ),

        judged as (
            select
                typed.*,
                case
                    when typed.reading_problem is not null then typed.reading_problem
                    {%- for rule in declared.config.meta.get('rules', []) %}
                    when {{ rule.when }} then '{{ rule.reason }}'
                    {%- endfor %}
                    {%- for column in columns if column.config.meta.get('refers_to') %}
                    when typed.{{ column.name }} is not null and parent_{{ loop.index }}.known_id is null then 'unknown_{{ column.name | replace("_id", "") | replace("_code", "") }}'
                    {%- endfor %}
                end as reject_reason
            from typed
            {%- for column in columns if column.config.meta.get('refers_to') %}
            left join (select distinct {{ column.name }} as known_id from {{ ref('stg_landing__' ~ column.config.meta.refers_to) }}) as parent_{{ loop.index }}
                on typed.{{ column.name }} = parent_{{ loop.index }}.known_id
            {%- endfor %}
        )

        select
            *,
            case
                when reject_reason is not null then 'quarantined'
                when row_number() over (
                    partition by reject_reason is null, {{ (key + declared.config.meta.get('replaces_per', [])) | join(', ') }}
                    order by file_id desc, line desc
                ) = 1 then 'kept'
                else 'duplicate'
            end as disposition
        from judged
    )
{%- endmacro %}

{% macro feed_declaration(feed) -%}
    {%- if execute -%}
        {%- for declared in graph.sources.values() if declared.source_name == 'raw' and declared.name == feed -%}
            {{ return(declared) }}
        {%- endfor -%}
        {{ exceptions.raise_compiler_error("feed " ~ feed ~ " is not declared in _landing__sources.yml") }}
    {%- else -%}
        {{ return({'columns': {}, 'config': {'meta': {}}}) }}
    {%- endif -%}
{%- endmacro %}

{# The names of a raw table's declared columns. #}
{% macro source_columns(table) -%} {{ return((feed_declaration(table).columns.keys() | list) or ['line']) }} {%- endmacro %}
