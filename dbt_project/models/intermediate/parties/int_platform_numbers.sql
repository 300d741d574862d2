with blocks as (
    select
        numbers.customer_id,
        customers.partner_id,
        customers.reseller_id,
        partners.local_time_zone,
        {{ e164(compact_number('numbers.first_number'), 'partners') }} as first_e164,
        {{ e164(compact_number('coalesce(numbers.last_number, numbers.first_number)'), 'partners') }} as last_e164,
        coalesce(numbers.valid_from, {{ start_of_time() }}) as valid_from,
        numbers.valid_to,
        numbers.file_id,
        numbers.line
    from {{ ref('stg_landing__numbers') }} as numbers
    inner join {{ ref('stg_landing__customers') }} as customers on numbers.customer_id = customers.customer_id
    inner join {{ ref('int_partners') }} as partners on customers.partner_id = partners.partner_id
),

single_numbers as (
    select
        {{ series('cast(first_e164 as bigint)', 'cast(last_e164 as bigint)') }} as e164_number,
        customer_id,
        partner_id,
        reseller_id,
        local_time_zone,
        valid_from,
        valid_to,
        file_id,
        line
    from blocks
    where cast(last_e164 as bigint) - cast(first_e164 as bigint) between 0 and 999999
),

-- a number has one customer: the next row ends this one, also where it was to last longer; of two from one day on the last that landed counts
periods as (
    select
        *,
        least(
            coalesce(valid_to, {{ end_of_time() }}),
            coalesce(lead(valid_from) over (partition by e164_number order by valid_from, file_id, line), {{ end_of_time() }})
        ) as ends_on
    from single_numbers
)

select
    cast(e164_number as varchar) as e164,
    customer_id,
    partner_id,
    reseller_id,
    local_time_zone,
    valid_from,
    ends_on as valid_to
from periods
where valid_from < ends_on
