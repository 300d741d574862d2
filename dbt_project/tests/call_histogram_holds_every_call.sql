-- Fails if the histogram counts a call twice or leaves one out: a plan would be chosen by what it earns on calls that were not made.
with counted as (
    select partner_id, customer_id, {{ month_of('call_date') }} as month, count(*) as calls, sum(sale_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from {{ ref('calls') }}
    where status in ('rated', 'unrated') and country is not null and direction <> 'inbound'
    group by partner_id, customer_id, {{ month_of('call_date') }}
),

histogram as (
    select partner_id, customer_id, month, sum(calls) as calls, sum(sale_eur) as sale_eur, sum(purchase_eur) as purchase_eur
    from {{ ref('call_histogram') }}
    where not is_inbound
    group by partner_id, customer_id, month
)

select customer_id, month, counted.calls, histogram.calls as histogram_calls, counted.sale_eur, histogram.sale_eur as histogram_eur
from counted
full join histogram using (partner_id, customer_id, month)
where
    coalesce(counted.calls, 0) <> coalesce(histogram.calls, 0)
    or coalesce(counted.sale_eur, 0) <> coalesce(histogram.sale_eur, 0)
    or coalesce(counted.purchase_eur, 0) <> coalesce(histogram.purchase_eur, 0)
