-- A month is closed for a customer of a partner when its invoice was approved, or when the partner closed the month. What comes after stands in the first open
-- month.
with closed as (
    select partner_id, customer_id, month from {{ source('raw', 'frozen_months') }}
    union
    select customers.partner_id, customers.customer_id, months.month
    from {{ source('raw', 'closed_months') }} as months
    inner join (select distinct partner_id, customer_id from {{ ref('stg_landing__customer_periods') }}) as customers on months.partner_id = customers.partner_id
),

numbered as (
    select
        partner_id,
        customer_id,
        month,
        {{ month_index('month') }} - row_number() over (partition by partner_id, customer_id order by month) as run_of_months
    from closed
)

select
    partner_id,
    customer_id,
    month,
    {{ month_of(next_month_start('max(' ~ first_day_of('month') ~ ') over (partition by partner_id, customer_id, run_of_months)')) }} as next_open_month
from numbered
