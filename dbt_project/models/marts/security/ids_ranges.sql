with ranges as (
    select partner_id, customer_id, cast(max(stages) as integer) as stages, min(limit_eur) as first_limit_eur, max(limit_eur) as block_limit_eur
    from {{ ref('int_ids_stages') }}
    group by partner_id, customer_id
)

select
    customers.partner_id,
    customers.customer_id,
    customers.ids_range_eur,
    coalesce(ranges.stages, 0) as stages,
    ranges.first_limit_eur,
    ranges.block_limit_eur,
    case when ranges.customer_id is null then 'unreadable' end as range_problem
from {{ ref('int_customers') }} as customers
left join ranges on customers.partner_id = ranges.partner_id and customers.customer_id = ranges.customer_id
where {{ parse_text('customers.ids_range_eur') }} is not null
