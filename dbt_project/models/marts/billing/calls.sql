{{ config(materialized='partner_files', post_hook="{{ remember_rated_days() }}") }}
-- depends_on: {{ ref('stg_landing__partner_periods') }}

with calls_to_rate as (
    select * from {{ ref('int_calls_attributed') }} where reject_reason is null and is_frozen is not true
),

rated as (
    {{ rated_calls('calls_to_rate') }}
)

-- the month of the call while it is open for the customer, else the first open month after it (DOMAIN 5)
select
    rated.call_key,
    rated.call_id,
    rated.source,
    rated.leg,
    rated.partner_id,
    rated.customer_id,
    rated.reseller_id,
    rated.started_at,
    rated.call_date,
    coalesce(closed.next_open_month, {{ month_of('rated.call_date') }}) as billing_month,
    rated.direction,
    rated.disposition,
    rated.caller,
    rated.callee as dialled,
    rated.callee_e164 as callee,
    rated.country,
    rated.line_type,
    rated.number_kind,
    rated.destination,
    coalesce(rated.country <> rated.home_country, false) as is_international,
    rated.is_onnet,
    cast(rated.duration_s as integer) as duration_s,
    cast(rated.billed_s as integer) as billed_s,
    cast(case when rated.has_deck_price and not rated.is_onnet_call then rated.purchase_billed_s when rated.status = 'unrated' then null else 0 end as integer) as purchase_billed_s,
    rated.purchase_eur,
    rated.sale_eur,
    cast(rated.sale_eur - rated.purchase_eur as decimal(18, 6)) as margin_eur,
    rated.deck_id,
    case when rated.has_deck_price then rated.deck_prefix end as deck_prefix,
    {{ from_e8('case when rated.deck_rows = 1 then rated.purchase_fee_e8 end') }} as purchase_fee_eur,
    {{ from_e8('case when rated.deck_rows = 1 then rated.purchase_rate_e8 end') }} as purchase_minute_rate_eur,
    rated.call_plan_id,
    case when rated.status = 'rated' and rated.status_reason is null then rated.rate_country end as rate_country,
    case when rated.status = 'rated' and rated.status_reason is null then rated.rate_line_type end as rate_line_type,
    rated.status,
    rated.status_reason,
    rated.correlation_id,
    cast(rated.records as integer) as records,
    rated.cdr_date,
    rated.file_id,
    rated.line,
    coalesce(customers.vat_category, 'standard') as vat_category,
    coalesce(customers.billing_exempt, false) as is_billing_exempt
from rated
left join {{ ref('stg_landing__customer_periods') }} as customers
    on rated.partner_id = customers.partner_id and rated.customer_id = customers.customer_id and {{ holds_on('customers', 'rated.call_date') }}
left join {{ ref('int_closed_months') }} as closed
    on rated.partner_id = closed.partner_id and rated.customer_id = closed.customer_id and {{ month_of('rated.call_date') }} = closed.month

union all

-- what stands on an approved invoice is not rated again
select
    frozen.call_key,
    frozen.call_id,
    frozen.source,
    frozen.leg,
    frozen.partner_id,
    frozen.customer_id,
    frozen.reseller_id,
    frozen.started_at,
    frozen.call_date,
    frozen.billing_month,
    frozen.direction,
    frozen.disposition,
    frozen.caller,
    coalesce(frozen.dialled, frozen.callee) as dialled,
    frozen.callee,
    frozen.country,
    frozen.line_type,
    frozen.number_kind,
    frozen.destination,
    frozen.is_international,
    frozen.is_onnet,
    frozen.duration_s,
    frozen.billed_s,
    frozen.purchase_billed_s,
    frozen.purchase_eur,
    frozen.sale_eur,
    frozen.margin_eur,
    frozen.deck_id,
    frozen.deck_prefix,
    frozen.purchase_fee_eur,
    frozen.purchase_minute_rate_eur,
    frozen.call_plan_id,
    frozen.rate_country,
    frozen.rate_line_type,
    frozen.status,
    frozen.status_reason,
    frozen.correlation_id,
    frozen.records,
    frozen.cdr_date,
    coalesce(files.file_id, frozen.file_id) as file_id,
    frozen.line,
    -- what was frozen before these were remembered has them of today
    coalesce(frozen.vat_category, customers.vat_category, 'standard') as vat_category,
    coalesce(frozen.is_billing_exempt, customers.billing_exempt, false) as is_billing_exempt
from {{ source('raw', 'frozen_calls') }} as frozen
left join (
    select content, min(file_id) as file_id
    from (
        select sha256 as content, file_id from {{ source('raw', 'files') }} where duplicate_of is null and withdrawn_at is null
        union all
        select content_sha256 as content, file_id from {{ source('raw', 'files') }} where duplicate_of is null and withdrawn_at is null
    )
    where content is not null
    group by content
) as files on frozen.file_sha256 = files.content
left join {{ ref('stg_landing__customer_periods') }} as customers
    on frozen.partner_id = customers.partner_id and frozen.customer_id = customers.customer_id and {{ holds_on('customers', 'frozen.call_date') }}
where frozen.cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
