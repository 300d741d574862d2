with clocked as (
    select
        cdrs.*,
        coalesce(sources.source_name, 'freeswitch') as source_name,
        sources.time_zone as source_time_zone,
        {{ parse_text('cdrs.uuid') }} as typed_call_id,
        coalesce({{ parse_text('cdrs.accountcode') }}, sources.account) as typed_account,
        {{ without_outside_line(parse_text('cdrs.destination_number')) }} as typed_callee,
        {{ clock_of_source('cdrs.start_stamp') }} as started_clock,
        {{ clock_of_source('cdrs.answer_stamp') }} as answered_clock,
        {{ clock_of_source('cdrs.end_stamp') }} as ended_clock,
        {{ parse_integer('cdrs.billsec') }} as typed_duration_s,
        coalesce(words.meaning, sources.default_direction, 'outbound') as typed_direction
    from {{ source('raw', 'cdrs_freeswitch') }} as cdrs
    left join {{ source('raw', 'file_sources') }} as sources on cdrs.file_id = sources.file_id
    left join {{ meanings(source('raw', 'cdrs_freeswitch'), 'context', 'direction') }} as words
        on sources.source_name = words.source_name and lower(trim(cdrs.context)) = words.word
),

typed as (
    {{ read_clocks('clocked') }}
)

select
    file_id,
    line,
    'freeswitch' as source,
    typed_call_id as call_id,
    source_name || ':' || coalesce(typed_account, '') || ':' || typed_call_id as call_key,
    -- a uuid is one in the world, and the second leg often names no account
    source_name || ':' || typed_call_id as group_key,
    -- an exchange that writes both legs gives the second a row of its own, under the uuid that the first one names
    source_name || ':' || {{ parse_text('bleg_uuid') }} as other_group_key,
    'pbx' as leg,
    0 as sequence,
    typed_account as account,
    {{ parse_text('caller_id_number') }} as caller,
    typed_callee as callee,
    started_wall_clock,
    {{ started_instant() }} as started_utc,
    coalesce(answered_wall_clock, started_wall_clock) as talk_wall_clock,
    typed_duration_s as duration_s,
    typed_direction as direction,
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
        {{ clock_problem() }}
        when {{ parse_text('answer_stamp') }} is not null and answered_wall_clock is null then 'invalid_answered_at'
        when {{ parse_text('end_stamp') }} is not null and ended_wall_clock is null then 'invalid_ended_at'
        {{ duration_problem('billsec') }}
        when {{ ends_before_it_starts('started_wall_clock', 'ended_wall_clock') }} then 'end_before_start'
        when typed_callee is null then 'missing_callee'
    end as reject_reason
from typed
