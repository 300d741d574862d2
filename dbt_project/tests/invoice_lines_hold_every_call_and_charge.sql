-- Fails if a rated call or a charge stands on no invoice line, or on two: it would never be paid, or paid double.
-- Customers have no line for the days on which they are exempt from billing. What was approved is held against what was frozen with it, not against today's customer.
with sold_by_day as (
    select partner_id, customer_id, billing_month as month, call_date as day, sum(sale_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from {{ ref('calls') }}
    where status = 'rated'
    group by partner_id, customer_id, billing_month, call_date
),

sold as (
    select days.partner_id, days.customer_id, days.month, days.sale_eur, days.purchase_eur, coalesce(customers.billing_exempt, false) as is_billing_exempt
    from sold_by_day as days
    left join {{ ref('stg_landing__customer_periods') }} as customers
        on days.partner_id = customers.partner_id and days.customer_id = customers.customer_id and {{ holds_on('customers', 'days.day') }}
    union all
    select partner_id, customer_id, invoice_month as month, sale_eur, purchase_eur, is_billing_exempt
    from {{ ref('service_charges') }}
    where status_reason is null
),

approved as (
    select distinct partner_id, customer_id, month from {{ source('raw', 'approved_invoices') }} where not {{ is_credited_by_hand('invoice_id') }}
),

sold_by_customer as (
    select sold.partner_id, sold.customer_id, sold.month, sum(sold.sale_eur) as sale_eur, sum(sold.purchase_eur) as purchase_eur
    from sold
    left join approved on sold.partner_id = approved.partner_id and sold.customer_id = approved.customer_id and sold.month = approved.month
    where approved.month is not null or not sold.is_billing_exempt
    group by sold.partner_id, sold.customer_id, sold.month
),

billed_by_customer as (
    select partner_id, customer_id, month, sum(exact_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from {{ ref('invoice_lines') }}
    group by partner_id, customer_id, month
)

select partner_id, customer_id, month, sold.sale_eur, billed.sale_eur as billed_eur, sold.purchase_eur, billed.purchase_eur as billed_purchase_eur
from sold_by_customer as sold
full join billed_by_customer as billed using (partner_id, customer_id, month)
where sold.sale_eur is distinct from billed.sale_eur or sold.purchase_eur is distinct from billed.purchase_eur
