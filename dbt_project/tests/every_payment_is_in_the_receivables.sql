-- Fails if a payment is left out of what customers still owe, or counted twice: somebody would be dunned for what was paid.
with paid as (
    select file, line, sum(amount_eur) as amount_eur
    from {{ ref('stg_landing__payments') }}
    group by file, line
),

received as (
    select file, line, max(partner_id) as partner_id, sum(-amount_eur) as amount_eur
    from {{ ref('receivables') }}
    where kind = 'payment'
    group by file, line
)

select received.partner_id, file, line, paid.amount_eur, received.amount_eur as received_eur
from paid
full join received using (file, line)
where paid.amount_eur is distinct from received.amount_eur
