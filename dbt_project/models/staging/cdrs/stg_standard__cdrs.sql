with typed as (
    select
        *,
        {{ parse_text('call_id') }} as typed_call_id,
        coalesce({{ parse_enum('leg', ['pbx', 'airtime']) }}, 'pbx') as typed_leg,
        {{ parse_integer('sequence') }} as typed_sequence,
        {{ parse_wall_clock('started_at') }} as started_wall_clock,
        {{ parse_offset_instant('started_at') }} as started_utc,
        {{ parse_integer('duration_s') }} as typed_duration_s,
        {{ parse_enum('direction', ['outbound', 'inbound']) }} as typed_direction,
        {{ parse_enum('disposition', ['answered', 'no_answer', 'busy', 'failed']) }} as typed_disposition
    from {{ source('raw', 'cdrs_standard') }}
)

select
    file_id,
    line,
    'standard' as source,
    typed_call_id as call_id,
    'standard:' || typed_call_id || ':' || typed_leg as call_key,
    'standard:' || typed_call_id || ':' || typed_leg as group_key,
    cast(null as varchar) as other_group_key,
    typed_leg as leg,
    coalesce(typed_sequence, 0) as sequence,
    {{ parse_text('account') }} as account,
    {{ parse_text('caller') }} as caller,
    {{ parse_text('callee') }} as callee,
    started_wall_clock,
    started_utc,
    started_wall_clock as talk_wall_clock,
    typed_duration_s as duration_s,
    coalesce(typed_direction, 'outbound') as direction,
    coalesce(typed_disposition, case when typed_duration_s > 0 then 'answered' else 'no_answer' end) as disposition,
    {{ parse_text('correlation_id') }} as correlation_id,
    case
        when typed_call_id is null then 'missing_call_id'
        when {{ parse_text('leg') }} is not null and {{ parse_enum('leg', ['pbx', 'airtime']) }} is null then 'invalid_leg'
        when {{ parse_text('sequence') }} is not null and typed_sequence is null then 'invalid_sequence'
        when {{ parse_text('started_at') }} is null then 'missing_started_at'
        when started_wall_clock is null then 'invalid_started_at'
        when {{ parse_text('duration_s') }} is null then 'missing_duration_s'
        when typed_duration_s is null then 'invalid_duration_s'
        when typed_duration_s < 0 then 'negative_duration'
        when typed_duration_s > 86400 then 'duration_over_24h'
        when {{ parse_text('direction') }} is not null and typed_direction is null then 'invalid_direction'
        when {{ parse_text('disposition') }} is not null and typed_disposition is null then 'invalid_disposition'
        when {{ parse_text('callee') }} is null then 'missing_callee'
    end as reject_reason
from typed
