with sold as (
    select
        partner_id, customer_id, reseller_id, billing_month as month, 'calls' as kind, cast(null as varchar) as category, country, line_type,
        sum(sale_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from {{ ref('calls') }}
    where status = 'rated'
    group by partner_id, customer_id, reseller_id, billing_month, country, line_type

    union all

    select
        partner_id, customer_id, reseller_id, invoice_month as month, 'services' as kind, category, cast(null as varchar) as country, cast(null as varchar) as line_type,
        sum(sale_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from {{ ref('service_charges') }}
    where status_reason is null
    group by partner_id, customer_id, reseller_id, invoice_month, category
)

select
    partner_id,
    month,
    customer_id,
    reseller_id,
    kind,
    category,
    country,
    line_type,
    cast(sale_eur as decimal(28, 6)) as sale_eur,
    cast(purchase_eur as decimal(28, 6)) as purchase_eur,
    cast(sale_eur - purchase_eur as decimal(28, 6)) as margin_eur,
    {{ percent_of('(sale_eur - purchase_eur)', 'sale_eur') }} as margin_percent_of_sale,
    {{ percent_of('(sale_eur - purchase_eur)', 'purchase_eur') }} as markup_percent
from sold
