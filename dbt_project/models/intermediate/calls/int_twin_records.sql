-- One call that two dialects bring: the exchange's own record and the provider's, say. Only payers whose records come in several dialects are looked at.
-- One moment stands on another day where another clock hangs: the clocks of the world lie 26 hours apart, so the twin is two days away at most.
with days_in_reach as (
    select distinct {{ add_days('days_to_rate.cdr_date', 'nearby.days') }} as cdr_date
    from {{ ref('int_days_to_rate') }} as days_to_rate
    cross join (
        {%- for days in range(-2, 3) %}
        select {{ days }} as days {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as nearby
),

payers_of_several as (
    select coalesce(account, caller) as payer
    from {{ ref('int_call_records') }}
    where reject_reason is null and cdr_date in (select cdr_date from days_in_reach)
    group by coalesce(account, caller)
    having min(source) <> max(source)
),

records as (
    select
        calls.file_id,
        calls.line,
        calls.source,
        payers_of_several.payer,
        calls.leg,
        calls.duration_s,
        {{ tail_of_number('calls.callee') }} as called_tail,
        coalesce(
            calls.started_utc, {{ utc_time('calls.started_wall_clock', "coalesce(accounts.local_time_zone, '" ~ var('default_time_zone') ~ "')") }}
        ) as started_at,
        coalesce(frozen.line, frozen_bytes.line) is not null as is_frozen
    from {{ ref('int_call_records') }} as calls
    inner join payers_of_several on coalesce(calls.account, calls.caller) = payers_of_several.payer
    inner join {{ source('raw', 'files') }} as files on calls.file_id = files.file_id
    left join {{ ref('int_accounts') }} as accounts
        on calls.account = accounts.account and {{ holds_on('accounts', 'cast(calls.started_wall_clock as date)') }}
    left join (select distinct file_sha256, line from {{ source('raw', 'frozen_calls') }}) as frozen
        on files.content_sha256 = frozen.file_sha256 and calls.line = frozen.line
    left join (select distinct file_sha256, line from {{ source('raw', 'frozen_calls') }}) as frozen_bytes
        on files.sha256 = frozen_bytes.file_sha256 and calls.line = frozen_bytes.line
    where
        calls.reject_reason is null
        and calls.disposition = 'answered' and calls.duration_s > 0
        and calls.cdr_date in (select cdr_date from days_in_reach)
),

ranked as (
    select
        *,
        first_value(source) over (
            partition by payer, leg, started_at, called_tail, duration_s order by is_frozen desc, file_id, line
        ) as first_source
    from records
)

select file_id, line, source, first_source
from ranked
where source <> first_source and not is_frozen
