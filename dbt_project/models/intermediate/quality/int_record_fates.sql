{{ config(materialized='incremental', incremental_strategy='replace_days') }}

-- What became of the records that are no call of their own. The rest became calls.
with duplicates as (
    select
        home_date as cdr_date, file_id, line, 'duplicate' as disposition, 'repeated_call' as reason,
        winner_file_id as original_file_id, winner_line as original_line, account, call_key
    from {{ ref('int_repeated_records') }}
    where not is_winner
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
    left join (select * from {{ ref('int_repeated_records') }} where is_winner) as parts on calls.call_key = parts.call_key
    where calls.reject_reason is not null
),

fates as (
    select * from duplicates
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
left join (select distinct call_key, partner_id from {{ ref('int_calls_attributed') }} where partner_id is not null) as calls
    on fates.call_key = calls.call_key
