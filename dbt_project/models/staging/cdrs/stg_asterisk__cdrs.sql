-- billsec is the paid duration; a row that was not answered can carry billsec > 0 and is still not answered. The rows of one linkedid are paths of one
-- conversation: queue attempts, transfers. Which of them are one paid call is said in int_related_records.
with typed as (
    select
        *,
        {{ parse_text('uniqueid') }} as typed_call_id,
        {{ parse_wall_clock('start') }} as started_wall_clock,
        {{ parse_wall_clock('answer') }} as answered_wall_clock,
        {{ parse_wall_clock('"end"') }} as ended_wall_clock,
        {{ parse_integer('billsec') }} as typed_duration_s,
        case upper({{ parse_text('disposition') }})
            when 'ANSWERED' then 'answered'
            when 'NO ANSWER' then 'no_answer'
            when 'BUSY' then 'busy'
            when 'FAILED' then 'failed'
            when 'CONGESTION' then 'failed'
        end as typed_disposition
    from {{ source('raw', 'cdrs_asterisk') }}
)

select
    typed.file_id,
    typed.line,
    'asterisk' as source,
    typed_call_id as call_id,
    'asterisk:' || coalesce({{ parse_text('accountcode') }}, files.folder_account, '') || ':' || typed_call_id || ':'
    || coalesce({{ parse_text('sequence') }}, {{ parse_text('dstchannel') }}, '') as call_key,
    'asterisk:' || coalesce({{ parse_text('accountcode') }}, files.folder_account, '') || ':' || coalesce({{ parse_text('linkedid') }}, typed_call_id) as group_key,
    cast(null as varchar) as other_group_key,
    'pbx' as leg,
    0 as sequence,
    coalesce({{ parse_text('accountcode') }}, files.folder_account) as account,
    {{ parse_text('src') }} as caller,
    {{ parse_text('dst') }} as callee,
    started_wall_clock,
    cast(null as timestamp) as started_utc,
    coalesce(answered_wall_clock, started_wall_clock) as talk_wall_clock,
    typed_duration_s as duration_s,
    case
        when lower({{ parse_text('dcontext') }}) in ('from-trunk', 'from-pstn', 'from-did-direct', 'public', 'inbound', 'incoming') then 'inbound'
        else 'outbound'
    end as direction,
    typed_disposition as disposition,
    {{ parse_text('linkedid') }} as correlation_id,
    case
        when typed_call_id is null then 'missing_call_id'
        when {{ parse_text('start') }} is null then 'missing_started_at'
        when started_wall_clock is null then 'invalid_started_at'
        when {{ parse_text('"end"') }} is not null and ended_wall_clock is null then 'invalid_ended_at'
        when {{ parse_text('billsec') }} is null then 'missing_duration_s'
        when typed_duration_s is null then 'invalid_duration_s'
        when typed_duration_s < 0 then 'negative_duration'
        when typed_duration_s > 86400 then 'duration_over_24h'
        when {{ ends_before_it_starts('started_wall_clock', 'ended_wall_clock') }} then 'end_before_start'
        when typed_disposition is null then 'invalid_disposition'
        when {{ parse_text('dst') }} is null then 'missing_callee'
    end as reject_reason
from typed
inner join {{ source('raw', 'files') }} as files on typed.file_id = files.file_id
