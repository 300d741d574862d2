{{ config(materialized='incremental', incremental_strategy='replace_days') }}

with kept as (
    select calls.cdr_date, calls.file_id, calls.partner_id, count(*) as rows
    from {{ ref('int_calls_attributed') }} as calls
    where calls.reject_reason is null
        and calls.call_key not in (select joined_call_key from {{ ref('int_related_records') }} where is_kept)
    group by calls.cdr_date, calls.file_id, calls.partner_id
),

kept_parts as (
    select calls.cdr_date, parts.file_id, calls.partner_id, count(*) as rows
    from {{ ref('int_calls_attributed') }} as calls
    inner join {{ ref('int_related_records') }} as parts on calls.call_key = parts.joined_call_key and parts.is_kept
    where calls.reject_reason is null
    group by calls.cdr_date, parts.file_id, calls.partner_id
),

lost as (
    select cdr_date, file_id, partner_id, disposition, reason, count(*) as rows
    from {{ ref('int_record_fates') }}
    where cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
    group by cdr_date, file_id, partner_id, disposition, reason
)

-- a file may have single calls and parts of calls on one day
select cdr_date, file_id, partner_id, 'kept' as disposition, cast(null as varchar) as reason, cast(sum(rows) as bigint) as rows
from (select * from kept union all select * from kept_parts)
group by cdr_date, file_id, partner_id
union all
select cdr_date, file_id, partner_id, disposition, reason, rows from lost
