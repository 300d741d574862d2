-- An analyst's hunch: how much of the revenue hangs on rounding? Calls that last a few seconds more than whole minutes, per plan.
select
    calls.call_plan_id,
    count(*) as calls,
    sum(case when calls.duration_s % 60 between 1 and 5 then 1 else 0 end) as just_over_a_minute,
    sum(calls.billed_s - calls.duration_s) as rounded_up_s
from {{ ref('calls') }} as calls
where calls.status = 'rated'
group by calls.call_plan_id
order by rounded_up_s desc
