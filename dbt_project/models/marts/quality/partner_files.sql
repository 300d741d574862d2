select
    counts.partner_id,
    files.file_id,
    files.feed,
    files.file,
    files.sha256,
    counts.rows_read,
    counts.rows_kept,
    counts.rows_duplicate,
    counts.rows_quarantined,
    files.reject_reason,
    original.file as duplicate_of,
    files.ingested_at
from {{ ref('int_file_counts') }} as counts
inner join {{ source('raw', 'files') }} as files on counts.file_id = files.file_id
left join {{ source('raw', 'files') }} as original on files.duplicate_of = original.file_id
where counts.partner_id is not null
