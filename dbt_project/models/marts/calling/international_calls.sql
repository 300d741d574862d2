with monthly as (
    select
        partner_id, customer_id, max(reseller_id) as reseller_id, month, country, line_type, is_international,
        sum(answered_calls) as calls, sum(duration_s) as duration_s, sum(purchase_eur) as purchase_eur, sum(sale_eur) as sale_eur, sum(margin_eur) as margin_eur
    from {{ ref('daily_calls') }}
    where country is not null
    group by partner_id, customer_id, month, country, line_type, is_international
),

customer_totals as (
    select
        partner_id, customer_id, month,
        sum(duration_s) as duration_s,
        sum(case when is_international then duration_s else 0 end) as international_duration_s
    from monthly
    group by partner_id, customer_id, month
),

ranked_customers as (
    select *, rank() over (partition by partner_id, month order by international_duration_s desc) as rank_in_partner
    from customer_totals
)

select
    monthly.partner_id,
    monthly.customer_id,
    monthly.reseller_id,
    monthly.month,
    monthly.country,
    monthly.line_type,
    cast(monthly.calls as bigint) as calls,
    cast(monthly.duration_s as bigint) as duration_s,
    cast(monthly.purchase_eur as decimal(18, 6)) as purchase_eur,
    cast(monthly.sale_eur as decimal(18, 6)) as sale_eur,
    cast(monthly.margin_eur as decimal(18, 6)) as margin_eur,
    {{ percent_of('monthly.duration_s', 'ranked_customers.duration_s') }} as share_of_customer,
    cast(ranked_customers.rank_in_partner as integer) as rank_in_partner
from monthly
inner join ranked_customers
    on monthly.partner_id = ranked_customers.partner_id and monthly.customer_id = ranked_customers.customer_id and monthly.month = ranked_customers.month
where monthly.is_international and monthly.calls > 0
