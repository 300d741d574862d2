-- Fails if a call abroad or to a premium number is missing from the fraud guard's day, or counts twice: fraud would pass below the limit, or raise a false alarm.
with usage_of_calls as (
    select customer_id, call_date, count(*) as usage_calls, coalesce(sum(sale_eur), 0) as usage_eur
    from {{ ref('calls') }}
    where {{ is_ids_usage() }} and status in ('rated', 'unrated')
    group by customer_id, call_date
)

select
    coalesce(usage_of_calls.customer_id, days.customer_id) as customer_id,
    coalesce(usage_of_calls.call_date, days.call_date) as call_date,
    usage_of_calls.usage_eur,
    days.usage_eur as guarded_eur
from usage_of_calls
full join (select * from {{ ref('ids_days') }} where usage_calls > 0) as days
    on usage_of_calls.customer_id = days.customer_id and usage_of_calls.call_date = days.call_date
where usage_of_calls.usage_eur is distinct from days.usage_eur or usage_of_calls.usage_calls is distinct from days.usage_calls
