{#
    Incremental strategy `replace_days`: everything of the days that are rated again goes, what the model selects comes. Unlike `delete+insert`, a day
    for which nothing is selected any more is emptied too.
#}
{% macro get_incremental_replace_days_sql(arg_dict) -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    delete from {{ arg_dict["target_relation"] }} where cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }});
    insert into {{ arg_dict["target_relation"] }} ({{ columns }}) select {{ columns }} from {{ arg_dict["temp_relation"] }};
{%- endmacro %}
