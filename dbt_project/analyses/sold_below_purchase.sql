-- Which destinations cost the partner money: rated calls that sell for less than they are bought for, per plan and deck prefix.
select
    calls.partner_id,
    calls.call_plan_id,
    calls.country,
    calls.line_type,
    calls.deck_prefix,
    count(*) as calls,
    sum(calls.margin_eur) as margin_eur
from {{ ref('calls') }} as calls
where calls.status = 'rated' and calls.margin_eur < 0
group by calls.partner_id, calls.call_plan_id, calls.country, calls.line_type, calls.deck_prefix
order by margin_eur
