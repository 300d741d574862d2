-- One record is one call, but for the few calls that have several: those are put together first.
with single_records as (
    select
        call_key, call_id, source, leg, account, caller, callee, started_wall_clock, started_utc,
        duration_s, direction, disposition, correlation_id, cdr_date, file_id, line, 1 as records, cast(null as {{ hash_type() }}) as group_hash
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
        correlation_id, home_date as cdr_date, file_id, line, records, group_hash
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
        accounts.valid_to as account_valid_to
    from landed_calls
    left join {{ with_moments(ref('int_accounts'), 'account') }} as accounts
        on landed_calls.account = accounts.account
        and {{ holds_at('accounts', 'landed_calls.started_utc', 'landed_calls.started_wall_clock') }}
),

-- whose number called, and whose was called
calls_by_number as (
    select
        calls_by_account.*,
        {%- for who in ['calling', 'called'] %}
        {{ who }}.customer_id as {{ who }}_customer_id,
        {{ who }}.partner_id as {{ who }}_partner_id,
        {{ who }}.reseller_id as {{ who }}_reseller_id,
        {{ who }}.local_time_zone as {{ who }}_time_zone,
        {{ who }}.valid_to as {{ who }}_valid_to,
        {%- endfor %}
        -- toll-free numbers are called by strangers, and not forwarded to
        case when calls_by_account.direction = 'inbound' then {{ looks_public('calls_by_account.callee') }} and not {{ matches('calls_by_account.callee', '^(0|00[0-9]{1,3}|[+][0-9]{1,3})?800[0-9]{4,}$') }} else false end as is_to_outside
    from calls_by_account
    {%- for who, number in [('calling', 'caller'), ('called', 'callee')] %}
    left join {{ with_moments(ref('int_payer_numbers'), 'payer_number') }} as {{ who }}
        on calls_by_account.{{ number }} = {{ who }}.payer_number
        and {{ holds_at(who, 'calls_by_account.started_utc', 'calls_by_account.started_wall_clock') }}
    {%- endfor %}
),

-- of a conversation that no account pays for: whose number was called first, from outside
first_called as (
    select group_hash, started_wall_clock, called_customer_id, called_partner_id, called_reseller_id, called_time_zone
    from (
        select
            *,
            row_number() over (partition by group_hash order by started_wall_clock, file_id, line) as place
        from calls_by_number
        where
            group_hash is not null and account_customer_id is null and called_customer_id is not null
            and coalesce(calling_customer_id <> called_customer_id, true)
    )
    where place = 1
),

-- the account pays; without one the numbers tell (DOMAIN 9, direction and payer)
decided as (
    select
        calls_by_number.*,
        case
            when calls_by_number.account_customer_id is not null then 'account'
            when calls_by_number.leg = 'airtime' then 'calling'
            when calls_by_number.called_customer_id is null and first_called.called_customer_id is not null
                and coalesce(calls_by_number.calling_customer_id <> first_called.called_customer_id, true) then 'forwarding'
            when calls_by_number.called_customer_id is null and calls_by_number.direction = 'inbound' then 'nobody'
            when calls_by_number.calling_customer_id is null then 'called'
            when calls_by_number.called_customer_id is not null and calls_by_number.direction = 'inbound' then 'called'
            else 'calling'
        end as payer,
        {%- for column in ['customer_id', 'partner_id', 'reseller_id', 'time_zone'] %}
        first_called.called_{{ column }} as forwarding_{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from calls_by_number
    left join first_called
        on calls_by_number.group_hash = first_called.group_hash
        and first_called.started_wall_clock <= calls_by_number.started_wall_clock
        and calls_by_number.account_customer_id is null
),

paid as (
    select
        *
        {%- for column in ['customer_id', 'partner_id', 'reseller_id', 'time_zone'] %},
        case payer
            {%- for who in ['account', 'calling', 'called', 'forwarding'] %}
            when '{{ who }}' then {{ who }}_{{ column }}
            {%- endfor %}
        end as {{ column }}
        {%- endfor %},
        case payer when 'account' then account_valid_to when 'calling' then calling_valid_to when 'called' then called_valid_to end as valid_to
    from decided
),

attributed as (
    select
        paid.*,
        case
            when leg = 'airtime' then direction
            when called_customer_id = customer_id and (calling_customer_id = customer_id or {{ matches('caller', '^[0-9]{1,5}$') }}) then 'internal'
            when called_customer_id = customer_id then 'inbound'
            when calling_customer_id = customer_id or payer = 'forwarding' then 'outbound'
            -- from outside, on his trunk, to a number that is nobody's of ours: a forward. Without numbers of his that we know, the words decide
            when direction = 'inbound' and is_to_outside and called_customer_id is null
                and customer_id in (select customer_id from {{ ref('int_platform_numbers') }}) then 'outbound'
            else direction
        end as true_direction,
        coalesce(
            -- his trunk brought in a call to a number of somebody else of ours
            (payer = 'account' and direction = 'inbound' and called_customer_id <> customer_id and coalesce(calling_customer_id <> customer_id, true))
            -- it came in, says the exchange, from a number of ours to one that is nobody's: who forwarded it is not to be seen
            or (payer = 'nobody' and calling_customer_id is not null and is_to_outside),
            false
        ) as is_contradictory
    from paid
),

-- by its bytes, or by its text in any compression
files_by_content as (
    select sha256 as content, file_id from {{ source('raw', 'files') }} where duplicate_of is null
    union
    select content_sha256 as content, file_id from {{ source('raw', 'files') }} where duplicate_of is null and content_sha256 is not null
),

frozen_places as (
    select files.file_id, frozen.line, min(frozen.call_key) as call_key
    from {{ source('raw', 'frozen_calls') }} as frozen
    inner join files_by_content as files on frozen.file_sha256 = files.content
    where frozen.cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
    group by files.file_id, frozen.line
)

-- a call that stands on an approved invoice stays whose it was
select
    coalesce(frozen_places.call_key, attributed.call_key) as call_key,
    attributed.call_id,
    attributed.source,
    attributed.leg,
    coalesce(frozen.partner_id, attributed.partner_id) as partner_id,
    coalesce(frozen.customer_id, attributed.customer_id) as customer_id,
    coalesce(frozen.reseller_id, attributed.reseller_id) as reseller_id,
    attributed.caller,
    attributed.callee,
    coalesce(attributed.started_utc, {{ utc_time('attributed.started_wall_clock', 'attributed.time_zone') }}) as started_at,
    -- between his midnight and the one in the zone of who has it next, a call stands on the last day that was his
    least({{ local_day('attributed.started_utc', 'attributed.started_wall_clock', 'attributed.time_zone') }}, {{ add_days('attributed.valid_to', -1) }}) as call_date,
    attributed.duration_s,
    attributed.true_direction as direction,
    attributed.disposition,
    attributed.correlation_id,
    attributed.cdr_date,
    attributed.file_id,
    attributed.line,
    attributed.records,
    frozen.call_key is not null as is_frozen,
    case
        when frozen.call_key is not null then null
        when twins.file_id is not null then 'same_call_in_two_sources'
        when attributed.is_contradictory then 'contradictory_direction'
        when attributed.customer_id is null then 'unknown_customer'
        when partner_sources.partner_id <> attributed.partner_id then 'other_partners_row'
        -- the hour that spring skips, or the day: such a clock was never on the wall
        when attributed.started_utc is null
            and {{ local_time(utc_time('attributed.started_wall_clock', 'attributed.time_zone'), 'attributed.time_zone') }} <> attributed.started_wall_clock
            then 'nonexistent_local_time'
    end as reject_reason
from attributed
-- a call on a bill is known by the line that it stood on, whatever its key is made of today; a file that came back in other bytes by its key
left join frozen_places on attributed.file_id = frozen_places.file_id and attributed.line = frozen_places.line
left join {{ source('raw', 'frozen_calls') }} as frozen on coalesce(frozen_places.call_key, attributed.call_key) = frozen.call_key
left join {{ ref('int_twin_records') }} as twins on attributed.file_id = twins.file_id and attributed.line = twins.line
left join (select file_id, partner_id from {{ source('raw', 'file_sources') }} where partner_id is not null) as partner_sources
    on attributed.file_id = partner_sources.file_id
