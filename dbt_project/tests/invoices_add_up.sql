-- Fails if an invoice's total is not that of its lines and their VAT: the customer, or the tax office, would be told another amount than was charged.
with lines_by_category as (
    select invoice_id, sum(amount_eur) as net_eur,
        round(sum(amount_eur) * vat_percent * cast(0.01 as decimal(3, 2)), 2) + coalesce(sum(vat_correction_eur), 0) as vat_eur
    from {{ ref('invoice_lines') }}
    group by invoice_id, vat_category, vat_percent
),

lines as (
    select invoice_id, sum(net_eur) as net_eur, coalesce(sum(vat_eur), 0) as vat_eur
    from lines_by_category
    group by invoice_id
)

select
    invoice_id,
    invoices.net_eur, lines.net_eur as lines_net_eur,
    invoices.vat_eur, lines.vat_eur as lines_vat_eur,
    invoices.gross_eur
from {{ ref('invoices') }} as invoices
-- lines that sum to nothing have no invoice, and an invoice that is blocked may have no line yet
full join lines using (invoice_id)
where
    coalesce(invoices.net_eur, 0) <> coalesce(lines.net_eur, 0)
    or coalesce(invoices.vat_eur, 0) <> coalesce(lines.vat_eur, 0)
    or invoices.gross_eur <> invoices.net_eur + invoices.vat_eur
