with costs as (
    select costs.*
    from {{ ref('int_service_costs') }} as costs
    cross join {{ ref('int_billing_horizon') }} as horizon
    where coalesce(horizon.last_date, costs.valid_from) >= costs.valid_from and coalesce(horizon.last_date, costs.valid_from) < costs.valid_to
),

markups as (
    select markups.*
    from {{ ref('int_service_markups') }} as markups
    cross join {{ ref('int_billing_horizon') }} as horizon
    where coalesce(horizon.last_date, markups.valid_from) >= markups.valid_from and coalesce(horizon.last_date, markups.valid_from) < markups.valid_to
),

priced as (
    select
        plans.partner_id,
        plans.service_plan_id,
        plans.name as service_plan_name,
        costs.service_code,
        costs.category,
        costs.name as service_name,
        cast(costs.nrc_purchase_eur as decimal(18, 6)) as nrc_purchase_eur,
        cast(costs.mrc_purchase_eur as decimal(18, 6)) as mrc_purchase_eur,
        nrc.percent as nrc_percent,
        mrc.percent as mrc_percent,
        cast({{ service_sale_eur('costs.nrc_purchase_eur', 'nrc.percent', 'nrc.amount_eur') }} as decimal(18, 6)) as nrc_sale_eur,
        cast({{ service_sale_eur('costs.mrc_purchase_eur', 'mrc.percent', 'mrc.amount_eur') }} as decimal(18, 6)) as mrc_sale_eur,
        coalesce(nrc.is_exception, false) as nrc_is_exception,
        coalesce(mrc.is_exception, false) as mrc_is_exception
    from {{ ref('stg_landing__service_plans') }} as plans
    cross join costs
    left join markups as nrc on plans.partner_id = nrc.partner_id and plans.service_plan_id = nrc.service_plan_id and costs.service_code = nrc.service_code and nrc.charge = 'nrc'
    left join markups as mrc on plans.partner_id = mrc.partner_id and plans.service_plan_id = mrc.service_plan_id and costs.service_code = mrc.service_code and mrc.charge = 'mrc'
)

select
    partner_id,
    service_plan_id,
    service_plan_name,
    service_code,
    category,
    service_name,
    nrc_purchase_eur,
    mrc_purchase_eur,
    nrc_percent,
    mrc_percent,
    nrc_sale_eur,
    mrc_sale_eur,
    cast(nrc_sale_eur - nrc_purchase_eur as decimal(18, 6)) as nrc_margin_eur,
    cast(mrc_sale_eur - mrc_purchase_eur as decimal(18, 6)) as mrc_margin_eur,
    {{ percent_of('(nrc_sale_eur - nrc_purchase_eur)', 'nrc_sale_eur') }} as nrc_margin_percent_of_sale,
    {{ percent_of('(mrc_sale_eur - mrc_purchase_eur)', 'mrc_sale_eur') }} as mrc_margin_percent_of_sale,
    {{ percent_of('(nrc_sale_eur - nrc_purchase_eur)', 'nrc_purchase_eur') }} as nrc_markup_percent,
    {{ percent_of('(mrc_sale_eur - mrc_purchase_eur)', 'mrc_purchase_eur') }} as mrc_markup_percent,
    nrc_is_exception or mrc_is_exception as is_exception,
    nrc_is_exception,
    mrc_is_exception,
    case
        when nrc_sale_eur < nrc_purchase_eur or mrc_sale_eur < mrc_purchase_eur then 'below_purchase'
        when nrc_sale_eur is null or mrc_sale_eur is null then 'no_markup'
    end as status_reason
from priced
