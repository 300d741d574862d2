{#
    Open items: what each invoice number still asks, as of a day. A formula (no ref): the mart and `tikteller export ageing --as-of` say the same.

    movements   a relation: receivables with `as_of_date` beside them
    result      one row per partner and number of an invoice with a movement up to that day; credit notes stand with the invoice that they refer to
#}
{% macro open_items_as_of(movements) -%}
(
    with balances as (
        select
            partner_id,
            settles_invoice_number as invoice_number,
            max(customer_id) as customer_id,
            max(case when kind = 'invoice' then invoice_id end) as invoice_id,
            max(case when kind = 'invoice' then month end) as month,
            max(case when kind = 'invoice' then happened_on end) as issued_on,
            max(case when kind = 'invoice' then coalesce(due_on, happened_on) end) as due_on,
            as_of_date,
            sum(case when kind = 'invoice' and happened_on <= as_of_date then amount_eur else 0 end) as gross_eur,
            sum(case when kind = 'credit_note' and happened_on <= as_of_date then -amount_eur else 0 end) as credited_eur,
            sum(case when kind = 'payment' and happened_on <= as_of_date then -amount_eur else 0 end) as paid_eur,
            sum(case when kind = 'payment' and happened_on > as_of_date then -amount_eur else 0 end) as paid_later_eur,
            sum(case when happened_on <= as_of_date and status_reason is null then amount_eur else 0 end) as open_eur,
            max(status_reason) as status_reason
        from {{ movements }} as movements
        group by partner_id, settles_invoice_number, as_of_date
        having min(happened_on) <= as_of_date
    ),

    overdue as (
        select balances.*, {{ days_between('due_on', 'as_of_date') }} as days_overdue
        from balances
    )

    select
        partner_id,
        customer_id,
        invoice_number,
        invoice_id,
        month,
        issued_on,
        due_on,
        cast(gross_eur as decimal(18, 2)) as gross_eur,
        cast(credited_eur as decimal(18, 2)) as credited_eur,
        cast(paid_eur as decimal(18, 2)) as paid_eur,
        cast(open_eur as decimal(18, 2)) as open_eur,
        cast(paid_later_eur as decimal(18, 2)) as paid_later_eur,
        cast(case when open_eur > 0 and days_overdue > 0 then days_overdue else 0 end as integer) as days_overdue,
        case
            when status_reason is not null then 'no_invoice'
            when open_eur = 0 then 'settled'
            when open_eur < 0 then 'credit'
            when days_overdue <= 0 then 'not_due'
            when days_overdue <= 30 then 'days_1_30'
            when days_overdue <= 60 then 'days_31_60'
            when days_overdue <= 90 then 'days_61_90'
            else 'days_over_90'
        end as bucket,
        status_reason,
        as_of_date
    from overdue
)
{%- endmacro %}
