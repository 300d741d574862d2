{%- set claims %}
(
    select
        file_id,
        line,
        partner_id,
        customer_id as thing,
        concat_ws(' ', customer_id, cast(valid_from as varchar)) as slot,
        coalesce(valid_from, {{ start_of_time() }}) as valid_from,
        valid_to
    from {{ landed_rows('customers', on_its_own=true) }}
    where reject_reason is null
)
{% endset -%}
-- depends_on: {{ ref('countries') }}
-- depends_on: {{ ref('stg_landing__partners') }}
{{ claims_of_others('customers', claims, 'own.thing = other.thing') }}
