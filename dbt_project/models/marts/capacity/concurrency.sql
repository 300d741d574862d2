with hours as (
    select *, max(peak_calls) over (partition by partner_id, customer_id, call_date) as peak_of_day
    from {{ ref('int_concurrency_hours') }}
)

select
    partner_id,
    customer_id,
    call_date,
    cast(max(peak_calls) as integer) as peak_calls,
    min(case when peak_calls = peak_of_day then peak_at end) as peak_at
from hours
group by partner_id, customer_id, call_date
