{{ config(materialized='incremental', incremental_strategy='replace_days') }}

-- What became of the records that are no call of their own. The rest became calls.
with set_aside as (
    select
        home_date as cdr_date, file_id, line, fate as disposition, fate_reason as reason, original_file_id, original_line, account,
        joined_call_key as call_key
    from {{ ref('int_related_records') }}
    where not is_kept
),

unreadable as (
    select
        cdr_date, file_id, line, 'quarantined' as disposition, reject_reason as reason,
        cast(null as integer) as original_file_id, cast(null as bigint) as original_line, account, call_key
    from {{ ref('int_call_records') }}
    where reject_reason is not null and cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
),

refused as (
    select
        calls.cdr_date,
        coalesce(parts.file_id, calls.file_id) as file_id,
        coalesce(parts.line, calls.line) as line,
        'quarantined' as disposition,
        calls.reject_reason as reason,
        cast(null as integer) as original_file_id,
        cast(null as bigint) as original_line,
        parts.account,
        calls.call_key
    from {{ ref('int_calls_attributed') }} as calls
    left join (select * from {{ ref('int_related_records') }} where is_kept) as parts on calls.call_key = parts.joined_call_key
    where calls.reject_reason is not null
),

fates as (
    select * from set_aside
    union all
    select * from unreadable
    union all
    select * from refused
)

select
    fates.cdr_date,
    fates.file_id,
    fates.line,
    fates.disposition,
    fates.reason,
    fates.original_file_id,
    fates.original_line,
    coalesce(calls.partner_id, accounts.partner_id) as partner_id
from fates
left join (select account, min(partner_id) as partner_id from {{ ref('int_accounts') }} group by account having count(distinct partner_id) = 1) as accounts
    on fates.account = accounts.account
left join (
    select distinct call_key, partner_id
    from {{ ref('int_calls_attributed') }}
    where partner_id is not null and call_key in (select call_key from fates)
) as calls
    on fates.call_key = calls.call_key
