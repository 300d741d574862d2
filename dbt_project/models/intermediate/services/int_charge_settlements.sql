{#
    An approved invoice never changes (DOMAIN 5). Where an order ends, is withdrawn or is corrected after a month of it was billed, the difference stands in
    the first open month, as a late call does: what its days cost now at the prices that were billed, less what was billed. Prices, plans and the catalogue are
    not looked at: they change nothing about a month that is billed.
-#}
{%- set key = ['customer_id', 'kind', 'service_code', 'month', 'order_id', 'line_number'] -%}
-- lines that a person credited are that person's to settle (decided): they would be paid back twice
with credited_lines as (
    select distinct lines.customer_id, lines.month as invoice_month, lines.kind, lines.service_code,
        coalesce(lines.settled_month, '') as settled_month, {{ month_of('lines.period_start') }} as service_month,
        lines.unit_price_eur, lines.days
    from {{ source('raw', 'approved_lines') }} as lines
    inner join {{ source('raw', 'approved_invoices') }} as notes on lines.invoice_id = notes.invoice_id
    -- not a draft below nothing, which was approved as a credit note
    where notes.kind = 'credit_note' and notes.invoice_id <> notes.customer_id || '-' || notes.month
),

frozen as (
    select
        charges.*,
        coalesce(charges.is_settlement, false) as settles,
        charges.quantity * coalesce(charges.days, 1) as piece_days,
        case when credited_lines.customer_id is not null then 1 else 0 end as was_credited,
        row_number() over (
            partition by {% for column in key %}charges.{{ column }}, {% endfor %}coalesce(charges.is_settlement, false) order by charges.invoice_month, charges.freeze_id
        ) as place
    from {{ source('raw', 'frozen_charges') }} as charges
    left join credited_lines
        on charges.customer_id = credited_lines.customer_id and charges.invoice_month = credited_lines.invoice_month
        and charges.kind = credited_lines.kind and charges.service_code = credited_lines.service_code
        and case when charges.is_settlement then charges.month else '' end = credited_lines.settled_month
        and charges.month = coalesce(credited_lines.service_month, charges.month)  -- a line of before had no month of its own, nor a price
        and charges.unit_sale_eur = coalesce(credited_lines.unit_price_eur, charges.unit_sale_eur)
        and coalesce(charges.days, 0) = coalesce(credited_lines.days, charges.days, 0)
    where charges.kind in ('nrc', 'mrc')
),

billed_until_now as (
    select {{ key | join(', ') }}, sum(piece_days) as piece_days, sum(purchase_eur) as purchase_eur, sum(sale_eur) as sale_eur
    from frozen
    group by {{ key | join(', ') }}
    having max(was_credited) = 0
),

-- a line that is in quarantine now gives no reason to pay back: it is not here
with_what_is_given_now as (
    select
        charges.*,
        billed.piece_days as billed_piece_days,
        billed.purchase_eur as billed_purchase_eur,
        billed.sale_eur as billed_sale_eur,
        case
            when orders.delivered_on is null or orders.customer_id <> charges.customer_id or orders.service_code <> charges.service_code then 0
            when charges.kind = 'mrc' then orders.quantity
            when {{ month_of('orders.delivered_on') }} = charges.month then orders.new_quantity
            else 0
        end as given_quantity,
        case
            when charges.kind = 'nrc' then 1
            when orders.delivered_on is not null then greatest({{ days_in_service(first_day_of('charges.month'), 'orders.delivered_on', 'orders.ends_on') }}, 0)
            else 0
        end as given_days
    from frozen as charges
    inner join billed_until_now as billed on {{ same_key('charges', 'billed', key) }}
    inner join {{ ref('int_order_lines') }} as orders on charges.order_id = orders.order_id and charges.line_number = orders.line_number
    where not charges.settles and charges.place = 1
),

different as (
    select
        *,
        given_quantity * given_days as given_piece_days,
        given_quantity * given_days - billed_piece_days as piece_days_more,
        given_quantity * given_days * case kind when 'nrc' then days_in_month else 1 end as share_given
    from with_what_is_given_now
    where given_quantity * given_days <> billed_piece_days
),

with_amounts as (
    select
        *,
        -- the same pieces for fewer or more days where that is what changed; else as many days of one piece
        case
            when kind = 'nrc' then piece_days_more
            when given_piece_days > 0 and given_quantity <> quantity then 1
            when piece_days_more % quantity <> 0 then 1
            else quantity
        end as settled_quantity,
        cast({{ share_of_amount('unit_purchase_eur', 'share_given', 'days_in_month') }} - billed_purchase_eur as decimal(18, 6)) as settled_purchase_eur,
        cast({{ share_of_amount('unit_sale_eur', 'share_given', 'days_in_month') }} - billed_sale_eur as decimal(18, 6)) as settled_sale_eur
    from different
),

-- after every month that is final for the customer: it became known when they were
open_months as (
    select customer_id, max(next_open_month) as month
    from {{ ref('int_closed_months') }}
    group by customer_id
)

select
    settled.partner_id,
    settled.customer_id,
    customers.reseller_id,
    settled.month,
    open_months.month as invoice_month,
    settled.kind,
    settled.service_code,
    settled.category,
    settled.service_name,
    settled.order_id,
    settled.line_number,
    settled.pbx_id,
    settled.service_plan_id,
    settled.is_exception,
    cast(settled.settled_quantity as bigint) as quantity,
    case when settled.kind = 'mrc' then cast({{ whole_quotient('settled.piece_days_more', 'settled.settled_quantity') }} as integer) end as days,
    settled.days_in_month,
    settled.unit_purchase_eur,
    settled.unit_sale_eur,
    settled.settled_purchase_eur as purchase_eur,
    settled.settled_sale_eur as sale_eur,
    cast(settled.settled_sale_eur - settled.settled_purchase_eur as decimal(18, 6)) as margin_eur
from with_amounts as settled
inner join open_months on settled.customer_id = open_months.customer_id
inner join {{ ref('stg_landing__customers') }} as customers on settled.customer_id = customers.customer_id
