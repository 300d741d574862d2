-- Fails if a call is there twice, on one day or on two: the customer would pay double. Looks for what was rated now, among all that ever was.
-- Keys are told apart by 64 bits of them; only those that share them are compared letter by letter.
with rated_now as (
    select {{ hash64('call_key') }} as call_hash
    from {{ ref('calls') }}
    where cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
),

repeated as (
    select {{ hash64('call_key') }} as call_hash
    from {{ ref('calls') }}
    where {{ hash64('call_key') }} in (select call_hash from rated_now)
    group by {{ hash64('call_key') }}
    having count(*) > 1
)

select call_key, count(*) as times
from {{ ref('calls') }}
where {{ hash64('call_key') }} in (select call_hash from repeated)
group by call_key
having count(*) > 1
