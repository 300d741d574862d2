-- depends_on: {{ ref('stg_landing__customers') }}
-- depends_on: {{ ref('stg_landing__services') }}
-- depends_on: {{ ref('stg_landing__orders') }}
select
    pbx_id,
    customer_id,
    service_code,
    read_at,
    read_at_utc,
    extensions,
    file_id,
    line
from {{ landed_rows('extension_counts') }}
where disposition = 'kept'
