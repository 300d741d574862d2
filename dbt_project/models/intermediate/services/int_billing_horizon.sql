-- Charges are made up to the month of the newest thing that landed; never by the clock of the machine, so the same files give the same bytes.
with newest_days as (
    select cast(max(call_date) as date) as day from {{ ref('calls') }}
    union all
    select cast(max(counts.read_at) as date) as day
    from {{ ref('stg_landing__extension_counts') }} as counts
    inner join {{ source('raw', 'files') }} as files on counts.file_id = files.file_id
    where cast(counts.read_at as date) <= {{ add_days('cast(files.ingested_at as date)', 1) }}
    union all
    select max(orders.delivered_on) as day
    from {{ ref('stg_landing__orders') }} as orders
    inner join {{ source('raw', 'files') }} as files on orders.file_id = files.file_id
    where orders.delivered_on <= cast(files.ingested_at as date)
)

select max(day) as last_date, cast(date_trunc('month', max(day)) as date) as last_month_start
from newest_days
