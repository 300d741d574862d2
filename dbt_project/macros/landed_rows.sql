{#
    Every row that landed in a reference feed: typed, with what became of it. The feed's declaration (_landing__sources.yml) is all it needs.

    Columns: file_id, line, the feed's columns with their types, tenant_id (where the feed has a `tenant`), reject_reason, disposition
        quarantined  a required value is missing, a value cannot be read, a rule is broken, what it refers to is not known, or other rows contradict it
        duplicate    a later row has the same key (further down, or in a file ingested later)
        kept         the rest: one row per key

    with_raw    the row as landed too, as JSON
    on_its_own  judge a row by itself and by what it refers to; not by the other rows of its feed, which is what `refused_by` and `claims` of the feed do
#}
{% macro landed_rows(feed, with_raw=false, on_its_own=false) -%}
    {%- set declared = feed_declaration(feed) -%}
    {%- set columns = declared.columns.values() | list -%}
    {%- set key = columns | selectattr('config.meta.key', 'defined') | map(attribute='name') | list -%}
    {%- set referring = columns | selectattr('config.meta.refers_to', 'defined') | list -%}
    {%- set references = (referring | rejectattr('config.meta.together_with', 'defined') | list) + (referring | selectattr('config.meta.together_with', 'defined') | list) -%}
    {%- set refused_by = none if on_its_own else declared.config.meta.get('refused_by') -%}
    {%- set claims = none if on_its_own else declared.config.meta.get('claims') -%}
    {%- set tenant = declared.config.meta.get('tenant', {}) -%}
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
        {%- if tenant %}

        {{ tenants_of('typed', tenant) }},
        {%- endif %}

        judged as (
            select
                typed.*,
                {%- if tenant %}
                tenants.tenant_id,
                {%- endif %}
                case
                    when typed.reading_problem is not null then typed.reading_problem
                    {%- for rule in declared.config.meta.get('rules', []) %}
                    when {{ rule.when }} then '{{ rule.reason }}'
                    {%- endfor %}
                    {%- for column in references %}
                    when typed.{{ column.name }} is not null and parent_{{ loop.index }}.known_{{ column.name }} is null then '{{ unknown_reason(column) }}'
                    {%- endfor %}
                    {%- if tenant.get('plan') %}
                    when tenants.tenant_id is null and typed.partner_id is not null then '{{ unknown_reason(plan_column(declared, tenant)) }}'
                    when tenants.tenant_id is null then '{{ tenant.reason }}'
                    {%- endif %}
                    {%- if claims %}
                    when claims.file_id is not null then '{{ declared.config.meta.claimed.reason }}'
                    {%- endif %}
                end as own_problem
            from typed
            {%- if tenant %}
            left join tenants on typed.file_id = tenants.file_id and typed.line = tenants.line
            {%- endif %}
            {%- if claims %}
            left join {{ ref(claims) }} as claims on typed.file_id = claims.file_id and typed.line = claims.line
            {%- endif %}
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
                {%- if declared.config.meta.get('nth_in_file') %}
                case when right(files.file, 3) = '.gz' then left(files.file, length(files.file) - 3) else files.file end as landed_as,
                row_number() over (
                    partition by judged.file_id, judged.own_problem is null, {{ declared.config.meta.nth_in_file | join(', ') }} order by judged.line
                ) as nth,
                {%- endif %}
                {% if refused_by -%} coalesce(judged.own_problem, refusals.reason) {%- else -%} judged.own_problem {%- endif %} as reject_reason
            from judged
            {%- if refused_by %}
            left join {{ ref(refused_by) }} as refusals on judged.file_id = refusals.file_id and judged.line = refusals.line
            {%- endif %}
            {%- if declared.config.meta.get('nth_in_file') %}
            left join {{ source('raw', 'files') }} as files on judged.file_id = files.file_id
            {%- endif %}
        )

        select
            *,
            case
                when reject_reason is not null then 'quarantined'
                -- a row that only others contradict has replaced the earlier one all the same: it is what was said last
                when row_number() over (
                    partition by own_problem is null, {{ (key + declared.config.meta.get('replaces_per', []) + (['tenant_id'] if tenant else [])) | join(', ') }}
                    order by file_id desc, line desc
                ) = 1 then 'kept'
                else 'duplicate'
            end as disposition
        from refused
    )
{%- endmacro %}

{#
    Whose each row is, as CTEs that end in `tenants` (file_id, line, tenant_id); `tenant` as the feed declares it.

    A plan's rate says which plan it is of, and two partners may call a plan alike: the rate is that partner's which it names, else the only one's who had
    such a plan when it landed (so that nobody's rates become doubtful by what another partner lands later), else the only one's who has it. What is left is
    refused: nobody's price follows another's row (decided).
#}
{% macro tenants_of(rows, tenant) -%}
    {%- if tenant.get('plan') -%}
    {%- set plan_id = tenant.plan | replace('_plans', '_plan_id') -%}
    plan_owners as (
        select plans.{{ plan_id }}, plans.partner_id, min(plans.file_id) as since_file_id
        from (select file_id, {{ parse_text(plan_id) }} as {{ plan_id }}, {{ parse_text('partner_id') }} as partner_id from {{ source('raw', tenant.plan) }}) as plans
        inner join (select distinct partner_id from {{ ref('stg_landing__partners') }}) as partners on plans.partner_id = partners.partner_id
        group by plans.{{ plan_id }}, plans.partner_id
    ),

    rows_and_owners as (
        select
            {{ rows }}.file_id,
            {{ rows }}.line,
            min({{ rows }}.partner_id) as named_id,
            max(case when owners.partner_id = {{ rows }}.partner_id then owners.partner_id end) as named_owner_id,
            count(case when owners.since_file_id < {{ rows }}.file_id then 1 end) as owners_before,
            min(case when owners.since_file_id < {{ rows }}.file_id then owners.partner_id end) as owner_before_id,
            count(owners.partner_id) as owners,
            min(owners.partner_id) as owner_id
        from {{ rows }}
        left join plan_owners as owners on {{ rows }}.{{ plan_id }} = owners.{{ plan_id }}
        group by {{ rows }}.file_id, {{ rows }}.line
    ),

    tenants as (
        select
            file_id,
            line,
            case
                when named_id is not null then named_owner_id
                when owners_before = 1 then owner_before_id
                when owners_before = 0 and owners = 1 then owner_id
            end as tenant_id
        from rows_and_owners
    )
    {%- else -%}
    rows_and_periods as (
        select
            {{ rows }}.file_id,
            {{ rows }}.line,
            periods.partner_id as tenant_id,
            row_number() over (
                partition by {{ rows }}.file_id, {{ rows }}.line
                order by
                    -- who has the customer on that day, or is the next to have it; after all its days, the last who had
                    case when coalesce({{ tenant.customer_on }}, {{ start_of_time() }}) < periods.ends_on then 0 else 1 end,
                    case when coalesce({{ tenant.customer_on }}, {{ start_of_time() }}) < periods.ends_on then periods.begins_on end,
                    periods.begins_on desc
            ) as place
        from {{ rows }}
        inner join (
            select customer_id, partner_id, valid_from as begins_on, valid_to as ends_on from {{ ref('stg_landing__customer_periods') }}
        ) as periods on {{ rows }}.customer_id = periods.customer_id
    ),

    tenants as (select file_id, line, tenant_id from rows_and_periods where place = 1)
    {%- endif -%}
{%- endmacro %}

{% macro plan_column(declared, tenant) -%} {{ return(declared.columns[tenant.plan | replace('_plans', '_plan_id')]) }} {%- endmacro %}

{# What a person does about a reject_reason of the feed: the fix beside its rule, or what the column needs. #}
{% macro fix_of(feed, reason) -%}
    {%- set declared = feed_declaration(feed) -%}
    case {{ reason }}
        {%- for rule in declared.config.meta.get('rules', []) %}
        when '{{ rule.reason }}' then '{{ rule.fix | replace("'", "''") }}'
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

{# The fix of every reason that the declarations of the feeds name, as rows (feed, reason, fix). #}
{% macro declared_fixes() -%}
    {%- set fixes = [] -%}
    {%- if execute -%}
        {%- for declared in graph.sources.values() if declared.source_name == 'raw' and declared.config.meta.get('feed') -%}
            {%- for rule in declared.config.meta.get('rules', []) + declared.config.meta.get('refusals', []) -%}
                {%- do fixes.append((declared.config.meta.feed, rule.reason, rule.fix)) -%}
            {%- endfor -%}
            {%- for refusal in [declared.config.meta.get('claimed'), declared.config.meta.get('tenant')] if refusal and refusal.get('reason') -%}
                {%- do fixes.append((declared.config.meta.feed, refusal.reason, refusal.fix)) -%}
            {%- endfor -%}
            {%- for column in declared.columns.values() if column.config.meta.get('fix') -%}
                {%- do fixes.append((declared.config.meta.feed, unknown_reason(column), column.config.meta.fix)) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    (
        {%- for feed, reason, fix in fixes | sort %}
        select '{{ feed }}' as feed, '{{ reason }}' as reason, '{{ fix | replace("'", "''") }}' as fix
        {{ 'union all' if not loop.last }}
        {%- else %}
        select cast(null as varchar) as feed, cast(null as varchar) as reason, cast(null as varchar) as fix
        {%- endfor %}
    )
{%- endmacro %}
