-- Every month is open until closing comes with the month end.
select
    partner_id,
    billing_month as month,
    'open' as status,
    cast(sum(calls) as bigint) as calls,
    cast(sum(unrated_calls) as bigint) as unrated_calls,
    cast(sum(sale_eur) as decimal(18, 6)) as sale_eur,
    cast(sum(margin_eur) as decimal(18, 6)) as margin_eur,
    min(call_date) as first_call_date,
    max(call_date) as last_call_date
from {{ ref('daily_calls') }}
group by partner_id, billing_month
