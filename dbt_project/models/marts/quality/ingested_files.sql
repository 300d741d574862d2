select
    files.file_id,
    files.feed,
    files.file,
    files.sha256,
    files.size_bytes,
    files.modified_at,
    files.rows_read,
    cast(coalesce(sum(counts.rows_kept), 0) as bigint) as rows_kept,
    cast(coalesce(sum(counts.rows_duplicate), 0) as bigint) as rows_duplicate,
    cast(coalesce(sum(counts.rows_quarantined), 0) as bigint) as rows_quarantined,
    files.reject_reason,
    original.file as duplicate_of,
    files.unknown_columns,
    files.ingested_at,
    files.folder_account,
    files.content_sha256,
    files.duplicate_of as original_file_id,
    files.withdrawn_at
from {{ source('raw', 'files') }} as files
left join {{ ref('int_file_counts') }} as counts on files.file_id = counts.file_id
left join {{ source('raw', 'files') }} as original on files.duplicate_of = original.file_id
group by
    files.file_id, files.feed, files.file, files.sha256, files.size_bytes, files.modified_at, files.rows_read, files.reject_reason, original.file,
    files.unknown_columns, files.ingested_at, files.folder_account, files.content_sha256, files.duplicate_of, files.withdrawn_at
