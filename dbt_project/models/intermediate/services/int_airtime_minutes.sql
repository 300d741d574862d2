-- The airtime leg of a call (SIM to PBX) is a call and is rated as one (DOMAIN 2). What the call plan gives it no price for is metered by the airtime service
-- that the customer ordered (DOMAIN 3): begun minutes, leg by leg. So every leg is billed once, by the one or by the other (decided).
with legs_without_price as (
    select
        call_key,
        partner_id,
        customer_id,
        call_date,
        cast(billing_month || '-01' as date) as month_start,
        {{ whole_quotient('duration_s + 59', 60) }} as minutes
    from {{ ref('calls') }}
    where
        leg = 'airtime' and sale_eur = 0
        and (status = 'rated' or (status = 'exempt' and status_reason in ('internal', 'feature_code')))
),

-- two airtime services at a time: the one that was delivered first meters, the other waits until it ends
legs_with_service as (
    select
        legs.month_start,
        legs.minutes,
        lines.partner_id,
        lines.order_id,
        lines.line_number,
        lines.customer_id,
        lines.service_code,
        lines.delivered_on,
        row_number() over (partition by legs.call_key order by lines.delivered_on, lines.order_id, lines.line_number) as place
    from legs_without_price as legs
    inner join {{ ref('int_order_lines') }} as lines
        on legs.partner_id = lines.partner_id and legs.customer_id = lines.customer_id and legs.call_date >= lines.delivered_on and legs.call_date < lines.ends_on
    where lines.metering = 'airtime'
)

select
    partner_id,
    order_id,
    line_number,
    customer_id,
    service_code,
    month_start,
    greatest(month_start, min(delivered_on)) as first_day,
    cast(sum(minutes) as bigint) as minutes
from legs_with_service
where place = 1
group by partner_id, order_id, line_number, customer_id, service_code, month_start
