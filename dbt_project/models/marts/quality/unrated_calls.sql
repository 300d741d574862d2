select
    calls.partner_id,
    calls.billing_month,
    calls.status_reason,
    calls.country,
    count(*) as calls,
    min(calls.call_date) as first_call_date,
    max(calls.call_date) as last_call_date,
    min(reasons.fix) as fix
from {{ ref('calls') }} as calls
left join {{ ref('unrated_reasons') }} as reasons on calls.status_reason = reasons.status_reason
where calls.status = 'unrated'
group by calls.partner_id, calls.billing_month, calls.status_reason, calls.country
