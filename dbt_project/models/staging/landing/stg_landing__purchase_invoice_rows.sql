-- depends_on: {{ ref('stg_landing__partners') }}
select
    deck_id,
    service_code,
    month,
    account,
    prefix,
    destination,
    calls,
    seconds,
    amount_eur,
    partner_id,
    file_id,
    line
from {{ landed_rows('purchase_invoices', on_its_own=true) }}
where disposition = 'kept'
