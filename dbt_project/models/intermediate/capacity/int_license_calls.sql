-- What runs at a customer of a partner on the last day of data. A PBX is what it was last read as, like its seats, else what was ordered for it. It is gone
-- when all its orders have ended; without any order, when it is no longer read. Two partners, or two of their customers, may name their PBXs alike.
{%- set pbx = ['partner_id', 'customer_id', 'pbx_id'] %}
with horizon as (
    select last_date, last_month_start from {{ ref('int_billing_horizon') }}
),

services as (
    select costs.service_code, costs.metering, costs.license_calls
    from {{ ref('int_service_costs') }} as costs
    inner join horizon on horizon.last_date >= costs.known_from and horizon.last_date < costs.valid_to
),

ordered as (
    select
        order_lines.partner_id,
        order_lines.customer_id,
        order_lines.pbx_id,
        services.metering,
        services.license_calls,
        order_lines.delivered_on <= horizon.last_date and horizon.last_date < order_lines.ends_on as is_in_service
    from {{ ref('int_order_lines') }} as order_lines
    cross join horizon
    inner join services on order_lines.service_code = services.service_code
    where order_lines.delivered_on is not null
),

ordered_pbxs as (
    select partner_id, customer_id, pbx_id, max(case when is_in_service then 1 else 0 end) as lines_in_service
    from ordered
    where pbx_id is not null
    group by partner_id, customer_id, pbx_id
),

readings as (
    select
        customers.partner_id,
        counts.customer_id,
        counts.pbx_id,
        counts.service_code,
        row_number() over (
            partition by customers.partner_id, counts.customer_id, counts.pbx_id order by counts.read_at desc, counts.file_id desc, counts.line desc
        ) as place
    from {{ ref('stg_landing__extension_counts') }} as counts
    inner join {{ ref('stg_landing__customer_periods') }} as customers
        on counts.customer_id = customers.customer_id and {{ holds_on('customers', 'cast(counts.read_at as date)') }}
    cross join horizon
    -- every PBX is read at each month's end: one that was not read since last month began is not there
    where cast(counts.read_at as date) <= horizon.last_date and cast(counts.read_at as date) >= {{ add_months('horizon.last_month_start', -1) }}
),

read_pbxs as (
    select readings.partner_id, readings.customer_id, readings.pbx_id, services.license_calls
    from readings
    inner join services on readings.service_code = services.service_code
    left join ordered_pbxs on {{ same_key('readings', 'ordered_pbxs', pbx) }}
    where readings.place = 1 and coalesce(ordered_pbxs.lines_in_service, 1) = 1
),

services_in_use as (
    select partner_id, customer_id, pbx_id, license_calls from read_pbxs
    union all
    select ordered.partner_id, ordered.customer_id, ordered.pbx_id, ordered.license_calls
    from ordered
    left join read_pbxs on {{ same_key('ordered', 'read_pbxs', pbx) }}
    -- the edition that was ordered, unless the PBX said which it is
    where ordered.is_in_service and (read_pbxs.pbx_id is null or ordered.metering <> 'extensions')
),

-- an added licence lifts the limit of its PBX
pbxs as (
    select partner_id, customer_id, pbx_id, max(license_calls) as license_calls
    from services_in_use
    where pbx_id is not null
    group by partner_id, customer_id, pbx_id
),

customer_pbxs as (
    select partner_id, customer_id, sum(license_calls) as license_calls, count(*) as pbxs, count(license_calls) as limited_pbxs
    from pbxs
    group by partner_id, customer_id
),

-- a licence that names no PBX lifts the limit of whichever the customer has
customer_licenses as (
    select partner_id, customer_id, max(license_calls) as license_calls
    from services_in_use
    where pbx_id is null and license_calls is not null
    group by partner_id, customer_id
)

-- one PBX without a limit is enough to have none
select
    coalesce(customer_pbxs.partner_id, customer_licenses.partner_id) as partner_id,
    coalesce(customer_pbxs.customer_id, customer_licenses.customer_id) as customer_id,
    cast(greatest(coalesce(customer_pbxs.license_calls, 0), coalesce(customer_licenses.license_calls, 0)) as bigint) as license_calls
from customer_pbxs
full join customer_licenses on {{ same_key('customer_pbxs', 'customer_licenses', ['partner_id', 'customer_id']) }}
where coalesce(customer_pbxs.pbxs, 0) = coalesce(customer_pbxs.limited_pbxs, 0)
