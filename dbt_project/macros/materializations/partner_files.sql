{#
    Materialization `partner_files`, for the one table that is large: the rows of each partner stand in a database file of their own,
    `rated/<partner_id>.duckdb`, and the model is a view over all of them. A snapshot starts as a copy of that file: what a run rates is compressed once,
    not again for whoever reads it.

    What the model selects replaces the days that are rated again (`int_days_to_rate`); a full refresh replaces everything. Many calls are rated a partner
    at a time, so that what is worked on fits into memory; few of them all at once, so that many partners cost little.

    A transaction writes one file. A run that is killed between two of them leaves the files apart: the next one builds everything anew (dbt.begin_build).
#}
{% materialization partner_files, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set is_full = should_full_refresh() or existing_relation is none or not existing_relation.is_view -%}
    {%- set partner_ids = run_query('select distinct partner_id from ' ~ ref('stg_landing__partner_periods') ~ ' order by partner_id').columns[0].values() -%}
    {%- set (calls,) = run_query('select count(*) from ' ~ ref('int_calls_attributed')).columns[0].values() -%}
    {%- set at_once = ref('int_calls_attributed').incorporate(path={'identifier': this.identifier ~ '__at_once'}) -%}

    {% do get_assert_columns_equivalent(compiled_code) %}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {%- if calls <= var('calls_rated_at_once') -%}
        {% call statement('at_once') %} create or replace table {{ at_once }} as {{ compiled_code }} {% endcall %}
        {% do adapter.commit() %}
        {%- set rated = at_once -%}
    {%- else -%}
        {%- set rated = '(' ~ compiled_code ~ ')' -%}
    {%- endif -%}

    {%- for partner_id in partner_ids -%}
        {% do run_query(attach_partner_file(partner_id)) %}
        {% do adapter.commit() %}
        {% call statement('rows_of_partner') %}
            {{ 'create or replace table' if is_full else 'create table if not exists' }} {{ partner_table(partner_id) }}
            {{ get_table_columns_and_constraints() }};
            delete from {{ partner_table(partner_id) }} where cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }});
            insert into {{ partner_table(partner_id) }} {{ get_column_names() }}
            {{ get_select_subquery('select * from ' ~ rated ~ " as rated where partner_id = '" ~ partner_id ~ "'") }}
        {% endcall %}
        {% do adapter.commit() %}
    {%- endfor -%}

    {% call statement('main') %}
        {% if existing_relation is not none and not existing_relation.is_view %} drop table {{ existing_relation }}; {% endif %}
        create or replace view {{ target_relation }} as
        {%- for partner_id in partner_ids %}
        select * from {{ partner_table(partner_id) }}
        {{ 'union all' if not loop.last }}
        {%- else %}
        select {% for column in model.columns.values() %}cast(null as {{ column.data_type }}) as {{ column.name }}{{ ', ' if not loop.last }}{% endfor %}
        where false
        {%- endfor %}
    {% endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {% do run_query('drop table if exists ' ~ at_once) %}
    {% do adapter.commit() %}
    {%- for partner_id in partner_ids %}
        {% call statement('checkpoint', auto_begin=False) %} checkpoint {{ partner_database(partner_id) }} {% endcall %}  {# it is copied as a file #}
    {%- endfor %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# The files of earlier runs, so that the views over them can be read. #}
{% macro attach_partner_files() -%}
    {%- if execute -%}
        {%- for file in run_query("select parse_filename(file, true) from glob('rated/*.duckdb') order by 1").columns[0].values() %}
            {{ attach_partner_file(file) }};
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# A partner_id can name a file: the feed's rules see to it. #}
{% macro attach_partner_file(partner_id) -%} attach if not exists 'rated/{{ partner_id }}.duckdb' as {{ partner_database(partner_id) }} {%- endmacro %}

{# As orchestration.warehouse: names of databases do not tell A from a, partners' names do. #}
{% macro partner_database(partner_id) -%} "rated_{{ modules.re.sub('[A-Z]', '^\\g<0>', partner_id) }}" {%- endmacro %}

{% macro partner_table(partner_id) -%} {{ partner_database(partner_id) }}.main.{{ this.identifier }} {%- endmacro %}
