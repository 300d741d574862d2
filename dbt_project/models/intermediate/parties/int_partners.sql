select
    *,
    coalesce(time_zone, '{{ var("default_time_zone") }}') as local_time_zone,
    coalesce(country, '{{ var("default_country") }}') as home_country
from {{ ref('stg_landing__partners') }}
