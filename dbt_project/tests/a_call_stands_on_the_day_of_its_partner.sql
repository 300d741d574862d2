-- Fails if a call stands on another day or month than the partner's clock showed: it would be billed at another day's price, or in another month.
-- Only a month that is closed for the customer passes its calls on, to the first one that is not. What was billed stays on the day of then. Where an account
-- or a number is handed over to another time zone, what begins between the two midnights stands on the last day of who had it.
with last_days as (
    select partner_id, customer_id, {{ add_days('valid_to', -1) }} as last_day from {{ ref('int_accounts') }}
    union
    select partner_id, customer_id, {{ add_days('valid_to', -1) }} as last_day from {{ ref('int_platform_numbers') }}
)

select calls.call_key, calls.started_at, calls.partner_id, partners.local_time_zone, calls.call_date, calls.billing_month
from {{ ref('calls') }} as calls
left join {{ ref('stg_landing__partner_periods') }} as partners
    on calls.partner_id = partners.partner_id and {{ holds_on('partners', 'calls.call_date') }}
left join {{ ref('int_closed_months') }} as closed
    on calls.partner_id = closed.partner_id and calls.customer_id = closed.customer_id and {{ month_of('calls.call_date') }} = closed.month
left join last_days
    on calls.partner_id = last_days.partner_id and calls.customer_id = last_days.customer_id and calls.call_date = last_days.last_day
where
    calls.cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
    and calls.call_key not in (select call_key from {{ source('raw', 'frozen_calls') }})
    and (
        (
            calls.call_date is distinct from cast({{ local_time('calls.started_at', 'partners.local_time_zone') }} as date)
            and (
                last_days.last_day is null
                or {{ add_days('calls.call_date', 1) }} <> cast({{ local_time('calls.started_at', 'partners.local_time_zone') }} as date)
            )
        )
        or (calls.billing_month <> {{ month_of('calls.call_date') }} and calls.billing_month is distinct from closed.next_open_month)
        or calls.billing_month = closed.month
    )
