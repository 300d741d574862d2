with typed as (
    select
        *,
        {{ parse_text('uuid') }} as typed_call_id,
        {{ parse_wall_clock('start_stamp') }} as started_wall_clock,
        {{ parse_wall_clock('answer_stamp') }} as answered_wall_clock,
        {{ parse_wall_clock('end_stamp') }} as ended_wall_clock,
        {{ parse_integer('billsec') }} as typed_duration_s
    from {{ source('raw', 'cdrs_freeswitch') }}
)

select
    typed.file_id,
    typed.line,
    'freeswitch' as source,
    typed_call_id as call_id,
    'freeswitch:' || typed_call_id as call_key,
    'freeswitch:' || typed_call_id as group_key,
    -- an exchange that writes both legs gives the second a row of its own, under the uuid that the first one names
    'freeswitch:' || {{ parse_text('bleg_uuid') }} as other_group_key,
    'pbx' as leg,
    0 as sequence,
    coalesce({{ parse_text('accountcode') }}, files.folder_account) as account,
    {{ parse_text('caller_id_number') }} as caller,
    {{ parse_text('destination_number') }} as callee,
    started_wall_clock,
    cast(null as timestamp) as started_utc,
    coalesce(answered_wall_clock, started_wall_clock) as talk_wall_clock,
    typed_duration_s as duration_s,
    case when lower({{ parse_text('context') }}) in ('public', 'inbound') then 'inbound' else 'outbound' end as direction,
    case
        when answered_wall_clock is not null and typed_duration_s > 0 then 'answered'
        when upper({{ parse_text('hangup_cause') }}) = 'USER_BUSY' then 'busy'
        when upper({{ parse_text('hangup_cause') }}) in ('NO_ANSWER', 'ORIGINATOR_CANCEL', 'NO_USER_RESPONSE', 'ALLOTTED_TIMEOUT', 'NORMAL_CLEARING') then 'no_answer'
        else 'failed'
    end as disposition,
    {{ parse_text('bleg_uuid') }} as correlation_id,
    case
        when typed_call_id is null then 'missing_call_id'
        when {{ parse_text('start_stamp') }} is null then 'missing_started_at'
        when started_wall_clock is null then 'invalid_started_at'
        when {{ parse_text('answer_stamp') }} is not null and answered_wall_clock is null then 'invalid_answered_at'
        when {{ parse_text('end_stamp') }} is not null and ended_wall_clock is null then 'invalid_ended_at'
        when {{ parse_text('billsec') }} is null then 'missing_duration_s'
        when typed_duration_s is null then 'invalid_duration_s'
        when typed_duration_s < 0 then 'negative_duration'
        when typed_duration_s > 86400 then 'duration_over_24h'
        when {{ ends_before_it_starts('started_wall_clock', 'ended_wall_clock') }} then 'end_before_start'
        when {{ parse_text('destination_number') }} is null then 'missing_callee'
    end as reject_reason
from typed
inner join {{ source('raw', 'files') }} as files on typed.file_id = files.file_id
