-- What keeps a draft back, one by one: the calls, the PBX, the service or the words of the address, and what to land for it.
with blocked as (
    select partner_id, customer_id, month, invoice_id from {{ ref('invoices') }} where status = 'blocked'
),

unrated as (
    select
        blocked.partner_id, blocked.customer_id, blocked.month, blocked.invoice_id, calls.status_reason as reason,
        case
            when calls.status_reason in ('no_deck_row', 'ambiguous_deck') then concat_ws(' ', calls.deck_id, calls.country, calls.line_type)
            when calls.status_reason = 'no_plan_rate' then concat_ws(' ', calls.call_plan_id, calls.country, calls.line_type)
            when calls.status_reason = 'unknown_call_plan' then calls.call_plan_id
        end as subject,
        calls.dialled as example
    from blocked
    inner join {{ ref('calls') }} as calls
        on blocked.partner_id = calls.partner_id and blocked.customer_id = calls.customer_id and blocked.month = calls.billing_month
    where calls.status = 'unrated' and not calls.is_billing_exempt
),

last_readings as (
    select pbx_id, customer_id, cast(max(read_at) as date) as last_read_on from {{ ref('stg_landing__extension_counts') }} group by pbx_id, customer_id
),

uncharged as (
    select
        blocked.partner_id, blocked.customer_id, blocked.month, blocked.invoice_id, charges.status_reason as reason,
        case when charges.status_reason = 'missing_reading' then charges.pbx_id else charges.service_code end as subject,
        charges.month as charged_month,
        case when charges.status_reason = 'missing_reading' then cast(last_readings.last_read_on as varchar) else charges.order_id end as example
    from blocked
    inner join {{ ref('service_charges') }} as charges
        on blocked.partner_id = charges.partner_id and blocked.customer_id = charges.customer_id and blocked.month = charges.invoice_month
    left join last_readings on charges.pbx_id = last_readings.pbx_id and charges.customer_id = last_readings.customer_id
    where charges.status_reason is not null and not charges.is_billing_exempt
),

others as (
    select blocked.partner_id, blocked.customer_id, blocked.month, blocked.invoice_id, reasons.reason,
        case when reasons.reason = 'incomplete_address' then concat_ws(
            ', ',
            case when customers.street is null then 'street' end,
            case when customers.postal_code is null then 'postal_code' end,
            case when customers.city is null then 'city' end,
            case when customers.email is null then 'email' end
        ) else customers.vat_category end as subject
    from blocked
    inner join {{ ref('invoices') }} as invoices on blocked.partner_id = invoices.partner_id and blocked.invoice_id = invoices.invoice_id
    left join {{ ref('int_customers') }} as customers on blocked.partner_id = customers.partner_id and blocked.customer_id = customers.customer_id
    inner join {{ ref('draft_reasons') }} as reasons on ', ' || invoices.block_reason || ',' like '%, ' || reasons.reason || ',%'
    where reasons.reason in ('no_vat_rate', 'no_invoice_to_credit', 'incomplete_address')
),

problems as (
    select partner_id, customer_id, month, invoice_id, reason, subject, cast(null as varchar) as charged_month, count(*) as occurrences, min(example) as example
    from unrated
    group by partner_id, customer_id, month, invoice_id, reason, subject
    union all
    select partner_id, customer_id, month, invoice_id, reason, subject, charged_month, count(*) as occurrences, min(example) as example
    from uncharged
    group by partner_id, customer_id, month, invoice_id, reason, subject, charged_month
    union all
    select partner_id, customer_id, month, invoice_id, reason, subject, cast(null as varchar) as charged_month, 1 as occurrences, cast(null as varchar) as example
    from others
)

select
    problems.partner_id,
    problems.customer_id,
    problems.month,
    problems.invoice_id,
    problems.reason,
    problems.subject,
    problems.charged_month,
    cast(problems.occurrences as bigint) as occurrences,
    problems.example,
    coalesce(of_calls.why, of_drafts.why) as why,
    coalesce(of_calls.fix, of_drafts.fix) as fix
from problems
left join {{ ref('unrated_reasons') }} as of_calls on problems.reason = of_calls.status_reason
left join {{ ref('draft_reasons') }} as of_drafts on problems.reason = of_drafts.reason
