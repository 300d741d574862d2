-- Fails if a row of a file is lost on the way, or counted twice: a call would go unbilled and nobody would know.
select file_id, feed, file, rows_read, rows_kept, rows_duplicate, rows_quarantined
from {{ ref('ingested_files') }}
where rows_read <> rows_kept + rows_duplicate + rows_quarantined
