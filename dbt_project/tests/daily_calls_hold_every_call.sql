-- Fails if the dashboard's days do not add up to the calls behind them: every chart would show another business than the invoices.
with counted as (
    select
        partner_id, call_date, count(*) as calls, sum(case when status <> 'unanswered' then duration_s else 0 end) as duration_s, coalesce(sum(billed_s), 0) as billed_s,
        coalesce(sum(purchase_eur), 0) as purchase_eur, coalesce(sum(sale_eur), 0) as sale_eur
    from {{ ref('calls') }}
    group by partner_id, call_date
),

reported as (
    select
        partner_id, call_date, sum(calls) as calls, sum(duration_s) as duration_s, sum(billed_s) as billed_s,
        sum(purchase_eur) as purchase_eur, sum(sale_eur) as sale_eur
    from {{ ref('daily_calls') }}
    group by partner_id, call_date
)

select partner_id, call_date, counted.calls, reported.calls as reported_calls, counted.sale_eur, reported.sale_eur as reported_sale_eur
from counted
full join reported using (partner_id, call_date)
where
    counted.calls is distinct from reported.calls
    or counted.duration_s is distinct from reported.duration_s
    or counted.billed_s is distinct from reported.billed_s
    or counted.purchase_eur is distinct from reported.purchase_eur
    or counted.sale_eur is distinct from reported.sale_eur
