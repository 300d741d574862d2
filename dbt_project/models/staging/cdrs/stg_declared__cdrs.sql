with records as (
    select file_id, line, {{ fields_of_record() }} as fields
    from {{ source('raw', 'cdrs_declared') }}
),

-- what each record's own format calls by these names
named as (
    select
        records.file_id,
        records.line,
        sources.source_name,
        sources.format as source,
        sources.time_zone as source_time_zone,
        sources.date_order,
        sources.default_direction,
        sources.answered_at_1 is not null as has_answer_clock,
        coalesce(sources.disposition_1, sources.disposition_2, sources.disposition_3) is not null as has_disposition,
        {{ without_call(of_role('call_id')) }} as call_id,
        {{ of_role('leg_id') }} as leg_id,
        {{ without_call(of_role('conversation')) }} as conversation,
        coalesce({{ of_role('account') }}, sources.account) as account,
        {{ without_ext(of_role('caller')) }} as caller,
        {{ without_outside_line(without_ext(of_role('callee'))) }} as dialled,
        {{ without_outside_line(without_ext(of_role('reached'))) }} as reached,
        concat_ws(' ', {{ of_role('started_at') }}, {{ of_role('started_time') }}) as started_text,
        {{ of_role('answered_at') }} as answered_text,
        {{ of_role('ended_at') }} as ended_text,
        {{ of_role('duration_s') }} as duration_text,
        lower({{ of_role('direction') }}) as direction_word,
        lower({{ of_role('disposition') }}) as disposition_word
    from records
    inner join {{ source('raw', 'file_sources') }} as sources on records.file_id = sources.file_id
),

clocked as (
    select
        *,
        {%- for moment in ['started', 'answered', 'ended'] %}
        {{ closed_clock(iso_clock(moment ~ '_text', 'date_order')) }} as {{ moment }}_clock{{ ',' if not loop.last }}
        {%- endfor %}
    from named
),

texts as (
    select source_name, 'direction' as role, direction_word as word from named where direction_word is not null
    union
    select source_name, 'disposition' as role, disposition_word as word from named where disposition_word is not null
),

understood as (
    select source_name, role, word, meaning
    from (
        select
            texts.*,
            words.meaning,
            row_number() over (partition by texts.source_name, texts.role, texts.word order by length(words.word) desc, words.word) as place
        from texts
        inner join {{ source('raw', 'source_words') }} as words
            on texts.source_name = words.source_name and texts.role = words.role
            and texts.word like replace(replace(words.word, '_', '!_'), '*', '%') escape '!'
    )
    where place = 1
),

typed as (
    select
        clocked.*,
        {{ wall_clock_of('started_clock') }} as started_wall_clock,
        {{ offset_instant_of('started_clock') }} as started_offset_utc,
        {{ wall_clock_of('answered_clock') }} as answered_wall_clock,
        {{ wall_clock_of('ended_clock') }} as ended_wall_clock,
        coalesce({{ parse_integer('duration_text') }}, {{ seconds_of_clock('duration_text') }}) as typed_duration_s,
        case when {{ looks_public('reached') }} then reached else coalesce(dialled, reached) end as callee,
        directions.meaning as direction_meaning,
        dispositions.meaning as disposition_meaning
    from clocked
    left join understood as directions
        on clocked.source_name = directions.source_name and directions.role = 'direction' and clocked.direction_word = directions.word
    left join understood as dispositions
        on clocked.source_name = dispositions.source_name and dispositions.role = 'disposition' and clocked.disposition_word = dispositions.word
),

identified as (
    -- without an id of its own a record is who called whom, and when
    select *, coalesce(call_id, case when callee is not null then concat_ws('/', started_text, caller, callee) end) as typed_call_id
    from typed
)

select
    file_id,
    line,
    source,
    typed_call_id as call_id,
    source_name || ':' || coalesce(account, '') || ':' || concat_ws(':', typed_call_id, leg_id) as call_key,
    source_name || ':' || coalesce(account, '') || ':' || coalesce(conversation, typed_call_id) as group_key,
    cast(null as varchar) as other_group_key,
    'pbx' as leg,
    0 as sequence,
    account,
    caller,
    callee,
    started_wall_clock,
    {{ started_instant() }} as started_utc,
    coalesce(answered_wall_clock, started_wall_clock) as talk_wall_clock,
    typed_duration_s as duration_s,
    coalesce(direction_meaning, default_direction, 'outbound') as direction,
    case
        when disposition_meaning is not null then disposition_meaning
        when has_answer_clock and answered_wall_clock is null then 'no_answer'
        when typed_duration_s > 0 then 'answered'
        else 'no_answer'
    end as disposition,
    conversation as correlation_id,
    case
        when typed_call_id is null and callee is not null then 'missing_call_id'
        when started_text is null or started_text = '' then 'missing_started_at'
        when started_wall_clock is null then 'invalid_started_at'
        {{ clock_problem() }}
        when answered_text is not null and answered_text <> '0' and answered_wall_clock is null then 'invalid_answered_at'
        when ended_text is not null and ended_text <> '0' and ended_wall_clock is null then 'invalid_ended_at'
        when duration_text is null then 'missing_duration_s'
        when typed_duration_s is null then 'invalid_duration_s'
        when typed_duration_s < 0 then 'negative_duration'
        when typed_duration_s > 86400 then 'duration_over_24h'
        when {{ ends_before_it_starts('started_wall_clock', 'ended_wall_clock') }} then 'end_before_start'
        when callee is null then 'missing_callee'
        when {{ looks_public('dialled') }} and {{ looks_public('reached') }} and coalesce(direction_meaning, default_direction, 'outbound') <> 'inbound'
            and {{ tail_of_number('dialled') }} <> {{ tail_of_number('reached') }} then 'numbers_disagree'
    end as reject_reason
from identified
