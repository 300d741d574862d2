-- depends_on: {{ ref('countries') }}
-- A line without a deck_id, or that is no row at all, counts for the one deck that its file names; where a file names several, it counts for none.
with lines as (
    select
        file_id, line, true as is_row, deck_id, prefix, destination, connection_fee_eur, minute_rate_eur, first_increment_s, next_increment_s,
        nullif(country, '*') as country, line_type, valid_from, valid_to, reject_reason
    from {{ landed_rows('purchase_rates') }}

    union all

    select
        rejected.file_id, rejected.line, false as is_row, cast(null as varchar) as deck_id, null as prefix, null as destination, null as connection_fee_eur,
        null as minute_rate_eur, null as first_increment_s, null as next_increment_s, null as country, null as line_type, null as valid_from, null as valid_to,
        rejected.reason as reject_reason
    from {{ source('raw', 'rejected_lines') }} as rejected
    inner join {{ source('raw', 'files') }} as files on rejected.file_id = files.file_id
    where files.feed = 'purchase_rates'
),

only_decks as (
    select file_id, min(deck_id) as deck_id
    from lines
    group by file_id
    having count(distinct deck_id) = 1
)

select
    coalesce(lines.deck_id, only_decks.deck_id) as deck_id,
    lines.file_id,
    lines.line,
    lines.is_row,
    lines.prefix,
    lines.destination,
    lines.connection_fee_eur,
    lines.minute_rate_eur,
    lines.first_increment_s,
    lines.next_increment_s,
    lines.country,
    lines.line_type,
    lines.valid_from,
    lines.valid_to,
    lines.reject_reason,
    case when lines.reject_reason is not null then {{ fix_of('purchase_rates', 'lines.reject_reason') }} end as fix
from lines
left join only_decks on lines.file_id = only_decks.file_id
