-- depends_on: {{ ref('stg_landing__customer_periods') }}
-- depends_on: {{ ref('stg_landing__customers') }}
-- depends_on: {{ ref('stg_landing__services') }}
-- depends_on: {{ ref('stg_landing__order_refusals') }}
select
    order_id,
    line_number,
    customer_id,
    tenant_id as partner_id,
    service_code,
    quantity,
    ordered_on,
    delivered_on,
    ended_on,
    pbx_id,
    email,
    reference,
    remarks,
    losing_operator,
    account_holder,
    numbers,
    continues_line,
    file_id,
    line
from {{ landed_rows('orders') }}
where disposition = 'kept'
