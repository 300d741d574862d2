select file_id, line, problem as reason
from {{ ref('stg_landing__purchase_invoice_lines') }}
where problem is not null
union all
select file_id, line, 'twice_in_file' as reason
from {{ ref('stg_landing__purchase_invoice_rows') }}
where is_contradicted and not is_last
