-- Fails if a day over its limit stays silent, or alarms without the call that did it: nobody could look up whom to stop, or why.
select days.*
from {{ ref('ids_days') }} as days
left join (select call_key, customer_id, call_date, {{ add_seconds('started_at', 'duration_s') }} as ended_at from {{ ref('calls') }}) as calls
    on days.crossed_call_key = calls.call_key
where
    (days.is_alarm and (
        calls.customer_id is distinct from days.customer_id or calls.call_date is distinct from days.call_date or calls.ended_at is distinct from days.crossed_at
    ))
    or days.is_alarm <> coalesce({{ is_over_limit('days.usage_eur', 'days.past_usage_eur', 'days.average_days', 'days.limit_eur') }}, false)
    or days.excess_eur <> case when days.is_alarm then days.usage_eur - days.average_eur - days.limit_eur else 0 end
