-- What holds of a partner when: a row counts from its own first day on, and until the next one.
with dated as (
    select
        partner_id,
        deck_id,
        tier,
        coalesce(time_zone, '{{ var("default_time_zone") }}') as local_time_zone,
        coalesce(country, '{{ var("default_country") }}') as home_country,
        coalesce(valid_from, {{ start_of_time() }}) as valid_from
    from {{ ref('stg_landing__partners') }}
)

select
    *,
    coalesce(lead(valid_from) over (partition by partner_id order by valid_from), {{ end_of_time() }}) as valid_to
from dated
