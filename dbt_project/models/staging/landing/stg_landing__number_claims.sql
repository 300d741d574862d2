-- depends_on: {{ ref('stg_landing__customers') }}
-- Blocks are compared as the numbers that they are, in whatever spelling they were landed: of the country of their partner.
with owned_blocks as (
    select
        numbers.file_id,
        numbers.line,
        numbers.first_number,
        coalesce(numbers.last_number, numbers.first_number) as last_number,
        numbers.valid_from,
        numbers.valid_to,
        periods.partner_id,
        periods.valid_from as begins_on,
        periods.valid_to as ends_on,
        partners.country
    from {{ landed_rows('numbers', on_its_own=true) }} as numbers
    inner join {{ ref('stg_landing__customer_periods') }} as periods on numbers.customer_id = periods.customer_id
    inner join (
        select partner_id, coalesce(max(country), '{{ var("default_country") }}') as country from {{ ref('stg_landing__partners') }} group by partner_id
    ) as partners on periods.partner_id = partners.partner_id
    where
        numbers.reject_reason is null
        and coalesce(numbers.valid_from, {{ start_of_time() }}) < periods.valid_to
        and periods.valid_from < coalesce(numbers.valid_to, {{ end_of_time() }})
),

ends_of_blocks as (
    select file_id, line, partner_id, 'first' as which_end, country, first_number as written from owned_blocks
    union all
    select file_id, line, partner_id, 'last' as which_end, country, last_number as written from owned_blocks
),

block_ends as (
    select
        file_id,
        line,
        partner_id,
        max(case when which_end = 'first' then cast(e164 as bigint) end) as first_e164,
        max(case when which_end = 'last' then cast(e164 as bigint) end) as last_e164
    from {{ read_numbers('ends_of_blocks', ref('dialled_prefixes'), ref('short_numbers'), ref('dialling_plans'), keep=['file_id', 'line', 'partner_id', 'which_end']) }}
    group by file_id, line, partner_id
),

claimed_blocks as (
    select
        owned.file_id,
        owned.line,
        owned.partner_id,
        owned.first_number as thing,
        concat_ws(' ', owned.first_number, cast(owned.valid_from as varchar)) as slot,
        ends.first_e164,
        ends.last_e164,
        greatest(coalesce(owned.valid_from, {{ start_of_time() }}), owned.begins_on) as valid_from,
        case
            when owned.valid_to is not null or owned.ends_on < {{ end_of_time() }} then least(coalesce(owned.valid_to, {{ end_of_time() }}), owned.ends_on)
        end as valid_to
    from owned_blocks as owned
    inner join block_ends as ends on owned.file_id = ends.file_id and owned.line = ends.line and owned.partner_id = ends.partner_id
    where ends.first_e164 is not null and ends.last_e164 is not null
),

claims as ({{ claims_of_others('numbers', 'claimed_blocks', 'own.first_e164 <= other.last_e164 and other.first_e164 <= own.last_e164') }})

select file_id, line from claims
