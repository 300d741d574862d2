-- depends_on: {{ ref('stg_landing__customers') }}
-- depends_on: {{ ref('stg_landing__partners') }}
select
    customer_id,
    customer_group,
    partner_id,
    call_plan_id,
    service_plan_id,
    valid_from,
    valid_to,
    file_id,
    line
from {{ landed_rows('customer_plans') }}
where disposition = 'kept'
