{#
    What each destination costs under a plan on the newest day that landed, markup applied: the plan's most specific row, and the purchase of the partner's deck
    there. A destination of which the deck knows no price is not sold, and not listed.
#}
with purchase as (
    select
        partners.partner_id,
        deck.country,
        deck.line_type,
        min(deck.connection_fee_e8) as fee_min_e8,
        max(deck.connection_fee_e8) as fee_max_e8,
        min(deck.minute_rate_e8) as minute_min_e8,
        max(deck.minute_rate_e8) as minute_max_e8
    from {{ ref('int_deck_prices') }} as deck
    inner join {{ ref('int_partners') }} as partners on deck.deck_id = partners.deck_id
    cross join {{ ref('int_billing_horizon') }} as horizon
    where coalesce(horizon.last_date, deck.valid_from) >= deck.valid_from and coalesce(horizon.last_date, deck.valid_from) < deck.valid_to
    group by partners.partner_id, deck.country, deck.line_type
),

rates as (
    select
        plans.name as call_plan_name,
        prices.*,
        {{ to_ppm('prices.minute_rate_percent') }} as percent_ppm
    from {{ ref('int_call_plan_prices') }} as prices
    inner join (
        select partner_id, call_plan_id, name from {{ as_of_the_horizon(ref('stg_landing__call_plans'), ['partner_id', 'call_plan_id']) }}
    ) as plans on prices.partner_id = plans.partner_id and prices.call_plan_id = plans.call_plan_id
    cross join {{ ref('int_billing_horizon') }} as horizon
    where coalesce(horizon.last_date, prices.valid_from) >= prices.valid_from and coalesce(horizon.last_date, prices.valid_from) < prices.valid_to
)

select
    rates.partner_id,
    rates.call_plan_id,
    rates.call_plan_name,
    rates.country,
    rates.line_type,
    rates.rate_country,
    rates.rate_line_type,
    rates.is_special_fallback as is_fallback,
    cast(rates.minute_rate_percent as decimal(9, 4)) as minute_rate_percent,
    {%- for bound in ['min', 'max'] %}
    cast(coalesce(
        rates.connection_fee_eur, {{ marked_up_rate('purchase.fee_' ~ bound ~ '_e8', 'rates.percent_ppm') }}
    ) as decimal(18, 8)) as connection_fee_{{ bound }}_eur,
    {%- endfor %}
    {%- for bound in ['min', 'max'] %}
    cast(coalesce(
        rates.minute_rate_eur, {{ marked_up_rate('purchase.minute_' ~ bound ~ '_e8', 'rates.percent_ppm') }}
    ) as decimal(18, 8)) as sale_minute_{{ bound }}_eur,
    {%- endfor %}
    {{ from_e8('purchase.minute_min_e8') }} as purchase_minute_min_eur,
    {{ from_e8('purchase.minute_max_e8') }} as purchase_minute_max_eur,
    rates.valid_from
from rates
inner join purchase
    on rates.partner_id = purchase.partner_id and rates.country = purchase.country and rates.line_type = purchase.line_type
