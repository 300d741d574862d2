{#
    A payment names an invoice number and nothing else. It belongs to the one invoice that bears the number; where none does, to the one partner whose prefix
    and suffix the number has; else to nobody, and operators see it (decided). Nothing that was paid is left out. A credit note, and what is paid back on it,
    settles the invoice that it refers to.
#}
with numbered_invoices as (
    select
        partner_id, customer_id, invoice_id, invoice_number, month, kind, gross_eur, issued_on, due_on,
        coalesce(credited_invoice_number, invoice_number) as settles_invoice_number
    from {{ ref('invoices') }}
    where invoice_number is not null and issued_on is not null
),

bearers as (
    select invoice_number, count(*) as bearers
    from numbered_invoices
    group by invoice_number
),

partner_numbers as (
    select
        payments.invoice_number,
        partners.partner_id,
        partners.last_invoice_number,
        substring(
            payments.invoice_number,
            length(coalesce(partners.invoice_prefix, '')) + 1,
            length(payments.invoice_number) - length(coalesce(partners.invoice_prefix, '')) - length(coalesce(partners.invoice_suffix, ''))
        ) as digits
    from (select distinct invoice_number from {{ ref('stg_landing__payments') }}) as payments
    inner join {{ ref('int_partners') }} as partners
        on left(payments.invoice_number, length(coalesce(partners.invoice_prefix, ''))) = coalesce(partners.invoice_prefix, '')
        and right(payments.invoice_number, length(coalesce(partners.invoice_suffix, ''))) = coalesce(partners.invoice_suffix, '')
        and length(payments.invoice_number) > length(coalesce(partners.invoice_prefix, '')) + length(coalesce(partners.invoice_suffix, ''))
),

owners as (
    select
        invoice_number,
        max(partner_id) as partner_id,
        max(case when length(digits) <= 18 and cast(left(digits, 18) as bigint) <= last_invoice_number then 1 else 0 end) as is_earlier
    from partner_numbers
    where {{ matches('digits', '^[0-9]+$') }}
    group by invoice_number
    having count(*) = 1
),

payments as (
    select
        coalesce(invoices.partner_id, case when bearers.bearers is null then owners.partner_id end) as partner_id,
        invoices.customer_id,
        invoices.invoice_id,
        payments.invoice_number,
        coalesce(invoices.settles_invoice_number, payments.invoice_number) as settles_invoice_number,
        invoices.month,
        payments.paid_on,
        payments.amount_eur,
        invoices.due_on,
        case
            when invoices.invoice_id is not null then null
            when bearers.bearers > 1 then 'ambiguous_invoice'
            when owners.is_earlier = 1 then 'earlier_invoice'
            else 'unknown_invoice'
        end as status_reason
    from {{ ref('stg_landing__payments') }} as payments
    left join bearers on payments.invoice_number = bearers.invoice_number
    left join numbered_invoices as invoices on payments.invoice_number = invoices.invoice_number and bearers.bearers = 1
    left join owners on payments.invoice_number = owners.invoice_number
)

select
    partner_id,
    customer_id,
    invoice_number,
    invoice_id,
    month,
    kind,
    settles_invoice_number,
    issued_on as happened_on,
    due_on,
    cast(gross_eur as decimal(18, 2)) as amount_eur,
    cast(null as varchar) as status_reason
from numbered_invoices

union all

select
    partner_id,
    customer_id,
    invoice_number,
    invoice_id,
    month,
    'payment' as kind,
    settles_invoice_number,
    paid_on as happened_on,
    due_on,
    cast(-amount_eur as decimal(18, 2)) as amount_eur,
    status_reason
from payments
