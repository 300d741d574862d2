-- depends_on: {{ ref('stg_landing__partners') }}
select
    service_plan_id,
    partner_id,
    name,
    file_id,
    line
from {{ landed_rows('service_plans') }}
where disposition = 'kept'
