with written_blocks as (
    select
        numbers.customer_id,
        customers.partner_id,
        customers.reseller_id,
        partners.local_time_zone,
        partners.home_country,
        numbers.first_number,
        coalesce(numbers.last_number, numbers.first_number) as last_number,
        coalesce(numbers.valid_from, {{ start_of_time() }}) as valid_from,
        numbers.valid_to,
        numbers.file_id,
        numbers.line
    from {{ ref('stg_landing__numbers') }} as numbers
    inner join {{ ref('stg_landing__customers') }} as customers on numbers.customer_id = customers.customer_id
    inner join {{ ref('int_partners') }} as partners on customers.partner_id = partners.partner_id
),

ends_of_blocks as (
    select file_id, line, 'first' as which_end, home_country as country, first_number as written from written_blocks
    union all
    select file_id, line, 'last' as which_end, home_country as country, last_number as written from written_blocks
),

read_blocks as (
    select
        file_id,
        line,
        max(case when which_end = 'first' then cast(e164 as bigint) end) as first_e164,
        max(case when which_end = 'last' then cast(e164 as bigint) end) as last_e164
    from {{ read_numbers('ends_of_blocks', ref('dialled_prefixes'), ref('short_numbers'), ref('dialling_plans'), keep=['file_id', 'line', 'which_end']) }}
    group by file_id, line
),

single_numbers as (
    select
        {{ series('read_blocks.first_e164', 'read_blocks.last_e164') }} as e164_number,
        written_blocks.customer_id,
        written_blocks.partner_id,
        written_blocks.reseller_id,
        written_blocks.local_time_zone,
        written_blocks.valid_from,
        written_blocks.valid_to,
        written_blocks.file_id,
        written_blocks.line
    from written_blocks
    inner join read_blocks on written_blocks.file_id = read_blocks.file_id and written_blocks.line = read_blocks.line
    where read_blocks.last_e164 - read_blocks.first_e164 between 0 and 999999
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
