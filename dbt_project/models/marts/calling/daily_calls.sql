{{ config(materialized='incremental', incremental_strategy='replace_months', on_schema_change='fail') }}

select
    partner_id,
    customer_id,
    max(reseller_id) as reseller_id,
    call_date,
    {{ month_of('call_date') }} as month,
    country,
    line_type,
    is_international,
    cast(count(*) as bigint) as calls,
    cast(sum(case when status <> 'unanswered' then 1 else 0 end) as bigint) as answered_calls,
    cast(sum(case when status = 'unrated' then 1 else 0 end) as bigint) as unrated_calls,
    cast(sum(case when status <> 'unanswered' then duration_s else 0 end) as bigint) as duration_s,
    cast(coalesce(sum(billed_s), 0) as bigint) as billed_s,
    cast(coalesce(sum(purchase_eur), 0) as decimal(18, 6)) as purchase_eur,
    cast(coalesce(sum(sale_eur), 0) as decimal(18, 6)) as sale_eur,
    cast(coalesce(sum(margin_eur), 0) as decimal(18, 6)) as margin_eur
from {{ ref('calls') }}
where {{ of_months_to_build('call_date') }}
group by partner_id, customer_id, call_date, country, line_type, is_international
