{{ config(materialized='incremental', incremental_strategy='replace_days', on_schema_change='fail') }}

-- On-net calls cost nothing to buy and do not reach the wholesaler; unrated ones have no price yet. They are counted beside what is bought: on the wholesaler's
-- invoice, they would explain a difference. So would attempts that nobody answered.
with bought as (
    select cdr_date, call_date, partner_id, deck_id, deck_prefix, destination, true as is_bought, duration_s, purchase_billed_s, purchase_eur
    from {{ ref('calls') }}
    where
        cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
        and status = 'rated' and deck_prefix is not null and not (is_onnet and coalesce(direction, 'outbound') <> 'inbound')
),

bought_days as (
    select cdr_date, call_date, partner_id, deck_id, deck_prefix, destination, {{ purchase_sums() }}
    from bought
    group by cdr_date, call_date, partner_id, deck_id, deck_prefix, destination
),

-- of calls that were not bought, `calls` does not name the row of the deck: it is that of their number and day
others as (
    select
        calls.cdr_date, calls.call_date, calls.partner_id, calls.deck_id, coalesce(deck.deck_prefix, numbers.prefix) as deck_prefix,
        calls.destination, calls.status, calls.is_onnet
    from {{ ref('calls') }} as calls
    left join {{ ref('stg_landing__partner_periods') }} as partners
        on calls.partner_id = partners.partner_id and {{ holds_on('partners', 'calls.call_date') }}
    left join {{ ref('int_called_numbers') }} as numbers
        on calls.partner_id = numbers.partner_id and calls.dialled = numbers.callee and calls.deck_id = numbers.deck_id
        and partners.home_country = numbers.home_country
    left join {{ ref('int_deck_prices') }} as deck
        on numbers.deck_id = deck.deck_id and numbers.prefix = deck.prefix
        and calls.call_date >= deck.valid_from and calls.call_date < deck.valid_to
    where
        calls.cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
        and coalesce(calls.direction, 'outbound') <> 'inbound'
        and (calls.status = 'unrated' or (calls.status = 'rated' and calls.is_onnet) or (calls.status = 'unanswered' and calls.country is not null))
),

other_days as (
    select
        cdr_date, call_date, partner_id, deck_id, deck_prefix, destination,
        cast(sum(case when status = 'unrated' then 1 else 0 end) as bigint) as unrated_calls,
        cast(sum(case when status = 'rated' then 1 else 0 end) as bigint) as onnet_calls,
        cast(sum(case when status = 'unanswered' then 1 else 0 end) as bigint) as unanswered_calls
    from others
    group by cdr_date, call_date, partner_id, deck_id, deck_prefix, destination
)

select *, cast(0 as bigint) as unrated_calls, cast(0 as bigint) as onnet_calls, cast(0 as bigint) as unanswered_calls
from bought_days
union all
select
    cdr_date, call_date, partner_id, deck_id, deck_prefix, destination,
    cast(0 as bigint) as calls, cast(0 as bigint) as purchase_billed_s, cast(0 as bigint) as duration_s, cast(0 as decimal(18, 6)) as purchase_eur,
    unrated_calls, onnet_calls, unanswered_calls
from other_days
