select
    service_code, category, name, metering, charged, nrc_purchase_eur, mrc_purchase_eur, license_calls, valid_from,
    least(
        coalesce(valid_to, {{ end_of_time() }}),
        coalesce(lead(valid_from) over (partition by service_code order by valid_from), {{ end_of_time() }})
    ) as valid_to,
    -- how a service is metered and charged is known of older orders too, by its first row; what it cost then is not
    case
        when valid_from = min(valid_from) over (partition by service_code) then {{ start_of_time() }}
        else valid_from
    end as known_from
from {{ ref('stg_landing__services') }}
