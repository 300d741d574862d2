{{ config(materialized='incremental', incremental_strategy='replace_months', on_schema_change='fail') }}

-- Calls that differ in nothing that a price depends on cost the same under any plan: counted instead of kept, they re-rate a whole history exactly.
-- What a plan's rows say may change on a day: between two such days of any plan of the partner, every call of a group meets the same rows.
with rate_changes as (
    select partner_id, valid_from as changes_on from {{ ref('stg_landing__call_plan_rates') }}
    union
    select partner_id, valid_to as changes_on from {{ ref('stg_landing__call_plan_rates') }} where valid_to is not null
    union
    select partner_id, valid_from as changes_on from {{ ref('stg_landing__call_plans') }} where valid_from is not null
),

changes as (
    select partner_id, changes_on from rate_changes
    union
    select partner_id, {{ start_of_time() }} as changes_on from {{ ref('int_partners') }}
),

rate_periods as (
    select
        partner_id,
        changes_on as rates_from,
        coalesce(lead(changes_on) over (partition by partner_id order by changes_on), {{ end_of_time() }}) as rates_to
    from changes
)

select
    calls.partner_id,
    calls.customer_id,
    {{ month_of('calls.call_date') }} as month,
    periods.rates_from,
    calls.call_plan_id,
    calls.country,
    calls.line_type,
    calls.is_onnet and calls.direction <> 'inbound' as is_onnet_call,
    calls.direction = 'inbound' as is_inbound,
    calls.purchase_fee_eur,
    calls.purchase_minute_rate_eur,
    calls.duration_s,
    cast(count(*) as bigint) as calls,
    cast(sum(case when calls.status = 'unrated' then 1 else 0 end) as bigint) as unrated_calls,
    cast(coalesce(sum(calls.purchase_eur), 0) as decimal(18, 6)) as purchase_eur,
    cast(coalesce(sum(calls.sale_eur), 0) as decimal(18, 6)) as sale_eur
from {{ ref('calls') }} as calls
inner join rate_periods as periods
    on calls.partner_id = periods.partner_id and calls.call_date >= periods.rates_from and calls.call_date < periods.rates_to
where
    {{ of_months_to_build('calls.call_date') }}
    and calls.country is not null
    and (calls.status in ('rated', 'unrated') or (calls.status = 'exempt' and calls.direction = 'inbound' and calls.number_kind = 'toll_free'))
group by
    calls.partner_id, calls.customer_id, {{ month_of('calls.call_date') }}, periods.rates_from, calls.call_plan_id, calls.country, calls.line_type,
    calls.is_onnet and calls.direction <> 'inbound', calls.direction = 'inbound', calls.purchase_fee_eur, calls.purchase_minute_rate_eur, calls.duration_s
