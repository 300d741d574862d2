-- The purchase price behind each prefix and period: that of the longest prefix of the deck that is valid then.
with candidates as (
    select
        prefixes.deck_id,
        prefixes.prefix,
        rates.prefix as deck_prefix,
        rates.destination,
        {{ to_e8('rates.connection_fee_eur') }} as connection_fee_e8,
        {{ to_e8('rates.minute_rate_eur') }} as minute_rate_e8,
        rates.minute_rate_eur,
        coalesce(rates.first_increment_s, 1) as first_increment_s,
        coalesce(rates.next_increment_s, 1) as next_increment_s,
        rates.file_id as rate_file_id,
        rates.line as rate_line,
        length(rates.prefix) as specificity,
        rates.valid_from,
        rates.valid_to
    from (
        select deck_id, prefix, {{ series('1', 'prefix_length') }} as covering_length
        from {{ ref('int_deck_prefixes') }}
    ) as prefixes
    inner join {{ ref('stg_landing__purchase_rates') }} as rates
        on prefixes.deck_id = rates.deck_id and left(prefixes.prefix, prefixes.covering_length) = rates.prefix
        and prefixes.covering_length = length(rates.prefix)
)

select * from {{ valid_periods(
    'candidates',
    key=['deck_id', 'prefix'],
    series=['deck_prefix'],
    carry=['deck_prefix', 'destination', 'connection_fee_e8', 'minute_rate_e8', 'minute_rate_eur', 'first_increment_s', 'next_increment_s', 'rate_file_id', 'rate_line']
) }}
