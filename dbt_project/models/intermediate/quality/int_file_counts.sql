-- Per file and partner: what became of its rows. partner_id is null where nobody can be named, as for a call of an unknown customer.
with counted as (
    select file_id, partner_id, disposition, rows from {{ ref('int_record_counts') }}
    union all
    select file_id, partner_id, disposition, count(*) as rows from {{ ref('int_landed_rows') }} group by file_id, partner_id, disposition
    union all
    select file_id, cast(null as varchar) as partner_id, 'quarantined' as disposition, count(*) as rows
    from {{ source('raw', 'rejected_lines') }}
    group by file_id
),

-- the same bytes under another name: all of its rows are duplicates of the first file's
whole_file_duplicates as (
    select files.file_id, counted.partner_id, 'duplicate' as disposition, sum(counted.rows) as rows
    from {{ source('raw', 'files') }} as files
    inner join counted on files.duplicate_of = counted.file_id
    group by files.file_id, counted.partner_id
)

select
    file_id,
    partner_id,
    cast(sum(rows) as bigint) as rows_read,
    cast(sum(case when disposition = 'kept' then rows else 0 end) as bigint) as rows_kept,
    cast(sum(case when disposition = 'duplicate' then rows else 0 end) as bigint) as rows_duplicate,
    cast(sum(case when disposition = 'quarantined' then rows else 0 end) as bigint) as rows_quarantined
from (select * from counted union all select * from whole_file_duplicates)
group by file_id, partner_id
