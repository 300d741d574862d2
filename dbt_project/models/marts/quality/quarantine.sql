{%- set dialects = ['cdrs_standard', 'cdrs_3cx', 'cdrs_asterisk', 'cdrs_freeswitch'] -%}
with refused_records as (
    select file_id, line, reason, partner_id from {{ ref('int_record_fates') }} where disposition = 'quarantined'
),

raw_records as (
    {%- for dialect in dialects %}
    select file_id, line, {{ row_as_json(source_columns(dialect)) }} as raw
    from {{ source('raw', dialect) }}
    where file_id in (select file_id from refused_records)
    union all
    {%- endfor %}
    -- a field that is empty says nothing
    select file_id, line, {{ replace_all(row_as_json(source_columns('cdrs_declared')), '"c[0-9]+":null,?', '') }} as raw
    from {{ source('raw', 'cdrs_declared') }}
    where file_id in (select file_id from refused_records)
),

refused as (
    select file_id, line, reason, cast(null as varchar) as partner_id, raw
    from {{ source('raw', 'rejected_lines') }}
    union all
    select file_id, line, reason, partner_id, raw
    from {{ ref('int_landed_rows') }}
    where disposition = 'quarantined'
    union all
    select refused_records.file_id, refused_records.line, refused_records.reason, refused_records.partner_id, raw_records.raw
    from refused_records
    inner join raw_records on refused_records.file_id = raw_records.file_id and refused_records.line = raw_records.line
)

select
    refused.partner_id,
    files.feed,
    files.file,
    refused.line,
    refused.reason,
    coalesce(
        fixes.fix,
        case
            when refused.reason = 'unknown_customer' then 'land the account, number or customer that is missing; the row is released by the next run'
            when refused.reason = 'column_count' then 'write the line with as many columns as its header says and land it again'
            when refused.reason = 'malformed_quotes' then 'a stray quote in the line: write it twice, or not at all'
            when refused.reason = 'nul_byte' then 'take the NUL byte out of the line and land it again'
            when refused.reason = 'billed_before'
                then 'the call is on an approved invoice or in a closed month: decide on a credit note (tikteller invoices credit)'
            when refused.reason = 'year_out_of_range' then 'write the year with four digits, 2000 or later; time_format in sources.toml says in which order a day is written'
            when refused.reason = 'numbers_disagree'
                then 'the columns of the record name two numbers and no forward between them: strip_digits or columns in sources.toml says which counts'
            when refused.reason = 'contradictory_direction'
                then 'the numbers say otherwise than the words: land the number of the one who is called (numbers), or fix the words of the source in sources.toml'
            when refused.reason = 'same_call_in_two_sources'
                then 'another source brought this call already: take one of the two sources out of landing/, or say direction or account in sources.toml'
            when refused.reason = 'other_partners_row' then 'the source is one partner''s (sources.toml), the payer another''s: land the row in a source of its own'
            when refused.reason = 'nonexistent_local_time' then 'no such moment was on that clock: time_zone in sources.toml says in which zone the exchange writes'
            when starts_with(refused.reason, 'missing_') then 'give ' || substr(refused.reason, 9) || ' and land the row again'
            when starts_with(refused.reason, 'invalid_') then 'write ' || substr(refused.reason, 9) || ' so that it can be read and land the row again'
            when starts_with(refused.reason, 'unknown_')
                then 'land the ' || replace(substr(refused.reason, 9), '_', ' ') || ' that is missing; the row is released by the next run'
        end
    ) as fix,
    refused.raw,
    refused.file_id
from refused
inner join {{ source('raw', 'files') }} as files on refused.file_id = files.file_id
left join {{ declared_fixes() }} as fixes on files.feed = fixes.feed and refused.reason = fixes.reason
