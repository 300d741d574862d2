-- "first-last;first-last", each in any spelling of the partner's country without dashes. What cannot be read has no numbers, and is refused by the order.
with written_blocks as (
    select order_id, line_number, file_id, line, partner_id, coalesce(delivered_on, ordered_on) as read_on, {{ numbered_parts('numbers', ';') }}
    from {{ ref('stg_landing__order_lines') }}
    where numbers is not null
),

ends as (
    select
        blocks.partner_id,
        blocks.order_id,
        blocks.line_number,
        blocks.file_id,
        blocks.line,
        blocks.part_number as block_number,
        blocks.part as block,
        partners.home_country as country,
        split_part(blocks.part, '-', 1) as first_written,
        case when strpos(blocks.part, '-') = 0 then blocks.part else substr(blocks.part, strpos(blocks.part, '-') + 1) end as last_written
    from written_blocks as blocks
    -- of a partner that is not there yet on that day a block cannot be read
    left join {{ ref('stg_landing__partner_periods') }} as partners
        on blocks.partner_id = partners.partner_id and blocks.read_on >= partners.valid_from and blocks.read_on < partners.valid_to
    where {{ parse_text('blocks.part') }} is not null
),

dialled as (
    select country, first_written as written from ends
    union
    select country, last_written as written from ends
),

numbers as (
    select country, written, e164
    from {{ read_numbers('dialled', ref('dialled_prefixes'), ref('short_numbers'), ref('dialling_plans')) }}
),

counted as (
    select
        ends.*,
        first_numbers.e164 as first_e164,
        last_numbers.e164 as last_e164,
        case
            when strpos(ends.last_written, '-') > 0 or length(first_numbers.e164) <> length(last_numbers.e164) then null
            else cast(last_numbers.e164 as bigint) - cast(first_numbers.e164 as bigint) + 1
        end as numbers_between
    from ends
    left join numbers as first_numbers on ends.country = first_numbers.country and ends.first_written = first_numbers.written
    left join numbers as last_numbers on ends.country = last_numbers.country and ends.last_written = last_numbers.written
)

select
    partner_id,
    order_id,
    line_number,
    cast(block_number as integer) as block_number,
    trim(block) as written,
    first_e164,
    last_e164,
    case when numbers_between between 1 and 1000000 then numbers_between end as numbers,
    file_id,
    line
from counted
