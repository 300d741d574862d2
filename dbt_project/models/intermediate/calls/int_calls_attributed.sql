-- One record is one call, but for the few calls that have several: those are put together first.
with single_records as (
    select
        call_key, call_id, source, leg, account, caller, callee, started_wall_clock, started_utc,
        duration_s, direction, disposition, correlation_id, cdr_date, file_id, line, 1 as records
    from {{ ref('int_call_records') }}
    where
        reject_reason is null
        and cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
        and call_hash not in (select call_hash from {{ ref('int_related_calls') }})
),

parts_in_order as (
    select
        *,
        row_number() over (
            partition by joined_call_key
            order by case when call_key = joined_call_key then 0 else 1 end, sequence, started_wall_clock, file_id, line
        ) as part,
        sum(case when disposition = 'answered' then counted_s else 0 end) over (partition by joined_call_key) as answered_s,
        max(case when disposition = 'answered' then 1 else 0 end) over (partition by joined_call_key) as is_answered,
        count(*) over (partition by joined_call_key) as records
    from {{ ref('int_related_records') }}
    where is_kept
),

-- a long call in partial records, or in legs, is one call with one fee (DOMAIN 2): it starts with its first part and lasts as long as all of them
joined_parts as (
    select
        call_key, call_id, source, leg, account, caller, callee, started_wall_clock, started_utc,
        case when is_answered = 1 then cast(answered_s as bigint) else duration_s end as duration_s,
        direction,
        case when is_answered = 1 then 'answered' else disposition end as disposition,
        correlation_id, home_date as cdr_date, file_id, line, records
    from parts_in_order
    where part = 1
),

landed_calls as (
    select * from single_records
    union all
    select * from joined_parts
),

calls_by_account as (
    select
        landed_calls.*,
        accounts.customer_id as account_customer_id,
        accounts.partner_id as account_partner_id,
        accounts.reseller_id as account_reseller_id,
        accounts.local_time_zone as account_time_zone,
        case when accounts.customer_id is null then case when direction = 'inbound' then callee else caller end end as payer_number
    from landed_calls
    left join {{ ref('int_accounts') }} as accounts
        on landed_calls.account = accounts.account
        and {{ local_day('landed_calls.started_utc', 'landed_calls.started_wall_clock', 'accounts.local_time_zone') }} >= accounts.valid_from
        and {{ local_day('landed_calls.started_utc', 'landed_calls.started_wall_clock', 'accounts.local_time_zone') }} < accounts.valid_to
),

-- no account: the caller's number says who pays
attributed as (
    select
        calls_by_account.*,
        coalesce(account_customer_id, payers.customer_id) as customer_id,
        coalesce(account_partner_id, payers.partner_id) as partner_id,
        coalesce(account_reseller_id, payers.reseller_id) as reseller_id,
        coalesce(account_time_zone, payers.local_time_zone) as time_zone
    from calls_by_account
    left join {{ ref('int_payer_numbers') }} as payers
        on calls_by_account.payer_number = payers.payer_number
        and {{ local_day('calls_by_account.started_utc', 'calls_by_account.started_wall_clock', 'payers.local_time_zone') }} >= payers.valid_from
        and {{ local_day('calls_by_account.started_utc', 'calls_by_account.started_wall_clock', 'payers.local_time_zone') }} < payers.valid_to
)

-- a call that stands on an approved invoice stays whose it was
select
    attributed.call_key,
    attributed.call_id,
    attributed.source,
    attributed.leg,
    coalesce(frozen.partner_id, attributed.partner_id) as partner_id,
    coalesce(frozen.customer_id, attributed.customer_id) as customer_id,
    coalesce(frozen.reseller_id, attributed.reseller_id) as reseller_id,
    attributed.caller,
    attributed.callee,
    coalesce(attributed.started_utc, {{ utc_time('attributed.started_wall_clock', 'attributed.time_zone') }}) as started_at,
    {{ local_day('attributed.started_utc', 'attributed.started_wall_clock', 'attributed.time_zone') }} as call_date,
    attributed.duration_s,
    attributed.direction,
    attributed.disposition,
    attributed.correlation_id,
    attributed.cdr_date,
    attributed.file_id,
    attributed.line,
    attributed.records,
    frozen.call_key is not null as is_frozen,
    case
        when frozen.call_key is not null then null
        when attributed.customer_id is null then 'unknown_customer'
        -- the hour that spring skips, or the day: such a clock was never on the wall
        when attributed.started_utc is null
            and {{ local_time(utc_time('attributed.started_wall_clock', 'attributed.time_zone'), 'attributed.time_zone') }} <> attributed.started_wall_clock
            then 'nonexistent_local_time'
    end as reject_reason
from attributed
left join {{ source('raw', 'frozen_calls') }} as frozen on attributed.call_key = frozen.call_key
