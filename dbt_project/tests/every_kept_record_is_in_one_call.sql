-- Fails if a record that was kept is in no call, or in two: the customer would pay nothing for it, or double. Looks at the days that were rated now. A call on an
-- approved invoice, or in a closed month, stands as it was billed, also when its file was archived out of landing, or its account has become another partner's.
with days as (select cdr_date from {{ ref('int_days_to_rate') }}),

kept as (
    select partner_id, sum(rows) as records
    from {{ ref('int_record_counts') }}
    where disposition = 'kept' and cdr_date in (select cdr_date from days)
    group by partner_id
),

billed as (
    select partner_id, sum(records) as records
    from {{ ref('int_calls_attributed') }}
    where is_frozen
    group by partner_id
),

called as (
    select partner_id, sum(records) as records
    from {{ ref('calls') }}
    where cdr_date in (select cdr_date from days) and call_key not in (select call_key from {{ source('raw', 'frozen_calls') }})
    group by partner_id
)

select
    partner_id, coalesce(kept.records, 0) as kept_records, coalesce(billed.records, 0) as records_of_billed_calls, coalesce(called.records, 0) as called_records
from kept
full join called using (partner_id)
left join billed using (partner_id)
where coalesce(kept.records, 0) - coalesce(billed.records, 0) <> coalesce(called.records, 0)
