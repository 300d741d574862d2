{#-
    The purchase price behind each prefix and period: that of the longest prefix of the deck that is valid then. With it goes where the prefix leads then: a row of the
    deck says country and line type for its own days only, or a new price list would change what the days before it sold.

    Two steps, so that a hundred thousand prefixes of many rows each stay quick: first which prefix of the deck is valid when, by the runs of days that its rows
    cover without a break; then the rows of that prefix in those days.
-#}
{%- set terms = [
    'destination', 'connection_fee_e8', 'minute_rate_e8', 'minute_rate_eur', 'first_increment_s', 'next_increment_s', 'rate_file_id', 'rate_line'
] %}
{%- set words = ['country', 'line_type', 'named_line_type'] %}
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
        country,
        line_type,
        {{ line_type_by_name('destination') }} as named_line_type,
        1 as specificity,
        valid_from,
        valid_to
    from {{ ref('stg_landing__purchase_rates') }}
),

-- each prefix of the deck by itself
own_prices as (
    select *
    from {{ valid_periods('rates', key=['deck_id', 'prefix'], series=[], carry=terms + words) }}
),

own_runs as (
    select deck_id, prefix, min(valid_from) as valid_from, max(valid_to) as valid_to
    from (
        select
            deck_id, prefix, valid_from, valid_to,
            sum(case when follows_a_break then 1 else 0 end) over (partition by deck_id, prefix order by valid_from) as run
        from (
            select
                deck_id, prefix, valid_from, valid_to,
                coalesce(lag(valid_to) over (partition by deck_id, prefix order by valid_from) <> valid_from, true) as follows_a_break
            from own_prices
        )
    )
    group by deck_id, prefix, run
),

covering_runs as (
    select
        prefixes.deck_id,
        prefixes.prefix,
        runs.prefix as deck_prefix,
        prefixes.covering_length,
        runs.valid_from,
        runs.valid_to,
        -- from here on a longer prefix is always valid
        coalesce(
            min(case when runs.valid_to = {{ end_of_time() }} then runs.valid_from end) over (
                partition by prefixes.deck_id, prefixes.prefix
                order by prefixes.covering_length range between 1 following and unbounded following
            ),
            {{ end_of_time() }}
        ) as hidden_from
    from (
        select deck_id, prefix, {{ series('1', 'prefix_length') }} as covering_length
        from {{ ref('int_deck_prefixes') }}
    ) as prefixes
    inner join own_runs as runs
        on prefixes.deck_id = runs.deck_id and left(prefixes.prefix, prefixes.covering_length) = runs.prefix
        and prefixes.covering_length = length(runs.prefix)
),

visible_runs as (
    select deck_id, prefix, deck_prefix, covering_length as specificity, valid_from, least(valid_to, hidden_from) as valid_to
    from covering_runs
    where valid_from < hidden_from
),

valid_prefixes as (
    select *
    from {{ valid_periods('visible_runs', key=['deck_id', 'prefix'], series=['deck_prefix'], carry=['deck_prefix']) }}
),

priced as (
    select
        prefixes.deck_id,
        prefixes.prefix,
        greatest(prefixes.valid_from, prices.valid_from) as valid_from,
        least(prefixes.valid_to, prices.valid_to) as valid_to,
        prefixes.deck_prefix,
        prefixes.specificity,
        prices.contenders,
        {%- for term in terms %}
        prices.{{ term }},
        {%- endfor %}
        -- two rows for one moment say nothing: which of them is carried is a coin toss
        {%- for word in words %}
        case when prices.contenders = 1 then prices.{{ word }} end as deck_{{ word }}{{ ',' if not loop.last }}
        {%- endfor %}
    from valid_prefixes as prefixes
    inner join own_prices as prices
        on prefixes.deck_id = prices.deck_id and prefixes.deck_prefix = prices.prefix
        and prices.valid_from < prefixes.valid_to and prefixes.valid_from < prices.valid_to
)

select
    priced.deck_id,
    priced.prefix,
    priced.valid_from,
    priced.valid_to,
    priced.deck_prefix,
    -- what kind of numbers the row of the deck is for: one for all of a country is none for its free numbers
    own_plan.number_kind,
    {%- for term in terms %}
    priced.{{ term }},
    {%- endfor %}
    coalesce(priced.deck_country, plan.country) as country,
    {{ line_type_of_deck('priced.deck_country', 'priced.deck_line_type', 'priced.deck_named_line_type', 'plan') }} as line_type,
    priced.deck_country as deck_says_country,
    coalesce(priced.deck_line_type, priced.deck_named_line_type) as deck_says_line_type,
    priced.specificity,
    priced.contenders
from priced
inner join {{ ref('int_deck_prefixes') }} as plan on priced.deck_id = plan.deck_id and priced.prefix = plan.prefix
left join {{ ref('int_deck_prefixes') }} as own_plan on priced.deck_id = own_plan.deck_id and priced.deck_prefix = own_plan.prefix
