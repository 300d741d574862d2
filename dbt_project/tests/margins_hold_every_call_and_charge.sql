-- Fails if finance's margins leave out a call or a charge, or count it twice: the month would look better or worse than it was.
with facts as (
    select partner_id, billing_month as month, 'calls' as kind, sale_eur, purchase_eur from {{ ref('calls') }} where status = 'rated'
    union all
    select partner_id, invoice_month as month, 'services' as kind, sale_eur, purchase_eur
    from {{ ref('service_charges') }}
    where status_reason is null
),

expected as (
    select partner_id, month, kind, sum(sale_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from facts
    group by partner_id, month, kind
),

reported as (
    select partner_id, month, kind, sum(sale_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from {{ ref('margins') }}
    group by partner_id, month, kind
)

select
    partner_id, month, kind, expected.sale_eur, reported.sale_eur as reported_sale_eur,
    expected.purchase_eur, reported.purchase_eur as reported_purchase_eur
from expected
full join reported using (partner_id, month, kind)
where expected.sale_eur is distinct from reported.sale_eur or expected.purchase_eur is distinct from reported.purchase_eur
