-- Fails if a record was set aside as a duplicate of nothing, or of another duplicate: the call it stands for would be billed to nobody.
with duplicates as (
    select file_id, line, original_file_id, original_line
    from {{ ref('int_record_fates') }}
    where disposition = 'duplicate'
),

originals as (
    select file_id, line
    from {{ ref('int_call_records') }}
    where file_id in (select original_file_id from duplicates)
)

select duplicates.*
from duplicates
left join originals on duplicates.original_file_id = originals.file_id and duplicates.original_line = originals.line
left join duplicates as others on duplicates.original_file_id = others.file_id and duplicates.original_line = others.line
where originals.file_id is null or others.file_id is not null
