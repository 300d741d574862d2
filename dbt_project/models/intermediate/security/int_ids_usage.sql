-- Grouped by what decides a minute's price first, so that it is looked up once per group and the calls are read once.
with usage_by_rate as (
    select
        partner_id,
        customer_id,
        call_date,
        call_plan_id,
        country,
        line_type,
        -- a prefix stands in a call only where something was charged
        case when deck_prefix is not null then purchase_minute_rate_eur end as purchase_minute_rate_eur,
        count(*) as usage_calls,
        sum(case when status = 'unrated' then 1 else 0 end) as unrated_calls,
        sum(sale_eur) as usage_eur,
        max(duration_s) as longest_call_s
    from {{ ref('calls') }}
    where {{ is_ids_usage() }} and status in ('rated', 'unrated')
    group by partner_id, customer_id, call_date, call_plan_id, country, line_type, case when deck_prefix is not null then purchase_minute_rate_eur end
),

usage_days as (
    select
        usage_by_rate.partner_id,
        usage_by_rate.customer_id,
        usage_by_rate.call_date,
        sum(usage_by_rate.usage_calls) as usage_calls,
        sum(usage_by_rate.unrated_calls) as unrated_calls,
        cast(coalesce(sum(usage_by_rate.usage_eur), 0) as decimal(18, 6)) as usage_eur,
        max(usage_by_rate.longest_call_s) as longest_call_s,
        -- what a minute sells for, as in `calls`: the plan's euros, else its percentage of the purchase
        max({{ marked_up_rate(
            'coalesce(' ~ to_e8('prices.minute_rate_eur') ~ ', ' ~ to_e8('usage_by_rate.purchase_minute_rate_eur') ~ ')',
            'coalesce(' ~ to_ppm('prices.minute_rate_percent') ~ ', ' ~ one_hundred_percent() ~ ')'
        ) }}) as dearest_minute_rate_eur
    from usage_by_rate
    left join {{ ref('int_call_plan_prices') }} as prices
        on usage_by_rate.partner_id = prices.partner_id and usage_by_rate.call_plan_id = prices.call_plan_id and usage_by_rate.purchase_minute_rate_eur is not null
        and usage_by_rate.country = prices.country and usage_by_rate.line_type = prices.line_type
        and usage_by_rate.call_date >= prices.valid_from and usage_by_rate.call_date < prices.valid_to
    group by usage_by_rate.partner_id, usage_by_rate.customer_id, usage_by_rate.call_date
),

days_with_calls as (
    select distinct partner_id, customer_id, call_date
    from {{ ref('daily_calls') }}
),

first_days as (
    select partner_id, customer_id, min(call_date) as first_call_date
    from days_with_calls
    group by partner_id, customer_id
),

days as (
    select
        days_with_calls.partner_id,
        days_with_calls.customer_id,
        days_with_calls.call_date,
        {{ days_between('first_days.first_call_date', 'days_with_calls.call_date') }} as age_days,
        coalesce(usage_days.usage_calls, 0) as usage_calls,
        coalesce(usage_days.unrated_calls, 0) as unrated_calls,
        coalesce(usage_days.usage_eur, 0) as usage_eur,
        usage_days.longest_call_s,
        usage_days.dearest_minute_rate_eur
    from days_with_calls
    inner join first_days on days_with_calls.partner_id = first_days.partner_id and days_with_calls.customer_id = first_days.customer_id
    left join usage_days
        on days_with_calls.partner_id = usage_days.partner_id and days_with_calls.customer_id = usage_days.customer_id and days_with_calls.call_date = usage_days.call_date
),

days_with_past as (
    select
        *,
        cast(coalesce(sum(usage_eur) over past_days, 0) as decimal(18, 6)) as past_usage_eur,
        least({{ ids_window_days() }}, greatest(1, age_days)) as average_days,
        max(longest_call_s) over past_days_and_today as longest_of_window_s,
        max(dearest_minute_rate_eur) over past_days_and_today as dearest_of_window_eur
    from days
    window
        past_days as (partition by partner_id, customer_id order by age_days range between {{ ids_window_days() }} preceding and 1 preceding),
        past_days_and_today as (partition by partner_id, customer_id order by age_days range between {{ ids_window_days() }} preceding and current row)
)

select
    partner_id,
    customer_id,
    call_date,
    cast(usage_calls as bigint) as usage_calls,
    cast(unrated_calls as bigint) as unrated_calls,
    usage_eur,
    past_usage_eur,
    cast(average_days as integer) as average_days,
    {{ ids_average_eur('past_usage_eur', 'average_days') }} as average_eur,
    cast(longest_of_window_s as integer) as longest_call_s,
    dearest_of_window_eur as dearest_minute_rate_eur
from days_with_past
