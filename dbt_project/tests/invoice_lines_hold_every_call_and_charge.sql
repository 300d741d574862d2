-- Fails if a rated call or a charge stands on no invoice line, or on two: it would never be paid, or paid double.
-- Customers have no line for the days on which they are exempt from billing. Of a month that was approved nothing is held against today's customer: what stands in
-- it is what was frozen with it, and no more.
with approved as (
    select distinct partner_id, customer_id, month from {{ source('raw', 'approved_invoices') }} where not {{ is_credited_by_hand('invoice_id') }}
),

sold as (
    select partner_id, customer_id, billing_month as month, is_billing_exempt, sum(sale_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from {{ ref('calls') }}
    where status = 'rated'
    group by partner_id, customer_id, billing_month, is_billing_exempt
    union all
    select partner_id, customer_id, invoice_month as month, is_billing_exempt, sale_eur, purchase_eur
    from {{ ref('service_charges') }}
    where status_reason is null
),

sold_in_open_months as (
    select sold.partner_id, sold.customer_id, sold.month, sum(sold.sale_eur) as sale_eur, sum(sold.purchase_eur) as purchase_eur
    from sold
    left join approved on sold.partner_id = approved.partner_id and sold.customer_id = approved.customer_id and sold.month = approved.month
    where approved.month is null and not sold.is_billing_exempt
    group by sold.partner_id, sold.customer_id, sold.month
),

billed_in_open_months as (
    select lines.partner_id, lines.customer_id, lines.month, sum(lines.exact_eur) as sale_eur, sum(lines.purchase_eur) as purchase_eur
    from {{ ref('invoice_lines') }} as lines
    left join approved on lines.partner_id = approved.partner_id and lines.customer_id = approved.customer_id and lines.month = approved.month
    where approved.month is null
    group by lines.partner_id, lines.customer_id, lines.month
),

sold_in_approved_months as (
    select sold.partner_id, sold.customer_id, sold.month, sum(sold.sale_eur) as sale_eur, sum(sold.purchase_eur) as purchase_eur
    from sold
    inner join approved on sold.partner_id = approved.partner_id and sold.customer_id = approved.customer_id and sold.month = approved.month
    group by sold.partner_id, sold.customer_id, sold.month
),

frozen_by_customer as (
    select partner_id, customer_id, month, sum(sale_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from (
        select partner_id, customer_id, billing_month as month, sale_eur, purchase_eur from {{ source('raw', 'frozen_calls') }} where status = 'rated'
        union all
        select partner_id, customer_id, invoice_month as month, sale_eur, purchase_eur from {{ source('raw', 'frozen_charges') }}
    )
    group by partner_id, customer_id, month
)

select partner_id, customer_id, month, sold.sale_eur, billed.sale_eur as billed_eur, sold.purchase_eur, billed.purchase_eur as billed_purchase_eur
from sold_in_open_months as sold
full join billed_in_open_months as billed using (partner_id, customer_id, month)
where sold.sale_eur is distinct from billed.sale_eur or sold.purchase_eur is distinct from billed.purchase_eur

union all

select
    sold.partner_id, sold.customer_id, sold.month, sold.sale_eur, frozen.sale_eur as billed_eur, sold.purchase_eur, frozen.purchase_eur as billed_purchase_eur
from sold_in_approved_months as sold
left join frozen_by_customer as frozen
    on sold.partner_id = frozen.partner_id and sold.customer_id = frozen.customer_id and sold.month = frozen.month
where sold.sale_eur is distinct from frozen.sale_eur or sold.purchase_eur is distinct from frozen.purchase_eur
