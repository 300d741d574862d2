-- Which reading counts: the last one at or before the month's end in the partner's zone, no earlier than three days before it (DOMAIN 4). The month ends
-- with its last second: midnight is the next month's. Whose PBX it is, and until when, stands in the orders; a reading says how many.
-- extensions is null where a PBX that should have been read was not: it never bills zero.
with readings as (
    select
        customers.partner_id,
        counts.pbx_id,
        counts.customer_id,
        counts.service_code,
        counts.extensions,
        counts.file_id,
        counts.line,
        coalesce({{ local_time('counts.read_at_utc', 'partners.local_time_zone') }}, counts.read_at) as read_at_local,
        -- in the hour that autumn repeats, the wall clock does not tell which reading is the later
        coalesce(counts.read_at_utc, {{ utc_time('counts.read_at', 'partners.local_time_zone') }}) as read_at_utc
    from {{ ref('stg_landing__extension_counts') }} as counts
    inner join {{ ref('stg_landing__customer_periods') }} as customers
        on counts.customer_id = customers.customer_id and {{ holds_on('customers', 'cast(counts.read_at as date)') }}
    inner join {{ ref('stg_landing__partner_periods') }} as partners
        on customers.partner_id = partners.partner_id and {{ holds_on('partners', 'cast(counts.read_at as date)') }}
),

delivered_lines as (
    select * from {{ ref('int_order_lines') }} where delivered_on is not null
),

-- an order of seats without a PBX cannot be read: it blocks as well
ordered_seats as (
    select partner_id, pbx_id, customer_id, service_code, delivered_on as first_day, ends_on from delivered_lines where metering = 'extensions'
),

-- a PBX that other lines bear and that is read: from its first reading until the last of those lines ends
read_only as (
    select readings.partner_id, readings.pbx_id, readings.customer_id, readings.service_code, cast(min(readings.read_at_local) as date) as first_day, max(lines.ends_on) as ends_on
    from readings
    inner join delivered_lines as lines on {{ same_key('readings', 'lines', ['partner_id', 'pbx_id', 'customer_id']) }}
    left join ordered_seats on {{ same_key('readings', 'ordered_seats', ['partner_id', 'pbx_id', 'customer_id']) }}
    where ordered_seats.customer_id is null
    group by readings.partner_id, readings.pbx_id, readings.customer_id, readings.service_code
),

pbx_months as (
    select
        partner_id, pbx_id, customer_id, service_code, ends_on,
        cast({{ months_between('first_day', 'horizon.last_month_start') }} as date) as month_start
    from (select * from ordered_seats union all select * from read_only) as pbx_periods
    cross join {{ ref('int_billing_horizon') }} as horizon
),

-- in service at the end of the month
expected as (
    select distinct partner_id, pbx_id, customer_id, service_code, month_start, {{ next_month_start('month_start') }} as next_month_start
    from pbx_months
    cross join {{ ref('int_billing_horizon') }} as horizon
    where
        ends_on >= {{ next_month_start('month_start') }}
        -- a month that is still running has no month end yet
        and horizon.last_date >= {{ add_days(next_month_start('month_start'), -1 - var('reading_max_age_days')) }}
),

expected_pbxs as (
    select distinct partner_id, pbx_id, customer_id, month_start, next_month_start from expected
),

readings_in_reach as (
    select
        expected_pbxs.partner_id,
        expected_pbxs.pbx_id,
        expected_pbxs.customer_id,
        expected_pbxs.month_start,
        readings.service_code,
        readings.extensions,
        readings.read_at_local,
        row_number() over (
            partition by expected_pbxs.partner_id, expected_pbxs.pbx_id, expected_pbxs.customer_id, expected_pbxs.month_start
            order by readings.read_at_utc desc, readings.file_id desc, readings.line desc
        ) as place
    from expected_pbxs
    inner join readings
        on {{ same_key('expected_pbxs', 'readings', ['partner_id', 'pbx_id', 'customer_id']) }}
        and readings.read_at_local < expected_pbxs.next_month_start
        and readings.read_at_local >= {{ add_days('expected_pbxs.next_month_start', '-' ~ (1 + var('reading_max_age_days'))) }}
)

-- a PBX on two order lines has one reading, which names the service that it is billed as
select distinct
    expected.partner_id,
    expected.pbx_id,
    expected.customer_id,
    coalesce(readings_in_reach.service_code, expected.service_code) as service_code,
    expected.month_start,
    readings_in_reach.extensions,
    readings_in_reach.read_at_local
from expected
left join readings_in_reach
    on {{ same_key('expected', 'readings_in_reach', ['partner_id', 'pbx_id', 'customer_id', 'month_start']) }} and readings_in_reach.place = 1
