-- Fails if the VAT that is reported is not the VAT on the invoices: the partner would declare another amount than it charged.
with by_invoice as (
    select invoice_id, sum(net_eur) as net_eur, sum(coalesce(vat_eur, 0)) as vat_eur, sum(gross_eur) as gross_eur
    from {{ ref('invoice_vat') }}
    group by invoice_id
)

select invoice_id, invoices.net_eur, by_invoice.net_eur as reported_net_eur, invoices.vat_eur, by_invoice.vat_eur as reported_vat_eur
from {{ ref('invoices') }} as invoices
-- an invoice that is blocked may have no line yet
full join by_invoice using (invoice_id)
where
    coalesce(invoices.net_eur, 0) <> coalesce(by_invoice.net_eur, 0)
    or coalesce(invoices.vat_eur, 0) <> coalesce(by_invoice.vat_eur, 0)
    or coalesce(invoices.gross_eur, 0) <> coalesce(by_invoice.gross_eur, 0)
