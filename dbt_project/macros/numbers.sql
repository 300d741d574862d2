{# Called and calling numbers. Inside the platform a number is E.164 without "+"; DOMAIN 8 lists how it comes in. #}

{#
    What was written, read as a person in a country dials it. Short numbers, extensions and codes are told apart before the rest, or 101 would be +31101.

    numbers   a relation with `country` (ISO 3166, where it was dialled), `written`, and the columns that `keep` names
    result    the columns of `keep`, country, written, and
        number_class                          public, internal (an extension), feature_code, no_number (a place in a dialplan: s, h, ivr-1) or unparsable
        e164                                  of a public number, 3 to 15 digits
        short_line_type, short_number_kind    of a short number, which may share its digits with an area code (1800 and 0180)

    The other relations are the seeds of their names. How a number is read follows from its leading digits and its length: that is worked out once per
    beginning, not once per number.
#}
{% macro read_numbers(numbers, dialled_prefixes, short_numbers, dialling_plans, keep=[]) -%}
    {%- set kept = (keep + ['country', 'written']) | join(', ') -%}
    (
        with spelled as (
            select {{ kept }}, {{ matches('written', '^([+][1-9]|[0-9])[0-9]*$') }} as is_plain
            from {{ numbers }}
        ),

        -- nearly all are plain digits: only the rest is looked at closely, a step at a time
        without_address as (
            select {{ kept }}, is_plain, case when is_plain then written else {{ user_of_address('written') }} end as spelling
            from spelled
        ),

        closed_up as (
            select {{ kept }}, is_plain, case when is_plain then spelling else {{ without_punctuation('spelling') }} end as spelling
            from without_address
        ),

        compacted as (
            select {{ kept }}, is_plain, case when is_plain then spelling else {{ without_rest('spelling') }} end as compact
            from closed_up
        ),

        dialled_numbers as (
            select
                {{ kept }},
                coalesce(left(compact, 1) in ('*', '#'), false) as is_code,
                case when is_plain then compact else {{ number_behind_code('compact') }} end as dialled
            from compacted
        ),

        reading_prefixes as (
            select country, coalesce(prefix, '') as prefix, length(coalesce(prefix, '')) as prefix_length, shortest, longest, removed, replacement
            from {{ dialled_prefixes }}
        ),

        plans as (
            select dialling_plans.country, dialling_plans.calling_code, max(reading_prefixes.prefix_length) as longest_prefix
            from {{ dialling_plans }} as dialling_plans
            inner join reading_prefixes on dialling_plans.country = reading_prefixes.country
            group by dialling_plans.country, dialling_plans.calling_code
        ),

        dialled_at_home as (
            select
                {{ prefixed(keep + ['country', 'written', 'is_code', 'dialled'], 'dialled_numbers') }},
                plans.calling_code,
                case when left(dialled_numbers.dialled, 1) <> '+' then left(dialled_numbers.dialled, plans.longest_prefix) end as head,
                length(dialled_numbers.dialled) as digits
            from dialled_numbers
            left join plans on dialled_numbers.country = plans.country
        ),

        home_heads as (select distinct country, head, digits from dialled_at_home where head is not null),

        home_readings as ({{ readings('home_heads', 'reading_prefixes') }}),

        -- behind a plus stands a number in full; else the country tells what the first digits are
        read_at_home as (
            select
                {{ prefixed(keep + ['country', 'written', 'is_code', 'dialled', 'calling_code'], 'dialled_at_home') }},
                coalesce(readings.replacement, '+') = '+' as is_in_full,
                case
                    when left(dialled_at_home.dialled, 1) = '+' then substr(dialled_at_home.dialled, 2)
                    else substr(readings.replacement, 2) || substr(dialled_at_home.dialled, readings.removed + 1)
                end as e164
            from dialled_at_home
            left join home_readings as readings
                on dialled_at_home.country = readings.country and dialled_at_home.head = readings.head and dialled_at_home.digits = readings.digits
        ),

        written_in_full as (
            select *, case when is_in_full then left(e164, {{ longest_prefix_in_full() }}) end as head, length(e164) as digits
            from read_at_home
        ),

        heads_in_full as (select distinct '001' as country, head, digits from written_in_full where head is not null),

        readings_in_full as ({{ readings('heads_in_full', 'reading_prefixes') }}),

        -- a number in full may still have in it what is only dialled at home: +31 (0)20, +370 8, +36 06
        read_in_full as (
            select
                {{ prefixed(keep + ['country', 'written', 'is_code', 'dialled', 'calling_code'], 'written_in_full') }},
                case
                    when written_in_full.head is null then written_in_full.e164
                    else substr(readings.replacement, 2) || substr(written_in_full.e164, readings.removed + 1)
                end as e164,
                -- 112 is dialled as it is, and some exchanges write +31112
                case
                    when written_in_full.is_in_full and starts_with(written_in_full.e164, written_in_full.calling_code)
                        then substr(written_in_full.e164, length(written_in_full.calling_code) + 1)
                    when length(written_in_full.dialled) <= {{ longest_short_number() }} then written_in_full.dialled
                end as short_number
            from written_in_full
            left join readings_in_full as readings on written_in_full.head = readings.head and written_in_full.digits = readings.digits
        ),

        recognised as (
            select
                {{ prefixed(keep + ['country', 'written', 'is_code', 'dialled'], 'read_in_full') }},
                short_numbers.line_type as short_line_type,
                short_numbers.number_kind as short_number_kind,
                case
                    when short_numbers.prefix is not null then read_in_full.calling_code || read_in_full.short_number
                    when length(read_in_full.e164) between 6 and 15 and left(read_in_full.e164, 1) <> '0' then read_in_full.e164
                end as e164
            from read_in_full
            left join (select country, prefix, length as digits, line_type, number_kind from {{ short_numbers }}) as short_numbers
                on read_in_full.country = short_numbers.country
                and length(read_in_full.short_number) = short_numbers.digits
                and starts_with(read_in_full.short_number, short_numbers.prefix)
        )

        select
            {{ kept }},
            case
                when short_line_type is not null then 'public'
                when dialled is null and is_code then 'feature_code'
                when dialled is null and {{ matches('written', '^[A-Za-z][A-Za-z_-]*[0-9]{0,5}$') }}
                    and lower(written) not in ('anonymous', 'unknown', 'restricted', 'unavailable', 'private', 'withheld') then 'no_number'
                when length(dialled) between 1 and 5 and left(dialled, 1) <> '+' then 'internal'
                when e164 is not null then 'public'
                else 'unparsable'
            end as number_class,
            case when short_line_type is not null or length(dialled) > 5 or left(dialled, 1) = '+' then e164 end as e164,
            short_line_type,
            short_number_kind
        from recognised
    )
{%- endmacro %}

{#
    The country in which a block of numbers is written: where the partner of whoever has it first is at home then. One reading for the whole life of the block, and
    one for all who ask: what a number claims, and what it is once it stands.

    blocks   a relation: file_id, line, customer_id, valid_from (not null)
    result   file_id, line, home_country; no row of a block whose customer is no partner's
#}
{% macro homes_of_blocks(blocks) -%}
    select file_id, line, home_country
    from (
        select
            blocks.file_id,
            blocks.line,
            partners.home_country,
            row_number() over (
                partition by blocks.file_id, blocks.line
                order by
                    -- a row of a customer who has left ends that of who had the number before, all the same
                    case when customers.valid_to > blocks.valid_from and partners.valid_to > blocks.valid_from then 0 else 1 end,
                    greatest(blocks.valid_from, customers.valid_from, partners.valid_from)
            ) as place
        from {{ blocks }} as blocks
        inner join {{ ref('stg_landing__customer_periods') }} as customers on blocks.customer_id = customers.customer_id
        inner join {{ ref('stg_landing__partner_periods') }} as partners
            on customers.partner_id = partners.partner_id and {{ hold_at_once('customers', 'partners') }}
    )
    where place = 1
{%- endmacro %}

{#
    "Jan" <sip:+31201234567@host;user=phone>, tel:+31-20-1234567;ext=12: what stands for the number, with a coded plus or # as it was. Null where it is
    none: a minus in front, a local number of somebody else's exchange (phone-context).
#}
{% macro user_of_address(written) -%}
    {%- set user = replace_all(written, '^(.*<)?[ ]*([Ss][Ii][Pp][Ss]?:|[Tt][Ee][Ll]:)?|[:@;?>].*$', '') -%}
    case
        -- 3,16123E+10 is a number that a spreadsheet made illegible: what is left of it is none
        when left(trim({{ written }}), 1) <> '-' and not {{ matches('trim(' ~ written ~ ')', '^[0-9]+([.,][0-9]+)?[Ee][+]?[0-9]{1,2}$') }} and (strpos({{ written }}, 'phone-context') = 0 or strpos({{ written }}, ':+') > 0)
            then {{ replace_all(replace_all(replace_all(user, '%2[Bb]', '+'), '%23', '#'), '%2[Aa]', '*') }}
    end
{%- endmacro %}

{#
    Spaces, dashes, dots, slashes, brackets, ~ and the marks of right-to-left text go (phonenumbers' punctuation); "(0)" stays as a 0, since whether it belongs to the number depends on the
    country: not in +31 (0)20, but in +39 (0)6. Of several plus signs, or 00+, one is left, and none before a 0: no calling code begins so.
#}
{% macro without_punctuation(spelling) -%}
    {%- set punctuation = '[-\\s/.()~\\x{a0}\\x{ad}\\x{2000}-\\x{2015}\\x{202a}-\\x{202f}\\x{2060}\\x{2212}]|\\[|\\]' -%}
    {%- set closed = replace_all(spelling, punctuation, '') -%}
    {{ replace_all(replace_all(closed, '^(00)?[+]+', '+'), '^[+]0', '0') }}
{%- endmacro %}

{# What is dialled after a pause is not the number, nor is the # that sends it; in a code a pause is nothing. #}
{% macro without_rest(spelling) -%}
    case when left({{ spelling }}, 1) in ('*', '#') then replace({{ spelling }}, ',', '') else {{ replace_all(spelling, ',.*$|#+$', '') }} end
{%- endmacro %}

{#
    What was dialled when it was a number, also behind a code that hides or shows the caller (*31*, #31#, *67, *82) or keeps other calls away (*70): that call is made
    and paid for. Null for any other code, and for what is no number.
#}
{% macro number_behind_code(compact) -%}
    case
        when {{ matches(compact, '^[+]?[0-9]+$') }} then {{ compact }}
        when {{ matches(compact, '^([*#]31[*#][+]?[0-9]+|[*](67|70|82)[+]?[0-9]{7,})#?$') }}
            then {{ replace_all(compact, '^([*#]31[*#]|[*](67|70|82))|#$', '') }}
    end
{%- endmacro %}

{# Per beginning (country, head, digits: how long the whole number is) the row of the longest prefix that fits: how many digits go, and what takes their place. #}
{% macro readings(heads, reading_prefixes) -%}
    {%- set fits = 'PREFIX.country = ' ~ heads ~ '.country and ' ~ heads ~ '.digits between PREFIX.shortest and PREFIX.longest' -%}
    select
        {{ heads }}.country,
        {{ heads }}.head,
        {{ heads }}.digits,
        {{ longest_prefix('removed', 8, 0) }} as removed,
        {{ longest_prefix('replacement', 8, 0) }} as replacement
    from {{ heads }}
    {{ longest_prefix_joins(heads ~ '.head', reading_prefixes, fits, 8, 0) }}
{%- endmacro %}

{# Lengths in the seeds, which a table of rules has to know before it is read; tests/unit/test_reference.py compares. #}
{% macro longest_prefix_in_full() -%} 6 {%- endmacro %}
{% macro longest_short_number() -%} 9 {%- endmacro %}

{% macro prefixed(columns, relation) -%}
    {% for column in columns %}{{ relation }}.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# DOMAIN 2, longest prefix: one equality join per prefix length, so that each is a hash join; the whole number may be a prefix. #}
{% macro longest_prefix_joins(number, prefixes, extra_condition='true', longest=15, shortest=1) -%}
    {%- for length in range(longest, shortest - 1, -1) %}
    left join {{ prefixes }} as prefix_{{ length }}
        on left({{ number }}, {{ length }}) = prefix_{{ length }}.prefix and prefix_{{ length }}.prefix_length = {{ length }}
        and length({{ number }}) >= {{ length }} and {{ extra_condition | replace('PREFIX', 'prefix_' ~ length) }}
    {%- endfor %}
{%- endmacro %}

{% macro longest_prefix(column, longest=15, shortest=1) -%}
    coalesce({% for length in range(longest, shortest - 1, -1) %}prefix_{{ length }}.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# One row per whole number from first to last, both included. #}
{% macro series(first_number, last_number) -%} {{ return(adapter.dispatch('series', 'tikteller')(first_number, last_number)) }} {%- endmacro %}
