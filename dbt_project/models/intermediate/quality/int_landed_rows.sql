{#- What became of every row of the reference feeds. The call records have int_record_fates and int_record_counts. -#}
{%- set feeds = [
    'partners', 'resellers', 'customers', 'customer_plans', 'accounts', 'numbers', 'call_plans', 'call_plan_rates', 'services', 'service_plans',
    'service_plan_markups', 'orders', 'extension_counts', 'internet_lines', 'payments', 'purchase_invoices'
] -%}
-- depends_on: {{ ref('countries') }}
-- depends_on: {{ ref('stg_landing__partners') }}
-- depends_on: {{ ref('stg_landing__customer_periods') }}
-- depends_on: {{ ref('stg_landing__customer_claims') }}
-- depends_on: {{ ref('stg_landing__account_claims') }}
-- depends_on: {{ ref('stg_landing__number_claims') }}
-- depends_on: {{ ref('stg_landing__customers') }}
-- depends_on: {{ ref('stg_landing__call_plans') }}
-- depends_on: {{ ref('stg_landing__service_plans') }}
-- depends_on: {{ ref('stg_landing__services') }}
-- depends_on: {{ ref('stg_landing__orders') }}
-- depends_on: {{ ref('stg_landing__order_refusals') }}
-- depends_on: {{ ref('stg_landing__purchase_invoice_refusals') }}
with refused_rates as (
    select rates.file_id, rates.line, {{ row_as_json(source_columns('purchase_rates')) }} as raw
    from {{ source('raw', 'purchase_rates') }} as rates
    inner join (select file_id, line from {{ ref('stg_landing__deck_fates') }} where disposition = 'quarantined' and is_row) as fates
        using (file_id, line)
),

landed as (
    {%- for feed in feeds %}
    {%- set names = feed_declaration(feed).columns.keys() | list %}
    select
        '{{ feed }}' as feed,
        file_id,
        line,
        disposition,
        case when disposition = 'duplicate' then 'replaced' else reject_reason end as reason,
        {% for name in ['partner_id', 'customer_id', 'call_plan_id', 'service_plan_id', 'deck_id'] %}
        {{ name if name in names else 'cast(null as varchar)' }} as {{ name }},
        {%- endfor %}
        {{ 'valid_from' if 'valid_from' in names else 'cast(read_at as date)' if 'read_at' in names else 'cast(null as date)' }} as counts_from,
        {{ 'tenant_id' if feed_declaration(feed).config.meta.get('tenant') else 'cast(null as varchar)' }} as tenant_id,
        case when disposition = 'quarantined' then raw end as raw
    from {{ landed_rows(feed, with_raw=true) }} as {{ feed }}_rows
    union all
    {%- endfor %}
    -- rows of a deck are judged together
    select
        'purchase_rates' as feed,
        fates.file_id,
        fates.line,
        fates.disposition,
        case when fates.disposition = 'duplicate' then 'replaced' else fates.reason end as reason,
        cast(null as varchar) as partner_id,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as call_plan_id,
        cast(null as varchar) as service_plan_id,
        fates.deck_id,
        cast(null as date) as counts_from,
        cast(null as varchar) as tenant_id,
        refused_rates.raw
    from {{ ref('stg_landing__deck_fates') }} as fates
    left join refused_rates on fates.file_id = refused_rates.file_id and fates.line = refused_rates.line
    where fates.is_row
),

-- a deck that several partners buy from, and a plan whose name several have, belong to none of them alone
deck_owners as (
    select deck_id, min(partner_id) as partner_id from {{ ref('stg_landing__partners') }} group by deck_id having count(distinct partner_id) = 1
),

call_plan_owners as (
    select call_plan_id, min(partner_id) as partner_id from {{ ref('stg_landing__call_plans') }} group by call_plan_id having count(distinct partner_id) = 1
),

service_plan_owners as (
    select service_plan_id, min(partner_id) as partner_id from {{ ref('stg_landing__service_plans') }} group by service_plan_id having count(distinct partner_id) = 1
),

-- A customer that moves: whose it is on the day from which the row counts; on that of its landing, where it names none. Before or after all its days, of the nearest.
customer_owners as (
    select file_id, line, partner_id
    from (
        select
            dated.file_id,
            dated.line,
            periods.partner_id,
            row_number() over (
                partition by dated.file_id, dated.line
                order by
                    case when periods.valid_from <= dated.day then 0 else 1 end,
                    case when periods.valid_from <= dated.day then {{ days_between('periods.valid_from', 'dated.day') }} end,
                    periods.valid_from
            ) as place
        from (
            select landed.file_id, landed.line, landed.customer_id, coalesce(landed.counts_from, cast(files.ingested_at as date)) as day
            from landed
            inner join {{ source('raw', 'files') }} as files on landed.file_id = files.file_id
            where landed.customer_id is not null
        ) as dated
        inner join {{ ref('stg_landing__customer_periods') }} as periods on dated.customer_id = periods.customer_id
    )
    where place = 1
),

known_partners as (select distinct partner_id from {{ ref('stg_landing__partners') }})

select
    landed.feed,
    landed.file_id,
    landed.line,
    landed.disposition,
    landed.reason,
    -- whose a refused line of the wholesaler is, is what is not sure of it: operators fix it
    case when landed.feed <> 'purchase_invoices' or landed.disposition <> 'quarantined'
        then coalesce(
            partners.partner_id, landed.tenant_id, customers.partner_id, call_plans.partner_id, service_plans.partner_id, deck_owners.partner_id
        )
    end as partner_id,
    landed.raw
from landed
left join known_partners as partners on landed.partner_id = partners.partner_id
left join customer_owners as customers on landed.file_id = customers.file_id and landed.line = customers.line
left join call_plan_owners as call_plans on landed.call_plan_id = call_plans.call_plan_id
left join service_plan_owners as service_plans on landed.service_plan_id = service_plans.service_plan_id
left join deck_owners on landed.deck_id = deck_owners.deck_id
