-- depends_on: {{ ref('stg_landing__partners') }}
select
    call_plan_id,
    partner_id,
    name,
    description,
    onnet_billing,
    rounding_seconds,
    rounding_decimals,
    valid_from,
    file_id,
    line
from {{ landed_rows('call_plans') }}
where disposition = 'kept'
