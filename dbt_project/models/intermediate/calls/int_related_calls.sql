{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='call_hash') }}

-- Most calls have one record and need no look at any other. Here are those that may belong together, over all files and days: records of one call that
-- was sent twice, corrected or came in parts, and the legs of one conversation. One whose id is on a bill, from another line, belongs to that call or is told
-- apart from it, also where the line on the bill has left landing.
with readable as (
    select call_hash, other_hash, cdr_date, file_id, line, call_key
    from {{ ref('int_call_records') }}
    where reject_reason is null
),

bills_by_id as (
    select call_key as known_as, file_sha256, line from {{ source('raw', 'frozen_calls') }}
    union all
    select {{ id_of_call_key('call_key') }} as known_as, file_sha256, line from {{ source('raw', 'frozen_calls') }} where {{ is_told_apart('call_key') }}
),

memberships as (
    select call_hash as hash, file_id from readable
    union all
    select other_hash as hash, file_id from readable where other_hash is not null
),
{%- if is_incremental() %}

arrived as (
    select distinct hash
    from memberships
    where file_id > (select coalesce(max(through_file_id), 0) from raw.rated_days)
    union
    select call_hash as hash from raw.due_records
    union
    select other_hash as hash from raw.due_records where other_hash is not null
),
{%- endif %}

shared as (
    select hash
    from memberships
    {%- if is_incremental() %}
    where hash in (select hash from arrived)
    {%- endif %}
    group by hash
    having count(*) > 1
    union
    select readable.call_hash as hash
    from readable
    inner join bills_by_id as frozen on readable.call_key = frozen.known_as
    inner join {{ source('raw', 'files') }} as files on readable.file_id = files.file_id
    where
        coalesce(frozen.line <> readable.line or frozen.file_sha256 not in (files.sha256, coalesce(files.content_sha256, files.sha256)), true)
        {%- if is_incremental() %}
        and readable.call_hash in (select hash from arrived)
        {%- endif %}
),

touched as (
    select call_hash, other_hash
    from readable
    where call_hash in (select hash from shared) or other_hash in (select hash from shared)
),

-- with them, what had come before under either of their names
related as (
    select distinct call_hash, other_hash, cdr_date, file_id
    from readable
    where
        call_hash in (select call_hash from touched)
        or other_hash in (select other_hash from touched where other_hash is not null)
),

-- a name under which one call calls another leads to the first that uses it
links as (
    select other_hash, min(call_hash) as leads_to
    from related
    where other_hash is not null
    group by other_hash
),

grouped as (
    select related.call_hash, related.cdr_date, coalesce(called.leads_to, calling.leads_to, related.call_hash) as group_hash
    from related
    left join links as called on related.call_hash = called.other_hash
    left join links as calling on related.other_hash = calling.other_hash
)

select
    call_hash,
    min(group_hash) as group_hash,
    min(first_date) as first_date,
    max(last_date) as last_date
from (
    select
        call_hash,
        group_hash,
        min(cdr_date) over (partition by group_hash) as first_date,
        max(cdr_date) over (partition by group_hash) as last_date
    from grouped
)
group by call_hash
