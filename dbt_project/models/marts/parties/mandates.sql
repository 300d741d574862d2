with signed as (
    select
        partner_id,
        customer_id,
        {{ compact_iban('iban') }} as iban,
        mandate_id,
        mandate_date as mandate_date_text,
        {{ parse_date('mandate_date') }} as mandate_date
    from {{ ref('int_customers') }}
    where mandate_id is not null or mandate_date is not null
),

spelled as (
    select
        signed.*,
        case when {{ matches('iban', '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$') }} then {{ letters_as_digits('concat(substring(iban, 5), left(iban, 4))') }} end as digits
    from signed
)

select
    partner_id,
    customer_id,
    iban,
    mandate_id,
    mandate_date,
    case
        when iban is null then 'no_iban'
        when digits is null or {{ modulo_97('digits') }} <> 1 then 'invalid_iban'
        when mandate_id is null then 'no_mandate_id'
        when not {{ matches('mandate_id', "^[A-Za-z0-9+?/:().,''-][A-Za-z0-9+?/:().,'' -]{0,34}$") }} then 'invalid_mandate_id'
        when mandate_date_text is null then 'no_mandate_date'
        when mandate_date is null then 'invalid_mandate_date'
    end as mandate_problem
from spelled
