{# A customer's own assignment goes before that of its group (decided); each kind of plan has its own time line. #}
{%- set kinds = ['call', 'service'] -%}
with assignments as (
    select
        customers.customer_id,
        'customer' as assigned_to,
        2 as specificity,
        plans.call_plan_id,
        plans.service_plan_id,
        plans.valid_from,
        plans.valid_to,
        plans.file_id,
        plans.line
    from {{ ref('stg_landing__customer_plans') }} as plans
    inner join {{ ref('stg_landing__customers') }} as customers on plans.customer_id = customers.customer_id

    union all

    select
        customers.customer_id,
        'customer_group' as assigned_to,
        1 as specificity,
        plans.call_plan_id,
        plans.service_plan_id,
        plans.valid_from,
        plans.valid_to,
        plans.file_id,
        plans.line
    from {{ ref('stg_landing__customer_plans') }} as plans
    inner join {{ ref('stg_landing__customers') }} as customers
        on plans.customer_group = customers.customer_group and plans.partner_id = customers.partner_id
    where plans.customer_id is null
)
{%- for kind in kinds %},

{{ kind }}_assignments as (
    -- of two rows of one day, one of which gives both plans, the last that landed counts
    select customer_id, assigned_to, specificity, plan_id, valid_from, valid_to, file_id as assignment_file_id, line as assignment_line
    from (
        select
            *,
            {{ kind }}_plan_id as plan_id,
            row_number() over (partition by customer_id, assigned_to, valid_from order by file_id desc, line desc) as place
        from assignments
        where {{ kind }}_plan_id is not null
    )
    where place = 1
)
{%- endfor %}

{% for kind in kinds %}
select '{{ kind }}' as plan_kind, * from {{ valid_periods(
    kind ~ '_assignments', key=['customer_id'], series=['assigned_to'], carry=['plan_id', 'assigned_to', 'assignment_file_id', 'assignment_line']
) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
