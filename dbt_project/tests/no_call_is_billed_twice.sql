-- Fails if a call is there twice, on one day or on two: the customer would pay double. Looks for what was rated now, among all that ever was.
with rated_now as (
    select call_key
    from {{ ref('calls') }}
    where cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
)

select call_key, count(*) as times
from {{ ref('calls') }}
where call_key in (select call_key from rated_now)
group by call_key
having count(*) > 1
