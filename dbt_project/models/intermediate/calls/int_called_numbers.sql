{# Normalised and matched once per number that was dialled, not once per call. #}
with dialled as (
    select distinct calls.partner_id, calls.callee
    from {{ ref('int_calls_attributed') }} as calls
    where calls.reject_reason is null
),

compacted as (
    select
        dialled.*,
        partners.home_country,
        partners.deck_id,
        partners.calling_code,
        partners.international_prefix,
        partners.national_prefix,
        {{ compact_number('dialled.callee') }} as compact
    from dialled
    inner join {{ ref('int_partners') }} as partners on dialled.partner_id = partners.partner_id
),

told_apart as (
    select
        compacted.*,
        case
            when compact = '' or {{ matches('compact', '[A-Za-z]') }} then 'unparsable'
            when {{ matches('compact', '[*#]') }} then 'feature_code'
            when short_numbers.prefix is not null then 'public'
            when {{ matches('compact', '^[0-9]{1,5}$') }} then 'internal'
            when {{ e164('compact', 'compacted') }} is null then 'unparsable'
            else 'public'
        end as number_class,
        case
            when short_numbers.prefix is not null then compacted.calling_code || compact
            else {{ e164('compact', 'compacted') }}
        end as e164,
        short_numbers.line_type as short_line_type,
        short_numbers.number_kind as short_number_kind
    from compacted
    left join (
        select country, prefix, length as number_length, line_type, number_kind
        from {{ ref('short_numbers') }}
    ) as short_numbers
        on compacted.home_country = short_numbers.country
        and length(compact) = short_numbers.number_length
        and starts_with(compact, short_numbers.prefix)
),

numbers as (
    select
        partner_id,
        callee,
        deck_id,
        home_country,
        max(number_class) as number_class,
        max(case when number_class = 'public' and length(e164) between 3 and 15 then e164 end) as e164,
        max(short_line_type) as short_line_type,
        max(short_number_kind) as short_number_kind
    from told_apart
    group by partner_id, callee, deck_id, home_country
)

select
    numbers.partner_id,
    numbers.callee,
    numbers.deck_id,
    numbers.home_country,
    case when numbers.number_class = 'public' and numbers.e164 is null then 'unparsable' else numbers.number_class end as number_class,
    numbers.e164,
    {{ longest_prefix('prefix') }} as prefix,
    {{ longest_prefix('country') }} as country,
    -- a short number shares its digits with an area code (1800 and 0180): only its length tells them apart
    coalesce(numbers.short_line_type, {{ longest_prefix('line_type') }}) as line_type,
    coalesce(numbers.short_number_kind, {{ longest_prefix('number_kind') }}) as number_kind,
    case when numbers.e164 in (select e164 from {{ ref('int_platform_numbers') }}) then numbers.e164 end as platform_number
from numbers
{{ longest_prefix_joins('numbers.e164', ref('int_deck_prefixes'), 'PREFIX.deck_id = numbers.deck_id') }}
