-- Fails if a record that was kept is in no call, or in two: the customer would pay nothing for it, or double.
with kept as (
    select partner_id, sum(rows_kept) as records
    from {{ ref('partner_files') }}
    where feed like 'cdrs/%'
    group by partner_id
),

called as (
    select partner_id, sum(records) as records
    from {{ ref('calls') }}
    group by partner_id
)

select partner_id, kept.records as kept_records, called.records as called_records
from kept
full join called using (partner_id)
where kept.records is distinct from called.records
