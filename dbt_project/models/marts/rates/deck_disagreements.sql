-- The deck says of a prefix (in its columns, or in the words of its destination) another line type or country than the numbering plans do: which counted, and for how much.
-- Each row of the deck is asked for the calls of its own days: what it says now has not counted before.
with disagreeing as (
    select distinct
        deck.deck_id, deck.deck_prefix, deck.rate_file_id, deck.rate_line, deck.destination, deck.country, deck.line_type, plans.country as plan_country,
        plans.line_type as plan_line_type, deck.deck_says_country, deck.deck_says_line_type
    from {{ ref('int_deck_prices') }} as deck
    inner join {{ ref('int_deck_prefixes') }} as plans on deck.deck_id = plans.deck_id and deck.prefix = plans.prefix
    where deck.deck_says_line_type <> plans.line_type or deck.deck_says_country <> plans.country
),

seconds as (
    select partner_id, deck_id, deck_prefix, country, line_type, call_date, count(*) as calls, sum(duration_s) as duration_s
    from {{ ref('calls') }}
    where status = 'rated' and deck_prefix is not null and deck_prefix in (select deck_prefix from disagreeing)
    group by partner_id, deck_id, deck_prefix, country, line_type, call_date
)

select
    seconds.partner_id,
    disagreeing.deck_id,
    disagreeing.deck_prefix,
    max(disagreeing.destination) as destination,
    disagreeing.country,
    disagreeing.line_type,
    disagreeing.deck_says_country as deck_country,
    disagreeing.deck_says_line_type as deck_line_type,
    disagreeing.plan_country,
    disagreeing.plan_line_type,
    cast(sum(seconds.calls) as bigint) as calls,
    cast(sum(seconds.duration_s) as bigint) as duration_s
from seconds
inner join {{ ref('int_deck_prices') }} as held
    on seconds.deck_id = held.deck_id and seconds.deck_prefix = held.prefix and {{ holds_on('held', 'seconds.call_date') }}
inner join disagreeing
    on held.deck_id = disagreeing.deck_id and held.deck_prefix = disagreeing.deck_prefix
    and held.rate_file_id = disagreeing.rate_file_id and held.rate_line = disagreeing.rate_line
    and disagreeing.country = seconds.country and disagreeing.line_type = seconds.line_type
group by
    seconds.partner_id, disagreeing.deck_id, disagreeing.deck_prefix, disagreeing.country, disagreeing.line_type, disagreeing.deck_says_country,
    disagreeing.deck_says_line_type, disagreeing.plan_country, disagreeing.plan_line_type
