{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='call_hash') }}

-- Most calls have one record and need no look at any other. Here are those with more, over all files and days: sent twice, corrected, or in parts.
{%- if is_incremental() %}
with arrived as (
    select distinct call_hash
    from {{ ref('int_call_records') }}
    where file_id > (select coalesce(max(through_file_id), 0) from raw.rated_days)
)
{%- endif %}

select
    records.call_hash,
    count(*) as records,
    min(records.cdr_date) as first_date,
    max(records.cdr_date) as last_date
from {{ ref('int_call_records') }} as records
where
    records.reject_reason is null
    {%- if is_incremental() %}
    and records.call_hash in (select call_hash from arrived)
    {%- endif %}
group by records.call_hash
having count(*) > 1
