-- depends_on: {{ ref('stg_landing__partners') }}
-- depends_on: {{ ref('stg_landing__service_plans') }}
-- depends_on: {{ ref('stg_landing__services') }}
select
    tenant_id as partner_id,
    service_plan_id,
    category,
    service_code,
    nrc_percent,
    mrc_percent,
    nrc_eur,
    mrc_eur,
    valid_from,
    valid_to,
    file_id,
    line
from {{ landed_rows('service_plan_markups') }}
where disposition = 'kept'
