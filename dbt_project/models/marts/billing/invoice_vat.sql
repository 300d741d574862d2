-- VAT is rounded once per VAT category on the sum of the rounded lines: 37.50 + 12.50 gives 10.50, not 10.51 (DOMAIN 5).
with by_invoice as (
    select
        lines.partner_id,
        lines.customer_id,
        -- a credit note that a person made belongs to the month in which it was made, its invoice to the one that it is for
        case when {{ is_credited_by_hand('lines.invoice_id') }} then {{ month_of('invoices.issued_on') }} else lines.month end as month,
        lines.invoice_id,
        invoices.issued_on,
        lines.vat_category,
        lines.vat_code,
        lines.vat_percent,
        sum(lines.amount_eur) as net_eur,
        -- notes of one invoice add up to it: the last takes the cent that is left
        cast({{ vat_amount('sum(lines.amount_eur)', 'lines.vat_percent') }} + coalesce(sum(lines.vat_correction_eur), 0) as decimal(18, 2)) as vat_eur
    from {{ ref('invoice_lines') }} as lines
    inner join {{ ref('invoices') }} as invoices on lines.partner_id = invoices.partner_id and lines.invoice_id = invoices.invoice_id
    group by
        lines.partner_id, lines.customer_id, lines.month, lines.invoice_id, invoices.issued_on, lines.vat_category, lines.vat_code, lines.vat_percent
),

filed_invoices as (
    select distinct partner_id, quarter, invoice_id, left(quarter, 4) || '-' || right('0' || cast(cast(right(quarter, 1) as integer) * 3 - 2 as varchar), 2) as first_month
    from {{ source('raw', 'vat_return_lines') }}
),

-- a quarter that was filed takes nothing more: what comes after belongs to the first one after it that is open
open_quarters as (
    select partner_id, {{ month_of(add_months(first_day_of("left(max(quarter), 4) || '-' || right('0' || cast(cast(right(max(quarter), 1) as integer) * 3 as varchar), 2)"), 1)) }} as first_open_month
    from {{ source('raw', 'vat_returns') }}
    group by partner_id
)

select
    vat.partner_id,
    vat.customer_id,
    case
        -- what came too late for its own quarter stays in the one in which it was filed
        when vat.month < filed.first_month then greatest(filed.first_month, coalesce({{ month_of('vat.issued_on') }}, filed.first_month))
        when filed.quarter is not null then vat.month
        when vat.month < open_quarters.first_open_month then greatest(open_quarters.first_open_month, coalesce({{ month_of('vat.issued_on') }}, open_quarters.first_open_month))
        else vat.month
    end as month,
    vat.invoice_id,
    vat.vat_category,
    vat.vat_code,
    vat.vat_percent,
    cast(vat.net_eur as decimal(18, 2)) as net_eur,
    vat.vat_eur,
    cast(vat.net_eur + coalesce(vat.vat_eur, 0) as decimal(18, 2)) as gross_eur,
    filed.quarter as filed_in
from by_invoice as vat
left join filed_invoices as filed on vat.partner_id = filed.partner_id and vat.invoice_id = filed.invoice_id
left join open_quarters on vat.partner_id = open_quarters.partner_id
