with blocks as (
    select
        customer_id,
        first_number,
        coalesce(last_number, first_number) as last_number,
        coalesce(valid_from, {{ start_of_time() }}) as valid_from,
        valid_to,
        file_id,
        line
    from {{ ref('stg_landing__numbers') }}
),

home_countries as ({{ homes_of_blocks('blocks') }}),

written_blocks as (
    select blocks.*, home_countries.home_country
    from blocks
    inner join home_countries on blocks.file_id = home_countries.file_id and blocks.line = home_countries.line
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
        e164_number,
        customer_id,
        valid_from,
        least(
            coalesce(valid_to, {{ end_of_time() }}),
            coalesce(lead(valid_from) over (partition by e164_number order by valid_from, file_id, line), {{ end_of_time() }})
        ) as valid_to
    from single_numbers
),

with_customer as (
    select
        numbers.e164_number,
        numbers.customer_id,
        customers.partner_id,
        customers.reseller_id,
        {{ common_from('numbers', 'customers') }} as valid_from,
        {{ common_to('numbers', 'customers') }} as valid_to
    from periods as numbers
    inner join {{ ref('stg_landing__customer_periods') }} as customers
        on numbers.customer_id = customers.customer_id and {{ hold_at_once('numbers', 'customers') }}
    where numbers.valid_from < numbers.valid_to
)

select
    cast(numbers.e164_number as varchar) as e164,
    numbers.customer_id,
    numbers.partner_id,
    numbers.reseller_id,
    partners.local_time_zone,
    {{ common_from('numbers', 'partners') }} as valid_from,
    {{ common_to('numbers', 'partners') }} as valid_to
from with_customer as numbers
inner join {{ ref('stg_landing__partner_periods') }} as partners
    on numbers.partner_id = partners.partner_id and {{ hold_at_once('numbers', 'partners') }}
