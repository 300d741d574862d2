-- Fails if a payment is left out of what customers still owe, or counted twice: somebody would be dunned for what was paid.
with paid as (
    select invoice_number, sum(amount_eur) as amount_eur
    from {{ ref('stg_landing__payments') }}
    group by invoice_number
),

received as (
    select invoice_number, sum(-amount_eur) as amount_eur
    from {{ ref('receivables') }}
    where kind = 'payment'
    group by invoice_number
)

select invoice_number, paid.amount_eur, received.amount_eur as received_eur
from paid
full join received using (invoice_number)
where paid.amount_eur is distinct from received.amount_eur
