select
    service_code, category, name, metering, charged, nrc_purchase_eur, mrc_purchase_eur, valid_from,
    coalesce(valid_to, lead(valid_from) over (partition by service_code order by valid_from), {{ end_of_time() }}) as valid_to
from {{ ref('stg_landing__services') }}
