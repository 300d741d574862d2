{#-
    Of the months and decks for which an invoice landed. What an account was invoiced apart is its own cell; the cell without account has the calls of all others, so
    that no call stands in two.
-#}
{%- set sums = ['calls', 'purchase_billed_s', 'duration_s', 'purchase_eur'] -%}
{%- set counts = ['unrated_calls', 'onnet_calls', 'unanswered_calls'] -%}
with invoiced as (
    select distinct partner_id, deck_id, month, {{ first_day_of('month') }} as month_start
    from {{ ref('stg_landing__purchase_invoices') }}
    where deck_id is not null
),

everything as (
    select
        days.partner_id, invoiced.month, days.deck_id, days.deck_prefix, days.destination
        {%- for name in sums + counts %}, sum(days.{{ name }}) as {{ name }}{% endfor %}
    from {{ ref('int_purchased_days') }} as days
    inner join invoiced
        on days.partner_id = invoiced.partner_id and days.deck_id = invoiced.deck_id
        and days.call_date >= invoiced.month_start and days.call_date < {{ next_month_start('invoiced.month_start') }}
    group by days.partner_id, invoiced.month, days.deck_id, days.deck_prefix, days.destination
),

without_accounts as (
    select * from everything
    union all
    select
        partner_id, month, deck_id, deck_prefix, destination
        {%- for name in sums %}, -{{ name }} as {{ name }}{% endfor %}
        {%- for name in counts %}, 0 as {{ name }}{% endfor %}
    from {{ ref('int_account_purchases') }}
)

select
    partner_id, month, deck_id, cast(null as varchar) as account, deck_prefix, destination
    {%- for name in sums + counts %}, cast(sum({{ name }}) as {{ 'decimal(28, 6)' if name == 'purchase_eur' else 'bigint' }}) as {{ name }}{% endfor %}
from without_accounts
group by partner_id, month, deck_id, deck_prefix, destination

union all

-- what was not bought is not counted by account
select
    partner_id, month, deck_id, account, deck_prefix, destination
    {%- for name in sums %}, {{ name }}{% endfor %}
    {%- for name in counts %}, cast(null as bigint) as {{ name }}{% endfor %}
from {{ ref('int_account_purchases') }}
