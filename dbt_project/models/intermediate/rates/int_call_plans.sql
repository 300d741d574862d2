-- A row of a plan counts from its own first day on, and until the next one.
select
    partner_id,
    call_plan_id,
    name,
    coalesce(onnet_billing, false) as onnet_billing,
    coalesce(rounding_seconds, {{ var('default_rounding_seconds') }}) as rounding_seconds,
    coalesce(rounding_decimals, {{ var('default_rounding_decimals') }}) as rounding_decimals,
    coalesce(valid_from, {{ start_of_time() }}) as valid_from,
    coalesce(
        lead(valid_from) over (partition by partner_id, call_plan_id order by coalesce(valid_from, {{ start_of_time() }})),
        {{ end_of_time() }}
    ) as valid_to
from {{ ref('stg_landing__call_plans') }}
