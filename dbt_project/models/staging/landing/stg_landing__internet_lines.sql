-- depends_on: {{ ref('stg_landing__customer_periods') }}
-- depends_on: {{ ref('stg_landing__customers') }}
select
    line_id,
    customer_id,
    tenant_id as partner_id,
    access_profile,
    down_kbps,
    up_kbps,
    voice_kbps,
    valid_from,
    valid_to,
    file_id,
    line
from {{ landed_rows('internet_lines') }}
where disposition = 'kept'
