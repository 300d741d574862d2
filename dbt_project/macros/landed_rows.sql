{#
    Every row that landed in a reference feed: typed, with what became of it. The feed's declaration (_landing__sources.yml) is all it needs.

    Columns: file_id, line, the feed's columns with their types, reject_reason, disposition
        quarantined  a required value is missing, a value cannot be read, a rule is broken, what it refers to is not known, or other rows contradict it
        duplicate    a later row has the same key (further down, or in a file ingested later)
        kept         the rest: one row per key

    with_raw    the row as landed too, as JSON
    on_its_own  judge a row by itself and by what it refers to; not by the other rows of its feed, which is what `refused_by` of the feed does
#}
{% macro landed_rows(feed, with_raw=false, on_its_own=false) -%}
    {%- set declared = feed_declaration(feed) -%}
    {%- set columns = declared.columns.values() | list -%}
    {%- set key = columns | selectattr('config.meta.key', 'defined') | map(attribute='name') | list -%}
    {%- set referring = columns | selectattr('config.meta.refers_to', 'defined') | list -%}
    {%- set references = (referring | rejectattr('config.meta.together_with', 'defined') | list) + (referring | selectattr('config.meta.together_with', 'defined') | list) -%}
    {%- set refused_by = none if on_its_own else declared.config.meta.get('refused_by') -%}
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
                    {%- for column in references %}
                    when typed.{{ column.name }} is not null and parent_{{ loop.index }}.known_{{ column.name }} is null then '{{ unknown_reason(column) }}'
                    {%- endfor %}
                end as own_problem
            from typed
            {%- for column in references %}
            {%- set parent = 'parent_' ~ loop.index %}
            {%- set ids = [column.name] + column.config.meta.get('together_with', []) %}
            left join (
                select distinct {% for id in ids %}{{ id }} as known_{{ id }}{{ ', ' if not loop.last }}{% endfor %}
                from {{ ref('stg_landing__' ~ column.config.meta.refers_to) }}
                {{ 'where ' ~ column.config.meta.refers_where if column.config.meta.get('refers_where') }}
            ) as {{ parent }}
                on {% for id in ids %}typed.{{ id }} = {{ parent }}.known_{{ id }}{{ ' and ' if not loop.last }}{% endfor %}
            {%- endfor %}
        ),

        refused as (
            select
                judged.*,
                {% if refused_by -%} coalesce(judged.own_problem, refusals.reason) {%- else -%} judged.own_problem {%- endif %} as reject_reason
            from judged
            {%- if refused_by %}
            left join {{ ref(refused_by) }} as refusals on judged.file_id = refusals.file_id and judged.line = refusals.line
            {%- endif %}
        )

        select
            *,
            case
                when reject_reason is not null then 'quarantined'
                -- a row that only others contradict has replaced the earlier one all the same: it is what was said last
                when row_number() over (
                    partition by own_problem is null, {{ (key + declared.config.meta.get('replaces_per', [])) | join(', ') }}
                    order by file_id desc, line desc
                ) = 1 then 'kept'
                else 'duplicate'
            end as disposition
        from refused
    )
{%- endmacro %}

{# What a person does about a reject_reason of the feed: the mend beside its rule, or what the column needs. #}
{% macro mend_of(feed, reason) -%}
    {%- set declared = feed_declaration(feed) -%}
    case {{ reason }}
        {%- for rule in declared.config.meta.get('rules', []) %}
        when '{{ rule.reason }}' then '{{ rule.mend | replace("'", "''") }}'
        {%- endfor %}
        {%- for column in declared.columns.values() %}
        {%- if column.config.meta.get('required') %}
        when 'missing_{{ column.name }}' then 'give {{ column.name }}'
        {%- endif %}
        {%- if column.data_type != 'text' %}
        when 'invalid_{{ column.name }}' then 'write {{ column.name }} as {{ spelling_of(column.data_type) }}'
        {%- endif %}
        {%- endfor %}
        else 'write the line as the header says: a value per column, quotes in pairs'
    end
{%- endmacro %}

{% macro spelling_of(data_type) -%}
    {{ return({
        'integer': 'a whole number', 'money': 'an amount such as 0.0150, at most 8 decimals', 'percent': 'a percentage such as 150', 'date': 'a day such as 2026-10-01',
        'instant': 'a moment such as 2026-10-01T10:15:00', 'boolean': 'yes or no', 'digits': '1 to 15 digits', 'prefix': 'the digits behind the plus, such as 316 (not 06: of which country?)', 'number': 'a telephone number'
    }.get(data_type, 'one of the values it may have')) }}
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

{# What a row is refused for whose reference is not known: unknown_<what>, or the word that the declaration gives. #}
{% macro unknown_reason(column) -%}
    {{ return(column.config.meta.get('unknown') or 'unknown_' ~ (column.name | replace('_id', '') | replace('_code', ''))) }}
{%- endmacro %}

{# The names of a raw table's declared columns. #}
{% macro source_columns(table) -%} {{ return((feed_declaration(table).columns.keys() | list) or ['line']) }} {%- endmacro %}

{# The mend of every reason that the declarations of the feeds name, as rows (feed, reason, mend). #}
{% macro declared_mends() -%}
    {%- set mends = [] -%}
    {%- if execute -%}
        {%- for declared in graph.sources.values() if declared.source_name == 'raw' and declared.config.meta.get('feed') -%}
            {%- for rule in declared.config.meta.get('rules', []) + declared.config.meta.get('refusals', []) -%}
                {%- do mends.append((declared.config.meta.feed, rule.reason, rule.mend)) -%}
            {%- endfor -%}
            {%- for column in declared.columns.values() if column.config.meta.get('mend') -%}
                {%- do mends.append((declared.config.meta.feed, unknown_reason(column), column.config.meta.mend)) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    (
        {%- for feed, reason, mend in mends | sort %}
        select '{{ feed }}' as feed, '{{ reason }}' as reason, '{{ mend | replace("'", "''") }}' as mend
        {{ 'union all' if not loop.last }}
        {%- else %}
        select cast(null as varchar) as feed, cast(null as varchar) as reason, cast(null as varchar) as mend
        {%- endfor %}
    )
{%- endmacro %}
