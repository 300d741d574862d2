select
    accounts.account,
    accounts.customer_id,
    customers.partner_id,
    customers.reseller_id,
    partners.local_time_zone,
    accounts.channels,
    coalesce(accounts.valid_from, {{ start_of_time() }}) as valid_from,
    -- an account has one payer: the next row ends this one, also where it was to last longer
    least(
        coalesce(accounts.valid_to, {{ end_of_time() }}),
        coalesce(
            lead(accounts.valid_from) over (partition by accounts.account order by coalesce(accounts.valid_from, {{ start_of_time() }})),
            {{ end_of_time() }}
        )
    ) as valid_to
from {{ ref('stg_landing__accounts') }} as accounts
inner join {{ ref('stg_landing__customers') }} as customers on accounts.customer_id = customers.customer_id
inner join {{ ref('int_partners') }} as partners on customers.partner_id = partners.partner_id
