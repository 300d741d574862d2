-- As a customer is on the newest day that landed, or as it was when it left its partner.
-- who billed under the bare id goes on with it, else who had the customer first: a day that lands later, before all others, changes no id
with bare_ids as (
    select customer_id, partner_id
    from (
        select customer_id, partner_id, row_number() over (partition by customer_id order by month desc) as place
        from {{ source('raw', 'approved_invoices') }}
        where invoice_id = customer_id || '-' || month
    )
    where place = 1
),

first_partners as (
    select customer_id, partner_id
    from (
        select customer_id, partner_id, row_number() over (partition by customer_id order by valid_from) as place
        from {{ ref('stg_landing__customer_periods') }}
    )
    where place = 1
)

select
    customers.*,
    -- two partners may both have something to bill to a customer who moved, in one month too
    case when coalesce(bare_ids.partner_id, first_partners.partner_id) = customers.partner_id then '' else '@' || customers.partner_id end as draft_suffix
from {{ as_of_the_horizon(ref('stg_landing__customers'), ['partner_id', 'customer_id']) }} as customers
left join first_partners on customers.customer_id = first_partners.customer_id
left join bare_ids on customers.customer_id = bare_ids.customer_id
