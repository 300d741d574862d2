-- The cart as it was ordered, with what it costs by the prices of the day of delivery, or of the order while it waits (DOMAIN 4).
with lines as (
    select
        order_lines.*,
        coalesce(order_lines.delivered_on, order_lines.ordered_on) as priced_on,
        orders.email,
        orders.reference,
        orders.remarks,
        orders.continues_line,
        customers.reseller_id
    from {{ ref('int_order_lines') }} as order_lines
    inner join {{ ref('stg_landing__orders') }} as orders on {{ same_key('order_lines', 'orders', ['partner_id', 'order_id', 'line_number']) }}
    left join {{ ref('int_customers') }} as customers on order_lines.partner_id = customers.partner_id and order_lines.customer_id = customers.customer_id
),

priced as (
    select
        lines.*,
        horizon.last_date,
        service_plans.service_plan_id,
        case when service_plans.service_plan_id is not null then {{ service_sale_eur('costs.nrc_purchase_eur', 'nrc.percent', 'nrc.amount_eur') }} end as unit_nrc_eur,
        case when service_plans.service_plan_id is not null then {{ service_sale_eur('costs.mrc_purchase_eur', 'mrc.percent', 'mrc.amount_eur') }} end as unit_mrc_eur
    from lines
    cross join {{ ref('int_billing_horizon') }} as horizon
    left join {{ ref('int_service_costs') }} as costs
        on lines.service_code = costs.service_code and lines.priced_on >= costs.valid_from and lines.priced_on < costs.valid_to
    left join (select * from {{ ref('int_customer_plans') }} where plan_kind = 'service') as plans
        on lines.partner_id = plans.partner_id and lines.customer_id = plans.customer_id and lines.priced_on >= plans.valid_from and lines.priced_on < plans.valid_to
    left join {{ ref('stg_landing__service_plans') }} as service_plans
        on plans.plan_id = service_plans.service_plan_id and lines.partner_id = service_plans.partner_id
    {%- for charge in ['nrc', 'mrc'] %}
    left join {{ ref('int_service_markups') }} as {{ charge }}
        on service_plans.partner_id = {{ charge }}.partner_id and service_plans.service_plan_id = {{ charge }}.service_plan_id and lines.service_code = {{ charge }}.service_code and {{ charge }}.charge = '{{ charge }}'
        and lines.priced_on >= {{ charge }}.valid_from and lines.priced_on < {{ charge }}.valid_to
    {%- endfor %}
)

select
    partner_id,
    customer_id,
    reseller_id,
    order_id,
    line_number,
    service_code,
    category,
    service_name,
    quantity,
    new_quantity,
    ordered_on,
    delivered_on,
    case when ends_on < {{ end_of_time() }} then ends_on end as ended_on,
    continues_line,
    case
        when delivered_on is null and ended_on is not null then 'cancelled'
        when delivered_on is null then 'requested'
        when ends_on <= last_date then 'ended'
        else 'delivered'
    end as status,
    pbx_id,
    email,
    reference,
    remarks,
    service_plan_id,
    priced_on,
    cast(unit_nrc_eur as decimal(18, 6)) as unit_nrc_eur,
    cast(unit_mrc_eur as decimal(18, 6)) as unit_mrc_eur,
    cast(unit_nrc_eur * new_quantity as decimal(18, 6)) as nrc_eur,
    cast(unit_mrc_eur * quantity as decimal(18, 6)) as mrc_eur,
    cast(unit_nrc_eur * new_quantity + unit_mrc_eur * quantity as decimal(18, 6)) as total_eur
from priced
