-- Fails if a draft is kept back and nobody can see by what: it would wait for a fix that nobody makes, or be told a fix though it is not kept back.
select coalesce(blocked.invoice_id, told.invoice_id) as invoice_id, blocked.block_reason
from (select invoice_id, block_reason from {{ ref('invoices') }} where status = 'blocked') as blocked
full join (select distinct invoice_id from {{ ref('draft_problems') }}) as told on blocked.invoice_id = told.invoice_id
where blocked.invoice_id is null or told.invoice_id is null
