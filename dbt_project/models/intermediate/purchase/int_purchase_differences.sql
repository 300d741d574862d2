{#-
    Theirs beside ours, line by line, and what of ours stands on no line. A line of the whole deck is its total (decided): what it has beyond the other lines of its deck,
    month and account is compared with the calls that these do not cover.
-#}
{%- set sums = ['calls', 'purchase_billed_s', 'duration_s', 'purchase_eur', 'unrated_calls', 'onnet_calls', 'unanswered_calls'] -%}
with invoices as (
    select
        *,
        case when service_code is not null then 'service' when prefix is not null then 'prefix' when destination is not null then 'destination' else 'total' end as level
    from {{ ref('stg_landing__purchase_invoices') }}
),

-- of a total, what its own lines have is not counted again; what they do not all say is not known of the rest
beside_totals as (
    select
        partner_id, month, deck_id, coalesce(account, '') as account,
        case when count(*) = count(calls) then sum(calls) end as calls,
        case when count(*) = count(seconds) then sum(seconds) end as seconds,
        sum(amount_eur) as amount_eur
    from invoices
    where level in ('prefix', 'destination')
    group by partner_id, month, deck_id, coalesce(account, '')
),

invoice_lines as (
    select
        invoices.partner_id, invoices.month, invoices.deck_id, invoices.service_code, invoices.account, invoices.level, invoices.prefix, invoices.destination,
        case when beside_totals.partner_id is not null then invoices.calls - beside_totals.calls else invoices.calls end as calls,
        case when beside_totals.partner_id is not null then invoices.seconds - beside_totals.seconds else invoices.seconds end as seconds,
        invoices.amount_eur - coalesce(beside_totals.amount_eur, 0) as amount_eur,
        invoices.file_id,
        invoices.line
    from invoices
    left join beside_totals
        on invoices.level = 'total' and invoices.partner_id = beside_totals.partner_id and invoices.month = beside_totals.month
        and invoices.deck_id = beside_totals.deck_id and coalesce(invoices.account, '') = beside_totals.account
),

our_calls as (
    select file_id, line {%- for name in sums %}, sum({{ name }}) as {{ name }}{% endfor %}
    from {{ ref('int_purchase_matches') }}
    where line is not null
    group by file_id, line
),

unbilled_calls as (
    select
        partner_id, month, deck_id, account, destination, case when destination is null then deck_prefix end as prefix
        {%- for name in sums %}, sum({{ name }}) as {{ name }}{% endfor %}
    from {{ ref('int_purchase_matches') }}
    where line is null
    group by partner_id, month, deck_id, account, destination, case when destination is null then deck_prefix end
    having sum(calls) <> 0
),

-- a customer's services stand on the line of its account, where there is one; on one line only
service_accounts as (
    select invoices.partner_id, invoices.month, invoices.service_code, accounts.customer_id, min(invoices.account) as account
    from invoices
    inner join {{ ref('stg_landing__accounts') }} as accounts on invoices.account = accounts.account
    where invoices.service_code is not null
    group by invoices.partner_id, invoices.month, invoices.service_code, accounts.customer_id
),

our_services as (
    select
        charges.partner_id, charges.month, charges.service_code, service_accounts.account,
        -- pieces are those that cost something: nobody bills the monthly nothing of what was paid once. A charge without a reading or a price has no purchase yet
        coalesce(
            nullif(sum(case when charges.purchase_eur <> 0 then charges.quantity else 0 end), 0),
            sum(case when charges.purchase_eur is not null then charges.quantity else 0 end)
        ) as calls,
        coalesce(sum(charges.purchase_eur), 0) as purchase_eur,
        sum(case when charges.purchase_eur is null then 1 else 0 end) as unrated_calls
    from {{ ref('service_charges') }} as charges
    inner join (select distinct partner_id, month from invoices where service_code is not null) as invoiced
        on charges.partner_id = invoiced.partner_id and charges.month = invoiced.month
    left join service_accounts
        on charges.partner_id = service_accounts.partner_id and charges.month = service_accounts.month
        and charges.service_code = service_accounts.service_code and charges.customer_id = service_accounts.customer_id
    group by charges.partner_id, charges.month, charges.service_code, service_accounts.account
),

compared as (
    select
        lines.partner_id, lines.month, 'calls' as kind, lines.deck_id, lines.service_code, lines.account, lines.level, lines.prefix, lines.destination,
        lines.calls as invoiced_calls, lines.seconds as invoiced_s, lines.amount_eur as invoiced_eur, lines.file_id, lines.line,
        coalesce(ours.calls, 0) as calls, coalesce(ours.purchase_billed_s, 0) as purchase_billed_s, coalesce(ours.duration_s, 0) as duration_s,
        coalesce(ours.purchase_eur, 0) as purchase_eur, ours.unrated_calls, ours.onnet_calls, ours.unanswered_calls
    from invoice_lines as lines
    left join our_calls as ours on lines.file_id = ours.file_id and lines.line = ours.line
    where lines.deck_id is not null

    union all

    select
        partner_id, month, 'calls' as kind, deck_id, cast(null as varchar) as service_code, account,
        case when destination is null then 'prefix' else 'destination' end as level, prefix, destination,
        cast(null as bigint) as invoiced_calls, cast(null as bigint) as invoiced_s, cast(null as decimal(28, 8)) as invoiced_eur,
        cast(null as integer) as file_id, cast(null as bigint) as line,
        calls, purchase_billed_s, duration_s, purchase_eur, unrated_calls, onnet_calls, unanswered_calls
    from unbilled_calls

    union all

    select
        coalesce(lines.partner_id, ours.partner_id) as partner_id, coalesce(lines.month, ours.month) as month, 'services' as kind, cast(null as varchar) as deck_id,
        coalesce(lines.service_code, ours.service_code) as service_code, coalesce(lines.account, ours.account) as account, 'service' as level,
        cast(null as varchar) as prefix, cast(null as varchar) as destination,
        lines.calls as invoiced_calls, cast(null as bigint) as invoiced_s, lines.amount_eur as invoiced_eur, lines.file_id, lines.line,
        coalesce(ours.calls, 0) as calls, cast(null as bigint) as purchase_billed_s, cast(null as bigint) as duration_s,
        coalesce(ours.purchase_eur, 0) as purchase_eur, ours.unrated_calls, cast(null as bigint) as onnet_calls, cast(null as bigint) as unanswered_calls
    from (select * from invoice_lines where service_code is not null) as lines
    full join our_services as ours
        on lines.partner_id = ours.partner_id and lines.month = ours.month and lines.service_code = ours.service_code
        and coalesce(lines.account, '') = coalesce(ours.account, '')
),

typed as (
    select
        partner_id, month, kind, deck_id, service_code, account, level, prefix, destination, file_id, line,
        line is not null as is_invoiced,
        -- what stands on no line was billed at nothing
        cast(case when line is null then 0 else invoiced_calls end as bigint) as invoiced_calls,
        cast(case when line is null and kind = 'calls' then 0 else invoiced_s end as bigint) as invoiced_s,
        cast(coalesce(invoiced_eur, 0) as decimal(28, 8)) as invoiced_eur,
        cast(calls as bigint) as calls,
        cast(purchase_billed_s as bigint) as purchase_billed_s,
        cast(duration_s as bigint) as duration_s,
        cast(purchase_eur as decimal(28, 6)) as purchase_eur,
        cast(unrated_calls as bigint) as unrated_calls,
        cast(onnet_calls as bigint) as onnet_calls,
        cast(unanswered_calls as bigint) as unanswered_calls
    from compared
),

with_parts as (
    select
        *,
        cast(invoiced_eur - purchase_eur as decimal(28, 8)) as difference_eur,
        cast({{ count_part_eur('invoiced_calls', 'calls', 'invoiced_eur', 'purchase_eur') }} as decimal(28, 8)) as count_part_eur,
        cast({{ seconds_part_eur('invoiced_calls', 'calls', 'invoiced_s', 'purchase_billed_s', 'purchase_eur') }} as decimal(28, 8)) as seconds_part_eur,
        {{ rounding_reach_eur('invoiced_calls', 'calls') }} as rounding_reach_eur
    from typed
)

select *, cast(difference_eur - count_part_eur - seconds_part_eur as decimal(28, 8)) as rate_part_eur
from with_parts
-- nothing there and nothing here is nothing to look at
where is_invoiced or calls <> 0 or purchase_eur <> 0
