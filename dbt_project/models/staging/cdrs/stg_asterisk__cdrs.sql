-- billsec is the paid duration; a row that was not answered can carry billsec > 0 and is still not answered. The rows of one linkedid are paths of one
-- conversation: queue attempts, transfers. Which of them are one paid call is said in int_related_records.
with clocked as (
    select
        cdrs.*,
        coalesce(sources.source_name, 'asterisk') as source_name,
        sources.time_zone as source_time_zone,
        -- without uniqueid a channel and its first moment name the record
        coalesce(
            {{ parse_text('cdrs.uniqueid') }},
            {{ parse_text('cdrs.start') }} || '/' || coalesce({{ parse_text('cdrs.channel') }}, {{ parse_text('cdrs.src') }}, '') || '/'
            || coalesce({{ parse_text('cdrs.dstchannel') }}, {{ parse_text('cdrs.dst') }}, '')
        ) as typed_call_id,
        coalesce({{ parse_text('cdrs.accountcode') }}, sources.account) as typed_account,
        {{ without_outside_line(parse_text('cdrs.dst')) }} as typed_callee,
        {{ clock_of_source('cdrs.start') }} as started_clock,
        {{ clock_of_source('cdrs.answer') }} as answered_clock,
        {{ clock_of_source('cdrs."end"') }} as ended_clock,
        {{ parse_integer('cdrs.billsec') }} as typed_duration_s,
        coalesce(words.meaning, sources.default_direction, 'outbound') as typed_direction,
        case upper({{ parse_text('cdrs.disposition') }})
            when 'ANSWERED' then 'answered'
            when 'NO ANSWER' then 'no_answer'
            when 'BUSY' then 'busy'
            when 'FAILED' then 'failed'
            when 'CONGESTION' then 'failed'
        end as typed_disposition
    from {{ source('raw', 'cdrs_asterisk') }} as cdrs
    left join {{ source('raw', 'file_sources') }} as sources on cdrs.file_id = sources.file_id
    left join {{ meanings(source('raw', 'cdrs_asterisk'), 'dcontext', 'direction') }} as words
        on sources.source_name = words.source_name and lower(trim(cdrs.dcontext)) = words.word
),

typed as (
    {{ read_clocks('clocked') }}
)

select
    file_id,
    line,
    'asterisk' as source,
    typed_call_id as call_id,
    source_name || ':' || coalesce(typed_account, '') || ':' || typed_call_id || ':'
    || coalesce({{ parse_text('sequence') }}, {{ parse_text('dstchannel') }}, '') as call_key,
    source_name || ':' || coalesce(typed_account, '') || ':' || coalesce({{ parse_text('linkedid') }}, typed_call_id) as group_key,
    cast(null as varchar) as other_group_key,
    'pbx' as leg,
    0 as sequence,
    typed_account as account,
    {{ parse_text('src') }} as caller,
    typed_callee as callee,
    started_wall_clock,
    {{ started_instant() }} as started_utc,
    coalesce(answered_wall_clock, started_wall_clock) as talk_wall_clock,
    typed_duration_s as duration_s,
    typed_direction as direction,
    typed_disposition as disposition,
    {{ parse_text('linkedid') }} as correlation_id,
    case
        when typed_call_id is null and {{ parse_text('start') }} is not null then 'missing_call_id'
        when {{ parse_text('start') }} is null then 'missing_started_at'
        when started_wall_clock is null then 'invalid_started_at'
        {{ clock_problem() }}
        when {{ parse_text('"end"') }} is not null and ended_wall_clock is null then 'invalid_ended_at'
        {{ duration_problem('billsec') }}
        when {{ ends_before_it_starts('started_wall_clock', 'ended_wall_clock') }} then 'end_before_start'
        when typed_disposition is null then 'invalid_disposition'
        when typed_callee is null then 'missing_callee'
    end as reject_reason
from typed
