-- What a call costs depends on its own record and on these feeds; a new file of one of them rates every day again.
{%- set rating_feeds = [
    'partners', 'customers', 'customer_plans', 'accounts', 'numbers', 'purchase_rates', 'call_plans', 'call_plan_rates'
] %}

with records_by_day as (
    select cdr_date, max(file_id) as last_file_id
    from {{ ref('int_call_records') }}
    group by cdr_date
),

last_reference_file as (
    select coalesce(max(file_id), 0) as last_file_id
    from {{ source('raw', 'files') }}
    where feed in ('{{ rating_feeds | join("', '") }}') and duplicate_of is null and reject_reason is null
),

split_call_days as (
    -- a call whose records bear different days: a new record on one of them changes them all
    select distinct records.cdr_date, max(records.file_id) over (partition by records.call_hash) as last_file_id
    from {{ ref('int_call_records') }} as records
    inner join {{ ref('int_repeated_calls') }} as repeated on records.call_hash = repeated.call_hash
    where repeated.first_date < repeated.last_date
),

newest_by_day as (
    select cdr_date, max(last_file_id) as last_file_id
    from (select * from records_by_day union all select * from split_call_days)
    group by cdr_date
)

select newest_by_day.cdr_date
from newest_by_day
cross join last_reference_file
left join raw.rated_days on newest_by_day.cdr_date = rated_days.cdr_date
where
    rated_days.cdr_date is null
    or greatest(newest_by_day.last_file_id, last_reference_file.last_file_id) > rated_days.through_file_id
