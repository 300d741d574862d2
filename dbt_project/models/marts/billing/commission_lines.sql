-- What earns a reseller its commission (DOMAIN 4): what its customers were invoiced, without VAT, for calls and for services apart.
with invoiced as (
    select
        invoices.partner_id,
        invoices.month,
        invoices.reseller_id,
        invoices.customer_id,
        invoices.invoice_id,
        invoices.status,
        case when lines.kind in ('calls', 'airtime') then 'calls' else 'services' end as kind,
        sum(lines.amount_eur) as sale_eur
    from {{ ref('invoice_lines') }} as lines
    inner join {{ ref('invoices') }} as invoices on lines.invoice_id = invoices.invoice_id
    where invoices.reseller_id is not null
    group by
        invoices.partner_id, invoices.month, invoices.reseller_id, invoices.customer_id, invoices.invoice_id, invoices.status,
        case when lines.kind in ('calls', 'airtime') then 'calls' else 'services' end
),

with_percent as (
    select
        invoiced.*,
        coalesce(case invoiced.kind when 'calls' then resellers.call_commission_percent else resellers.service_commission_percent end, 0) as commission_percent
    from invoiced
    inner join {{ ref('stg_landing__resellers') }} as resellers on invoiced.reseller_id = resellers.reseller_id
)

select
    partner_id,
    month,
    reseller_id,
    customer_id,
    invoice_id,
    status,
    kind,
    cast(sale_eur as decimal(18, 2)) as sale_eur,
    cast(commission_percent as decimal(9, 4)) as commission_percent,
    cast(cast(sale_eur as decimal(18, 2)) * commission_percent * cast(0.01 as decimal(3, 2)) as decimal(18, 8)) as exact_commission_eur
from with_percent
