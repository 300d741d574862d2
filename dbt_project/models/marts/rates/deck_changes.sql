select
    partners.partner_id,
    changes.deck_id,
    changes.version,
    files.file,
    changes.line,
    changes.prefix,
    coalesce(changes.new_destination, changes.old_destination) as destination,
    coalesce(deck.country, prefixes.country) as country,
    coalesce(deck.line_type, prefixes.line_type) as line_type,
    changes.change,
    changes.valid_from,
    changes.old_connection_fee_eur,
    changes.new_connection_fee_eur,
    changes.old_minute_rate_eur,
    changes.new_minute_rate_eur,
    cast(changes.new_minute_rate_eur - changes.old_minute_rate_eur as decimal(18, 8)) as difference_eur,
    {{ percent_of('(changes.new_minute_rate_eur - changes.old_minute_rate_eur)', 'changes.old_minute_rate_eur') }} as difference_percent,
    changes.old_first_increment_s,
    changes.new_first_increment_s,
    changes.old_next_increment_s,
    changes.new_next_increment_s,
    changes.old_destination,
    changes.old_country,
    changes.old_line_type
from {{ ref('int_deck_changes') }} as changes
-- of each partner that buys by the deck, did, or is going to
inner join (select distinct partner_id, deck_id from {{ ref('stg_landing__partner_periods') }}) as partners on changes.deck_id = partners.deck_id
inner join {{ source('raw', 'files') }} as files on changes.version = files.file_id
left join {{ ref('int_deck_prefixes') }} as prefixes on changes.deck_id = prefixes.deck_id and changes.prefix = prefixes.prefix
-- where it leads once it has changed; what is gone, where it led until then
left join {{ ref('int_deck_prices') }} as deck
    on changes.deck_id = deck.deck_id and changes.prefix = deck.prefix
    and {{ holds_on('deck', "case when changes.change = 'gone' then " ~ add_days('changes.valid_from', -1) ~ ' else changes.valid_from end') }}
