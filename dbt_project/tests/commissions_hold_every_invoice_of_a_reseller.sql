-- Fails if what a reseller's customers were invoiced is not what its commission is taken of: it would be paid too little or too much.
with invoiced as (
    select
        lines.partner_id,
        case when lines.commission_percent is not null then lines.reseller_id else invoices.reseller_id end as reseller_id,
        sum(lines.amount_eur) as net_eur
    from {{ ref('invoice_lines') }} as lines
    inner join {{ ref('invoices') }} as invoices on lines.invoice_id = invoices.invoice_id
    group by lines.partner_id, case when lines.commission_percent is not null then lines.reseller_id else invoices.reseller_id end
),

earned as (
    select partner_id, reseller_id, sum(call_sale_eur + service_sale_eur) as sale_eur
    from {{ ref('commissions') }}
    group by partner_id, reseller_id
)

select coalesce(invoiced.partner_id, earned.partner_id) as partner_id, coalesce(invoiced.reseller_id, earned.reseller_id) as reseller_id, invoiced.net_eur, earned.sale_eur
from (select * from invoiced where reseller_id is not null) as invoiced
full join earned on invoiced.partner_id = earned.partner_id and invoiced.reseller_id = earned.reseller_id
where coalesce(invoiced.net_eur, 0) <> coalesce(earned.sale_eur, 0)
