-- Fails if what a reseller's customers were invoiced is not what its commission is taken of: it would be paid too little or too much.
with invoiced as (
    select partner_id, month, reseller_id, sum(net_eur) as net_eur
    from {{ ref('invoices') }}
    where reseller_id is not null
    group by partner_id, month, reseller_id
),

earned as (
    select partner_id, month, reseller_id, sum(call_sale_eur + service_sale_eur) as sale_eur
    from {{ ref('commissions') }}
    group by partner_id, month, reseller_id
)

select partner_id, month, reseller_id, invoiced.net_eur, earned.sale_eur
from invoiced
full join earned using (partner_id, month, reseller_id)
where coalesce(invoiced.net_eur, 0) <> coalesce(earned.sale_eur, 0)
