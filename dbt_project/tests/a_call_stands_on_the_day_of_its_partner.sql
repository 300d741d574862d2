-- Fails if a call stands on another day or month than the partner's clock showed: it would be billed at another day's price, or in another month.
select calls.call_key, calls.started_at, partners.time_zone, calls.call_date, calls.billing_month
from {{ ref('calls') }} as calls
inner join {{ ref('partners') }} as partners on calls.partner_id = partners.partner_id
where
    calls.cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
    and (
        calls.call_date <> cast({{ local_time('calls.started_at', 'partners.time_zone') }} as date)
        or calls.billing_month <> {{ month_of('calls.call_date') }}
    )
