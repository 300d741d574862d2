-- Fails if a rated call or a charge stands on no invoice line, or on two: it would never be paid, or paid double.
-- Customers exempt from billing have no line.
with sold as (
    select customer_id, billing_month as month, sale_eur, purchase_eur from {{ ref('calls') }} where status = 'rated'
    union all
    select customer_id, invoice_month as month, sale_eur, purchase_eur from {{ ref('service_charges') }} where status_reason is null
),

sold_by_customer as (
    select sold.customer_id, sold.month, sum(sold.sale_eur) as sale_eur, sum(sold.purchase_eur) as purchase_eur
    from sold
    inner join {{ ref('customers') }} as customers on sold.customer_id = customers.customer_id
    where not coalesce(customers.billing_exempt, false)
    group by sold.customer_id, sold.month
),

billed_by_customer as (
    select customer_id, month, sum(exact_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from {{ ref('invoice_lines') }}
    group by customer_id, month
)

select customer_id, month, sold.sale_eur, billed.sale_eur as billed_eur, sold.purchase_eur, billed.purchase_eur as billed_purchase_eur
from sold_by_customer as sold
full join billed_by_customer as billed using (customer_id, month)
where sold.sale_eur is distinct from billed.sale_eur or sold.purchase_eur is distinct from billed.purchase_eur
