-- Rounded once per reseller, month and kind, half away from zero (decided); final when every invoice behind it has its number, and
-- settled when the statement was given to the reseller (tikteller commissions settle): from then on nothing is added to it.
with summed as (
    select
        partner_id,
        month,
        reseller_id,
        count(distinct customer_id) as customers,
        count(distinct invoice_id) as invoices,
        count(distinct case when status in ('draft', 'blocked') then invoice_id end) as open_invoices,
        sum(case when kind = 'calls' then sale_eur else 0 end) as call_sale_eur,
        max(case when kind = 'calls' then commission_percent end) as call_commission_percent,
        cast({{ round_money("sum(case when kind = 'calls' then exact_commission_eur else 0 end)", 2) }} as decimal(18, 2)) as call_commission_eur,
        sum(case when kind = 'services' then sale_eur else 0 end) as service_sale_eur,
        max(case when kind = 'services' then commission_percent end) as service_commission_percent,
        cast({{ round_money("sum(case when kind = 'services' then exact_commission_eur else 0 end)", 2) }} as decimal(18, 2)) as service_commission_eur
    from {{ ref('commission_lines') }}
    group by partner_id, month, reseller_id
)

select
    summed.partner_id,
    summed.month,
    summed.reseller_id,
    cast(customers as bigint) as customers,
    cast(invoices as bigint) as invoices,
    cast(open_invoices as bigint) as open_invoices,
    open_invoices = 0 as is_final,
    cast(call_sale_eur as decimal(18, 2)) as call_sale_eur,
    call_commission_percent,
    call_commission_eur,
    cast(service_sale_eur as decimal(18, 2)) as service_sale_eur,
    service_commission_percent,
    service_commission_eur,
    cast(call_commission_eur + service_commission_eur as decimal(18, 2)) as commission_eur,
    statements.month is not null as is_settled
from summed
left join {{ source('raw', 'commission_statements') }} as statements
    on summed.partner_id = statements.partner_id and summed.reseller_id = statements.reseller_id and summed.month = statements.month
