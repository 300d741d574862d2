{#
    Exact money. In DuckDB `decimal / x` is a DOUBLE, so prices are computed in whole numbers:
        rates and fees   _e8   units of 0.00000001 EUR   (what a feed may give: 8 decimals)
        percentages      _ppm  units of 0.0001 %         (100 % = 1,000,000)
        a price          DECIMAL(18, 6), already rounded to the plan's decimals
#}

{% macro one_hundred_percent() -%} 1000000 {%- endmacro %}

{# The product stays within the 18 digits of its type up to 100 EUR; what is dearer takes 38, which is slower. #}
{% macro to_e8(amount) -%}
    (case
        when {{ amount }} < 100 then cast({{ amount }} * 100000000 as bigint)
        else cast(cast({{ amount }} as decimal(28, 8)) * 100000000 as bigint)
    end)
{%- endmacro %}
{% macro to_ppm(percent) -%} cast({{ percent }} * 10000 as bigint) {%- endmacro %}

{# Back to EUR with all its decimals. #}
{% macro from_e8(amount_e8) -%} cast(cast({{ amount_e8 }} as decimal(18, 0)) * cast(0.00000001 as decimal(8, 8)) as decimal(18, 8)) {%- endmacro %}

{# Wide enough for fee x percent x 10^decimals: 38 digits. #}
{% macro wide(number) -%} {{ return(adapter.dispatch('wide', 'tikteller')(number)) }} {%- endmacro %}

{# 64 bits. #}
{% macro narrow(number) -%} cast({{ number }} as bigint) {%- endmacro %}

{% macro whole_quotient(dividend, divisor) -%} {{ return(adapter.dispatch('whole_quotient', 'tikteller')(dividend, divisor)) }} {%- endmacro %}

{% macro power_of_ten(exponent) -%}
    case {{ exponent }} when 0 then 1 when 1 then 10 when 2 then 100 when 3 then 1000 when 4 then 10000 when 5 then 100000 when 6 then 1000000 end
{%- endmacro %}

{#
    DOMAIN 2, "Rating one call": connection fee + seconds * minute rate / 60, each times its percentage, multiplied before divided, rounded once,
    half away from zero (nothing here is negative, so half up), to `decimals` (0 to 6). All arguments are whole numbers but for the result.
    64 bits hold nearly every call (fee and minute up to an euro, an hour, whole percents up to 999); the few others take 128, five times slower.
#}
{% macro call_price_eur(fee_e8, fee_ppm, rate_e8, rate_ppm, seconds, decimals) -%}
    cast(
        cast(
            case
                when {{ fee_e8 }} <= 100000000 and {{ rate_e8 }} <= 100000000 and {{ seconds }} <= 3600 and {{ decimals }} <= 4
                    and {{ fee_ppm }} <= 9990000 and {{ fee_ppm }} % 10000 = 0 and {{ rate_ppm }} <= 9990000 and {{ rate_ppm }} % 10000 = 0
                    then {{ whole_quotient(
                        '2 * (60 * ' ~ narrow(fee_e8) ~ ' * ' ~ whole_quotient(fee_ppm, 10000) ~ ' + '
                        ~ narrow(rate_e8) ~ ' * ' ~ whole_quotient(rate_ppm, 10000) ~ ' * ' ~ seconds ~ ') * ' ~ power_of_ten(decimals) ~ ' + 600000000000',
                        '1200000000000'
                    ) }}
                else {{ narrow(whole_quotient(
                    '2 * (60 * ' ~ wide(fee_e8) ~ ' * ' ~ fee_ppm ~ ' + ' ~ wide(rate_e8) ~ ' * ' ~ rate_ppm ~ ' * ' ~ seconds ~ ') * ' ~ power_of_ten(decimals)
                    ~ ' + ' ~ wide('6000000000000000'),
                    wide('12000000000000000')
                )) }}
            end
            * {{ power_of_ten('6 - ' ~ decimals) }}
            as decimal(18, 0)
        ) * cast(0.000001 as decimal(7, 6))
        as decimal(18, 6)
    )
{%- endmacro %}

{#
    dividend / divisor in whole numbers, rounded half away from zero, whatever their signs; `wide` where twice the dividend may outgrow 64 bits. Taken of
    their sizes, so that it is the same on every engine: what a quotient does below zero is not.
#}
{% macro rounded_quotient(dividend, divisor) -%}
    (
        case when ({{ dividend }} < 0) = ({{ divisor }} < 0) then 1 else -1 end
        * {{ whole_quotient('2 * abs(' ~ dividend ~ ') + abs(' ~ divisor ~ ')', '2 * abs(' ~ divisor ~ ')') }}
    )
{%- endmacro %}

{# An amount of any size in units of 0.000001 or 0.00000001 EUR, 128 bits. #}
{% macro wide_e6(amount) -%} {{ wide('cast(' ~ amount ~ ' as decimal(28, 6)) * 1000000') }} {%- endmacro %}
{% macro wide_e8(amount) -%} {{ wide('cast(' ~ amount ~ ' as decimal(28, 8)) * 100000000') }} {%- endmacro %}

{# amount * numerator / denominator (whole numbers), exact until it is rounded, half away from zero, to 6 decimals. Any of them may be negative. #}
{% macro share_of_amount(amount, numerator, denominator) -%}
    cast({{ signed_share(amount, numerator, denominator) }} as decimal(18, 6))
{%- endmacro %}

{# The same with room for sums: DECIMAL(28, 6). #}
{% macro signed_share(amount, numerator, denominator) -%}
    cast(
        cast({{ rounded_quotient('(' ~ wide_e6(amount) ~ ' * (' ~ numerator ~ '))', wide(denominator)) }} as decimal(28, 0))
        * cast(0.000001 as decimal(7, 6))
        as decimal(28, 6)
    )
{%- endmacro %}

{# What a piece of a service sells for (DOMAIN 3): the exception's amount, else the percentage of purchase; what costs nothing sells for nothing, markup or not. #}
{% macro service_sale_eur(purchase, percent, amount) -%}
    coalesce({{ amount }}, {{ share_of_amount(purchase, to_ppm(percent), one_hundred_percent()) }}, case when {{ purchase }} = 0 then 0 end)
{%- endmacro %}

{# DuckDB rounds a DECIMAL half away from zero, which is the rule of an invoice line and of VAT. #}
{% macro round_money(amount, decimals) -%} round({{ amount }}, {{ decimals }}) {%- endmacro %}

{#
    part / whole as a percentage with two decimals, rounded half away from zero; null when there is nothing to divide by, or so little that the percentage
    has more than 16 digits. Amounts up to 10^18 EUR with up to 8 decimals, or counts. For people to read, never to add up.
#}
{% macro percent_of(part, whole) -%}
    {%- set hundredths = rounded_quotient('(10000 * ' ~ wide_e8(part) ~ ')', wide_e8(whole)) -%}
    case
        when {{ whole }} <> 0 and abs({{ hundredths }}) < 1000000000000000000
            then cast(cast({{ hundredths }} as decimal(18, 0)) * cast(0.01 as decimal(3, 2)) as decimal(18, 2))
    end
{%- endmacro %}

{# VAT of a category's net amount, rounded once to cents (DOMAIN 5); null where no rate is known. #}
{% macro vat_amount(net, percent) -%} cast({{ round_money(net ~ ' * ' ~ percent ~ ' * cast(0.01 as decimal(3, 2))', 2) }} as decimal(18, 2)) {%- endmacro %}

{# A rate times its percentage in EUR, rounded half away from zero to the 8 decimals that a rate can have: for people to read, calls are priced unrounded. #}
{% macro marked_up_rate(rate_e8, percent_ppm) -%}
    {{ from_e8(whole_quotient('2 * ' ~ wide(rate_e8) ~ ' * ' ~ percent_ppm ~ ' + 1000000', wide('2000000'))) }}
{%- endmacro %}
