{#
    What a call costs depends on its own record and on reference feeds. A new file of one of them rates again the days from the first validity it gives on:
    every day, where a row of it counts from the beginning.
#}
{%- set feeds = ['partners', 'customers', 'customer_plans', 'accounts', 'numbers', 'purchase_rates', 'call_plans', 'call_plan_rates'] %}

with records_by_day as (
    select cdr_date, max(file_id) as last_file_id
    from {{ ref('int_call_records') }}
    group by cdr_date
),

reference_files as (
    {%- for feed in feeds %}
    select file_id, min(coalesce(valid_from, {{ start_of_time() }})) as affects_from
    from {{ ref('stg_landing__' ~ feed) }}
    group by file_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- the partner's day may be the one after the day on the record, or the one before
newest_reference_by_day as (
    select records_by_day.cdr_date, max(reference_files.file_id) as last_file_id
    from records_by_day
    inner join reference_files on reference_files.affects_from <= {{ add_days('records_by_day.cdr_date', 1) }}
    group by records_by_day.cdr_date
),

split_call_days as (
    -- a call whose records bear different days: a new record on one of them changes them all
    select distinct records.cdr_date, max(records.file_id) over (partition by related.group_hash) as last_file_id
    from {{ ref('int_call_records') }} as records
    inner join {{ ref('int_related_calls') }} as related on records.call_hash = related.call_hash
    where related.first_date < related.last_date
),

newest_by_day as (
    select cdr_date, max(last_file_id) as last_file_id
    from (
        select * from records_by_day
        union all
        select * from newest_reference_by_day
        union all
        select * from split_call_days
        union all
        -- what was billed stands on its day, whether its file is still in landing or not
        select distinct cdr_date, 0 as last_file_id from {{ source('raw', 'frozen_calls') }}
    )
    group by cdr_date
),

-- records that are in the future no more, the other days of their calls, and those on which a twin may stand
due_days as (
    {%- for days in range(-2, 3) %}
    select {{ add_days('cdr_date', days) }} as cdr_date from raw.due_records
    union
    {%- endfor %}
    select records.cdr_date
    from {{ ref('int_call_records') }} as records
    inner join {{ ref('int_related_calls') }} as related on records.call_hash = related.call_hash
    where
        related.first_date < related.last_date
        and related.group_hash in (
            select due.group_hash
            from {{ ref('int_related_calls') }} as due
            where due.call_hash in (select call_hash from raw.due_records)
        )
),

requested_by_day as (
    select newest_by_day.cdr_date, max(requests.request_id) as last_request_id
    from newest_by_day
    inner join {{ source('raw', 'rerate_requests') }} as requests
        on newest_by_day.cdr_date >= requests.first_date and newest_by_day.cdr_date <= requests.last_date
    group by newest_by_day.cdr_date
)

select newest_by_day.cdr_date, rated_days.cdr_date is not null as was_rated
from newest_by_day
left join raw.rated_days on newest_by_day.cdr_date = rated_days.cdr_date
left join requested_by_day on newest_by_day.cdr_date = requested_by_day.cdr_date
where
    rated_days.cdr_date is null
    or newest_by_day.last_file_id > rated_days.through_file_id
    or newest_by_day.cdr_date in (select cdr_date from due_days)
    or requested_by_day.last_request_id > coalesce(rated_days.through_request_id, 0)
