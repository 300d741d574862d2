{#-
    An approved invoice never changes (DOMAIN 5). Where what was billed is given otherwise now, because an order ended, was withdrawn or corrected, or a reading or
    the service of a line was corrected, the difference stands in the first open month, as a late call does: what is given now at the prices that were billed, less
    what was billed. Prices, plans, the catalogue, VAT and resellers of today are not looked at: a settlement has the terms of what it settles. What is billed to
    another customer or as another service now is given back whole here, and charged anew in service_charges.
-#}
{%- set key = ['partner_id', 'customer_id', 'kind', 'service_code', 'month', 'order_key', 'line_key', 'pbx_key'] -%}
-- lines that a person credited are that person's to settle (decided): they would be paid back twice
with credited_lines as (
    select distinct lines.partner_id, lines.customer_id, lines.month as invoice_month, lines.kind, lines.service_code,
        coalesce(lines.settled_month, '') as settled_month, {{ month_of('lines.period_start') }} as service_month,
        case when lines.kind = 'seat' then coalesce(lines.pbx_id, '') else '' end as pbx_key, lines.unit_price_eur, lines.days,
        lines.vat_category,
        -- lines of before did not say it
        case when lines.commission_percent is not null then coalesce(lines.reseller_id, '') end as reseller_key
    from {{ source('raw', 'approved_lines') }} as lines
    inner join {{ source('raw', 'approved_invoices') }} as notes
        on lines.partner_id = notes.partner_id and lines.invoice_id = notes.invoice_id
    where notes.kind = 'credit_note' and {{ is_credited_by_hand('notes.invoice_id') }}
),

billed_charges as (
    select
        charges.*,
        coalesce(charges.is_settlement, false) as settles,
        -- an order line is the same with another PBX; seats are those of the PBX
        coalesce(charges.order_id, '') as order_key,
        coalesce(charges.line_number, 0) as line_key,
        case when charges.kind = 'seat' then coalesce(charges.pbx_id, '') else '' end as pbx_key,
        charges.quantity * coalesce(charges.days, 1) as piece_days
    from {{ source('raw', 'frozen_charges') }} as charges
),

frozen as (
    select
        charges.*,
        case
            when exists (
                select 1
                from credited_lines
                where
                    charges.partner_id = credited_lines.partner_id and charges.customer_id = credited_lines.customer_id
                    and charges.invoice_month = credited_lines.invoice_month
                    and charges.kind = credited_lines.kind and charges.service_code = credited_lines.service_code and charges.pbx_key = credited_lines.pbx_key
                    and case when charges.settles then charges.month else '' end = credited_lines.settled_month
                    and charges.month = coalesce(credited_lines.service_month, charges.month)  -- a line of before had no month of its own, nor a price
                    -- one service may stand on several lines of an invoice: by price and days, by VAT, and by reseller
                    and (
                        credited_lines.unit_price_eur is null
                        or (charges.unit_sale_eur = credited_lines.unit_price_eur and coalesce(charges.days, 0) = coalesce(credited_lines.days, 0))
                    )
                    and coalesce(charges.vat_category, credited_lines.vat_category, '') = coalesce(credited_lines.vat_category, charges.vat_category, '')
                    and coalesce(charges.reseller_id, '') = coalesce(credited_lines.reseller_key, charges.reseller_id, '')
            ) then 1
            else 0
        end as was_credited,
        row_number() over (
            partition by {% for column in key %}charges.{{ column }}, {% endfor %}charges.settles order by charges.invoice_month, charges.freeze_id
        ) as place
    from billed_charges as charges
),

billed_until_now as (
    select {{ key | join(', ') }}, sum(piece_days) as piece_days, sum(purchase_eur) as purchase_eur, sum(sale_eur) as sale_eur
    from frozen
    group by {{ key | join(', ') }}
    having max(was_credited) = 0
),

to_compare as (
    select
        charges.*,
        billed.piece_days as billed_piece_days,
        billed.purchase_eur as billed_purchase_eur,
        billed.sale_eur as billed_sale_eur
    from frozen as charges
    inner join billed_until_now as billed on {{ same_key('charges', 'billed', key) }}
    where not charges.settles and charges.place = 1
),

-- a line that is in quarantine now gives no reason to pay back: it is not here
given_by_orders as (
    select
        charges.*,
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
    from to_compare as charges
    inner join {{ ref('int_order_lines') }} as orders
        on charges.partner_id = orders.partner_id and charges.order_id = orders.order_id and charges.line_number = orders.line_number
    where charges.kind in ('nrc', 'mrc')
),

pbx_ends as (
    select partner_id, pbx_id, max(ends_on) as ends_on
    from {{ ref('int_order_lines') }}
    where delivered_on is not null and pbx_id is not null
    group by partner_id, pbx_id
),

read_pbxs as (
    select partner_id, pbx_id, month_start, count(extensions) as readings
    from {{ ref('int_seat_counts') }}
    group by partner_id, pbx_id, month_start
),

-- seats of a PBX that is read otherwise now; a reading that is not there any more, or a PBX that nobody ordered, gives no reason to pay back
given_by_readings as (
    select charges.*, coalesce(seats.extensions, 0) as given_quantity, 1 as given_days
    from to_compare as charges
    left join {{ ref('int_seat_counts') }} as seats
        on charges.partner_id = seats.partner_id and charges.customer_id = seats.customer_id and charges.service_code = seats.service_code
        and charges.pbx_id = seats.pbx_id and {{ first_day_of('charges.month') }} = seats.month_start
    left join read_pbxs
        on charges.partner_id = read_pbxs.partner_id and charges.pbx_id = read_pbxs.pbx_id and {{ first_day_of('charges.month') }} = read_pbxs.month_start
    left join pbx_ends on charges.partner_id = pbx_ends.partner_id and charges.pbx_id = pbx_ends.pbx_id
    where
        charges.kind = 'seat'
        and (read_pbxs.readings > 0 or (read_pbxs.pbx_id is null and pbx_ends.ends_on < {{ next_month_start(first_day_of('charges.month')) }}))
),

-- minutes that another service, or another order line, meters now
given_by_legs as (
    select charges.*, coalesce(minutes.minutes, 0) as given_quantity, 1 as given_days
    from to_compare as charges
    inner join {{ ref('int_order_lines') }} as orders
        on charges.partner_id = orders.partner_id and charges.order_id = orders.order_id and charges.line_number = orders.line_number
    left join {{ ref('int_airtime_minutes') }} as minutes
        on charges.partner_id = minutes.partner_id and charges.customer_id = minutes.customer_id and charges.service_code = minutes.service_code
        and charges.order_id = minutes.order_id and charges.line_number = minutes.line_number
        and {{ first_day_of('charges.month') }} = minutes.month_start
    where
        charges.kind = 'airtime'
        -- how a service is metered may change: what was billed was billed
        and not (minutes.order_id is null and orders.service_code = charges.service_code and coalesce(orders.metering, '') <> 'airtime')
),

with_what_is_given_now as (
    select * from given_by_orders
    union all
    select * from given_by_readings
    union all
    select * from given_by_legs
),

different as (
    select
        *,
        given_quantity * given_days as given_piece_days,
        given_quantity * given_days - billed_piece_days as piece_days_more,
        given_quantity * given_days * case kind when 'mrc' then 1 else days_in_month end as share_given
    from with_what_is_given_now
    where given_quantity * given_days <> billed_piece_days
),

with_amounts as (
    select
        *,
        -- the same pieces for fewer or more days where that is what changed; else as many days of one piece
        case
            when kind <> 'mrc' then piece_days_more
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
    select partner_id, customer_id, max(next_open_month) as month
    from {{ ref('int_closed_months') }}
    group by partner_id, customer_id
),

-- what stood on the invoice, where it was approved
billed_lines as (
    select
        partner_id, customer_id, month as invoice_month, kind, service_code, {{ month_of('period_start') }} as service_month,
        case when kind = 'seat' then coalesce(pbx_id, '') else '' end as pbx_key,
        min(vat_category) as vat_category
    from {{ source('raw', 'approved_lines') }}
    where settled_month is null and not {{ is_credited_by_hand('invoice_id') }}
    group by partner_id, customer_id, month, kind, service_code, {{ month_of('period_start') }}, case when kind = 'seat' then coalesce(pbx_id, '') else '' end
)

select
    settled.partner_id,
    settled.customer_id,
    settled.reseller_id,
    settled.month,
    open_months.month as invoice_month,
    settled.invoice_month as settles_invoice_month,
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
    cast(settled.settled_sale_eur - settled.settled_purchase_eur as decimal(18, 6)) as margin_eur,
    -- as it was billed; of what was frozen before this was remembered, as its line says, or as the customer was then
    coalesce(settled.vat_category, billed_lines.vat_category, customers.vat_category, 'standard') as vat_category,
    -- what was shown and not billed is not paid back either
    coalesce(settled.is_billing_exempt, customers.billing_exempt, false) as is_billing_exempt
from with_amounts as settled
inner join open_months on settled.partner_id = open_months.partner_id and settled.customer_id = open_months.customer_id
left join billed_lines
    on settled.partner_id = billed_lines.partner_id and settled.customer_id = billed_lines.customer_id and settled.invoice_month = billed_lines.invoice_month
    and settled.kind = billed_lines.kind and settled.service_code = billed_lines.service_code and settled.pbx_key = billed_lines.pbx_key
    and settled.month = coalesce(billed_lines.service_month, settled.month)
left join {{ ref('stg_landing__customer_periods') }} as customers
    on settled.partner_id = customers.partner_id and settled.customer_id = customers.customer_id
    and {{ holds_on('customers', first_day_of('settled.month')) }}
