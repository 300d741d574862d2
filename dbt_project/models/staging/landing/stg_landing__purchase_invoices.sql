select
    lines.partner_id,
    lines.month,
    lines.deck_id,
    lines.service_code,
    lines.account,
    lines.prefix,
    lines.destination,
    lines.calls,
    lines.seconds,
    lines.amount_eur,
    lines.file_id,
    lines.line
from {{ ref('stg_landing__purchase_invoice_lines') }} as lines
where lines.problem is null
