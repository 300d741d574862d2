{#
    A payment names an invoice number, without regard to case and blanks, and perhaps the partner. It belongs to the one invoice that bears the number. Where
    several partners gave that number: to the one that had been approved when the payment came; of several, to the one that had been issued when it was paid; of
    none, to the one that was approved first. So what a payment has settled stays settled, whatever others approve later. Else it belongs to nobody, and
    operators see it. Where no invoice bears the number, it is that of the one partner whose prefix and suffix the number has (all decided). Nothing that was
    paid is left out. A credit note, and what is paid back on it, settles the invoice that it refers to.
#}
with numbered_invoices as (
    select
        invoices.partner_id, invoices.customer_id, invoices.invoice_id, invoices.invoice_number, invoices.month, invoices.kind, invoices.gross_eur,
        invoices.issued_on, invoices.due_on,
        coalesce(invoices.credited_invoice_number, invoices.invoice_number) as settles_invoice_number,
        {{ invoice_key('invoices.invoice_number') }} as invoice_key,
        {{ utc_moment('approvals.approved_at') }} as approved_at
    from {{ ref('invoices') }} as invoices
    left join {{ source('raw', 'approvals') }} as approvals
        on invoices.partner_id = approvals.partner_id and invoices.invoice_number = approvals.invoice_number
    where invoices.invoice_number is not null and invoices.issued_on is not null
),

bearers as (
    select
        payments.file_id,
        payments.line,
        invoices.partner_id,
        invoices.invoice_id,
        invoices.approved_at,
        case when invoices.approved_at < payments.known_at then 1 else 0 end as was_there,
        case when invoices.approved_at < payments.known_at and invoices.issued_on <= payments.paid_on then 1 else 0 end as was_issued
    from {{ ref('stg_landing__payments') }} as payments
    inner join numbered_invoices as invoices
        on payments.invoice_key = invoices.invoice_key
        and (payments.partner_id is null or payments.partner_id = invoices.partner_id)
),

bearers_of_payment as (
    select
        file_id,
        line,
        count(*) as bearers,
        sum(was_there) as were_there,
        sum(was_issued) as were_issued,
        min(approved_at) as first_approved_at
    from bearers
    group by file_id, line
),

takers as (
    select
        bearers.file_id,
        bearers.line,
        max(bearers.partner_id) as partner_id,
        max(bearers.invoice_id) as invoice_id
    from bearers
    inner join bearers_of_payment as of_payment on bearers.file_id = of_payment.file_id and bearers.line = of_payment.line
    where case
        when of_payment.bearers = 1 then 1
        when of_payment.were_there = 1 then bearers.was_there
        when of_payment.were_there > 1 then bearers.was_issued
        when bearers.approved_at = of_payment.first_approved_at then 1
        else 0
    end = 1
    group by bearers.file_id, bearers.line
    having count(*) = 1
),

partner_numbers as (
    select
        payments.invoice_key,
        payments.partner_id as paid_to,
        partners.partner_id,
        partners.last_invoice_number,
        substring(
            payments.invoice_key, length(partners.prefix) + 1, length(payments.invoice_key) - length(partners.prefix) - length(partners.suffix)
        ) as digits
    from (select distinct invoice_key, partner_id from {{ ref('stg_landing__payments') }}) as payments
    inner join (
        select
            partner_id,
            last_invoice_number,
            {{ invoice_key("coalesce(invoice_prefix, '')") }} as prefix,
            {{ invoice_key("coalesce(invoice_suffix, '')") }} as suffix
        from {{ ref('int_partners') }}
    ) as partners
        on left(payments.invoice_key, length(partners.prefix)) = partners.prefix
        and right(payments.invoice_key, length(partners.suffix)) = partners.suffix
        and length(payments.invoice_key) > length(partners.prefix) + length(partners.suffix)
        and (payments.partner_id is null or payments.partner_id = partners.partner_id)
),

owners as (
    select
        invoice_key,
        paid_to,
        max(partner_id) as partner_id,
        max(case when length(digits) <= 18 and cast(left(digits, 18) as bigint) <= last_invoice_number then 1 else 0 end) as is_earlier
    from partner_numbers
    where {{ matches('digits', '^[0-9]+$') }}
    group by invoice_key, paid_to
    having count(*) = 1
),

payments as (
    select
        coalesce(payments.partner_id, invoices.partner_id, case when of_payment.bearers is null then owners.partner_id end) as partner_id,
        invoices.customer_id,
        invoices.invoice_id,
        coalesce(invoices.invoice_number, payments.invoice_number) as invoice_number,
        coalesce(invoices.settles_invoice_number, payments.invoice_number) as settles_invoice_number,
        invoices.month,
        payments.paid_on,
        payments.amount_eur,
        invoices.due_on,
        payments.reference,
        payments.file,
        payments.line,
        case
            when invoices.invoice_id is not null then null
            when of_payment.bearers > 1 then 'ambiguous_invoice'
            when owners.is_earlier = 1 then 'earlier_invoice'
            else 'unknown_invoice'
        end as status_reason
    from {{ ref('stg_landing__payments') }} as payments
    left join bearers_of_payment as of_payment on payments.file_id = of_payment.file_id and payments.line = of_payment.line
    left join takers on payments.file_id = takers.file_id and payments.line = takers.line
    left join numbered_invoices as invoices on takers.partner_id = invoices.partner_id and takers.invoice_id = invoices.invoice_id
    left join owners
        on payments.invoice_key = owners.invoice_key
        and (payments.partner_id = owners.paid_to or (payments.partner_id is null and owners.paid_to is null))
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
    cast(null as varchar) as status_reason,
    cast(null as varchar) as reference,
    cast(null as varchar) as file,
    cast(null as bigint) as line
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
    status_reason,
    reference,
    file,
    line
from payments
