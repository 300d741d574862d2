{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        pre_hook="{{ judge_dates_anew() }}",
        post_hook="{{ remember_next_due() }}"
    )
}}

{# Only files that are not here yet are read: raw rows never change, and file ids only grow. #}
{%- set arrived = "cdrs.file_id > (select coalesce(max(file_id), 0) from " ~ this ~ ")" if is_incremental() else "true" -%}

with cdrs as (
    {%- for dialect in ['standard', 'threecx', 'asterisk', 'freeswitch', 'declared'] %}
    select * from {{ ref('stg_' ~ dialect ~ '__cdrs') }} as cdrs where {{ arrived }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    cdrs.file_id,
    cdrs.line,
    cdrs.source,
    cdrs.call_id,
    cdrs.call_key,
    {{ hash64('cdrs.group_key') }} as call_hash,
    {{ hash64('cdrs.other_group_key') }} as other_hash,
    cdrs.leg,
    cdrs.sequence,
    cdrs.account,
    cdrs.caller,
    cdrs.callee,
    cdrs.started_wall_clock,
    cdrs.started_utc,
    cdrs.talk_wall_clock,
    cdrs.duration_s,
    cdrs.direction,
    cdrs.disposition,
    cdrs.correlation_id,
    coalesce(cast(cdrs.started_wall_clock as date), {{ start_of_time() }}) as cdr_date,
    case
        when cdrs.reject_reason is not null then cdrs.reject_reason
        when cdrs.started_wall_clock > {{ latest_start('coalesce(clock.began_at, files.ingested_at)') }} then 'future_date'
    end as reject_reason
from cdrs
inner join {{ source('raw', 'files') }} as files on cdrs.file_id = files.file_id
left join {{ source('raw', 'clock') }} as clock on true
