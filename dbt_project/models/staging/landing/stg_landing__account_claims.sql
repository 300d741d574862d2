{%- set claims %}
(
    select
        accounts.file_id,
        accounts.line,
        periods.partner_id,
        accounts.account as thing,
        concat_ws(' ', accounts.account, cast(accounts.valid_from as varchar)) as slot,
        greatest(coalesce(accounts.valid_from, {{ start_of_time() }}), periods.valid_from) as valid_from,
        case
            when accounts.valid_to is not null or periods.valid_to < {{ end_of_time() }}
                then least(coalesce(accounts.valid_to, {{ end_of_time() }}), periods.valid_to)
        end as valid_to
    from {{ landed_rows('accounts', on_its_own=true) }} as accounts
    inner join {{ ref('stg_landing__customer_periods') }} as periods on accounts.customer_id = periods.customer_id
    where
        accounts.reject_reason is null
        and coalesce(accounts.valid_from, {{ start_of_time() }}) < periods.valid_to
        and periods.valid_from < coalesce(accounts.valid_to, {{ end_of_time() }})
)
{% endset -%}
-- depends_on: {{ ref('stg_landing__customers') }}
{{ claims_of_others('accounts', claims, 'own.thing = other.thing') }}
