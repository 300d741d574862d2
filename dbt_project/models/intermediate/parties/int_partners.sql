select
    partners.*,
    coalesce(partners.time_zone, '{{ var("default_time_zone") }}') as local_time_zone,
    coalesce(partners.country, '{{ var("default_country") }}') as home_country,
    dialling_plans.calling_code,
    coalesce(dialling_plans.international_prefix, '00') as international_prefix,
    coalesce(dialling_plans.national_prefix, '') as national_prefix
from {{ ref('stg_landing__partners') }} as partners
left join {{ ref('dialling_plans') }} as dialling_plans
    on coalesce(partners.country, '{{ var("default_country") }}') = dialling_plans.country
