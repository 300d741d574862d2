{# An exception for one service goes before the markup of its category; NRC and MRC are looked up apart, since an exception may give only one of them. #}
with services as (
    select distinct service_code, category from {{ ref('stg_landing__services') }}
),

covering_markups as (
    select
        markups.service_plan_id,
        services.service_code,
        markups.service_code is not null as is_exception,
        case when markups.service_code is not null then 'exception' else 'category' end as markup_kind,
        case when markups.service_code is not null then 2 else 1 end as specificity,
        markups.nrc_percent,
        markups.mrc_percent,
        markups.nrc_eur,
        markups.mrc_eur,
        markups.valid_from,
        markups.valid_to
    from {{ ref('stg_landing__service_plan_markups') }} as markups
    inner join services on markups.service_code = services.service_code or (markups.service_code is null and markups.category = services.category)
)
{%- for charge in ['nrc', 'mrc'] %},

{{ charge }}_markups as (
    select service_plan_id, service_code, is_exception, markup_kind, specificity, {{ charge }}_percent as percent, {{ charge }}_eur as amount_eur, valid_from, valid_to
    from covering_markups
    where {{ charge }}_percent is not null or {{ charge }}_eur is not null
)
{%- endfor %}

{% for charge in ['nrc', 'mrc'] %}
select '{{ charge }}' as charge, * from {{ valid_periods(
    charge ~ '_markups', key=['service_plan_id', 'service_code'], series=['markup_kind'], carry=['is_exception', 'percent', 'amount_eur']
) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
