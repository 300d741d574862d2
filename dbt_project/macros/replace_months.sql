{#
    Incremental strategy `replace_months`, for what sums calls up by the month they were made in: the months in which a call may have changed go as a
    whole and come again. `of_months_to_build` is the condition on the model's source that goes with it.
#}
{% macro get_incremental_replace_months_sql(arg_dict) -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    delete from {{ arg_dict["target_relation"] }} where month in (select {{ month_of('month_start') }} from {{ ref('int_months_to_build') }});
    insert into {{ arg_dict["target_relation"] }} ({{ columns }}) select {{ columns }} from {{ arg_dict["temp_relation"] }};
{%- endmacro %}

{% macro of_months_to_build(day) -%}
    cast(date_trunc('month', {{ day }}) as date) in (select month_start from {{ ref('int_months_to_build') }})
{%- endmacro %}
