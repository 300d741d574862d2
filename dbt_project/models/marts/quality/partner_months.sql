select
    daily.partner_id,
    daily.month as month,
    case when closed.month is null then 'open' else 'closed' end as status,
    cast(sum(daily.calls) as bigint) as calls,
    cast(sum(daily.unrated_calls) as bigint) as unrated_calls,
    cast(sum(daily.sale_eur) as decimal(28, 6)) as sale_eur,
    cast(sum(daily.margin_eur) as decimal(28, 6)) as margin_eur,
    min(daily.call_date) as first_call_date,
    max(daily.call_date) as last_call_date
from {{ ref('daily_calls') }} as daily
left join {{ source('raw', 'closed_months') }} as closed on daily.partner_id = closed.partner_id and daily.month = closed.month
group by daily.partner_id, daily.month, closed.month
