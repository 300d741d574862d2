-- depends_on: {{ ref('stg_landing__customers') }}
-- Blocks are compared as the numbers that they are, in whatever spelling they were landed: as they are read once they stand.
with blocks as (
    select
        file_id,
        line,
        customer_id,
        first_number,
        coalesce(last_number, first_number) as last_number,
        coalesce(valid_from, {{ start_of_time() }}) as valid_from,
        valid_from as written_from,
        valid_to
    from {{ landed_rows('numbers', on_its_own=true) }} as numbers
    where reject_reason is null
),

homes as ({{ homes_of_blocks('blocks') }}),

ends_of_blocks as (
    select blocks.file_id, blocks.line, 'first' as which_end, homes.home_country as country, blocks.first_number as written
    from blocks
    inner join homes on blocks.file_id = homes.file_id and blocks.line = homes.line
    union all
    select blocks.file_id, blocks.line, 'last' as which_end, homes.home_country as country, blocks.last_number as written
    from blocks
    inner join homes on blocks.file_id = homes.file_id and blocks.line = homes.line
),

block_ends as (
    select
        file_id,
        line,
        max(case when which_end = 'first' then cast(e164 as bigint) end) as first_e164,
        max(case when which_end = 'last' then cast(e164 as bigint) end) as last_e164
    from {{ read_numbers('ends_of_blocks', ref('dialled_prefixes'), ref('short_numbers'), ref('dialling_plans'), keep=['file_id', 'line', 'which_end']) }}
    group by file_id, line
),

claimed_blocks as (
    select
        blocks.file_id,
        blocks.line,
        periods.partner_id,
        blocks.first_number as thing,
        concat_ws(' ', blocks.first_number, cast(blocks.written_from as varchar)) as slot,
        ends.first_e164,
        ends.last_e164,
        greatest(blocks.valid_from, periods.valid_from) as valid_from,
        case
            when blocks.valid_to is not null or periods.valid_to < {{ end_of_time() }} then least(coalesce(blocks.valid_to, {{ end_of_time() }}), periods.valid_to)
        end as valid_to
    from blocks
    inner join block_ends as ends on blocks.file_id = ends.file_id and blocks.line = ends.line
    inner join {{ ref('stg_landing__customer_periods') }} as periods
        on blocks.customer_id = periods.customer_id
        and blocks.valid_from < periods.valid_to and periods.valid_from < coalesce(blocks.valid_to, {{ end_of_time() }})
    where ends.first_e164 is not null and ends.last_e164 is not null
),

claims as ({{ claims_of_others('numbers', 'claimed_blocks', 'own.first_e164 <= other.last_e164 and other.first_e164 <= own.last_e164') }})

select file_id, line from claims
