{# Read and matched once per number that was dialled, not once per call. #}
{%- set numbering = [ref('dialled_prefixes'), ref('short_numbers'), ref('dialling_plans')] -%}

with dialled as (
    select distinct calls.partner_id, calls.callee
    from {{ ref('int_calls_attributed') }} as calls
    where calls.reject_reason is null
),

dialled_at_home as (
    -- a partner may change its deck: a number is looked up in each that it had
    select dialled.partner_id, partners.deck_id, partners.home_country as country, dialled.callee as written
    from dialled
    inner join (select distinct partner_id, deck_id, home_country from {{ ref('stg_landing__partner_periods') }}) as partners
        on dialled.partner_id = partners.partner_id
),

numbers as (
    select partner_id, written as callee, deck_id, country as home_country, number_class, e164, short_line_type, short_number_kind
    from {{ read_numbers('dialled_at_home', *numbering, keep=['partner_id', 'deck_id']) }}
),

-- Numbers that begin alike have the same prefix, but where the deck or the numbering plan splits them further: only those are looked at digit by digit.
heads as (select distinct deck_id, left(e164, 7) as head from numbers where e164 is not null),

split_heads as (select distinct deck_id, left(prefix, 7) as head from {{ ref('int_deck_prefixes') }} where prefix_length > 7),

prefixes_of_heads as (
    select heads.deck_id, heads.head, {{ longest_prefix('prefix', 7) }} as prefix, split_heads.head is not null as is_split
    from heads
    left join split_heads on heads.deck_id = split_heads.deck_id and heads.head = split_heads.head
    {{ longest_prefix_joins('heads.head', ref('int_deck_prefixes'), 'PREFIX.deck_id = heads.deck_id', 7) }}
),

numbers_by_head as (
    select numbers.*, prefixes_of_heads.prefix as prefix_of_head, case when prefixes_of_heads.is_split then numbers.e164 end as split_e164
    from numbers
    left join prefixes_of_heads on numbers.deck_id = prefixes_of_heads.deck_id and left(numbers.e164, 7) = prefixes_of_heads.head
),

numbers_with_prefix as (
    select
        numbers.partner_id,
        numbers.callee,
        numbers.deck_id,
        numbers.home_country,
        numbers.number_class,
        numbers.e164,
        numbers.short_line_type,
        numbers.short_number_kind,
        coalesce({{ longest_prefix('prefix', 15, 8) }}, numbers.prefix_of_head) as prefix
    from numbers_by_head as numbers
    {{ longest_prefix_joins('numbers.split_e164', ref('int_deck_prefixes'), 'PREFIX.deck_id = numbers.deck_id', 15, 8) }}
)

select
    numbers.partner_id,
    numbers.callee,
    numbers.deck_id,
    numbers.home_country,
    numbers.number_class,
    numbers.e164,
    numbers.prefix,
    -- a short number shares its digits with an area code (1800 and 0180), its calling code with other countries: only its length tells them apart, so that no row of
    -- a deck says what it is
    numbers.short_line_type is not null as is_short,
    case when numbers.short_line_type is not null then numbers.home_country else prefixes.country end as country,
    coalesce(numbers.short_line_type, prefixes.line_type) as line_type,
    coalesce(numbers.short_number_kind, prefixes.number_kind) as number_kind,
    case when numbers.e164 in (select e164 from {{ ref('int_platform_numbers') }}) then numbers.e164 end as platform_number
from numbers_with_prefix as numbers
left join {{ ref('int_deck_prefixes') }} as prefixes on numbers.deck_id = prefixes.deck_id and numbers.prefix = prefixes.prefix
