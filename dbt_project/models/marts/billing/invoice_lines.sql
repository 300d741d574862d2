-- Sums of calls and charges are exact; a line is rounded to cents, half away from zero, and nothing else is (DOMAIN 2 and 5).
-- each call by the VAT, the exemption and the reseller of its customer on its own day
with call_lines as (
    select
        partner_id, customer_id, billing_month as month, case when leg = 'airtime' then 'airtime' else 'calls' end as kind,
        country, line_type, cast(null as varchar) as service_code, cast(null as varchar) as service_name, cast(null as varchar) as pbx_id,
        cast(null as varchar) as settled_month, {{ month_of('min(call_date)') }} as first_month, {{ month_of('max(call_date)') }} as last_month,
        reseller_id, vat_category,
        cast(null as varchar) as vat_code, cast(null as decimal(5, 2)) as vat_percent, cast(null as decimal(9, 4)) as billed_commission_percent,
        cast(null as decimal(18, 6)) as unit_price_eur, cast(null as integer) as days, cast(null as integer) as days_in_month,
        count(*) as quantity, sum(billed_s) as duration_s, sum(sale_eur) as exact_eur, sum(purchase_eur) as purchase_eur
    from {{ ref('calls') }}
    where status = 'rated' and not is_billing_exempt
    group by
        partner_id, customer_id, billing_month, case when leg = 'airtime' then 'airtime' else 'calls' end, country, line_type, reseller_id, vat_category
),

-- what is settled has the VAT and the reseller's percentage of the invoice that billed it
billed_terms as (
    select
        partner_id, customer_id, month as invoice_month, kind, service_code, {{ month_of('period_start') }} as service_month, vat_category,
        coalesce(reseller_id, '') as reseller_key,
        max(vat_code) as vat_code, max(vat_percent) as vat_percent, max(commission_percent) as billed_commission_percent
    from {{ source('raw', 'approved_lines') }}
    where settled_month is null and service_code is not null and not {{ is_credited_by_hand('invoice_id') }}
    group by partner_id, customer_id, month, kind, service_code, {{ month_of('period_start') }}, vat_category, coalesce(reseller_id, '')
),

charges as (
    select charges.*, billed.vat_code, billed.vat_percent, billed.billed_commission_percent
    from {{ ref('service_charges') }} as charges
    left join billed_terms as billed
        on charges.is_settlement and charges.partner_id = billed.partner_id and charges.customer_id = billed.customer_id
        -- what was frozen before this was remembered was billed in its own month
        and coalesce(charges.settles_invoice_month, charges.month) = billed.invoice_month
        and charges.kind = billed.kind and charges.service_code = billed.service_code and charges.month = billed.service_month
        and charges.vat_category = billed.vat_category and coalesce(charges.reseller_id, '') = billed.reseller_key
    where charges.status_reason is null and not charges.is_billing_exempt
),

-- a line has one price and, of a part of a month, one number of days: pieces are not added up over time. What is settled of a month is one line, whatever
-- its charges are; it bears price and days where all of them have the same
service_lines as (
    select
        partner_id, customer_id, invoice_month as month, kind,
        cast(null as varchar) as country, cast(null as varchar) as line_type, service_code, min(service_name) as service_name, case when kind = 'seat' then pbx_id end as pbx_id,
        case when is_settlement then month end as settled_month, month as first_month, month as last_month, reseller_id, vat_category,
        vat_code, vat_percent, billed_commission_percent,
        {%- set is_of_one_kind = 'min(unit_sale_eur) = max(unit_sale_eur) and (count(days) = 0 or (count(days) = count(*) and min(days) = max(days)))' %}
        case when {{ is_of_one_kind }} then min(unit_sale_eur) end as unit_price_eur,
        case when {{ is_of_one_kind }} then min(days) end as days,
        case when {{ is_of_one_kind }} and count(days) > 0 then min(days_in_month) end as days_in_month,
        sum(quantity) as quantity, cast(null as bigint) as duration_s, sum(sale_eur) as exact_eur, sum(purchase_eur) as purchase_eur
    from charges
    group by
        partner_id, customer_id, invoice_month, kind, service_code, case when kind = 'seat' then pbx_id end, case when is_settlement then month end, month,
        reseller_id, vat_category, vat_code, vat_percent, billed_commission_percent,
        case when is_settlement then null else unit_sale_eur end, case when is_settlement then null else days end
),

lines as (
    select * from call_lines
    union all
    select * from service_lines
),

-- by customer and month, not by invoice_id: that follows what is known of where the customer was before
approved_months as (
    select distinct partner_id, customer_id, month from {{ source('raw', 'approved_invoices') }}
),

billed_lines as (
    select
        lines.*,
        coalesce(seated.home_country, partners.home_country) as home_country,
        lines.customer_id || '-' || lines.month || coalesce(customers.draft_suffix, '') as invoice_id,
        coalesce(
            lines.billed_commission_percent,
            case when lines.kind in ('calls', 'airtime') then resellers.call_commission_percent else resellers.service_commission_percent end,
            0
        ) as commission_percent
    from lines
    inner join {{ ref('int_partners') }} as partners on lines.partner_id = partners.partner_id
    -- the VAT of a month is that of the country in which the partner was at its end
    left join {{ ref('stg_landing__partner_periods') }} as seated
        on lines.partner_id = seated.partner_id
        and {{ holds_on('seated', add_days(next_month_start(first_day_of('coalesce(lines.settled_month, lines.month)')), -1)) }}
    left join {{ ref('int_customers') }} as customers on lines.partner_id = customers.partner_id and lines.customer_id = customers.customer_id
    left join {{ ref('stg_landing__resellers') }} as resellers on lines.partner_id = resellers.partner_id and lines.reseller_id = resellers.reseller_id
    left join approved_months
        on lines.partner_id = approved_months.partner_id and lines.customer_id = approved_months.customer_id and lines.month = approved_months.month
    where approved_months.month is null
)

select
    billed_lines.partner_id,
    billed_lines.customer_id,
    billed_lines.month,
    billed_lines.invoice_id,
    cast(row_number() over (
        partition by billed_lines.partner_id, billed_lines.invoice_id
        order by
            case billed_lines.kind when 'nrc' then 1 when 'mrc' then 2 when 'seat' then 3 when 'airtime' then 4 else 5 end,
            coalesce(billed_lines.settled_month, ''), billed_lines.first_month, billed_lines.service_code, billed_lines.pbx_id, billed_lines.country, billed_lines.line_type,
            billed_lines.unit_price_eur desc, billed_lines.days desc, billed_lines.vat_category, billed_lines.reseller_id,
            billed_lines.vat_percent, billed_lines.commission_percent
    ) as integer) as line_number,
    billed_lines.kind,
    coalesce('Verrekening ' || billed_lines.settled_month || ': ', '')
    || coalesce(billed_lines.service_name || coalesce(' ' || billed_lines.pbx_id, ''), countries.name_nl || ' ' || billed_lines.line_type, 'On-net') as description,
    billed_lines.country,
    billed_lines.line_type,
    billed_lines.service_code,
    billed_lines.pbx_id,
    cast(billed_lines.quantity as bigint) as quantity,
    cast(billed_lines.duration_s as bigint) as duration_s,
    cast({{ round_money('billed_lines.exact_eur', 2) }} as decimal(18, 2)) as amount_eur,
    cast(billed_lines.exact_eur as decimal(28, 6)) as exact_eur,
    cast(billed_lines.purchase_eur as decimal(28, 6)) as purchase_eur,
    billed_lines.vat_category,
    coalesce(billed_lines.vat_code, vat_rates.vat_code) as vat_code,
    coalesce(billed_lines.vat_percent, vat_rates.vat_percent) as vat_percent,
    billed_lines.service_name,
    billed_lines.settled_month,
    {{ first_day_of('billed_lines.first_month') }} as period_start,
    {{ add_days(next_month_start(first_day_of('billed_lines.last_month')), -1) }} as period_end,
    cast(billed_lines.unit_price_eur as decimal(18, 6)) as unit_price_eur,
    cast(billed_lines.days as integer) as days,
    cast(billed_lines.days_in_month as integer) as days_in_month,
    cast(null as decimal(18, 2)) as vat_correction_eur,
    billed_lines.reseller_id,
    cast(billed_lines.commission_percent as decimal(9, 4)) as commission_percent
from billed_lines
left join {{ ref('countries') }} as countries on billed_lines.country = countries.country
left join {{ ref('vat_rates') }} as vat_rates
    on billed_lines.home_country = vat_rates.country and billed_lines.vat_category = vat_rates.vat_category
    -- what is settled bears the VAT of its own month; as it was billed, where it stands on an invoice
    and {{ add_days(next_month_start(first_day_of('coalesce(billed_lines.settled_month, billed_lines.month)')), -1) }} >= vat_rates.valid_from
    and {{ add_days(next_month_start(first_day_of('coalesce(billed_lines.settled_month, billed_lines.month)')), -1) }} < coalesce(vat_rates.valid_to, {{ end_of_time() }})

union all

-- approved: whole, as it was
select
    partner_id,
    customer_id,
    month,
    invoice_id,
    line_number,
    kind,
    description,
    country,
    line_type,
    service_code,
    pbx_id,
    quantity,
    duration_s,
    amount_eur,
    exact_eur,
    purchase_eur,
    vat_category,
    vat_code,
    vat_percent,
    service_name,
    settled_month,
    period_start,
    period_end,
    unit_price_eur,
    days,
    days_in_month,
    vat_correction_eur,
    reseller_id,
    commission_percent
from {{ source('raw', 'approved_lines') }}
