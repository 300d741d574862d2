-- The channels of all accounts that a customer has at a partner together, which change on the days on which an account comes or goes.
with boundaries as (
    select partner_id, customer_id, valid_from as boundary from {{ ref('int_accounts') }}
    union
    select partner_id, customer_id, valid_to as boundary from {{ ref('int_accounts') }}
),

periods as (
    select
        partner_id,
        customer_id,
        boundary as valid_from,
        lead(boundary) over (partition by partner_id, customer_id order by boundary) as valid_to
    from boundaries
)

select
    periods.partner_id,
    periods.customer_id,
    periods.valid_from,
    periods.valid_to,
    cast(count(*) as integer) as accounts,
    -- not known as soon as one account does not say how many it has, or says nonsense
    case
        when count(*) = sum(case when accounts.channels between 0 and 100000 then 1 else 0 end) then cast(sum(accounts.channels) as bigint)
    end as channels
from periods
inner join {{ ref('int_accounts') }} as accounts
    on periods.partner_id = accounts.partner_id and periods.customer_id = accounts.customer_id
    and periods.valid_from >= accounts.valid_from and periods.valid_from < accounts.valid_to
where periods.valid_to is not null
group by periods.partner_id, periods.customer_id, periods.valid_from, periods.valid_to
