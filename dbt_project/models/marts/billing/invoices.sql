{%- set charge_problems = ['missing_reading', 'no_service_price', 'no_service_plan', 'no_markup', 'below_purchase'] -%}
-- VAT is rounded once per VAT category on the sum of the rounded lines: 37.50 + 12.50 gives 10.50, not 10.51 (DOMAIN 5).
with approved_months as (
    select distinct partner_id, customer_id, month from {{ source('raw', 'approved_invoices') }}
),

by_vat_category as (
    select
        lines.partner_id, lines.customer_id, lines.month, lines.invoice_id, lines.vat_category, lines.vat_percent,
        sum(lines.amount_eur) as net_eur,
        {{ vat_amount('sum(lines.amount_eur)', 'lines.vat_percent') }} as vat_eur,
        max(case when lines.amount_eur <> 0 then 1 else 0 end) as has_amounts
    from {{ ref('invoice_lines') }} as lines
    left join approved_months on {{ same_key('lines', 'approved_months', ['partner_id', 'customer_id', 'month']) }}
    where approved_months.month is null
    group by lines.partner_id, lines.customer_id, lines.month, lines.invoice_id, lines.vat_category, lines.vat_percent
),

unrated as (
    select partner_id, customer_id, billing_month as month, count(*) as calls
    from {{ ref('calls') }}
    where status = 'unrated' and not is_billing_exempt
    group by partner_id, customer_id, billing_month
),

uncharged as (
    select
        partner_id,
        customer_id,
        invoice_month as month
        {%- for reason in charge_problems %},
        max(case when status_reason = '{{ reason }}' then 1 else 0 end) as has_{{ reason }}
        {%- endfor %}
    from {{ ref('service_charges') }}
    where status_reason is not null and not is_billing_exempt
    group by partner_id, customer_id, invoice_month
),

billed_months as (
    select
        months.partner_id, months.customer_id, months.month,
        months.customer_id || '-' || months.month || coalesce(customers.draft_suffix, '') as invoice_id
    from (
        select partner_id, customer_id, month from by_vat_category
        union
        select partner_id, customer_id, month from unrated
        union
        select partner_id, customer_id, month from uncharged
    ) as months
    left join {{ ref('int_customers') }} as customers on months.partner_id = customers.partner_id and months.customer_id = customers.customer_id
),

open_months as (
    select billed_months.*
    from billed_months
    left join approved_months on {{ same_key('billed_months', 'approved_months', ['partner_id', 'customer_id', 'month']) }}
    where approved_months.month is null
),

totals as (
    select
        open_months.partner_id,
        open_months.customer_id,
        open_months.month,
        open_months.invoice_id,
        coalesce(sum(by_vat_category.net_eur), 0) as net_eur,
        coalesce(sum(by_vat_category.vat_eur), 0) as vat_eur,
        coalesce(max(by_vat_category.has_amounts), 0) as has_amounts,
        count(*) filter (where by_vat_category.invoice_id is not null and by_vat_category.vat_percent is null) as lines_without_vat
    from open_months
    left join by_vat_category
        on open_months.partner_id = by_vat_category.partner_id and open_months.customer_id = by_vat_category.customer_id
        and open_months.month = by_vat_category.month
    group by open_months.partner_id, open_months.customer_id, open_months.month, open_months.invoice_id
),

settled_invoices as (
    select distinct settlements.partner_id, settlements.customer_id, settlements.invoice_month as month, charges.invoice_month as billed_month
    from {{ ref('service_charges') }} as settlements
    inner join {{ ref('service_charges') }} as charges
        on {{ same_key('settlements', 'charges', ['partner_id', 'customer_id', 'kind', 'service_code', 'month']) }}
        and coalesce(settlements.order_id, '') = coalesce(charges.order_id, '') and coalesce(settlements.line_number, 0) = coalesce(charges.line_number, 0)
        and (settlements.kind <> 'seat' or coalesce(settlements.pbx_id, '') = coalesce(charges.pbx_id, ''))
    where settlements.is_settlement and not charges.is_settlement
),

-- a draft below nothing is a credit note: it refers to the invoice that billed what it settles, the last of them; else to the customer's last one before it
credited_by_drafts as (
    select partner_id, customer_id, month, invoice_number
    from (
        select
            totals.partner_id,
            totals.customer_id,
            totals.month,
            approved.invoice_number,
            row_number() over (
                partition by totals.partner_id, totals.customer_id, totals.month
                order by case when settled_invoices.customer_id is not null then 1 else 2 end, approved.month desc
            ) as place
        from totals
        inner join {{ source('raw', 'approved_invoices') }} as approved
            on totals.partner_id = approved.partner_id and totals.customer_id = approved.customer_id and approved.month < totals.month and approved.kind = 'invoice'
        left join settled_invoices
            on totals.partner_id = settled_invoices.partner_id and totals.customer_id = settled_invoices.customer_id and totals.month = settled_invoices.month
            and approved.month = settled_invoices.billed_month
        where totals.net_eur + totals.vat_eur < 0
    )
    where place = 1
),

judged as (
    select
        totals.*,
        coalesce(resold.reseller_id, case when resold.customer_id is null then customers.reseller_id end) as reseller_id,
        credited_by_drafts.invoice_number as credited_invoice_number,
        nullif(concat_ws(
            ', ',
            case when unrated.calls > 0 then 'unrated_calls' end,
            {%- for reason in charge_problems %}
            case when uncharged.has_{{ reason }} = 1 then '{{ reason }}' end,
            {%- endfor %}
            case when totals.lines_without_vat > 0 then 'no_vat_rate' end,
            case when totals.net_eur + totals.vat_eur < 0 and credited_by_drafts.invoice_number is null then 'no_invoice_to_credit' end,
            case when customers.street is null or customers.postal_code is null or customers.city is null or customers.email is null then 'incomplete_address' end
        ), '') as block_reason
    from totals
    -- whoever has left its partner, or is quarantined now, is still to be billed
    left join {{ ref('int_customers') }} as customers on totals.partner_id = customers.partner_id and totals.customer_id = customers.customer_id
    left join {{ ref('stg_landing__customer_periods') }} as resold
        on totals.partner_id = resold.partner_id and totals.customer_id = resold.customer_id
        and {{ holds_on('resold', add_days(next_month_start(first_day_of('totals.month')), -1)) }}
    left join unrated on totals.partner_id = unrated.partner_id and totals.customer_id = unrated.customer_id and totals.month = unrated.month
    left join uncharged on totals.partner_id = uncharged.partner_id and totals.customer_id = uncharged.customer_id and totals.month = uncharged.month
    left join credited_by_drafts on totals.partner_id = credited_by_drafts.partner_id and totals.customer_id = credited_by_drafts.customer_id and totals.month = credited_by_drafts.month
),

-- an invoice of which as much was credited as it asked for
credited as (
    select invoices.partner_id, invoices.invoice_number
    from {{ source('raw', 'approved_invoices') }} as invoices
    inner join {{ source('raw', 'approved_invoices') }} as notes
        on invoices.partner_id = notes.partner_id and invoices.invoice_number = notes.credited_invoice_number
    group by invoices.partner_id, invoices.invoice_number, invoices.gross_eur
    having sum(notes.gross_eur) + invoices.gross_eur = 0
)

select
    partner_id,
    customer_id,
    reseller_id,
    month,
    month as billing_month,
    invoice_id,
    case when net_eur + vat_eur < 0 then 'credit_note' else 'invoice' end as kind,
    cast(null as varchar) as invoice_number,
    credited_invoice_number,
    case when block_reason is null then 'draft' else 'blocked' end as status,
    block_reason,
    cast(net_eur as decimal(18, 2)) as net_eur,
    cast(vat_eur as decimal(18, 2)) as vat_eur,
    cast(net_eur + vat_eur as decimal(18, 2)) as gross_eur,
    cast(null as date) as issued_on,
    cast(null as date) as due_on
from judged
where has_amounts = 1 or block_reason is not null

union all

select
    approved.partner_id,
    approved.customer_id,
    approved.reseller_id,
    approved.month,
    approved.billing_month,
    approved.invoice_id,
    approved.kind,
    approved.invoice_number,
    approved.credited_invoice_number,
    case when credited.invoice_number is not null then 'credited' else 'approved' end as status,
    cast(null as varchar) as block_reason,
    approved.net_eur,
    approved.vat_eur,
    approved.gross_eur,
    approved.issued_on,
    approved.due_on
from {{ source('raw', 'approved_invoices') }} as approved
left join credited on approved.partner_id = credited.partner_id and approved.invoice_number = credited.invoice_number
