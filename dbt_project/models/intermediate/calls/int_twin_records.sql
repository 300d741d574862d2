-- One call that two dialects bring: the exchange's own record and the provider's, say. It has one account, or one caller (however either writes the number) for
-- whom one customer pays; one start, called number and seconds. Only who is in records of several dialects is looked at.
with callers_by_source as (
    select account, caller, min(source) as source, max(source) as other_source
    from {{ ref('int_call_records') }}
    where reject_reason is null and cdr_date in (select cdr_date from {{ ref('int_days_in_reach') }})
    group by account, caller
),

accounts_of_several as (
    select account from callers_by_source where account is not null group by account having min(source) <> max(other_source)
),

caller_tails as (select caller, source, other_source, {{ tail_of_number("coalesce(caller, '')") }} as caller_tail from callers_by_source),

callers_of_several as (
    select coalesce(caller, '') as caller
    from caller_tails
    where caller_tail in (select caller_tail from caller_tails group by caller_tail having min(source) <> max(other_source))
),

-- what stands on a bill and whose file has left landing: the record that another dialect brings of it now
archived_bills as (
    select
        frozen.source,
        frozen.leg,
        frozen.customer_id,
        frozen.direction,
        frozen.started_at,
        frozen.duration_s,
        frozen.cdr_date,
        {{ tail_of_number("coalesce(frozen.caller, '')") }} as caller_tail,
        {{ tail_of_number('coalesce(frozen.dialled, frozen.callee)') }} as called_tail
    from {{ source('raw', 'frozen_calls') }} as frozen
    left join (
        select sha256 as content from {{ source('raw', 'files') }} where withdrawn_at is null
        union
        select content_sha256 as content from {{ source('raw', 'files') }} where withdrawn_at is null
    ) as landed on frozen.file_sha256 = landed.content
    where
        landed.content is null
        and frozen.disposition = 'answered' and frozen.duration_s > 0
        and frozen.cdr_date in (select cdr_date from {{ ref('int_days_in_reach') }})
),

like_an_archived as (
    select distinct calls.file_id, calls.line
    from {{ ref('int_call_records') }} as calls
    inner join archived_bills as bills
        on calls.duration_s = bills.duration_s and calls.leg = bills.leg
        and calls.cdr_date between {{ add_days('bills.cdr_date', -2) }} and {{ add_days('bills.cdr_date', 2) }}
    where calls.source <> bills.source
),

looked_at as (
    select calls.*
    from {{ ref('int_call_records') }} as calls
    left join like_an_archived on calls.file_id = like_an_archived.file_id and calls.line = like_an_archived.line
    where
        calls.reject_reason is null
        and calls.disposition = 'answered' and calls.duration_s > 0
        and calls.cdr_date in (select cdr_date from {{ ref('int_days_in_reach') }})
        and (
            calls.account in (select account from accounts_of_several)
            or coalesce(calls.caller, '') in (select caller from callers_of_several)
            or like_an_archived.line is not null
        )
),

records as (
    select
        calls.file_id,
        calls.line,
        calls.source,
        calls.account,
        calls.leg,
        calls.direction,
        calls.duration_s,
        coalesce(
            accounts.customer_id, case when calls.direction = 'inbound' then called.customer_id end, calling.customer_id, called.customer_id,
            calls.account, calls.caller, ''
        ) as payer,
        {{ tail_of_number("coalesce(calls.caller, '')") }} as caller_tail,
        {{ tail_of_number('calls.callee') }} as called_tail,
        coalesce(
            calls.started_utc,
            {{ utc_time('calls.started_wall_clock', "coalesce(
                accounts.local_time_zone, case when calls.direction = 'inbound' then called.local_time_zone end, calling.local_time_zone, called.local_time_zone,
                '" ~ var('default_time_zone') ~ "'
            )") }}
        ) as started_at,
        coalesce(frozen.line, frozen_bytes.line) is not null as is_frozen
    from looked_at as calls
    inner join {{ source('raw', 'files') }} as files on calls.file_id = files.file_id
    left join {{ with_moments(ref('int_accounts'), 'account') }} as accounts
        on calls.account = accounts.account and {{ holds_at('accounts', 'calls.started_utc', 'calls.started_wall_clock') }}
    {%- for who, number in [('calling', 'caller'), ('called', 'callee')] %}
    left join {{ with_moments(ref('int_payer_numbers'), 'payer_number') }} as {{ who }}
        on calls.{{ number }} = {{ who }}.payer_number and {{ holds_at(who, 'calls.started_utc', 'calls.started_wall_clock') }}
    {%- endfor %}
    left join (select distinct file_sha256, line from {{ source('raw', 'frozen_calls') }}) as frozen
        on files.content_sha256 = frozen.file_sha256 and calls.line = frozen.line
    left join (select distinct file_sha256, line from {{ source('raw', 'frozen_calls') }}) as frozen_bytes
        on files.sha256 = frozen_bytes.file_sha256 and calls.line = frozen_bytes.line
),

ranked as (
    select
        *,
        first_value(source) over (
            partition by account, leg, started_at, called_tail, duration_s order by is_frozen desc, file_id, line
        ) as first_of_account,
        -- two offices of one customer that call each other are heard by both exchanges: one call out, one in
        first_value(source) over (
            partition by payer, caller_tail, direction, leg, started_at, called_tail, duration_s order by is_frozen desc, file_id, line
        ) as first_of_caller
    from records
),

twins as (
    select file_id, line, source, case when account is not null and source <> first_of_account then first_of_account else first_of_caller end as first_source
    from ranked
    where not is_frozen and ((account is not null and source <> first_of_account) or source <> first_of_caller)
    union all
    select records.file_id, records.line, records.source, bills.source as first_source
    from records
    inner join archived_bills as bills
        on records.payer = bills.customer_id and records.direction = bills.direction and records.leg = bills.leg and records.started_at = bills.started_at
        and records.called_tail = bills.called_tail and records.duration_s = bills.duration_s
        -- an extension is nobody's number: what only one of the two says is no difference
        and (records.caller_tail = bills.caller_tail or length(records.caller_tail) < 6 or length(bills.caller_tail) < 6)
    where not records.is_frozen and records.source <> bills.source
)

select file_id, line, source, min(first_source) as first_source
from twins
group by file_id, line, source
