-- Who pays for an account when. The rows of an account are cut where its customer, or the customer's partner, begins to be something else.
with own_periods as (
    select
        account,
        customer_id,
        channels,
        coalesce(valid_from, {{ start_of_time() }}) as valid_from,
        -- an account has one payer: the next row ends this one, also where it was to last longer
        least(
            coalesce(valid_to, {{ end_of_time() }}),
            coalesce(
                lead(valid_from) over (partition by account order by coalesce(valid_from, {{ start_of_time() }})),
                {{ end_of_time() }}
            )
        ) as valid_to
    from {{ ref('stg_landing__accounts') }}
),

with_customer as (
    select
        accounts.account,
        accounts.customer_id,
        customers.partner_id,
        customers.reseller_id,
        accounts.channels,
        {{ common_from('accounts', 'customers') }} as valid_from,
        {{ common_to('accounts', 'customers') }} as valid_to
    from own_periods as accounts
    inner join {{ ref('stg_landing__customer_periods') }} as customers
        on accounts.customer_id = customers.customer_id and {{ hold_at_once('accounts', 'customers') }}
)

select
    accounts.account,
    accounts.customer_id,
    accounts.partner_id,
    accounts.reseller_id,
    partners.local_time_zone,
    accounts.channels,
    {{ common_from('accounts', 'partners') }} as valid_from,
    {{ common_to('accounts', 'partners') }} as valid_to
from with_customer as accounts
inner join {{ ref('stg_landing__partner_periods') }} as partners
    on accounts.partner_id = partners.partner_id and {{ hold_at_once('accounts', 'partners') }}
