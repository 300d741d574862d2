-- Fails if a call that was bought is in no day of what is reconciled, or in two: the wholesaler would seem to bill too much, or too little.
with counted as (
    select partner_id, month, sum(purchase_eur) as purchase_eur, sum(unrated_calls) as unrated_calls
    from {{ ref('daily_calls') }}
    group by partner_id, month
),

bought as (
    select partner_id, {{ month_of('call_date') }} as month, sum(purchase_eur) as purchase_eur, sum(unrated_calls) as unrated_calls
    from {{ ref('int_purchased_days') }}
    group by partner_id, {{ month_of('call_date') }}
)

select partner_id, month, counted.purchase_eur, bought.purchase_eur as bought_eur, counted.unrated_calls, bought.unrated_calls as bought_unrated_calls
from counted
full join bought using (partner_id, month)
where
    coalesce(counted.purchase_eur, 0) <> coalesce(bought.purchase_eur, 0)
    -- calls that came in on a toll-free number may wait for a price too
    or coalesce(counted.unrated_calls, 0) < coalesce(bought.unrated_calls, 0)
