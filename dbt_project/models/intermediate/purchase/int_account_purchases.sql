-- Only where a wholesaler names an account of the exchanges, its calls are looked up by their records.
with named as (
    select distinct partner_id, deck_id, month, account, {{ first_day_of('month') }} as month_start
    from {{ ref('stg_landing__purchase_invoices') }}
    where account is not null and deck_id is not null
),

-- an account's calls are its customers'
named_customers as (
    select distinct accounts.customer_id
    from {{ ref('stg_landing__accounts') }} as accounts
    inner join named on accounts.account = named.account
),

bought as (
    select file_id, line, partner_id, deck_id, deck_prefix, destination, call_date, duration_s, purchase_billed_s, purchase_eur, true as is_bought
    from {{ ref('calls') }}
    where
        customer_id in (select customer_id from named_customers)
        and status = 'rated' and deck_prefix is not null and not (is_onnet and coalesce(direction, 'outbound') <> 'inbound')
),

bought_by_account as (
    select bought.*, named.month, named.account
    from bought
    inner join {{ ref('int_call_records') }} as records on bought.file_id = records.file_id and bought.line = records.line
    inner join named
        on records.account = named.account and bought.partner_id = named.partner_id and bought.deck_id = named.deck_id
        and bought.call_date >= named.month_start and bought.call_date < {{ next_month_start('named.month_start') }}
)

select partner_id, month, deck_id, account, deck_prefix, destination, {{ purchase_sums() }}
from bought_by_account
group by partner_id, month, deck_id, account, deck_prefix, destination
