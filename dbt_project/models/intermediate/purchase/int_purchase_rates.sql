{#-
    Is a line that is dearer or cheaper than ours the price of another day: a new price billed too early, an old one too long? What our calls of the line would have cost
    at the deck as it stood on each day on which one of their prices changed, against what was billed; both per second, and within what rounding may differ by.
-#}
with lines as (
    select *, {{ first_day_of('month') }} as month_start
    from {{ ref('int_purchase_differences') }}
    where
        is_invoiced and level in ('prefix', 'destination') and calls > 0 and purchase_billed_s > 0
        and coalesce(invoiced_s, purchase_billed_s) <> 0 and abs(rate_part_eur) > rounding_reach_eur
),

cells as (
    select lines.file_id, lines.line, matches.deck_id, matches.deck_prefix, sum(matches.calls) as calls, sum(matches.purchase_billed_s) as purchase_billed_s
    from lines
    inner join {{ ref('int_purchase_matches') }} as matches on lines.file_id = matches.file_id and lines.line = matches.line
    where matches.calls <> 0
    group by lines.file_id, lines.line, matches.deck_id, matches.deck_prefix
),

days_of_change as (
    select distinct cells.file_id, cells.line, deck.valid_from as changed_on
    from cells
    inner join {{ ref('int_deck_prices') }} as deck on cells.deck_id = deck.deck_id and cells.deck_prefix = deck.prefix
),

priced as (
    select
        cells.file_id,
        cells.line,
        days.changed_on,
        -- 60 times the price, in units of 0.00000001 EUR
        sum({{ wide('cells.calls') }} * 60 * deck.connection_fee_e8 + {{ wide('cells.purchase_billed_s') }} * deck.minute_rate_e8) as price_60e8
    from cells
    inner join days_of_change as days on cells.file_id = days.file_id and cells.line = days.line
    left join {{ ref('int_deck_prices') }} as deck
        on cells.deck_id = deck.deck_id and cells.deck_prefix = deck.prefix and deck.contenders = 1
        and days.changed_on >= deck.valid_from and days.changed_on < deck.valid_to
    group by cells.file_id, cells.line, days.changed_on
    having count(*) = count(deck.prefix)
),

fitting as (
    select
        lines.file_id,
        lines.line,
        priced.changed_on,
        row_number() over (
            partition by lines.file_id, lines.line
            order by abs({{ days_between('lines.month_start', 'priced.changed_on') }}), priced.changed_on desc
        ) as place
    from lines
    inner join priced on lines.file_id = priced.file_id and lines.line = priced.line
    where
        abs(
            {{ wide_e8('lines.invoiced_eur') }} * 60 * lines.purchase_billed_s
            - {{ wide('priced.price_60e8') }} * coalesce(lines.invoiced_s, lines.purchase_billed_s)
        ) <= {{ wide_e8('lines.rounding_reach_eur') }} * 60 * lines.purchase_billed_s
)

select file_id, line, changed_on as rate_valid_from
from fitting
where place = 1
