{#-
    Whose line it is (decided): the partner that it names, else the one whose account it names, else the only one who buys by the deck; a service is nobody's in
    particular, so its line names a partner or an account, but where there is one partner only. What is not certain is refused: a partner sees no other's purchase.
-#}
with lines as (
    select * from {{ ref('stg_landing__purchase_invoice_rows') }} where is_last
),

deck_buyers as (
    select deck_id, min(partner_id) as first_partner_id, max(partner_id) as last_partner_id
    from {{ ref('stg_landing__partners') }}
    group by deck_id
),

everybody as (
    select min(partner_id) as first_partner_id, max(partner_id) as last_partner_id from {{ ref('stg_landing__partners') }}
),

account_owners as (
    select distinct
        accounts.account,
        customers.partner_id,
        greatest(coalesce(accounts.valid_from, {{ start_of_time() }}), customers.valid_from) as valid_from,
        least(coalesce(accounts.valid_to, {{ end_of_time() }}), customers.valid_to) as valid_to
    from {{ ref('stg_landing__accounts') }} as accounts
    inner join {{ ref('stg_landing__customer_periods') }} as customers
        on accounts.customer_id = customers.customer_id
        and coalesce(accounts.valid_from, {{ start_of_time() }}) < customers.valid_to and customers.valid_from < coalesce(accounts.valid_to, {{ end_of_time() }})
),

-- an account may have changed hands: in the month of the line it has one partner, or several
line_accounts as (
    select lines.file_id, lines.line, min(owners.partner_id) as first_partner_id, max(owners.partner_id) as last_partner_id
    from lines
    inner join account_owners as owners
        on lines.account = owners.account
        and owners.valid_from < {{ next_month_start(first_day_of('lines.month')) }}
        and owners.valid_to > {{ first_day_of('lines.month') }}
    group by lines.file_id, lines.line
),

lines_with_partner as (
    select
        lines.*,
        deck_buyers.first_partner_id is not null as is_known_deck,
        line_accounts.first_partner_id as account_partner_id,
        line_accounts.last_partner_id as other_account_partner_id,
        coalesce(
            lines.partner_id,
            case when line_accounts.first_partner_id = line_accounts.last_partner_id then line_accounts.first_partner_id end,
            case when deck_buyers.first_partner_id = deck_buyers.last_partner_id then deck_buyers.first_partner_id end,
            case when lines.deck_id is null and everybody.first_partner_id = everybody.last_partner_id then everybody.first_partner_id end
        ) as owner_id
    from lines
    cross join everybody
    left join deck_buyers on lines.deck_id = deck_buyers.deck_id
    left join line_accounts on lines.file_id = line_accounts.file_id and lines.line = line_accounts.line
),

judged as (
    select
        lines.*,
        case
            when lines.is_contradicted then 'twice_in_file'
            when lines.owner_id is null and lines.deck_id is not null and not lines.is_known_deck then 'nobodys_deck'
            when lines.owner_id is null then 'ambiguous_partner'
            when lines.account_partner_id is not null and lines.owner_id not in (lines.account_partner_id, lines.other_account_partner_id)
                then 'account_of_another_partner'
            when lines.is_known_deck and buyers.partner_id is null then 'deck_of_another_partner'
        end as problem
    from lines_with_partner as lines
    left join (select distinct deck_id, partner_id from {{ ref('stg_landing__partners') }}) as buyers
        on lines.deck_id = buyers.deck_id and lines.owner_id = buyers.partner_id
)

select
    file_id,
    line,
    owner_id as partner_id,
    month,
    deck_id,
    service_code,
    account,
    prefix,
    destination,
    calls,
    seconds,
    amount_eur,
    coalesce(
        problem,
        case
            when row_number() over (
                partition by problem is null, owner_id, deck_id, service_code, month, account, prefix, case when prefix is null then lower(destination) end
                order by file_id desc, line desc
            ) > 1 then 'named_twice'
        end
    ) as problem
from judged
