-- What was dialled stands in dial-no, the number that was reached in final-number. A queue or a transfer gives several records that share historyid or
-- callid; without historyid the counter callid may start again any day, so that it says little without the day.
with clocked as (
    select
        cdrs.*,
        coalesce(sources.source_name, '3cx') as source_name,
        sources.time_zone as source_time_zone,
        coalesce(sources.account, {{ parse_text('cdrs.bill_code') }}) as typed_account,
        {{ without_call('cdrs.historyid') }} as typed_history_id,
        {{ without_call('cdrs.callid') }} as typed_counter,
        {{ without_ext('cdrs.from_no') }} as typed_caller,
        {{ without_outside_line(without_ext('cdrs.dial_no')) }} as dialled,
        {{ without_ext('cdrs.to_no') }} as addressed,
        {{ without_ext('cdrs.final_number') }} as reached,
        {{ looks_public('cdrs.final_number') }} as is_reached_outside,
        {{ clock_of_source('cdrs.time_start') }} as started_clock,
        {{ clock_of_source('cdrs.time_answered') }} as answered_clock,
        {{ clock_of_source('cdrs.time_end') }} as ended_clock,
        {{ seconds_of_clock(parse_text('cdrs.duration')) }} as typed_duration_s,
        coalesce(words.meaning, sources.default_direction, 'outbound') as typed_direction,
        final_words.meaning as final_direction
    from {{ source('raw', 'cdrs_3cx') }} as cdrs
    left join {{ source('raw', 'file_sources') }} as sources on cdrs.file_id = sources.file_id
    left join {{ meanings(source('raw', 'cdrs_3cx'), 'from_type', 'direction') }} as words
        on sources.source_name = words.source_name and lower(trim(cdrs.from_type)) = words.word
    left join {{ meanings(source('raw', 'cdrs_3cx'), 'final_type', 'final') }} as final_words
        on sources.source_name = final_words.source_name and lower(trim(cdrs.final_type)) = final_words.word
),

numbered as (
    {{ read_clocks('clocked') }}
),

typed as (
    select
        *,
        coalesce(typed_history_id, typed_counter) as typed_call_id,
        case when typed_history_id is not null then typed_counter end as typed_leg_id,
        -- where it ended up outside, that is who was called: whatever was dialled to get there
        case when is_reached_outside then reached else coalesce(dialled, reached, addressed) end as typed_callee
    from numbered
)

select
    file_id,
    line,
    '3cx' as source,
    typed_call_id as call_id,
    source_name || ':' || coalesce(typed_account, '') || ':' || concat_ws(':', typed_call_id, typed_leg_id, {{ parse_text('time_start') }}, {{ parse_text('to_dn') }}) as call_key,
    source_name || ':' || coalesce(typed_account, '') || ':'
    || case when typed_history_id is null then concat_ws(':', typed_call_id, left({{ parse_text('time_start') }}, 10)) else typed_call_id end as group_key,
    source_name || ':' || coalesce(typed_account, '') || ':callid:' || typed_leg_id as other_group_key,
    'pbx' as leg,
    0 as sequence,
    typed_account as account,
    typed_caller as caller,
    typed_callee as callee,
    started_wall_clock,
    {{ started_instant() }} as started_utc,
    coalesce(answered_wall_clock, started_wall_clock) as talk_wall_clock,
    typed_duration_s as duration_s,
    -- it came in and left again: whoever forwards made a call of his own
    case when typed_direction = 'inbound' and final_direction = 'outbound' and is_reached_outside then 'outbound' else typed_direction end as direction,
    case
        when answered_wall_clock is not null and typed_duration_s > 0 then 'answered'
        when lower({{ parse_text('reason_terminated') }}) like '%busy%' then 'busy'
        when lower({{ parse_text('reason_terminated') }}) like '%fail%' then 'failed'
        else 'no_answer'
    end as disposition,
    {{ parse_text('callid') }} as correlation_id,
    case
        when typed_call_id is null then 'missing_call_id'
        when {{ parse_text('time_start') }} is null then 'missing_started_at'
        when started_wall_clock is null then 'invalid_started_at'
        {{ clock_problem() }}
        when {{ parse_text('time_answered') }} is not null and answered_wall_clock is null then 'invalid_answered_at'
        when {{ parse_text('time_end') }} is not null and ended_wall_clock is null then 'invalid_ended_at'
        {{ duration_problem('duration') }}
        when {{ ends_before_it_starts('started_wall_clock', 'ended_wall_clock') }} then 'end_before_start'
        when typed_callee is null then 'missing_callee'
        -- two numbers outside, and no word of a forward or a transfer between them
        when is_reached_outside and typed_direction <> 'inbound' and {{ parse_text('reason_changed') }} is null and {{ looks_public('dialled') }}
            and right(dialled, 8) <> right(reached, 8) and {{ tail_of_number('dialled') }} <> {{ tail_of_number('reached') }} then 'numbers_disagree'
    end as reject_reason
from typed
