-- depends_on: {{ ref('countries') }}
-- depends_on: {{ ref('stg_landing__partners') }}
-- depends_on: {{ ref('stg_landing__customer_claims') }}
select
    customer_id,
    partner_id,
    name,
    reseller_id,
    customer_group,
    kind,
    vat_category,
    vat_number,
    street,
    postal_code,
    city,
    country,
    email,
    billing_exempt,
    ids_range_eur,
    iban,
    mandate_id,
    mandate_date,
    valid_from,
    valid_to,
    file_id,
    line
from {{ landed_rows('customers') }}
where disposition = 'kept'
