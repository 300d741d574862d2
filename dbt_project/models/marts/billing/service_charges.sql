with charges as (
    select
        partner_id, customer_id, service_code, order_id, line_number, pbx_id, charge as kind, charge, month_start, invoice_month_start, first_day, days,
        cast({{ days_between('month_start', next_month_start('month_start')) }} as integer) as days_in_month,
        quantity
    from {{ ref('int_order_charges') }}

    union all

    select
        partner_id, customer_id, service_code, cast(null as varchar) as order_id, cast(null as bigint) as line_number, pbx_id, 'seat' as kind, 'mrc' as charge,
        month_start, month_start as invoice_month_start, {{ add_days(next_month_start('month_start'), -1) }} as first_day, cast(null as integer) as days,
        cast({{ days_between('month_start', next_month_start('month_start')) }} as integer) as days_in_month,
        extensions as quantity
    from {{ ref('int_seat_counts') }}

    union all

    select
        partner_id, customer_id, service_code, order_id, line_number, cast(null as varchar) as pbx_id, 'airtime' as kind, 'mrc' as charge,
        month_start, month_start as invoice_month_start, first_day, cast(null as integer) as days,
        cast({{ days_between('month_start', next_month_start('month_start')) }} as integer) as days_in_month,
        minutes as quantity
    from {{ ref('int_airtime_minutes') }}
),

priced as (
    select
        charges.*,
        customers.reseller_id,
        coalesce(customers.vat_category, 'standard') as vat_category,
        coalesce(customers.billing_exempt, false) as is_billing_exempt,
        cast(date_trunc('month', partners.billing_from) as date) as billing_from,
        costs.category,
        costs.name as service_name,
        service_plans.service_plan_id,
        coalesce(markups.is_exception, false) as is_exception,
        case charges.charge when 'nrc' then costs.nrc_purchase_eur else costs.mrc_purchase_eur end as unit_purchase_exact,
        markups.percent,
        markups.amount_eur
    from charges
    inner join {{ ref('int_partners') }} as partners on charges.partner_id = partners.partner_id
    -- as the customer is on the first day that is charged, like prices
    left join {{ ref('stg_landing__customer_periods') }} as customers
        on charges.partner_id = customers.partner_id and charges.customer_id = customers.customer_id and {{ holds_on('customers', 'charges.first_day') }}
    left join {{ ref('int_service_costs') }} as costs
        on charges.service_code = costs.service_code and charges.first_day >= costs.valid_from and charges.first_day < costs.valid_to
    left join (select * from {{ ref('int_customer_plans') }} where plan_kind = 'service') as plans
        on charges.partner_id = plans.partner_id and charges.customer_id = plans.customer_id and charges.first_day >= plans.valid_from and charges.first_day < plans.valid_to
    left join {{ ref('stg_landing__service_plans') }} as service_plans
        on plans.plan_id = service_plans.service_plan_id and charges.partner_id = service_plans.partner_id
    left join {{ ref('int_service_markups') }} as markups
        on service_plans.partner_id = markups.partner_id and service_plans.service_plan_id = markups.service_plan_id and charges.service_code = markups.service_code and charges.charge = markups.charge
        and charges.first_day >= markups.valid_from and charges.first_day < markups.valid_to
),

with_unit_prices as (
    select
        *,
        cast(unit_purchase_exact as decimal(18, 6)) as unit_purchase_eur,
        cast(case when service_plan_id is not null then {{ service_sale_eur('unit_purchase_exact', 'percent', 'amount_eur') }} end as decimal(18, 6)) as unit_sale_eur
    from priced
),

with_amounts as (
    select
        *,
        {{ share_of_amount('unit_purchase_eur', 'quantity * coalesce(days, days_in_month)', 'days_in_month') }} as purchase_eur,
        {{ share_of_amount('unit_sale_eur', 'quantity * coalesce(days, days_in_month)', 'days_in_month') }} as sale_eur
    from with_unit_prices
),

charged as (
    select
        partner_id,
        customer_id,
        reseller_id,
        {{ month_of('month_start') }} as month,
        {{ month_of('invoice_month_start') }} as invoice_month,
        kind,
        service_code,
        category,
        service_name,
        order_id,
        line_number,
        pbx_id,
        service_plan_id,
        is_exception,
        cast(quantity as bigint) as quantity,
        days,
        days_in_month,
        unit_purchase_eur,
        unit_sale_eur,
        purchase_eur,
        sale_eur,
        cast(sale_eur - purchase_eur as decimal(18, 6)) as margin_eur,
        vat_category,
        is_billing_exempt,
        case
            when quantity is null then 'missing_reading'
            when unit_purchase_eur is null then 'no_service_price'
            when service_plan_id is null then 'no_service_plan'
            when unit_sale_eur is null then 'no_markup'
            when unit_sale_eur < unit_purchase_eur then 'below_purchase'
        end as status_reason
    from with_amounts
    where
        invoice_month_start >= coalesce(billing_from, {{ start_of_time() }})
        -- minutes of a service that has no price of its own are the call plan's to price
        and not (kind = 'airtime' and coalesce(unit_purchase_eur, 1) = 0 and coalesce(unit_sale_eur, 1) = 0)
),

frozen as (select * from {{ source('raw', 'frozen_charges') }})

-- on the invoice of its month while that is open for the customer, else on that of the first open month after it
select
    charged.partner_id,
    charged.customer_id,
    charged.reseller_id,
    charged.month,
    coalesce(closed.next_open_month, charged.invoice_month) as invoice_month,
    charged.kind,
    charged.service_code,
    charged.category,
    charged.service_name,
    charged.order_id,
    charged.line_number,
    charged.pbx_id,
    charged.service_plan_id,
    charged.is_exception,
    charged.quantity,
    charged.days,
    charged.days_in_month,
    charged.unit_purchase_eur,
    charged.unit_sale_eur,
    charged.purchase_eur,
    charged.sale_eur,
    charged.margin_eur,
    charged.status_reason,
    false as is_settlement,
    charged.vat_category,
    charged.is_billing_exempt,
    cast(null as varchar) as settles_invoice_month
from charged
left join frozen
    on charged.partner_id = frozen.partner_id and charged.customer_id = frozen.customer_id and charged.kind = frozen.kind and charged.service_code = frozen.service_code
    and charged.month = frozen.month and coalesce(charged.order_id, '') = coalesce(frozen.order_id, '')
    and coalesce(charged.line_number, 0) = coalesce(frozen.line_number, 0)
    -- an order line is the same with another PBX; seats are those of the PBX
    and (charged.kind <> 'seat' or coalesce(charged.pbx_id, '') = coalesce(frozen.pbx_id, ''))
left join {{ ref('int_closed_months') }} as closed
    on charged.partner_id = closed.partner_id and charged.customer_id = closed.customer_id and charged.invoice_month = closed.month
where frozen.customer_id is null

union all

-- for what was billed and is otherwise now, the difference
select
    partner_id,
    customer_id,
    reseller_id,
    month,
    invoice_month,
    kind,
    service_code,
    category,
    service_name,
    order_id,
    line_number,
    pbx_id,
    service_plan_id,
    is_exception,
    quantity,
    days,
    days_in_month,
    unit_purchase_eur,
    unit_sale_eur,
    purchase_eur,
    sale_eur,
    margin_eur,
    cast(null as varchar) as status_reason,
    true as is_settlement,
    vat_category,
    -- what was billed is settled, also of somebody who gets no invoices now
    coalesce(is_billing_exempt, false) as is_billing_exempt,
    settles_invoice_month
from {{ ref('int_charge_settlements') }}

union all

-- what was billed stays as it was; of a month that was closed before this was remembered, as the customer is then
select
    frozen.partner_id,
    frozen.customer_id,
    frozen.reseller_id,
    frozen.month,
    frozen.invoice_month,
    frozen.kind,
    frozen.service_code,
    frozen.category,
    frozen.service_name,
    frozen.order_id,
    frozen.line_number,
    frozen.pbx_id,
    frozen.service_plan_id,
    frozen.is_exception,
    frozen.quantity,
    frozen.days,
    frozen.days_in_month,
    frozen.unit_purchase_eur,
    frozen.unit_sale_eur,
    frozen.purchase_eur,
    frozen.sale_eur,
    frozen.margin_eur,
    frozen.status_reason,
    coalesce(frozen.is_settlement, false) as is_settlement,
    coalesce(frozen.vat_category, customers.vat_category, 'standard') as vat_category,
    coalesce(frozen.is_billing_exempt, customers.billing_exempt, false) as is_billing_exempt,
    frozen.settles_invoice_month
from frozen
left join {{ ref('stg_landing__customer_periods') }} as customers
    on frozen.partner_id = customers.partner_id and frozen.customer_id = customers.customer_id
    and {{ holds_on('customers', first_day_of('frozen.month')) }}
