-- Billed from its delivery date: NRC once, MRC from then until it ends (the day it ends is not billed), by calendar days in a part month (DOMAIN 4).
-- The month of seats (metering = extensions) follows from the readings of the PBX, that of airtime from the calls: of their orders only NRC is billed here.
with delivered as (
    select order_lines.*, horizon.last_month_start
    from {{ ref('int_order_lines') }} as order_lines
    cross join {{ ref('int_billing_horizon') }} as horizon
    where order_lines.delivered_on is not null and order_lines.delivered_on < {{ next_month_start('horizon.last_month_start') }}
),

once as (
    select
        *, 'nrc' as charge, new_quantity as charged_quantity, cast(date_trunc('month', delivered_on) as date) as month_start, delivered_on as first_day,
        cast(null as integer) as days
    from delivered
    where new_quantity > 0
),

service_months as (
    select
        *,
        cast({{ months_between('delivered_on', "case when charged = 'advance' then " ~ next_month_start('last_month_start') ~ " else last_month_start end") }} as date) as month_start
    from delivered
    where coalesce(metering, 'quantity') = 'quantity'
),

monthly as (
    select
        *,
        'mrc' as charge,
        quantity as charged_quantity,
        greatest(month_start, delivered_on) as first_day,
        {{ days_in_service('month_start', 'delivered_on', 'ends_on') }} as days
    from service_months
    where ends_on > greatest(month_start, delivered_on)
),

charges as (
    {%- set columns = 'partner_id, order_id, line_number, customer_id, service_code, pbx_id, charged_quantity as quantity, delivered_on, charged, charge, month_start, first_day, days' %}
    select {{ columns }} from once
    union all
    select {{ columns }} from monthly
)

select
    *,
    -- advance: the coming month stands on this month's invoice; the month of delivery itself stands on its own
    case
        when charge = 'mrc' and charged = 'advance' and month_start > delivered_on then cast(month_start - interval 1 month as date)
        else month_start
    end as invoice_month_start
from charges
