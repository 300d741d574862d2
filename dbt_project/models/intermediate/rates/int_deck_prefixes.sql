-- Every prefix at which the price or the destination of a call may change: those of the deck and those of the world's numbering plans.
with world as (
    select prefix, cast(length(prefix) as integer) as prefix_length, country, line_type, number_kind
    from {{ ref('number_prefixes') }}
),

decks as (select distinct deck_id from {{ ref('stg_landing__purchase_rates') }} union select distinct deck_id from {{ ref('stg_landing__partners') }}),

prefixes as (
    select distinct deck_id, prefix from {{ ref('stg_landing__purchase_rates') }}
    union
    select decks.deck_id, world.prefix from decks cross join world
),

-- what the decks say themselves: of a prefix with several rows, the one that begins last
own_rows as (
    select deck_id, prefix, cast(length(prefix) as integer) as prefix_length, destination, country, line_type
    from (
        select *, row_number() over (partition by deck_id, prefix order by valid_from desc, file_id desc, line desc) as place
        from {{ ref('stg_landing__purchase_rates') }}
    )
    where place = 1
),

planned as (
    select
        prefixes.deck_id,
        prefixes.prefix,
        {{ longest_prefix('country') }} as plan_country,
        {{ longest_prefix('line_type') }} as plan_line_type,
        {{ longest_prefix('number_kind') }} as number_kind
    from prefixes
    {{ longest_prefix_joins('prefixes.prefix', 'world') }}
),

decked as (
    select
        planned.deck_id,
        planned.prefix,
        {{ longest_prefix('prefix') }} as deck_prefix,
        {{ longest_prefix('destination') }} as deck_destination
    from planned
    {{ longest_prefix_joins('planned.prefix', 'own_rows', 'PREFIX.deck_id = planned.deck_id') }}
),

described as (
    select
        planned.*,
        decked.deck_prefix,
        decked.deck_destination,
        own_rows.country as deck_country,
        own_rows.line_type as deck_line_type,
        case
            when {{ matches('lower(decked.deck_destination)', '(^|[^a-z])(premium|special|speciaal|service|services|servicenummer)([^a-z]|$)') }} then 'SPECIAL'
            when {{ matches('lower(decked.deck_destination)', '(^|[^a-z])(mobile|mobiel|mobil|mob|cellular|cell|gsm)([^a-z]|$)') }} then 'MOB'
        end as named_line_type
    from planned
    left join decked on planned.deck_id = decked.deck_id and planned.prefix = decked.prefix
    left join own_rows on decked.deck_id = own_rows.deck_id and decked.deck_prefix = own_rows.prefix
)

-- the deck's own columns; else the numbering plans; for a range that they do not know what the deck calls it, else FIX (DOMAIN 2)
select
    deck_id,
    prefix,
    cast(length(prefix) as integer) as prefix_length,
    coalesce(deck_country, plan_country) as country,
    coalesce(deck_line_type, case when number_kind = 'unlisted' or number_kind is null then named_line_type end, plan_line_type) as line_type,
    number_kind,
    deck_prefix,
    deck_destination,
    plan_country,
    plan_line_type,
    coalesce(deck_line_type, named_line_type) as deck_says_line_type,
    deck_country as deck_says_country
from described
