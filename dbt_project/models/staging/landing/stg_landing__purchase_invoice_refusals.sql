select file_id, line, problem as reason
from {{ ref('stg_landing__purchase_invoice_lines') }}
where problem is not null
