{#
    An exception for one service goes before the markup of its category; NRC and MRC are looked up apart, since an exception may give only one of them.
    A row of a service that gives nothing at all removes the exception, for as long as that row is valid: the category is back.
#}
with exceptions as (
    select
        *,
        nrc_percent is null and mrc_percent is null and nrc_eur is null and mrc_eur is null as is_removal
    from {{ ref('stg_landing__service_plan_markups') }}
    where service_code is not null
),

category_markups as (
    select * from {{ ref('stg_landing__service_plan_markups') }} where service_code is null
),

-- in which category a service is, from day to day
service_categories as (
    select service_code, category, known_from, valid_to from {{ ref('int_service_costs') }}
)
{%- for charge in ['nrc', 'mrc'] %},

{{ charge }}_exceptions as (
    select partner_id, service_plan_id, service_code, is_removal, {{ charge }}_percent as percent, {{ charge }}_eur as amount_eur, 1 as specificity, valid_from, valid_to
    from exceptions
    where {{ charge }}_percent is not null or {{ charge }}_eur is not null or is_removal
),

{{ charge }}_category_markups as (
    select partner_id, service_plan_id, category, {{ charge }}_percent as percent, 1 as specificity, valid_from, valid_to
    from category_markups
    where {{ charge }}_percent is not null
),

{{ charge }}_markups as (
    select partner_id, service_plan_id, service_code, true as is_exception, percent, amount_eur, 2 as specificity, valid_from, valid_to
    from {{ valid_periods(charge ~ '_exceptions', key=['partner_id', 'service_plan_id', 'service_code'], series=[], carry=['is_removal', 'percent', 'amount_eur']) }} as exception_periods
    where not is_removal

    union all

    select
        category_periods.partner_id,
        category_periods.service_plan_id,
        service_categories.service_code,
        false as is_exception,
        category_periods.percent,
        cast(null as decimal(18, 8)) as amount_eur,
        1 as specificity,
        greatest(category_periods.valid_from, service_categories.known_from) as valid_from,
        least(category_periods.valid_to, service_categories.valid_to) as valid_to
    from {{ valid_periods(charge ~ '_category_markups', key=['partner_id', 'service_plan_id', 'category'], series=[], carry=['percent']) }} as category_periods
    inner join service_categories on category_periods.category = service_categories.category
    where category_periods.valid_from < service_categories.valid_to and service_categories.known_from < category_periods.valid_to
)
{%- endfor %}

{% for charge in ['nrc', 'mrc'] %}
select '{{ charge }}' as charge, * from {{ valid_periods(
    charge ~ '_markups', key=['partner_id', 'service_plan_id', 'service_code'], series=[], carry=['is_exception', 'percent', 'amount_eur']
) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
