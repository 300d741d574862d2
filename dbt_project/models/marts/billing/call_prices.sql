-- What a plan says per destination, beside what the partner's deck costs there: the dearest and the cheapest minute.
with purchase as (
    select
        partners.partner_id,
        deck.country,
        deck.line_type,
        min(deck.minute_rate_eur) as purchase_minute_min_eur,
        max(deck.minute_rate_eur) as purchase_minute_max_eur
    from {{ ref('int_deck_prices') }} as deck
    inner join {{ ref('int_partners') }} as partners on deck.deck_id = partners.deck_id
    cross join {{ ref('int_billing_horizon') }} as horizon
    where coalesce(horizon.last_date, deck.valid_from) >= deck.valid_from and coalesce(horizon.last_date, deck.valid_from) < deck.valid_to
    group by partners.partner_id, deck.country, deck.line_type
)

select
    plans.partner_id,
    rates.call_plan_id,
    plans.name as call_plan_name,
    rates.country,
    rates.line_type,
    cast(rates.connection_fee_eur as decimal(18, 6)) as connection_fee_eur,
    cast(rates.minute_rate_eur as decimal(18, 6)) as minute_rate_eur,
    rates.minute_rate_percent,
    cast(min(purchase.purchase_minute_min_eur) as decimal(18, 6)) as purchase_minute_min_eur,
    cast(max(purchase.purchase_minute_max_eur) as decimal(18, 6)) as purchase_minute_max_eur,
    rates.valid_from,
    rates.valid_to
from {{ ref('stg_landing__call_plan_rates') }} as rates
inner join (
    select partner_id, call_plan_id, name from {{ as_of_the_horizon(ref('stg_landing__call_plans'), ['partner_id', 'call_plan_id']) }}
) as plans on rates.partner_id = plans.partner_id and rates.call_plan_id = plans.call_plan_id
left join purchase
    on plans.partner_id = purchase.partner_id
    and rates.country in (purchase.country, '*') and rates.line_type in (purchase.line_type, '*')
group by
    plans.partner_id, rates.call_plan_id, plans.name, rates.country, rates.line_type, rates.connection_fee_eur, rates.minute_rate_eur,
    rates.minute_rate_percent, rates.valid_from, rates.valid_to
