{{ config(
    materialized='incremental',
    incremental_strategy='replace_days',
    on_schema_change='fail',
    post_hook="{{ remember_rated_days() }}"
) }}

with attributed_calls as (
    select * from {{ ref('int_calls_attributed') }} where reject_reason is null
),

calls_with_number as (
    select
        calls.*,
        numbers.deck_id,
        numbers.home_country,
        numbers.number_class,
        coalesce(numbers.e164, calls.callee) as callee_e164,
        numbers.prefix,
        numbers.country,
        numbers.line_type,
        numbers.number_kind,
        platform_numbers.e164 is not null as is_onnet
    from attributed_calls as calls
    inner join {{ ref('int_called_numbers') }} as numbers
        on calls.partner_id = numbers.partner_id and calls.callee = numbers.callee
    left join {{ ref('int_platform_numbers') }} as platform_numbers
        on numbers.platform_number = platform_numbers.e164
        and calls.call_date >= platform_numbers.valid_from and calls.call_date < platform_numbers.valid_to
),

calls_with_purchase as (
    select
        calls.*,
        deck.deck_prefix,
        deck.destination,
        deck.connection_fee_e8 as purchase_fee_e8,
        deck.minute_rate_e8 as purchase_rate_e8,
        coalesce(deck.contenders, 0) as deck_rows,
        case
            when calls.duration_s <= deck.first_increment_s then deck.first_increment_s
            else deck.first_increment_s
                + {{ whole_quotient('calls.duration_s - deck.first_increment_s + deck.next_increment_s - 1', 'deck.next_increment_s') }} * deck.next_increment_s
        end as purchase_billed_s
    from calls_with_number as calls
    left join {{ ref('int_deck_prices') }} as deck
        on calls.deck_id = deck.deck_id and calls.prefix = deck.prefix
        and calls.call_date >= deck.valid_from and calls.call_date < deck.valid_to
),

calls_with_plan as (
    select
        calls.*,
        assignments.plan_id as assigned_plan_id,
        plans.call_plan_id,
        coalesce(plans.onnet_billing, false) as onnet_billing,
        coalesce(plans.rounding_seconds, {{ var('default_rounding_seconds') }}) as rounding_seconds,
        coalesce(plans.rounding_decimals, {{ var('default_rounding_decimals') }}) as rounding_decimals,
        prices.rate_country,
        prices.rate_line_type,
        prices.call_plan_id is not null as has_plan_rate,
        {{ to_e8('prices.connection_fee_eur') }} as plan_fee_e8,
        {{ to_e8('prices.minute_rate_eur') }} as plan_rate_e8,
        {{ to_ppm('prices.minute_rate_percent') }} as plan_rate_ppm
    from calls_with_purchase as calls
    left join (select * from {{ ref('int_customer_plans') }} where plan_kind = 'call') as assignments
        on calls.customer_id = assignments.customer_id
        and calls.call_date >= assignments.valid_from and calls.call_date < assignments.valid_to
    left join {{ ref('stg_landing__call_plans') }} as plans
        on assignments.plan_id = plans.call_plan_id and calls.partner_id = plans.partner_id
    left join {{ ref('int_call_plan_prices') }} as prices
        on plans.call_plan_id = prices.call_plan_id
        and calls.country = prices.country and calls.line_type = prices.line_type
        and calls.call_date >= prices.valid_from and calls.call_date < prices.valid_to
),

calls_with_status as (
    select
        *,
        case
            when disposition <> 'answered' or duration_s = 0 then 'unanswered'
            when direction = 'inbound' or number_class in ('internal', 'feature_code') then 'exempt'
            when number_class = 'unparsable' then 'unrated'
            when assigned_plan_id is null or call_plan_id is null then 'unrated'
            when is_onnet and not onnet_billing then 'rated'
            when deck_rows <> 1 then 'unrated'
            when not has_plan_rate then 'unrated'
            else 'rated'
        end as status,
        case
            when disposition <> 'answered' then disposition
            when duration_s = 0 then 'zero_seconds'
            when direction = 'inbound' then 'inbound'
            when number_class in ('internal', 'feature_code') then number_class
            when number_class = 'unparsable' then 'unparsable_number'
            when assigned_plan_id is null then 'no_call_plan'
            when call_plan_id is null then 'unknown_call_plan'
            when is_onnet and not onnet_billing then 'onnet'
            when deck_rows = 0 then 'no_deck_row'
            when deck_rows > 1 then 'ambiguous_deck'
            when not has_plan_rate then 'no_plan_rate'
        end as status_reason
    from calls_with_plan
),

calls_with_seconds as (
    select
        *,
        case
            when status = 'rated'
                then {{ whole_quotient('duration_s + rounding_seconds - 1', 'rounding_seconds') }} * rounding_seconds
            when status = 'unrated' then null
            else 0
        end as billed_s
    from calls_with_status
),

priced_calls as (
    select
        *,
        cast(case
            when status = 'unrated' then null
            when status <> 'rated' or is_onnet then 0
            else {{ call_price_eur('purchase_fee_e8', one_hundred_percent(), 'purchase_rate_e8', one_hundred_percent(), 'purchase_billed_s', var('purchase_decimals') | string) }}
        end as decimal(18, 6)) as purchase_eur,
        cast(case
            when status = 'unrated' then null
            when status <> 'rated' or status_reason = 'onnet' then 0
            else {{ call_price_eur(
                'coalesce(plan_fee_e8, purchase_fee_e8)',
                'case when plan_fee_e8 is null then plan_rate_ppm else ' ~ one_hundred_percent() ~ ' end',
                'coalesce(plan_rate_e8, purchase_rate_e8)',
                'coalesce(plan_rate_ppm, ' ~ one_hundred_percent() ~ ')',
                'billed_s',
                'rounding_decimals'
            ) }}
        end as decimal(18, 6)) as sale_eur
    from calls_with_seconds
)

select
    call_key,
    call_id,
    source,
    leg,
    partner_id,
    customer_id,
    reseller_id,
    started_at,
    call_date,
    {{ month_of('call_date') }} as billing_month,
    direction,
    disposition,
    caller,
    callee_e164 as callee,
    country,
    line_type,
    number_kind,
    destination,
    coalesce(country <> home_country, false) as is_international,
    is_onnet,
    cast(duration_s as integer) as duration_s,
    cast(billed_s as integer) as billed_s,
    cast(case when status = 'rated' and not is_onnet then purchase_billed_s when status = 'unrated' then null else 0 end as integer) as purchase_billed_s,
    purchase_eur,
    sale_eur,
    cast(sale_eur - purchase_eur as decimal(18, 6)) as margin_eur,
    deck_id,
    case when status = 'rated' and status_reason is null then deck_prefix end as deck_prefix,
    call_plan_id,
    case when status = 'rated' and status_reason is null then rate_country end as rate_country,
    case when status = 'rated' and status_reason is null then rate_line_type end as rate_line_type,
    status,
    status_reason,
    correlation_id,
    cast(records as integer) as records,
    cdr_date,
    file_id,
    line
from priced_calls
