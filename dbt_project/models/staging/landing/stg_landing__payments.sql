select
    invoice_number,
    paid_on,
    amount_eur,
    file_id,
    line
from {{ landed_rows('payments') }}
where disposition = 'kept'
