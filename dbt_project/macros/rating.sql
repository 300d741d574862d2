{# Whether a call that came in is paid by the one who was called: a toll-free number, and a row of the plan for just these numbers (0800 service). #}
{% macro is_paid_inbound(direction, number_kind, country, line_type, rate_country, rate_line_type) -%}
    (
        coalesce({{ direction }} = 'inbound' and {{ number_kind }} = 'toll_free', false)
        and coalesce({{ rate_country }} = {{ country }} and {{ rate_line_type }} = {{ line_type }}, false)
    )
{%- endmacro %}

{# Kinds of numbers (numbering plans) that cost nobody who calls them anything: 0800, 116xxx, 112. #}
{% macro is_free_kind(number_kind) -%} coalesce({{ number_kind }} in ('toll_free', 'emergency'), false) {%- endmacro %}

{#
    Whether a call costs its caller nothing, whatever destination it stands under: it goes out to such a number, of the partner's own country or of no country
    (+800). Another country's is free to those who call it there; from here it is a call abroad like any other (decided).
#}
{% macro is_free_to_call(direction, number_kind, country, home_country) -%}
    (
        coalesce({{ direction }}, 'outbound') <> 'inbound' and {{ is_free_kind(number_kind) }}
        and coalesce({{ country }} in ({{ home_country }}, '001'), false)
    )
{%- endmacro %}

{# Whether a row of a plan is one for just the special numbers of a country: it charges what else is free. #}
{% macro is_row_for_just(country, rate_country, rate_line_type) -%}
    coalesce({{ rate_country }} = {{ country }} and {{ rate_line_type }} = 'SPECIAL', false)
{%- endmacro %}

{# Seconds that are charged: the talking time, rounded up to the plan's step. #}
{% macro billed_seconds(duration_s, rounding_seconds) -%}
    ({{ whole_quotient(duration_s ~ ' + ' ~ rounding_seconds ~ ' - 1', rounding_seconds) }} * {{ rounding_seconds }})
{%- endmacro %}

{# The sale price of a call, from columns of these names: plan_fee_e8 (empty: of the purchase fee), plan_rate_e8 or plan_rate_ppm, and the purchase's. #}
{% macro sale_price_eur() -%}
    {{ call_price_eur(
        'coalesce(plan_fee_e8, purchase_fee_e8)',
        '(case when plan_fee_e8 is null then plan_rate_ppm else ' ~ one_hundred_percent() ~ ' end)',
        'coalesce(plan_rate_e8, purchase_rate_e8)',
        'coalesce(plan_rate_ppm, ' ~ one_hundred_percent() ~ ')',
        'billed_s',
        'rounding_decimals'
    ) }}
{%- endmacro %}

{#
    Rating (DOMAIN 2), one step a CTE. The batch, `tikteller explain` and `tikteller quote` run this very text.

    calls    a relation of calls with their payer: call_key, partner_id, customer_id, callee (as dialled), call_date, direction, disposition, duration_s
             and whatever else is to be kept
    result   the columns of `calls`, and of every step: the number, the deck row, the plan row, the status with its reason, seconds and prices
#}
{% macro rated_calls(calls) -%}
with calls_with_deck as (
    select calls.*, partners.deck_id, partners.home_country
    from {{ calls }} as calls
    inner join {{ ref('stg_landing__partner_periods') }} as partners
        on calls.partner_id = partners.partner_id and calls.call_date >= partners.valid_from and calls.call_date < partners.valid_to
),

calls_with_number as (
    select
        calls.*,
        numbers.number_class,
        coalesce(numbers.e164, calls.callee) as callee_e164,
        numbers.prefix,
        numbers.is_short,
        numbers.country as listed_country,
        numbers.line_type as listed_line_type,
        numbers.number_kind,
        platform_numbers.e164 is not null as is_onnet,
        -- a call that comes in is nobody's on-net call: whoever called it has that record
        platform_numbers.e164 is not null and coalesce(calls.direction, 'outbound') <> 'inbound' as is_onnet_call
    from calls_with_deck as calls
    inner join {{ ref('int_called_numbers') }} as numbers
        on calls.partner_id = numbers.partner_id and calls.deck_id = numbers.deck_id and calls.home_country = numbers.home_country
        and calls.callee = numbers.callee
    left join {{ ref('int_platform_numbers') }} as platform_numbers
        on numbers.platform_number = platform_numbers.e164
        and calls.call_date >= platform_numbers.valid_from and calls.call_date < platform_numbers.valid_to
),

calls_with_purchase as (
    select
        calls.*,
        -- what the row of the deck that holds on the day says goes before the numbering plans
        coalesce(case when not calls.is_short then deck.country end, calls.listed_country) as country,
        coalesce(case when not calls.is_short then deck.line_type end, calls.listed_line_type) as line_type,
        deck.deck_prefix,
        deck.destination,
        deck.rate_file_id as deck_file_id,
        deck.rate_line as deck_line,
        deck.valid_from as deck_valid_from,
        deck.first_increment_s,
        deck.next_increment_s,
        deck.connection_fee_e8 as purchase_fee_e8,
        deck.minute_rate_e8 as purchase_rate_e8,
        coalesce(deck.contenders, 0) as deck_rows,
        {{ is_free_kind('deck.number_kind') }} as has_deck_row_for_free_numbers,
        case
            when calls.duration_s <= deck.first_increment_s then deck.first_increment_s
            else deck.first_increment_s
                + {{ whole_quotient('calls.duration_s - deck.first_increment_s + deck.next_increment_s - 1', 'deck.next_increment_s') }} * deck.next_increment_s
        end as purchase_billed_s
    from calls_with_number as calls
    left join {{ ref('int_deck_prices') }} as deck
        on calls.deck_id = deck.deck_id and calls.prefix = deck.prefix
        and calls.call_date >= deck.valid_from and calls.call_date < deck.valid_to
),

calls_with_plan as (
    select
        calls.*,
        assignments.plan_id as assigned_plan_id,
        assignments.assigned_to,
        assignments.assignment_file_id,
        assignments.assignment_line,
        plans.call_plan_id,
        coalesce(plans.onnet_billing, false) as onnet_billing,
        coalesce(plans.rounding_seconds, {{ var('default_rounding_seconds') }}) as rounding_seconds,
        coalesce(plans.rounding_decimals, {{ var('default_rounding_decimals') }}) as rounding_decimals,
        prices.rate_country,
        prices.rate_line_type,
        prices.rate_file_id as plan_file_id,
        prices.rate_line as plan_line,
        prices.call_plan_id is not null as has_plan_rate,
        {{ to_e8('prices.connection_fee_eur') }} as plan_fee_e8,
        {{ to_e8('prices.minute_rate_eur') }} as plan_rate_e8,
        {{ to_ppm('prices.minute_rate_percent') }} as plan_rate_ppm,
        {{ is_paid_inbound(
            'calls.direction', 'calls.number_kind', 'calls.country', 'calls.line_type', 'prices.rate_country', 'prices.rate_line_type'
        ) }} as is_paid_inbound,
        {{ is_free_to_call('calls.direction', 'calls.number_kind', 'calls.country', 'calls.home_country') }}
            and not {{ is_row_for_just('calls.country', 'prices.rate_country', 'prices.rate_line_type') }} as is_free_number
    from calls_with_purchase as calls
    left join (select * from {{ ref('int_customer_plans') }} where plan_kind = 'call') as assignments
        on calls.customer_id = assignments.customer_id
        and calls.call_date >= assignments.valid_from and calls.call_date < assignments.valid_to
    left join {{ ref('int_call_plans') }} as plans
        on assignments.plan_id = plans.call_plan_id and calls.partner_id = plans.partner_id
        and calls.call_date >= plans.valid_from and calls.call_date < plans.valid_to
    left join {{ ref('int_call_plan_prices') }} as prices
        on plans.partner_id = prices.partner_id and plans.call_plan_id = prices.call_plan_id
        and calls.country = prices.country and calls.line_type = prices.line_type
        and calls.call_date >= prices.valid_from and calls.call_date < prices.valid_to
),

calls_with_status as (
    select
        *,
        case
            when disposition <> 'answered' or duration_s = 0 then 'unanswered'
            when direction = 'inbound' and not is_paid_inbound then 'exempt'
            when direction = 'internal' or number_class in ('internal', 'feature_code', 'no_number') then 'exempt'
            when number_class = 'unparsable' then 'unrated'
            when assigned_plan_id is null or call_plan_id is null then 'unrated'
            when is_onnet_call and not onnet_billing then 'rated'
            -- what a row for numbers in general says is not their price; two for just them are a price that waits
            when is_free_number and not (has_deck_row_for_free_numbers and deck_rows > 1) then 'rated'
            when deck_rows <> 1 then 'unrated'
            when not has_plan_rate then 'unrated'
            else 'rated'
        end as status,
        case
            when disposition <> 'answered' then disposition
            when duration_s = 0 then 'zero_seconds'
            when direction = 'inbound' and not is_paid_inbound then 'inbound'
            when direction = 'internal' then 'internal'
            when number_class in ('internal', 'feature_code', 'no_number') then number_class
            when number_class = 'unparsable' then 'unparsable_number'
            when assigned_plan_id is null then 'no_call_plan'
            when call_plan_id is null then 'unknown_call_plan'
            when is_onnet_call and not onnet_billing then 'onnet'
            when is_free_number and not (has_deck_row_for_free_numbers and deck_rows > 1) then 'free_number'
            when deck_rows = 0 then 'no_deck_row'
            when deck_rows > 1 then 'ambiguous_deck'
            when not has_plan_rate then 'no_plan_rate'
        end as status_reason
    from calls_with_plan
),

calls_with_seconds as (
    select
        *,
        case
            when status = 'rated' then {{ billed_seconds('duration_s', 'rounding_seconds') }}
            when status = 'unrated' then null
            else 0
        end as billed_s,
        status = 'rated' and (status_reason is null or (status_reason = 'free_number' and has_deck_row_for_free_numbers)) as has_deck_price
    from calls_with_status
),

priced_calls as (
    select
        *,
        cast(case
            when status = 'unrated' then null
            when not has_deck_price or is_onnet_call then 0
            else {{ call_price_eur('purchase_fee_e8', one_hundred_percent(), 'purchase_rate_e8', one_hundred_percent(), 'purchase_billed_s', var('purchase_decimals') | string) }}
        end as decimal(18, 6)) as purchase_eur,
        cast(case
            when status = 'unrated' then null
            when status <> 'rated' or status_reason in ('onnet', 'free_number') then 0
            else {{ sale_price_eur() }}
        end as decimal(18, 6)) as sale_eur
    from calls_with_seconds
)

select * from priced_calls
{%- endmacro %}

{# What the name that a deck gives a destination says of its line type; null where it says nothing. #}
{% macro line_type_by_name(destination) -%}
    case
        when {{ matches('lower(' ~ destination ~ ')', '(^|[^a-z])(premium|special|speciaal|service|services|servicenummer)([^a-z]|$)') }} then 'SPECIAL'
        when {{ matches('lower(' ~ destination ~ ')', '(^|[^a-z])(mobile|mobiel|mobil|mob|cellular|cell|gsm)([^a-z]|$)') }} then 'MOB'
    end
{%- endmacro %}

{#
    As what a prefix sells: the deck's own column; else the numbering plans (alias `plan`: line_type, number_kind); for a range that they do not know what the deck calls
    it, else FIX (DOMAIN 2).
#}
{% macro line_type_of_deck(country, line_type, named_line_type, plan) -%}
    coalesce(
        {{ line_type }},
        case when {{ plan }}.number_kind = 'unlisted' or {{ plan }}.number_kind is null then {{ named_line_type }} end,
        {{ plan }}.line_type,
        case when {{ country }} is not null then 'FIX' end
    )
{%- endmacro %}
