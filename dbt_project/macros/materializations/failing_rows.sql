{#
    A test as dbt runs it; of one that fails, the rows that fail stay in schema `checks`, under the test's name, so that `orchestration.pipeline.checks` can say whose they
    are: whom a check concerns keeps the last good snapshot, the others publish. So a failing test is a warning to dbt, which goes on building below it.
#}
{% materialization test, adapter='duckdb' %}
    {%- set failing = api.Relation.create(database=target.database, schema='checks', identifier=model['alias'], type='table') -%}
    {% call statement('main', fetch_result=True) %}
        {{ get_test_sql(get_limit_subquery_sql(sql, config.get('limit')), config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), limit=none) }}
    {% endcall %}
    {%- if load_result('main').table.rows[0]['failures'] %}
        {% call statement('kept') %}
            create schema if not exists {{ failing.without_identifier() }};
            create or replace table {{ failing }} as {{ sql }}
        {% endcall %}
        {% do adapter.commit() %}
    {%- endif %}
    {{ return({'relations': []}) }}
{% endmaterialization %}
