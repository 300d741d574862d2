-- Which reading counts: the last one at or before the month's end in the partner's zone, no earlier than three days before it (DOMAIN 4).
-- extensions is null where a PBX that should have been read was not: it never bills zero.
with readings as (
    select
        counts.pbx_id,
        counts.customer_id,
        counts.service_code,
        counts.extensions,
        coalesce({{ local_time('counts.read_at_utc', 'partners.local_time_zone') }}, counts.read_at) as read_at_local
    from {{ ref('stg_landing__extension_counts') }} as counts
    inner join {{ ref('stg_landing__customers') }} as customers on counts.customer_id = customers.customer_id
    inner join {{ ref('int_partners') }} as partners on customers.partner_id = partners.partner_id
),

ordered_pbxs as (
    select orders.pbx_id, orders.customer_id, orders.service_code, orders.delivered_on as first_day, coalesce(orders.ended_on, {{ end_of_time() }}) as ends_on
    from {{ ref('stg_landing__orders') }} as orders
    inner join {{ ref('int_service_costs') }} as costs
        on orders.service_code = costs.service_code and orders.delivered_on >= costs.known_from and orders.delivered_on < costs.valid_to
    where orders.pbx_id is not null and costs.metering = 'extensions' and orders.delivered_on is not null
),

-- in service: from the order's delivery until it ends, or as long as it is read where no seats were ordered through us
pbx_periods as (
    select * from ordered_pbxs
    union
    select
        pbx_id, customer_id, service_code, cast(min(read_at_local) as date) as first_day,
        {{ add_days('cast(max(read_at_local) as date)', 1 + var('reading_max_age_days')) }} as ends_on
    from readings
    where pbx_id not in (select pbx_id from ordered_pbxs)
    group by pbx_id, customer_id, service_code
),

pbx_months as (
    select
        pbx_id, customer_id, service_code, first_day, ends_on,
        cast({{ months_between('first_day', 'horizon.last_month_start') }} as date) as month_start
    from pbx_periods
    cross join {{ ref('int_billing_horizon') }} as horizon
),

-- in service at the end of the month
expected as (
    select distinct pbx_id, customer_id, service_code, month_start, {{ next_month_start('month_start') }} as next_month_start
    from pbx_months
    cross join {{ ref('int_billing_horizon') }} as horizon
    where
        ends_on >= {{ next_month_start('month_start') }}
        -- a month that is still running has no month end yet
        and horizon.last_date >= {{ add_days(next_month_start('month_start'), -1 - var('reading_max_age_days')) }}
),

readings_in_reach as (
    select
        expected.pbx_id,
        expected.month_start,
        readings.customer_id as read_customer_id,
        readings.service_code as read_service_code,
        readings.extensions,
        readings.read_at_local,
        row_number() over (partition by expected.pbx_id, expected.month_start order by readings.read_at_local desc) as place
    from expected
    inner join readings
        on expected.pbx_id = readings.pbx_id
        and readings.read_at_local < expected.next_month_start
        and readings.read_at_local >= {{ add_days('expected.next_month_start', '-' ~ (1 + var('reading_max_age_days'))) }}
)

-- a PBX on two order lines has one reading, which names the service that it is billed as
select distinct
    expected.pbx_id,
    coalesce(readings_in_reach.read_customer_id, expected.customer_id) as customer_id,
    coalesce(readings_in_reach.read_service_code, expected.service_code) as service_code,
    expected.month_start,
    readings_in_reach.extensions,
    readings_in_reach.read_at_local
from expected
left join readings_in_reach
    on expected.pbx_id = readings_in_reach.pbx_id and expected.month_start = readings_in_reach.month_start and readings_in_reach.place = 1
