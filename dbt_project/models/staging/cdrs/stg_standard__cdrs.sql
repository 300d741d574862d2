with clocked as (
    select
        cdrs.*,
        coalesce(sources.source_name, 'standard') as source_name,
        sources.time_zone as source_time_zone,
        {{ parse_text('cdrs.call_id') }} as typed_call_id,
        coalesce({{ parse_enum('cdrs.leg', ['pbx', 'airtime']) }}, 'pbx') as typed_leg,
        {{ parse_integer('cdrs.sequence') }} as typed_sequence,
        coalesce({{ parse_text('cdrs.account') }}, sources.account) as typed_account,
        {{ without_outside_line(parse_text('cdrs.callee')) }} as typed_callee,
        {{ clock_of_source('cdrs.started_at') }} as started_clock,
        {{ parse_integer('cdrs.duration_s') }} as typed_duration_s,
        {{ parse_enum('cdrs.direction', ['outbound', 'inbound']) }} as typed_direction,
        sources.default_direction,
        {{ parse_enum('cdrs.disposition', ['answered', 'no_answer', 'busy', 'failed']) }} as typed_disposition
    from {{ source('raw', 'cdrs_standard') }} as cdrs
    left join {{ source('raw', 'file_sources') }} as sources on cdrs.file_id = sources.file_id
),

typed as (
    {{ read_clocks('clocked', ['started']) }}
)

select
    file_id,
    line,
    'standard' as source,
    typed_call_id as call_id,
    source_name || ':' || coalesce(typed_account, '') || ':' || typed_call_id || ':' || typed_leg as call_key,
    source_name || ':' || coalesce(typed_account, '') || ':' || typed_call_id || ':' || typed_leg as group_key,
    cast(null as varchar) as other_group_key,
    typed_leg as leg,
    coalesce(typed_sequence, 0) as sequence,
    typed_account as account,
    {{ parse_text('caller') }} as caller,
    typed_callee as callee,
    started_wall_clock,
    {{ started_instant() }} as started_utc,
    started_wall_clock as talk_wall_clock,
    typed_duration_s as duration_s,
    coalesce(typed_direction, default_direction, 'outbound') as direction,
    coalesce(typed_disposition, case when typed_duration_s > 0 then 'answered' else 'no_answer' end) as disposition,
    {{ parse_text('correlation_id') }} as correlation_id,
    case
        when typed_call_id is null then 'missing_call_id'
        when {{ parse_text('leg') }} is not null and {{ parse_enum('leg', ['pbx', 'airtime']) }} is null then 'invalid_leg'
        when {{ parse_text('sequence') }} is not null and typed_sequence is null then 'invalid_sequence'
        when {{ parse_text('started_at') }} is null then 'missing_started_at'
        when started_wall_clock is null then 'invalid_started_at'
        {{ clock_problem() }}
        {{ duration_problem('duration_s') }}
        when {{ parse_text('direction') }} is not null and typed_direction is null then 'invalid_direction'
        when {{ parse_text('disposition') }} is not null and typed_disposition is null then 'invalid_disposition'
        when typed_callee is null then 'missing_callee'
    end as reject_reason
from typed
