{#-
    The purchase price behind each prefix and period: that of the longest prefix of the deck that is valid then.

    A hundred thousand prefixes with a handful of longer and shorter ones each: what a longer prefix covers to the end of time is cut off from the shorter ones
    before they are compared, which leaves one row per prefix and period of its own but where prefixes came and went.
-#}
{%- set terms = [
    'destination', 'connection_fee_e8', 'minute_rate_e8', 'minute_rate_eur', 'first_increment_s', 'next_increment_s', 'rate_file_id', 'rate_line'
] %}
with rates as (
    select
        deck_id,
        prefix,
        destination,
        {{ to_e8('connection_fee_eur') }} as connection_fee_e8,
        {{ to_e8('minute_rate_eur') }} as minute_rate_e8,
        minute_rate_eur,
        coalesce(first_increment_s, 1) as first_increment_s,
        coalesce(next_increment_s, 1) as next_increment_s,
        file_id as rate_file_id,
        line as rate_line,
        1 as specificity,
        valid_from,
        valid_to
    from {{ ref('stg_landing__purchase_rates') }}
),

-- each prefix of the deck by itself
own_prices as (
    select *, contenders as rows_at_once
    from {{ valid_periods('rates', key=['deck_id', 'prefix'], series=[], carry=terms) }}
),

-- from when on it is valid without a break and without an end; the end of time where it has one
own_spans as (
    select
        deck_id,
        prefix,
        case
            when max(valid_to) = {{ end_of_time() }} then max(case when follows_a_break then valid_from end)
            else {{ end_of_time() }}
        end as always_from
    from (
        select
            *,
            coalesce(lag(valid_to) over (partition by deck_id, prefix order by valid_from) <> valid_from, true) as follows_a_break
        from own_prices
    )
    group by deck_id, prefix
),

covering_prefixes as (
    select
        prefixes.deck_id,
        prefixes.prefix,
        prefixes.covering_length,
        spans.prefix as deck_prefix,
        -- from here on a longer prefix is always valid
        coalesce(
            min(spans.always_from) over (
                partition by prefixes.deck_id, prefixes.prefix
                order by prefixes.covering_length desc rows between unbounded preceding and 1 preceding
            ),
            {{ end_of_time() }}
        ) as hidden_from
    from (
        select deck_id, prefix, {{ series('1', 'prefix_length') }} as covering_length
        from {{ ref('int_deck_prefixes') }}
    ) as prefixes
    inner join own_spans as spans
        on prefixes.deck_id = spans.deck_id and left(prefixes.prefix, prefixes.covering_length) = spans.prefix
        and prefixes.covering_length = length(spans.prefix)
),

candidates as (
    select
        covering.deck_id,
        covering.prefix,
        covering.deck_prefix,
        covering.covering_length as specificity,
        prices.valid_from,
        least(prices.valid_to, covering.hidden_from) as valid_to,
        prices.rows_at_once,
        {% for term in terms %}
        prices.{{ term }}{{ ',' if not loop.last }}
        {%- endfor %}
    from covering_prefixes as covering
    inner join own_prices as prices
        on covering.deck_id = prices.deck_id and covering.deck_prefix = prices.prefix and prices.valid_from < covering.hidden_from
)

select
    deck_id, prefix, valid_from, valid_to, deck_prefix, {{ terms | join(', ') }},
    specificity,
    rows_at_once as contenders
from {{ valid_periods('candidates', key=['deck_id', 'prefix'], series=['deck_prefix'], carry=['deck_prefix', 'rows_at_once'] + terms) }}
