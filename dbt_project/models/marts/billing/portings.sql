-- A porting request is an order; its losing operator and account holder are one (stg_landing__order_refusals), so that a line which is silent has the others'.
with porting_lines as (
    select
        orders.order_id,
        orders.line_number,
        orders.customer_id,
        orders.partner_id,
        customers.reseller_id,
        orders.service_code,
        orders.quantity,
        orders.ordered_on,
        orders.delivered_on,
        orders.ended_on,
        coalesce(orders.losing_operator, max(orders.losing_operator) over (partition by orders.partner_id, orders.order_id)) as losing_operator,
        coalesce(orders.account_holder, max(orders.account_holder) over (partition by orders.partner_id, orders.order_id)) as account_holder,
        orders.file_id,
        orders.line
    from {{ ref('stg_landing__orders') }} as orders
    left join {{ ref('int_customers') }} as customers on orders.partner_id = customers.partner_id and orders.customer_id = customers.customer_id
    where orders.losing_operator is not null or orders.account_holder is not null or orders.numbers is not null
),

lines_with_blocks as (
    select
        porting_lines.*,
        blocks.block_number,
        blocks.first_e164,
        blocks.last_e164,
        blocks.numbers,
        sum(blocks.numbers) over (partition by porting_lines.partner_id, porting_lines.order_id, porting_lines.line_number) as line_numbers
    from porting_lines
    left join {{ ref('stg_landing__number_blocks') }} as blocks on porting_lines.file_id = blocks.file_id and porting_lines.line = blocks.line
),

numbers_of_others as (
    select lines.partner_id, lines.order_id, lines.line_number, lines.block_number, count(*) as numbers
    from lines_with_blocks as lines
    inner join {{ ref('int_platform_numbers') }} as platform
        on cast(platform.e164 as bigint) between cast(lines.first_e164 as bigint) and cast(lines.last_e164 as bigint)
        and length(platform.e164) = length(lines.first_e164)
        and platform.customer_id <> lines.customer_id
        and coalesce(lines.delivered_on, lines.ordered_on) >= platform.valid_from and coalesce(lines.delivered_on, lines.ordered_on) < platform.valid_to
    group by lines.partner_id, lines.order_id, lines.line_number, lines.block_number
)

select
    lines.partner_id,
    lines.customer_id,
    lines.reseller_id,
    lines.order_id,
    lines.line_number,
    lines.block_number,
    lines.service_code,
    lines.losing_operator,
    lines.account_holder,
    lines.first_e164 as first_number,
    lines.last_e164 as last_number,
    cast(coalesce(lines.numbers, 0) as bigint) as numbers,
    lines.quantity,
    cast(coalesce(lines.line_numbers, 0) as bigint) as line_numbers,
    cast(coalesce(numbers_of_others.numbers, 0) as bigint) as numbers_of_others,
    case
        when lines.delivered_on is not null then 'delivered'
        when lines.ended_on is not null then 'cancelled'
        else 'requested'
    end as status,
    lines.ordered_on,
    lines.delivered_on,
    nullif(concat_ws(
        ', ',
        case when numbers_of_others.numbers > 0 then 'numbers_of_another_customer' end,
        case when lines.line_numbers <> lines.quantity then 'quantity_differs' end,
        case when lines.line_numbers is null then 'no_numbers' end,
        case when lines.losing_operator is null then 'no_losing_operator' end,
        case when lines.account_holder is null then 'no_account_holder' end
    ), '') as warnings
from lines_with_blocks as lines
left join numbers_of_others
    on lines.partner_id = numbers_of_others.partner_id and lines.order_id = numbers_of_others.order_id and lines.line_number = numbers_of_others.line_number and lines.block_number = numbers_of_others.block_number
