-- depends_on: {{ ref('stg_landing__partners') }}
select
    reseller_id,
    partner_id,
    name,
    vat_number,
    call_commission_percent,
    service_commission_percent,
    file_id,
    line
from {{ landed_rows('resellers') }}
where disposition = 'kept'
