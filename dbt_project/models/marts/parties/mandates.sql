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
        case
            when {{ matches('signed.iban', '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$') }} and length(signed.iban) = lengths.length
                then {{ letters_as_digits('concat(substring(signed.iban, 5), left(signed.iban, 4))') }}
        end as digits
    from signed
    left join {{ ref('iban_lengths') }} as lengths on left(signed.iban, 2) = lengths.country
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
        when {{ has_wrong_belgian_digits('iban') }} then 'invalid_iban'
        when mandate_id is null then 'no_mandate_id'
        when not {{ matches('mandate_id', "^[A-Za-z0-9+?/:().,''-][A-Za-z0-9+?/:().,'' -]{0,34}$") }} then 'invalid_mandate_id'
        when mandate_date_text is null then 'no_mandate_date'
        when mandate_date is null then 'invalid_mandate_date'
    end as mandate_problem
from spelled
