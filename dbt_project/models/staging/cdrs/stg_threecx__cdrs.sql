-- What was dialled stands in dial-no; where the call ended up in final-number. A queue or a transfer gives several records that share historyid or
-- callid; without historyid the counter callid may start again any day, so that it says little without the day.
with typed as (
    select
        *,
        coalesce({{ parse_text('historyid') }}, {{ parse_text('callid') }}) as typed_call_id,
        case when {{ parse_text('historyid') }} is not null then {{ parse_text('callid') }} end as typed_leg_id,
        {{ parse_wall_clock('time_start') }} as started_wall_clock,
        {{ parse_wall_clock('time_answered') }} as answered_wall_clock,
        {{ parse_wall_clock('time_end') }} as ended_wall_clock,
        {{ seconds_of_clock(parse_text('duration')) }} as typed_duration_s
    from {{ source('raw', 'cdrs_3cx') }}
)

select
    typed.file_id,
    typed.line,
    '3cx' as source,
    typed_call_id as call_id,
    '3cx:' || coalesce(files.folder_account, {{ parse_text('bill_code') }}, '') || ':'
    || concat_ws(':', typed_call_id, typed_leg_id, {{ parse_text('time_start') }}, {{ parse_text('to_dn') }}) as call_key,
    '3cx:' || coalesce(files.folder_account, {{ parse_text('bill_code') }}, '') || ':'
    || case when {{ parse_text('historyid') }} is null then concat_ws(':', typed_call_id, left({{ parse_text('time_start') }}, 10)) else typed_call_id end as group_key,
    '3cx:' || coalesce(files.folder_account, {{ parse_text('bill_code') }}, '') || ':callid:' || typed_leg_id as other_group_key,
    'pbx' as leg,
    0 as sequence,
    coalesce(files.folder_account, {{ parse_text('bill_code') }}) as account,
    {{ without_ext('from_no') }} as caller,
    coalesce({{ without_ext('dial_no') }}, {{ without_ext('final_number') }}, {{ without_ext('to_no') }}) as callee,
    started_wall_clock,
    cast(null as timestamp) as started_utc,
    coalesce(answered_wall_clock, started_wall_clock) as talk_wall_clock,
    typed_duration_s as duration_s,
    case
        when lower({{ parse_text('from_type') }}) in ('line', 'externalline', 'external', 'provider', 'inbound') then 'inbound'
        else 'outbound'
    end as direction,
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
        when {{ parse_text('time_answered') }} is not null and answered_wall_clock is null then 'invalid_answered_at'
        when {{ parse_text('time_end') }} is not null and ended_wall_clock is null then 'invalid_ended_at'
        when {{ parse_text('duration') }} is null then 'missing_duration_s'
        when typed_duration_s is null then 'invalid_duration_s'
        when typed_duration_s < 0 then 'negative_duration'
        when typed_duration_s > 86400 then 'duration_over_24h'
        when {{ ends_before_it_starts('started_wall_clock', 'ended_wall_clock') }} then 'end_before_start'
        when coalesce({{ parse_text('dial_no') }}, {{ parse_text('final_number') }}, {{ parse_text('to_no') }}) is null then 'missing_callee'
    end as reject_reason
from typed
inner join {{ source('raw', 'files') }} as files on typed.file_id = files.file_id
