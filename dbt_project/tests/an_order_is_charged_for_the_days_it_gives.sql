-- Fails if what stands on invoices of an order's month, settlements among it, is not what the order gives: days would be paid that were not delivered, or
-- delivered that nobody pays. Services of which a customer was credited a line by hand are a person's to settle.
with charged as (
    select partner_id, customer_id, kind, service_code, month, order_id, line_number, sum(quantity * coalesce(days, 1)) as piece_days
    from {{ ref('service_charges') }}
    where kind in ('nrc', 'mrc')
    group by partner_id, customer_id, kind, service_code, month, order_id, line_number
),

given as (
    select
        partner_id, customer_id, charge as kind, service_code, {{ month_of('month_start') }} as month, order_id, line_number,
        quantity * coalesce(days, 1) as piece_days
    from {{ ref('int_order_charges') }}
),

credited as (
    select distinct lines.customer_id, lines.kind, lines.service_code
    from {{ source('raw', 'approved_lines') }} as lines
    inner join {{ source('raw', 'approved_invoices') }} as notes on lines.invoice_id = notes.invoice_id
    where notes.kind = 'credit_note' and {{ is_credited_by_hand('notes.invoice_id') }}
)

select
    given.partner_id, given.customer_id, given.kind, given.service_code, given.month, given.order_id, given.line_number,
    given.piece_days, charged.piece_days as charged_piece_days
from given
inner join charged on {{ same_key('given', 'charged', ['partner_id', 'customer_id', 'kind', 'service_code', 'month', 'order_id', 'line_number']) }}
left join credited
    on given.customer_id = credited.customer_id and given.kind = credited.kind and given.service_code = credited.service_code
where given.piece_days <> charged.piece_days and credited.customer_id is null
