{#
    Records that belong together, and what each of them is (DOMAIN 2 and 9):
        the same call sent twice or corrected    per part (growing sequence) the latest record counts
        parts of a long call                      one call, their seconds add up
        legs: queue attempts, transfers, b-legs   legs of one conversation to one number are one call; it lasts as long as any of them talked
        a record for a call on a bill             an approved invoice does not change: repeated, it is a duplicate; with other facts it goes to quarantine
    Every record that does not count points at the call that does.
#}
with grouped_records as (
    select
        records.*,
        related.group_hash,
        related.first_date as home_date,
        files.sha256,
        files.content_sha256,
        {{ epoch_seconds('records.talk_wall_clock') }} as talk_from_s,
        coalesce(partners.home_country, '{{ var("default_country") }}') as dialled_in
    from {{ ref('int_call_records') }} as records
    inner join {{ ref('int_related_calls') }} as related on records.call_hash = related.call_hash
    inner join {{ source('raw', 'files') }} as files on records.file_id = files.file_id
    left join {{ ref('int_accounts') }} as accounts on records.account = accounts.account and {{ holds_on('accounts', 'records.cdr_date') }}
    left join {{ ref('stg_landing__partner_periods') }} as partners
        on accounts.partner_id = partners.partner_id and {{ holds_on('partners', 'records.cdr_date') }}
    where
        records.reject_reason is null
        and related.first_date in (select cdr_date from {{ ref('int_days_to_rate') }})
),

dialled as (select distinct dialled_in as country, callee as written from grouped_records where callee is not null),

read as (
    select country, written, e164
    from {{ read_numbers('dialled', ref('dialled_prefixes'), ref('short_numbers'), ref('dialling_plans')) }}
),

owners as (
    select payer_number, min(customer_id) as customer_id
    from {{ ref('int_payer_numbers') }}
    group by payer_number
),

readable as (
    select
        grouped_records.*,
        coalesce(read.e164, grouped_records.callee) as called_number,
        date_trunc('minute', grouped_records.started_wall_clock) as started_minute,
        -- without an account, who made the record is known by its numbers
        case when grouped_records.account is null then coalesce(callers.customer_id, callees.customer_id, '') else '' end as made_by
    from grouped_records
    left join read on grouped_records.dialled_in = read.country and grouped_records.callee = read.written
    left join owners as callers on grouped_records.caller = callers.payer_number
    left join owners as callees on grouped_records.callee = callees.payer_number
),

{#-
    DOMAIN 9, identity: one id and one start, or one id and one number, is one call; records linked so, directly or through others, bear one name: the least of
    what they say, whatever their order. Four rounds link chains as long as any that was seen.
#}
named_0 as (
    select
        *,
        concat_ws('/', cast(cast(started_wall_clock as timestamp) as varchar), coalesce(called_number, ''), made_by) as name_0
    from readable
),
{%- for round in range(1, 5) %}

named_{{ round }} as (
    select
        *,
        least(
            min(name_{{ round - 1 }}) over (partition by call_key, made_by, called_number),
            min(name_{{ round - 1 }}) over (partition by call_key, made_by, started_minute),
            min(name_{{ round - 1 }}) over (partition by call_key, called_number, started_minute)
        ) as name_{{ round }}
    from named_{{ round - 1 }}
),
{%- endfor %}

-- A call on a bill is known by the line that it stood on, whatever its key is made of today; a file that came back in other bytes by its id, where it is the
-- same call: the line on the bill may have left landing, its id be used again, or stand on several bills.
frozen_calls as (
    select
        call_key,
        min(freeze_id) as freeze_id,
        min(partner_id) as partner_id,
        min(customer_id) as customer_id,
        min(callee) as callee,
        min(coalesce(dialled, callee)) as dialled,
        min(started_at) as started_at,
        min(call_date) as call_date,
        min(duration_s) as duration_s
    from {{ source('raw', 'frozen_calls') }}
    group by call_key
),

frozen_places as (
    select file_sha256, line, min(call_key) as call_key
    from {{ source('raw', 'frozen_calls') }}
    where file_sha256 is not null
    group by file_sha256, line
),

told_apart as (
    select
        named_4.*,
        min(name_4) over (partition by named_4.call_key) <> max(name_4) over (partition by named_4.call_key) as is_ambiguous,
        coalesce(
            frozen_places.call_key, frozen_bytes.call_key,
            max(coalesce(frozen_places.call_key, frozen_bytes.call_key)) over (partition by named_4.call_key, name_4)
        ) as frozen_key
    from named_4
    left join frozen_places
        on coalesce(named_4.content_sha256, named_4.sha256) = frozen_places.file_sha256 and named_4.line = frozen_places.line
    left join frozen_places as frozen_bytes on named_4.sha256 = frozen_bytes.file_sha256 and named_4.line = frozen_bytes.line
),

bills_by_id as (
    select call_key as known_as, frozen_calls.* from frozen_calls
    union all
    select {{ id_of_call_key('call_key') }} as known_as, frozen_calls.* from frozen_calls where {{ is_told_apart('call_key') }}
),

payers as (select distinct payer_number, customer_id from {{ ref('int_payer_numbers') }}),

compared_with_bills as (
    select
        told_apart.call_key,
        told_apart.name_4,
        bills_by_id.call_key as billed_key,
        -- what either does not say is no difference
        coalesce(bills_by_id.callee = told_apart.called_number or bills_by_id.dialled = told_apart.callee, true) as has_number_of_bill,
        coalesce(
            case
                when told_apart.started_utc is null
                    then date_trunc('minute', {{ local_time('bills_by_id.started_at', 'partners.local_time_zone') }}) = told_apart.started_minute
                else date_trunc('minute', bills_by_id.started_at) = date_trunc('minute', told_apart.started_utc)
            end,
            true
        ) as has_minute_of_bill,
        told_apart.made_by = '' or bills_by_id.customer_id is null or callers.payer_number is not null or callees.payer_number is not null as may_be_of_payer
    from told_apart
    inner join bills_by_id on told_apart.call_key = bills_by_id.known_as
    left join {{ ref('stg_landing__partner_periods') }} as partners
        on bills_by_id.partner_id = partners.partner_id and {{ holds_on('partners', 'bills_by_id.call_date') }}
    left join payers as callers on told_apart.caller = callers.payer_number and bills_by_id.customer_id = callers.customer_id
    left join payers as callees on told_apart.callee = callees.payer_number and bills_by_id.customer_id = callees.customer_id
),

billed_before as (
    select call_key, name_4, billed_key
    from (
        select
            call_key,
            name_4,
            billed_key,
            row_number() over (
                partition by call_key, name_4 order by max(case when has_number_of_bill and has_minute_of_bill then 1 else 0 end) desc, billed_key
            ) as place
        from compared_with_bills
        where (has_number_of_bill and has_minute_of_bill) or ((has_number_of_bill or has_minute_of_bill) and may_be_of_payer)
        group by call_key, name_4, billed_key
    )
    where place = 1
),

keyed as (
    select
        {{ prefixed(['file_id', 'line', 'source', 'call_id', 'leg', 'sequence', 'account', 'caller', 'callee', 'started_wall_clock', 'started_utc', 'talk_wall_clock',
            'duration_s', 'direction', 'disposition', 'correlation_id', 'cdr_date', 'call_hash', 'other_hash', 'reject_reason', 'group_hash', 'home_date', 'sha256',
            'content_sha256', 'talk_from_s', 'dialled_in', 'called_number'], 'told_apart') }},
        case
            when told_apart.frozen_key is not null then told_apart.frozen_key
            when billed_before.billed_key is not null then billed_before.billed_key
            when told_apart.is_ambiguous or told_apart.call_key in (select call_key from frozen_calls) then {{ told_apart_key('told_apart.call_key', 'told_apart.name_4') }}
            else told_apart.call_key
        end as call_key
    from told_apart
    left join billed_before on told_apart.call_key = billed_before.call_key and told_apart.name_4 = billed_before.name_4
),

-- late: the file was not there yet when the bill was made, under any name or compression
records as (
    select
        keyed.*,
        frozen.call_key is not null as is_frozen,
        -- a file that grew, or came back in other bytes, says of the call what the bill says
        frozen.callee = keyed.called_number and sum(keyed.duration_s) over (partition by keyed.file_id, keyed.call_key) = frozen.duration_s as says_the_bill,
        coalesce(frozen.freeze_id, min(frozen.freeze_id) over (partition by keyed.group_hash)) as freeze_id
    from keyed
    left join frozen_calls as frozen on keyed.call_key = frozen.call_key
),

dated_records as (
    select records.*, records.freeze_id is not null and frozen_files.sha256 is null and frozen_texts.sha256 is null as is_late
    from records
    left join {{ source('raw', 'freezes') }} as freezes on records.freeze_id = freezes.freeze_id
    left join {{ source('raw', 'frozen_files') }} as frozen_files
        on freezes.partner_id = frozen_files.partner_id and records.sha256 = frozen_files.sha256 and frozen_files.freeze_id <= records.freeze_id
    left join {{ source('raw', 'frozen_files') }} as frozen_texts
        on freezes.partner_id = frozen_texts.partner_id and records.content_sha256 = frozen_texts.sha256 and frozen_texts.freeze_id <= records.freeze_id
),

versions as (
    select
        *,
        row_number() over latest_first as place,
        first_value(file_id) over latest_first as version_file_id,
        first_value(line) over latest_first as version_line,
        first_value(duration_s) over latest_first as version_duration_s,
        first_value(started_wall_clock) over latest_first as version_started
    from dated_records
    window latest_first as (
        partition by call_key, sequence
        -- a PBX that writes an attempt and the call under one key did not correct itself
        order by is_late, case when source <> 'standard' and disposition = 'answered' then 0 else 1 end, file_id desc, line desc
    )
),

-- one row per call key: its parts taken together
keyed_calls as (
    select
        group_hash,
        call_key,
        source,
        direction,
        called_number,
        bool_and(is_late) as is_late,
        bool_or(is_frozen) as is_frozen,
        bool_or(disposition = 'answered') as is_answered,
        min(talk_from_s) as talk_from_s,
        coalesce(sum(case when disposition = 'answered' then duration_s end), 0) as talk_s,
        min(file_id) as file_id,
        min(line) as line
    from versions
    where place = 1
    group by group_hash, call_key, source, direction, called_number
),

-- what comes after the bill was made: the call on the bill that it would change
late_calls as (
    select
        late.call_key,
        late.is_answered,
        late.talk_from_s,
        late.talk_s,
        frozen.call_key as joined_call_key,
        frozen.talk_from_s as frozen_from_s,
        frozen.talk_s as frozen_s,
        row_number() over (partition by late.call_key order by abs(late.talk_from_s - frozen.talk_from_s), frozen.call_key) as nearness
    from (select * from keyed_calls where source <> 'standard' and is_late and not is_frozen) as late
    inner join (select * from keyed_calls where source <> 'standard' and is_frozen and is_answered) as frozen
        on late.group_hash = frozen.group_hash and late.direction = frozen.direction and late.called_number = frozen.called_number
        and abs(late.talk_from_s - frozen.talk_from_s) <= {{ var('leg_reach_s') }}
),

legs as (
    select *
    from keyed_calls
    where source <> 'standard' and not (is_late and is_frozen) and call_key not in (select call_key from late_calls)
),

-- talk of one conversation to one number: a leg begins a call of its own when nobody had talked for leg_gap_s before it
answered_legs as (
    select
        *,
        max(talk_from_s + talk_s) over (
            partition by group_hash, direction, called_number
            order by talk_from_s, talk_s desc, file_id, line rows between unbounded preceding and 1 preceding
        ) as talked_until_s
    from legs
    where is_answered
),

numbered_legs as (
    select
        *,
        case
            when talked_until_s is null or talk_from_s > talked_until_s + {{ var('leg_gap_s') }} then talk_s
            else greatest(0, talk_from_s + talk_s - greatest(talk_from_s, talked_until_s))
        end as added_s,
        sum(case when talked_until_s is null or talk_from_s > talked_until_s + {{ var('leg_gap_s') }} then 1 else 0 end) over (
            partition by group_hash, direction, called_number order by talk_from_s, talk_s desc, file_id, line rows unbounded preceding
        ) as talk_number
    from answered_legs
),

talks as (
    select
        *,
        first_value(call_key) over (
            partition by group_hash, direction, called_number, talk_number order by is_frozen desc, talk_from_s, talk_s desc, file_id, line
        ) as joined_call_key
    from numbered_legs
),

-- attempts in which nobody talked belong to the call of the same number near which they were made, else to the first of them
unanswered_legs as (
    select
        legs.*,
        talks.joined_call_key as near_call_key,
        row_number() over (partition by legs.call_key order by abs(talks.talk_from_s - legs.talk_from_s), talks.joined_call_key) as nearness
    from legs
    left join talks
        on legs.group_hash = talks.group_hash and legs.direction = talks.direction and legs.called_number = talks.called_number
        and abs(talks.talk_from_s - legs.talk_from_s) <= {{ var('leg_reach_s') }}
    where not legs.is_answered
),

attempts as (
    select
        *,
        case
            when is_frozen then call_key
            else coalesce(near_call_key, first_value(call_key) over (
                partition by group_hash, direction, called_number, near_call_key is null order by is_frozen desc, talk_from_s, file_id, line
            ))
        end as joined_call_key
    from unanswered_legs
    where nearness = 1
),

fates as (
    select
        call_key,
        joined_call_key,
        added_s,
        case when joined_call_key = call_key or added_s > 0 then 'kept' else 'duplicate' end as disposition
    from talks
    union all
    select call_key, joined_call_key, 0 as added_s, case when joined_call_key = call_key then 'kept' else 'duplicate' end as disposition
    from attempts
    union all
    select
        call_key,
        joined_call_key,
        0 as added_s,
        case
            when is_answered and (talk_from_s < frozen_from_s or talk_from_s + talk_s > frozen_from_s + frozen_s) then 'quarantined'
            else 'duplicate'
        end as disposition
    from late_calls
    where nearness = 1
),

judged as (
    select
        versions.*,
        coalesce(fates.joined_call_key, versions.call_key) as joined_call_key,
        case
            when versions.is_late and versions.is_frozen and versions.place > 1 and versions.duration_s = versions.version_duration_s
                and versions.started_wall_clock = versions.version_started then 'duplicate'
            when versions.is_late and versions.is_frozen and not coalesce(versions.says_the_bill, false) then 'quarantined'
            when versions.place > 1 then 'duplicate'
            else coalesce(fates.disposition, 'kept')
        end as fate,
        case when versions.source = 'standard' then versions.duration_s else coalesce(fates.added_s, versions.duration_s) end as counted_s
    from versions
    left join fates on versions.call_key = fates.call_key
),

first_records as (
    select call_key, file_id, line
    from (
        select call_key, file_id, line, row_number() over (partition by call_key order by sequence, started_wall_clock, file_id, line) as part
        from judged
        where fate = 'kept' and call_key = joined_call_key
    )
    where part = 1
)

select
    judged.*,
    judged.fate = 'kept' as is_kept,
    case
        when judged.fate = 'quarantined' then 'billed_before'
        when judged.fate = 'duplicate' then case when judged.place > 1 then 'repeated_call' else 'leg_of_call' end
    end as fate_reason,
    case
        when judged.fate = 'duplicate' and judged.place > 1 and judged.joined_call_key = judged.call_key then judged.version_file_id
        when judged.fate = 'duplicate' then first_records.file_id
    end as original_file_id,
    case
        when judged.fate = 'duplicate' and judged.place > 1 and judged.joined_call_key = judged.call_key then judged.version_line
        when judged.fate = 'duplicate' then first_records.line
    end as original_line
from judged
left join first_records on judged.joined_call_key = first_records.call_key
