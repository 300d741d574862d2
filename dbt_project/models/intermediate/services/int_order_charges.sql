-- Billed from its delivery date: NRC once, MRC from then until it ends (the day it ends is not billed), by calendar days in a part month (DOMAIN 4).
-- Seats (metering = extensions) are not billed from the order but from the readings of the PBX.
with delivered as (
    select
        orders.*,
        costs.category,
        costs.metering,
        costs.charged,
        horizon.last_month_start,
        coalesce(orders.ended_on, {{ end_of_time() }}) as ends_on
    from {{ ref('stg_landing__orders') }} as orders
    cross join {{ ref('int_billing_horizon') }} as horizon
    left join {{ ref('int_service_costs') }} as costs
        on orders.service_code = costs.service_code and orders.delivered_on >= costs.known_from and orders.delivered_on < costs.valid_to
    where orders.delivered_on is not null and orders.delivered_on < {{ next_month_start('horizon.last_month_start') }}
),

once as (
    select *, 'nrc' as charge, cast(date_trunc('month', delivered_on) as date) as month_start, delivered_on as first_day, cast(null as integer) as days
    from delivered
),

service_months as (
    select
        *,
        cast({{ months_between('delivered_on', "case when charged = 'advance' then " ~ next_month_start('last_month_start') ~ " else last_month_start end") }} as date) as month_start
    from delivered
    where coalesce(metering, 'quantity') <> 'extensions'
),

monthly as (
    select
        *,
        'mrc' as charge,
        greatest(month_start, delivered_on) as first_day,
        cast({{ days_between('greatest(month_start, delivered_on)', 'least(' ~ next_month_start('month_start') ~ ', ends_on)') }} as integer) as days
    from service_months
    where ends_on > greatest(month_start, delivered_on)
),

charges as (
    select order_id, line_number, customer_id, service_code, pbx_id, quantity, delivered_on, charged, charge, month_start, first_day, days from once
    union all
    select order_id, line_number, customer_id, service_code, pbx_id, quantity, delivered_on, charged, charge, month_start, first_day, days from monthly
)

select
    *,
    -- advance: the coming month stands on this month's invoice; the month of delivery itself stands on its own
    case
        when charge = 'mrc' and charged = 'advance' and month_start > delivered_on then cast(month_start - interval 1 month as date)
        else month_start
    end as invoice_month_start
from charges
