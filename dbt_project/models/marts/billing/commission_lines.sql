-- What earns a reseller its commission (DOMAIN 4): what its customers were invoiced, without VAT, for calls and for services apart. An approved line earns what it
-- did when it was approved; a statement that was settled with the reseller takes nothing more.
with invoiced as (
    select
        invoices.partner_id,
        case when {{ is_credited_by_hand('invoices.invoice_id') }} then {{ month_of('invoices.issued_on') }} else invoices.month end as month,
        -- lines of before did not say it
        case when lines.commission_percent is not null then lines.reseller_id else invoices.reseller_id end as reseller_id,
        invoices.customer_id,
        invoices.invoice_id,
        invoices.status,
        invoices.issued_on,
        case when lines.kind in ('calls', 'airtime') then 'calls' else 'services' end as kind,
        lines.commission_percent,
        sum(lines.amount_eur) as sale_eur
    from {{ ref('invoice_lines') }} as lines
    inner join {{ ref('invoices') }} as invoices on lines.partner_id = invoices.partner_id and lines.invoice_id = invoices.invoice_id
    group by
        invoices.partner_id, invoices.month, case when lines.commission_percent is not null then lines.reseller_id else invoices.reseller_id end,
        invoices.customer_id, invoices.invoice_id, invoices.status, invoices.issued_on,
        case when lines.kind in ('calls', 'airtime') then 'calls' else 'services' end, lines.commission_percent
),

with_percent as (
    select
        invoiced.partner_id,
        invoiced.month,
        invoiced.reseller_id,
        invoiced.customer_id,
        invoiced.invoice_id,
        invoiced.status,
        invoiced.issued_on,
        invoiced.kind,
        cast(invoiced.sale_eur as decimal(18, 2)) as sale_eur,
        invoiced.commission_percent as approved_percent,
        cast(coalesce(
            invoiced.commission_percent,
            case invoiced.kind when 'calls' then resellers.call_commission_percent else resellers.service_commission_percent end,
            0
        ) as decimal(9, 4)) as commission_percent
    from invoiced
    -- a reseller that has not landed earns nothing that is known
    left join {{ ref('stg_landing__resellers') }} as resellers on invoiced.partner_id = resellers.partner_id and invoiced.reseller_id = resellers.reseller_id
    where invoiced.reseller_id is not null
),

settled as (
    select partner_id, reseller_id, month, invoice_id, kind, max(commission_percent) as commission_percent
    from {{ source('raw', 'commission_statement_lines') }}
    group by partner_id, reseller_id, month, invoice_id, kind
),

-- what comes after a statement belongs to the first month after it that is not settled
last_statements as (
    select partner_id, reseller_id, {{ month_of(next_month_start(first_day_of('max(month)'))) }} as first_open_month
    from {{ source('raw', 'commission_statements') }}
    group by partner_id, reseller_id
)

select
    earned.partner_id,
    case
        when settled.month is not null then settled.month
        when earned.month < last_statements.first_open_month
            then greatest(last_statements.first_open_month, coalesce({{ month_of('earned.issued_on') }}, last_statements.first_open_month))
        else earned.month
    end as month,
    earned.reseller_id,
    earned.customer_id,
    earned.invoice_id,
    earned.status,
    earned.kind,
    earned.sale_eur,
    {%- set percent = 'coalesce(earned.approved_percent, settled.commission_percent, earned.commission_percent)' %}
    cast({{ percent }} as decimal(9, 4)) as commission_percent,
    cast(earned.sale_eur * cast({{ percent }} as decimal(9, 4)) * cast(0.01 as decimal(3, 2)) as decimal(18, 8)) as exact_commission_eur
from with_percent as earned
left join settled
    on earned.partner_id = settled.partner_id and earned.reseller_id = settled.reseller_id and earned.invoice_id = settled.invoice_id
    and earned.kind = settled.kind
left join last_statements on earned.partner_id = last_statements.partner_id and earned.reseller_id = last_statements.reseller_id
