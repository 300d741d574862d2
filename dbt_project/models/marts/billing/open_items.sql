-- As of the newest day that landed, never by the clock of the machine: a payment dated after the day of its file (a slip of the pen) does not move it.
with newest_days as (
    select last_date as day from {{ ref('int_billing_horizon') }}
    union all
    select max(issued_on) as day from {{ ref('invoices') }} where invoice_number is not null
    union all
    select max(payments.paid_on) as day
    from {{ ref('stg_landing__payments') }} as payments
    inner join {{ ref('ingested_files') }} as files on payments.file_id = files.file_id
    where payments.paid_on <= {{ add_days('cast(files.ingested_at as date)', 1) }}
),

movements as (
    select receivables.*, as_of.as_of_date
    from {{ ref('receivables') }} as receivables
    cross join (select max(day) as as_of_date from newest_days) as as_of
)

select * from {{ open_items_as_of('movements') }}
