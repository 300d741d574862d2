{#
    What a wholesaler billed against what we counted: a difference in EUR taken apart into count, seconds and rate, one after the other, as cost accountants do with
    volume and price. With n calls, s seconds and a EUR, theirs and ours:
        count     (n_theirs - n_ours)                    * a_ours / n_ours     their calls too many or too few, at what ours cost on average
        seconds   (s_theirs - n_theirs * s_ours / n_ours) * a_ours / s_ours     their calls as many, but longer or shorter, at what our second costs
        rate       a_theirs - s_theirs * a_ours / s_ours                       their seconds, dearer or cheaper
    The three add up to a_theirs - a_ours. The first two are rounded to six decimals, half away from zero; rate is what is left, so that nothing is lost.
    What the invoice does not say (no calls, no seconds) is taken to be as ours. Where we have nothing, all of it is count.
#}

{% macro count_part_eur(their_count, our_count, their_eur, our_eur) -%}
    case
        when coalesce({{ our_count }}, 0) = 0 then cast({{ their_eur }} - {{ our_eur }} as decimal(28, 8))
        when {{ their_count }} is null then 0
        else {{ signed_share(our_eur, wide(their_count ~ ' - ' ~ our_count), wide(our_count)) }}
    end
{%- endmacro %}

{% macro seconds_part_eur(their_count, our_count, their_s, our_s, our_eur) -%}
    case
        when coalesce({{ our_count }}, 0) = 0 or coalesce({{ our_s }}, 0) = 0 or {{ their_s }} is null then 0
        else {{ signed_share(
            our_eur,
            '(' ~ wide(their_s) ~ ' * ' ~ wide(our_count) ~ ' - ' ~ wide('coalesce(' ~ their_count ~ ', ' ~ our_count ~ ')') ~ ' * ' ~ wide(our_s) ~ ')',
            '(' ~ wide(our_count) ~ ' * ' ~ wide(our_s) ~ ')'
        ) }}
    end
{%- endmacro %}

{# What rounding alone may differ by (decided): half of our last decimal for each call, and half a cent for a line that is rounded to cents. #}
{% macro rounding_reach_eur(their_count, our_count) -%}
    (
        greatest(abs(coalesce({{ their_count }}, 0)), coalesce({{ our_count }}, 0)) * cast(0.{{ '0' * var('purchase_decimals') }}5 as decimal(9, 8))
        + cast(0.005 as decimal(4, 3))
    )
{%- endmacro %}

{# The sums of calls that are compared, over columns of the mart `calls` beside `is_bought` (rated, and not on-net: what the wholesaler is owed for). #}
{% macro purchase_sums() -%}
    cast(sum(case when is_bought then 1 else 0 end) as bigint) as calls,
    cast(sum(case when is_bought then purchase_billed_s else 0 end) as bigint) as purchase_billed_s,
    cast(sum(case when is_bought then duration_s else 0 end) as bigint) as duration_s,
    cast(sum(case when is_bought then purchase_eur else 0 end) as decimal(28, 6)) as purchase_eur
{%- endmacro %}
