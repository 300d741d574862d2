-- A change of quantity is a line that continues another (orders.continues_line): it ends that line on the day it is delivered itself, so that no day is
-- billed twice or not at all, and only what it adds is new (decided). A customer who leaves its partner leaves that partner's services.
with leavings as (
    select periods.partner_id, periods.customer_id, periods.valid_to as left_on
    from {{ ref('stg_landing__customer_periods') }} as periods
    left join {{ ref('stg_landing__customer_periods') }} as later_periods
        on periods.partner_id = later_periods.partner_id and periods.customer_id = later_periods.customer_id
        and periods.valid_to = later_periods.valid_from
    where later_periods.customer_id is null
),

-- the first leaving after the delivery: who comes back later orders anew
last_days as (
    select orders.partner_id, orders.order_id, orders.line_number, min(leavings.left_on) as left_on
    from {{ ref('stg_landing__orders') }} as orders
    inner join leavings
        on orders.partner_id = leavings.partner_id and orders.customer_id = leavings.customer_id
        and coalesce(orders.delivered_on, orders.ordered_on) < leavings.left_on
    group by orders.partner_id, orders.order_id, orders.line_number
)

select
    orders.partner_id,
    orders.order_id,
    orders.line_number,
    orders.customer_id,
    orders.service_code,
    orders.pbx_id,
    orders.quantity,
    greatest(orders.quantity - coalesce(continued.quantity, 0), 0) as new_quantity,
    orders.ordered_on,
    orders.delivered_on,
    orders.ended_on,
    least(
        coalesce(orders.ended_on, {{ end_of_time() }}),
        coalesce(successors.delivered_on, {{ end_of_time() }}),
        coalesce(last_days.left_on, {{ end_of_time() }})
    ) as ends_on,
    costs.category,
    costs.name as service_name,
    costs.metering,
    costs.charged
from {{ ref('stg_landing__orders') }} as orders
left join {{ ref('stg_landing__orders') }} as continued
    on orders.partner_id = continued.partner_id and orders.order_id = continued.order_id and orders.continues_line = continued.line_number
left join {{ ref('stg_landing__orders') }} as successors
    on orders.partner_id = successors.partner_id and orders.order_id = successors.order_id and orders.line_number = successors.continues_line
left join last_days
    on orders.partner_id = last_days.partner_id and orders.order_id = last_days.order_id and orders.line_number = last_days.line_number
left join {{ ref('int_service_costs') }} as costs
    on orders.service_code = costs.service_code
    and coalesce(orders.delivered_on, orders.ordered_on) >= costs.known_from and coalesce(orders.delivered_on, orders.ordered_on) < costs.valid_to
