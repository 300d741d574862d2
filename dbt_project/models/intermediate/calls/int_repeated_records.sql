-- The same call may be sent twice, corrected later, or come in parts (growing sequence). Per part the latest record wins; each loser points at its winner.
with records as (
    select records.*, repeated.first_date as home_date
    from {{ ref('int_call_records') }} as records
    inner join {{ ref('int_repeated_calls') }} as repeated on records.call_hash = repeated.call_hash
    where
        records.reject_reason is null
        and repeated.first_date in (select cdr_date from {{ ref('int_days_to_rate') }})
)

select
    records.*,
    row_number() over latest_first = 1 as is_winner,
    first_value(file_id) over latest_first as winner_file_id,
    first_value(line) over latest_first as winner_line
from records
window latest_first as (partition by call_key, sequence order by file_id desc, line desc)
