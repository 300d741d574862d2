-- As a customer is on the newest day that landed, or as it was when it left its partner.
-- who billed under the bare id goes on with it, else who had the customer first: a day that lands later, before all others, changes no id
with plainly_billed as (
    select distinct customer_id, partner_id from {{ source('raw', 'approved_invoices') }} where invoice_id = customer_id || '-' || month
),

first_partners as (
    select customer_id, partner_id
    from (
        select
            periods.customer_id,
            periods.partner_id,
            row_number() over (
                partition by periods.customer_id order by case when billed.partner_id is not null then 0 else 1 end, periods.valid_from
            ) as place
        from {{ ref('stg_landing__customer_periods') }} as periods
        left join plainly_billed as billed on periods.customer_id = billed.customer_id and periods.partner_id = billed.partner_id
    )
    where place = 1
)

select
    customers.*,
    -- two partners may both have something to bill to a customer who moved, in one month too
    case when first_partners.partner_id = customers.partner_id then '' else '@' || customers.partner_id end as draft_suffix
from {{ as_of_the_horizon(ref('stg_landing__customers'), ['partner_id', 'customer_id']) }} as customers
left join first_partners on customers.customer_id = first_partners.customer_id
