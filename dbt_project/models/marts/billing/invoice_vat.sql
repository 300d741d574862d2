-- VAT is rounded once per VAT category on the sum of the rounded lines: 37.50 + 12.50 gives 10.50, not 10.51 (DOMAIN 5).
select
    lines.partner_id,
    lines.customer_id,
    lines.month,
    lines.invoice_id,
    lines.vat_category,
    lines.vat_code,
    lines.vat_percent,
    cast(sum(lines.amount_eur) as decimal(18, 2)) as net_eur,
    -- notes of one invoice add up to it: the last takes the cent that is left
    cast({{ vat_amount('sum(lines.amount_eur)', 'lines.vat_percent') }} + coalesce(sum(lines.vat_correction_eur), 0) as decimal(18, 2)) as vat_eur,
    cast(
        sum(lines.amount_eur) + coalesce({{ vat_amount('sum(lines.amount_eur)', 'lines.vat_percent') }}, 0) + coalesce(sum(lines.vat_correction_eur), 0)
        as decimal(18, 2)
    ) as gross_eur
from {{ ref('invoice_lines') }} as lines
inner join {{ ref('invoices') }} as invoices on lines.invoice_id = invoices.invoice_id
group by lines.partner_id, lines.customer_id, lines.month, lines.invoice_id, lines.vat_category, lines.vat_code, lines.vat_percent
