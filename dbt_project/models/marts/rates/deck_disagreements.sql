-- The deck says of a prefix (in its columns, or in the words of its destination) another line type or country than the numbering plans do: which counted, and for how much.
with disagreeing as (
    select deck_id, prefix, deck_prefix, deck_destination, country, line_type, plan_country, plan_line_type, deck_says_country, deck_says_line_type
    from {{ ref('int_deck_prefixes') }}
    where
        deck_prefix is not null
        and (deck_says_line_type <> plan_line_type or deck_says_country <> plan_country)
),

seconds as (
    select partner_id, deck_id, deck_prefix, country, line_type, count(*) as calls, sum(duration_s) as duration_s
    from {{ ref('calls') }}
    where status = 'rated' and deck_prefix is not null and deck_prefix in (select deck_prefix from disagreeing)
    group by partner_id, deck_id, deck_prefix, country, line_type
)

select
    seconds.partner_id,
    disagreeing.deck_id,
    disagreeing.deck_prefix,
    max(disagreeing.deck_destination) as destination,
    disagreeing.country,
    disagreeing.line_type,
    max(disagreeing.deck_says_country) as deck_country,
    max(disagreeing.deck_says_line_type) as deck_line_type,
    disagreeing.plan_country,
    disagreeing.plan_line_type,
    cast(max(seconds.calls) as bigint) as calls,
    cast(max(seconds.duration_s) as bigint) as duration_s
from disagreeing
inner join seconds
    on disagreeing.deck_id = seconds.deck_id and disagreeing.deck_prefix = seconds.deck_prefix
    and disagreeing.country = seconds.country and disagreeing.line_type = seconds.line_type
group by
    seconds.partner_id, disagreeing.deck_id, disagreeing.deck_prefix, disagreeing.country, disagreeing.line_type, disagreeing.plan_country,
    disagreeing.plan_line_type
