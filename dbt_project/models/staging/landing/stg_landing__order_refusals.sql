{#- What an order line is refused for that is right by itself (DOMAIN 1 and 4). A line has one reason: the first of these. -#}
with lines as (
    select * from {{ ref('stg_landing__order_lines') }}
),

-- fixed-mobile integration needs a professional or premium partner; which category a tier may not order is data
above_their_tier as (
    select distinct lines.file_id, lines.line, limits.reason
    from lines
    inner join {{ ref('stg_landing__partner_periods') }} as partners
        on lines.partner_id = partners.partner_id
        and coalesce(lines.delivered_on, lines.ordered_on) >= partners.valid_from and coalesce(lines.delivered_on, lines.ordered_on) < partners.valid_to
    inner join {{ ref('stg_landing__services') }} as services on lines.service_code = services.service_code
    inner join {{ ref('tier_limits') }} as limits on lower(services.category) = lower(limits.category) and partners.tier = limits.tier
),

continuations as (
    select
        lines.file_id,
        lines.line,
        case
            when continued.order_id is null then 'unknown_continued_line'
            when count(continued.order_id) over (partition by continued.partner_id, continued.order_id, continued.line_number) > 1 then 'line_continued_twice'
        end as reason
    from lines
    left join lines as continued
        on lines.partner_id = continued.partner_id and lines.order_id = continued.order_id and lines.continues_line = continued.line_number
        and lines.customer_id = continued.customer_id and lines.service_code = continued.service_code
        and coalesce(lines.pbx_id, '') = coalesce(continued.pbx_id, '')
        and continued.delivered_on <= coalesce(lines.delivered_on, {{ end_of_time() }})
    where lines.continues_line is not null
),

porting_lines as (
    select
        file_id, line, partner_id, order_id,
        lower({{ replace_all('losing_operator', '\\s+', ' ') }}) as losing_operator,
        lower({{ replace_all('account_holder', '\\s+', ' ') }}) as account_holder
    from lines
    where losing_operator is not null or account_holder is not null or numbers is not null
),

disagreeing_orders as (
    select
        partner_id,
        order_id,
        case
            when count(distinct losing_operator) > 1 then 'several_losing_operators'
            when count(distinct account_holder) > 1 then 'several_account_holders'
        end as reason
    from porting_lines
    group by partner_id, order_id
),

blocks as (
    select * from {{ ref('stg_landing__number_blocks') }}
),

-- a block begins before one that is no later in order has ended
blocks_in_order as (
    select
        partner_id, order_id, file_id, line, first_e164,
        row_number() over (partition by partner_id, order_id order by length(first_e164), first_e164, line_number, block_number) as place,
        cast(first_e164 as bigint) as first_number,
        cast(last_e164 as bigint) as last_number
    from blocks
    where numbers is not null
),

overlapping as (
    select distinct blocks_in_order.file_id, blocks_in_order.line, 'overlapping_numbers' as reason
    from blocks_in_order
    inner join blocks_in_order as others
        on blocks_in_order.partner_id = others.partner_id and blocks_in_order.order_id = others.order_id and blocks_in_order.place <> others.place
        and blocks_in_order.first_number <= others.last_number and others.first_number <= blocks_in_order.last_number
),

refusals as (
    select file_id, line, reason, 1 as place from above_their_tier
    union all
    select file_id, line, reason, 2 as place from continuations where reason is not null
    union all
    select porting_lines.file_id, porting_lines.line, disagreeing_orders.reason, 3 as place
    from porting_lines
    inner join disagreeing_orders on porting_lines.partner_id = disagreeing_orders.partner_id and porting_lines.order_id = disagreeing_orders.order_id
    where disagreeing_orders.reason is not null
    union all
    select distinct file_id, line, 'invalid_numbers' as reason, 4 as place from blocks where numbers is null
    union all
    select file_id, line, reason, 5 as place from overlapping
)

select file_id, line, reason
from (select *, row_number() over (partition by file_id, line order by place, reason) as chosen from refusals)
where chosen = 1
