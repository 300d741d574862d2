{#
    Specificity (DOMAIN 2, decided): (country, type) > (country, any) > (any country, type) > (any, any). A SPECIAL number that no row covers sells at
    purchase fee and purchase minute, both times the plan's "Standaard FIX" percentage.
#}
with destinations as (
    select country, line_type from {{ ref('number_prefixes') }}
    union
    -- a deck may name a line type that the numbering plan of the country does not have, on whatever days
    select country, line_type from {{ ref('int_deck_prices') }} where country is not null and line_type is not null
),

covering_rates as (
    select
        rates.*,
        destinations.country as destination_country,
        destinations.line_type as destination_line_type,
        case
            when rates.country <> '*' and rates.line_type <> '*' then 5
            when rates.country <> '*' then 4
            when rates.line_type = destinations.line_type then 3
            when rates.line_type = '*' then 2
            else 1
        end as specificity
    from {{ ref('stg_landing__call_plan_rates') }} as rates
    inner join destinations
        on rates.country in (destinations.country, '*')
        and (
            rates.line_type in (destinations.line_type, '*')
            or (destinations.line_type = 'SPECIAL' and rates.country = '*' and rates.line_type = 'FIX')
        )
),

candidates as (
    select
        partner_id,
        call_plan_id,
        destination_country as country,
        destination_line_type as line_type,
        country as rate_country,
        line_type as rate_line_type,
        specificity,
        specificity = 1 as is_special_fallback,
        case when specificity = 1 then cast(null as decimal(18, 8)) else connection_fee_eur end as connection_fee_eur,
        minute_rate_eur,
        minute_rate_percent,
        file_id as rate_file_id,
        line as rate_line,
        valid_from,
        valid_to
    from covering_rates
)

select * from {{ valid_periods(
    'candidates',
    key=['partner_id', 'call_plan_id', 'country', 'line_type'],
    series=['rate_country', 'rate_line_type'],
    carry=['rate_country', 'rate_line_type', 'is_special_fallback', 'connection_fee_eur', 'minute_rate_eur', 'minute_rate_percent', 'rate_file_id', 'rate_line']
) }}
-- Standaard FIX in EUR has no percentage to give; it does end the one before it
where not (is_special_fallback and minute_rate_percent is null)
