-- depends_on: {{ ref('stg_landing__partners') }}
-- depends_on: {{ ref('countries') }}
-- depends_on: {{ ref('stg_landing__call_plans') }}
select
    tenant_id as partner_id,
    call_plan_id,
    country,
    line_type,
    connection_fee_eur,
    minute_rate_eur,
    minute_rate_percent,
    valid_from,
    valid_to,
    file_id,
    line
from {{ landed_rows('call_plan_rates') }}
where disposition = 'kept'
