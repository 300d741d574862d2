-- Without bank accounts: what a partner collects with stands in `mandates`
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
    file_id,
    line
from {{ ref('int_customers') }}
