with recent_hours as (
    select
        hours.*,
        extract(isodow from hours.call_date) as weekday,
        extract(hour from {{ local_time('hours.hour_starts_at', 'partners.local_time_zone') }}) as hour_of_day
    from {{ ref('int_concurrency_hours') }} as hours
    inner join {{ ref('stg_landing__partner_periods') }} as partners
        on hours.partner_id = partners.partner_id and {{ holds_on('partners', 'hours.call_date') }}
    cross join {{ ref('int_billing_horizon') }} as horizon
    where
        hours.call_date > {{ add_months('horizon.last_date', '-' ~ var('hour_profile_months')) }}
        and hours.call_date <= horizon.last_date
)

select
    partner_id,
    customer_id,
    cast(weekday as integer) as weekday,
    cast(hour_of_day as integer) as hour_of_day,
    cast(max(peak_calls) as integer) as peak_calls,
    cast(count(distinct call_date) as integer) as days
from recent_hours
group by partner_id, customer_id, weekday, hour_of_day
