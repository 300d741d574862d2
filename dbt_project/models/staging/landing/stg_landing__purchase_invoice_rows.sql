-- depends_on: {{ ref('stg_landing__partners') }}
{% set same_line = "file_id, deck_id, service_code, month, account, prefix, case when prefix is null then lower(destination) end, partner_id" -%}
-- A file that comes later corrects; two lines of one invoice do not: which of them is meant, or whether both are to be added, is for people to say.
with rows_right_by_themselves as (
    select
        *,
        min(amount_eur) over same_line <> max(amount_eur) over same_line
        or coalesce(min(calls) over same_line <> max(calls) over same_line, false)
        or coalesce(min(seconds) over same_line <> max(seconds) over same_line, false) as is_contradicted
    from {{ landed_rows('purchase_invoices', on_its_own=true) }}
    where disposition <> 'quarantined'
    window same_line as (partition by {{ same_line }})
)

select
    deck_id,
    service_code,
    month,
    account,
    prefix,
    destination,
    calls,
    seconds,
    amount_eur,
    partner_id,
    file_id,
    line,
    is_contradicted,
    disposition = 'kept' as is_last
from rows_right_by_themselves
where disposition = 'kept' or is_contradicted
