with first_stages as (
    select partner_id, customer_id, limit_eur from {{ ref('int_ids_stages') }} where stage = 1
),

highest_crossings as (
    select * from {{ ref('ids_crossings') }} where is_highest
)

select
    usage_days.partner_id,
    usage_days.customer_id,
    usage_days.call_date,
    usage_days.usage_calls,
    usage_days.unrated_calls,
    usage_days.usage_eur,
    usage_days.past_usage_eur,
    usage_days.average_days,
    usage_days.average_eur,
    coalesce(crossings.limit_eur, first_stages.limit_eur) as limit_eur,
    coalesce(crossings.stage, 0) as stage,
    coalesce(crossings.stage_action, 'none') as stage_action,
    crossings.stage is not null as is_alarm,
    crossings.crossed_call_id,
    crossings.crossed_call_key,
    crossings.crossed_at,
    coalesce(crossings.excess_eur, 0) as excess_eur,
    channels.channels,
    usage_days.longest_call_s,
    usage_days.dearest_minute_rate_eur,
    {{ residual_exposure_eur('channels.channels', 'usage_days.longest_call_s', 'usage_days.dearest_minute_rate_eur') }} as residual_exposure_eur
from {{ ref('int_ids_usage') }} as usage_days
left join first_stages on usage_days.partner_id = first_stages.partner_id and usage_days.customer_id = first_stages.customer_id
left join highest_crossings as crossings
    on usage_days.partner_id = crossings.partner_id and usage_days.customer_id = crossings.customer_id and usage_days.call_date = crossings.call_date
left join {{ ref('int_customer_channels') }} as channels
    on usage_days.partner_id = channels.partner_id and usage_days.customer_id = channels.customer_id
    and usage_days.call_date >= channels.valid_from and usage_days.call_date < channels.valid_to
