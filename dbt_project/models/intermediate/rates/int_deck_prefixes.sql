-- Every prefix at which the price or the destination of a call may change: those of the deck and those of the world's numbering plans. What the plans say of it has no
-- day; what the deck says does, and stands in int_deck_prices.
with world as (
    select prefix, cast(length(prefix) as integer) as prefix_length, country, line_type, number_kind
    from {{ ref('number_prefixes') }}
),

decks as (select distinct deck_id from {{ ref('stg_landing__purchase_rates') }} union select distinct deck_id from {{ ref('stg_landing__partners') }}),

prefixes as (
    select distinct deck_id, prefix from {{ ref('stg_landing__purchase_rates') }}
    union
    select decks.deck_id, world.prefix from decks cross join world
)

select
    prefixes.deck_id,
    prefixes.prefix,
    cast(length(prefixes.prefix) as integer) as prefix_length,
    {{ longest_prefix('country') }} as country,
    {{ longest_prefix('line_type') }} as line_type,
    {{ longest_prefix('number_kind') }} as number_kind
from prefixes
{{ longest_prefix_joins('prefixes.prefix', 'world') }}
