-- A month is closed for a customer when its invoice was approved, or when its partner closed the month. What comes after stands in the first open month.
with closed as (
    select customer_id, month from {{ source('raw', 'frozen_months') }}
    union
    select customers.customer_id, months.month
    from {{ source('raw', 'closed_months') }} as months
    inner join {{ ref('stg_landing__customers') }} as customers on months.partner_id = customers.partner_id
),

numbered as (
    select
        customer_id,
        month,
        {{ month_index('month') }} as month_index,
        {{ month_index('month') }} - row_number() over (partition by customer_id order by month) as run_of_months
    from closed
)

select
    customer_id,
    month,
    {{ month_of(next_month_start('max(' ~ first_day_of('month') ~ ') over (partition by customer_id, run_of_months)')) }} as next_open_month
from numbered
