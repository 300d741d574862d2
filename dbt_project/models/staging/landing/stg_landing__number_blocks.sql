-- "first-last;first-last", each in any spelling of the partner's country without dashes. What cannot be read has no numbers, and is refused by the order.
with written_blocks as (
    select order_id, line_number, file_id, line, partner_id, {{ numbered_parts('numbers', ';') }}
    from {{ ref('stg_landing__order_lines') }}
    where numbers is not null
),

ends as (
    select
        order_id, line_number, file_id, line, partner_id, part_number as block_number, part as written,
        {{ compact_number("split_part(part, '-', 1)") }} as first_compact,
        {{ compact_number("case when strpos(part, '-') = 0 then part else substr(part, strpos(part, '-') + 1) end") }} as last_compact,
        strpos(substr(part, strpos(part, '-') + 1), '-') > 0 as has_more_dashes
    from written_blocks
    where {{ parse_text('part') }} is not null
),

dialled as (
    select
        ends.*,
        {{ e164('ends.first_compact', 'plans') }} as first_e164,
        {{ e164('ends.last_compact', 'plans') }} as last_e164
    from ends
    inner join {{ ref('stg_landing__partners') }} as partners on ends.partner_id = partners.partner_id
    left join (
        select country, calling_code, coalesce(international_prefix, '00') as international_prefix, coalesce(national_prefix, '') as national_prefix
        from {{ ref('dialling_plans') }}
    ) as plans on coalesce(partners.country, '{{ var("default_country") }}') = plans.country
),

counted as (
    select
        *,
        case
            when first_e164 is null or last_e164 is null or has_more_dashes or length(first_e164) > 15 or length(first_e164) <> length(last_e164) then null
            else cast(last_e164 as bigint) - cast(first_e164 as bigint) + 1
        end as numbers_between
    from dialled
)

select
    order_id,
    line_number,
    cast(block_number as integer) as block_number,
    trim(written) as written,
    first_e164,
    last_e164,
    case when numbers_between between 1 and 1000000 then numbers_between end as numbers,
    file_id,
    line
from counted
