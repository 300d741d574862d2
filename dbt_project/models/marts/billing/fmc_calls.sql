-- Fixed-mobile: the airtime from the SIM to the PBX and the call from the PBX to its destination are two legs with one correlation id. Both are rated;
-- what such a call earns is seen over both (DOMAIN 2). A switch may give the same id again, months later: legs of one call overlap or follow each other soon.
with legs as (
    select *, {{ add_seconds('started_at', 'duration_s') }} as ended_at
    from {{ ref('calls') }}
    where correlation_id is not null and source = 'standard'
),

legs_after_others as (
    select
        *,
        max(ended_at) over (
            partition by partner_id, customer_id, correlation_id
            order by started_at, call_key rows between unbounded preceding and 1 preceding
        ) as others_ended_at
    from legs
),

legs_of_calls as (
    select
        *,
        sum(case when started_at > {{ add_seconds('others_ended_at', var('fmc_gap_s')) }} then 1 else 0 end) over (
            partition by partner_id, customer_id, correlation_id
            order by started_at, call_key rows between unbounded preceding and current row
        ) as calls_before
    from legs_after_others
),

paired as (
    select
        partner_id,
        customer_id,
        correlation_id,
        min(started_at) as started_at,
        min(call_date) as call_date,
        max(case when leg = 'airtime' then call_key end) as airtime_call_key,
        max(case when leg = 'pbx' then call_key end) as pbx_call_key,
        max(case when leg = 'pbx' then callee end) as callee,
        max(case when leg = 'pbx' then country end) as country,
        max(case when leg = 'pbx' then line_type end) as line_type,
        max(case when leg = 'airtime' then duration_s end) as airtime_s,
        max(case when leg = 'pbx' then duration_s end) as duration_s,
        sum(case when leg = 'airtime' then purchase_eur end) as airtime_purchase_eur,
        sum(case when leg = 'airtime' then sale_eur end) as airtime_sale_eur,
        sum(case when leg = 'pbx' then purchase_eur end) as pbx_purchase_eur,
        sum(case when leg = 'pbx' then sale_eur end) as pbx_sale_eur,
        sum(case when leg = 'airtime' then 1 else 0 end) as airtime_legs,
        sum(case when leg = 'pbx' then 1 else 0 end) as pbx_legs,
        sum(case when status = 'unrated' then 1 else 0 end) as unrated_legs
    from legs_of_calls
    group by partner_id, customer_id, correlation_id, calls_before
)

select
    partner_id,
    customer_id,
    correlation_id,
    started_at,
    call_date,
    airtime_call_key,
    pbx_call_key,
    callee,
    country,
    line_type,
    airtime_s,
    duration_s,
    cast(airtime_purchase_eur as decimal(18, 6)) as airtime_purchase_eur,
    cast(airtime_sale_eur as decimal(18, 6)) as airtime_sale_eur,
    cast(pbx_purchase_eur as decimal(18, 6)) as pbx_purchase_eur,
    cast(pbx_sale_eur as decimal(18, 6)) as pbx_sale_eur,
    -- one leg without a price: what the call earns is not known yet
    cast(case when unrated_legs = 0 then coalesce(airtime_purchase_eur, 0) + coalesce(pbx_purchase_eur, 0) end as decimal(18, 6)) as purchase_eur,
    cast(case when unrated_legs = 0 then coalesce(airtime_sale_eur, 0) + coalesce(pbx_sale_eur, 0) end as decimal(18, 6)) as sale_eur,
    cast(case
        when unrated_legs = 0
            then coalesce(airtime_sale_eur, 0) + coalesce(pbx_sale_eur, 0) - coalesce(airtime_purchase_eur, 0) - coalesce(pbx_purchase_eur, 0)
    end as decimal(18, 6)) as margin_eur,
    case
        when airtime_legs = 0 then 'no_airtime_leg'
        when pbx_legs = 0 then 'no_pbx_leg'
        when unrated_legs > 0 then 'unrated_leg'
        else 'complete'
    end as status
from paired
where airtime_legs > 0
