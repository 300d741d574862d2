select
    partner_id,
    billing_month,
    status_reason,
    country,
    count(*) as calls,
    min(call_date) as first_call_date,
    max(call_date) as last_call_date
from {{ ref('calls') }}
where status = 'unrated'
group by partner_id, billing_month, status_reason, country
