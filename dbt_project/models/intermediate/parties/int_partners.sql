-- As a partner is on the newest day that landed: what it is called, where it is, what stands on its documents.
select
    *,
    coalesce(time_zone, '{{ var("default_time_zone") }}') as local_time_zone,
    coalesce(country, '{{ var("default_country") }}') as home_country
from {{ as_of_the_horizon(ref('stg_landing__partners'), ['partner_id']) }}
