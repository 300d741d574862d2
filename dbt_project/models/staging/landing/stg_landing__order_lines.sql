-- depends_on: {{ ref('stg_landing__customer_periods') }}
-- depends_on: {{ ref('stg_landing__customers') }}
-- depends_on: {{ ref('stg_landing__services') }}
select
    orders.order_id,
    orders.line_number,
    orders.customer_id,
    orders.tenant_id as partner_id,
    orders.service_code,
    orders.quantity,
    orders.ordered_on,
    orders.delivered_on,
    orders.pbx_id,
    orders.losing_operator,
    orders.account_holder,
    orders.numbers,
    orders.continues_line,
    orders.file_id,
    orders.line
from {{ landed_rows('orders', on_its_own=true) }} as orders
where orders.disposition = 'kept'
