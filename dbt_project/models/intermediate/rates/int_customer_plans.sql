{# A customer's own assignment goes before that of its group (decided); each kind of plan has its own time line. #}
{%- set kinds = ['call', 'service'] -%}
-- a customer's row is of the partner that it names, else of the one who has the customer when it begins, or gets it next: a plan of that name elsewhere is
-- another one, and nobody's row ends another's
with assignments as (
    select *
    from (
        select
            plans.*,
            coalesce(plans.partner_id, customers.partner_id) as tenant_id,
            row_number() over (
                partition by
                    plans.customer_id, plans.customer_group, plans.partner_id, plans.valid_from,
                    plans.call_plan_id, plans.service_plan_id, plans.file_id, plans.line
                order by customers.valid_from
            ) as owner_place
        from {{ ref('stg_landing__customer_plans') }} as plans
        left join {{ ref('stg_landing__customer_periods') }} as customers
            on plans.customer_id = customers.customer_id and customers.valid_to > plans.valid_from
    )
    where owner_place = 1
)
{%- for kind in kinds %},

-- of two rows of one day, one of which gives both plans, the last that landed counts
{{ kind }}_rows as (
    select customer_id, customer_group, tenant_id, {{ kind }}_plan_id as plan_id, valid_from, valid_to, file_id, line
    from (
        select
            *,
            row_number() over (
                partition by customer_id, case when customer_id is null then customer_group end, tenant_id, valid_from
                order by file_id desc, line desc
            ) as place
        from assignments
        where {{ kind }}_plan_id is not null
    )
    where place = 1
),

{{ kind }}_of_groups as (
    select
        tenant_id, customer_group, plan_id, valid_from, file_id as assignment_file_id, line as assignment_line, 1 as specificity,
        coalesce(valid_to, {{ next_valid_from(['tenant_id', 'customer_group']) }}, {{ end_of_time() }}) as valid_to
    from {{ kind }}_rows
    where customer_id is null
),

-- one at a time, by when the group got it, before customers come and go: for one who joins later they would all begin on one day
{{ kind }}_group_periods as (
    select * from {{ valid_periods(
        kind ~ '_of_groups', key=['tenant_id', 'customer_group'], series=[], carry=['plan_id', 'assignment_file_id', 'assignment_line']
    ) }}
),

{{ kind }}_of_customers as (
    select tenant_id, customer_id, plan_id, valid_from, valid_to, file_id as assignment_file_id, line as assignment_line, 2 as specificity
    from {{ kind }}_rows
    where customer_id is not null and tenant_id is not null
),

{{ kind }}_customer_periods as (
    select * from {{ valid_periods(
        kind ~ '_of_customers', key=['tenant_id', 'customer_id'], series=[], carry=['plan_id', 'assignment_file_id', 'assignment_line']
    ) }}
),

{{ kind }}_assignments as (
    select
        customers.customer_id,
        'customer' as assigned_to,
        2 as specificity,
        plans.plan_id,
        {{ common_from('plans', 'customers') }} as valid_from,
        {{ common_to('plans', 'customers') }} as valid_to,
        plans.assignment_file_id,
        plans.assignment_line
    from {{ kind }}_customer_periods as plans
    inner join {{ ref('stg_landing__customer_periods') }} as customers
        on plans.customer_id = customers.customer_id and plans.tenant_id = customers.partner_id and {{ hold_at_once('plans', 'customers') }}

    union all

    -- a group's plan is that of a customer while the customer is of the group
    select
        customers.customer_id,
        'customer_group' as assigned_to,
        1 as specificity,
        plans.plan_id,
        {{ common_from('plans', 'customers') }} as valid_from,
        {{ common_to('plans', 'customers') }} as valid_to,
        plans.assignment_file_id,
        plans.assignment_line
    from {{ kind }}_group_periods as plans
    inner join {{ ref('stg_landing__customer_periods') }} as customers
        on plans.customer_group = customers.customer_group and plans.tenant_id = customers.partner_id and {{ hold_at_once('plans', 'customers') }}
),

{{ kind }}_periods as (
    select * from {{ valid_periods(
        kind ~ '_assignments', key=['customer_id'], series=['assigned_to'], carry=['plan_id', 'assigned_to', 'assignment_file_id', 'assignment_line']
    ) }}
)
{%- endfor %}

{% for kind in kinds %}
select
    '{{ kind }}' as plan_kind,
    customers.partner_id,
    periods.customer_id,
    {{ common_from('periods', 'customers') }} as valid_from,
    {{ common_to('periods', 'customers') }} as valid_to,
    periods.plan_id,
    periods.assigned_to,
    periods.assignment_file_id,
    periods.assignment_line,
    periods.specificity,
    periods.contenders
from {{ kind }}_periods as periods
inner join {{ ref('stg_landing__customer_periods') }} as customers
    on periods.customer_id = customers.customer_id and {{ hold_at_once('periods', 'customers') }}
{{ 'union all' if not loop.last }}
{%- endfor %}
