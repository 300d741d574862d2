{#-
    A version of a deck is its rows in one file; versions go in the order of their files. A version is judged as the deck would be with it on top of the
    earlier versions that hold. Whether an earlier one holds hangs on the ones before it, so the comparison is made in rounds: the first takes every earlier
    version without faults of its own for one that holds, each next one only those that the round before left standing. Round n is exact up to and
    including a deck's n-th version that contradicts it without faults of its own; see docs/decisions.md.
-#}
{%- set rounds = range(1, var('deck_judging_rounds') + 1) %}

{#- What a row needs to know of the other rows of its prefix (alias `other`). #}
{%- set beside %}
        max(case when other.valid_from < own.valid_from then other.valid_to end) as earlier_end,
        max(case when other.valid_from < own.valid_from then other.valid_from end) as previous_from,
        max(case when other.valid_from < own.valid_from and other.valid_to is null then other.valid_from end) as previous_open_from,
        min(case when other.valid_from > own.valid_from then other.valid_from end) as next_from
{%- endset %}

with rates as (
    select deck_id, file_id, line, prefix, valid_from, connection_fee_eur, minute_rate_eur, first_increment_s, next_increment_s, valid_to
    from {{ ref('stg_landing__deck_lines') }}
    where reject_reason is null
),

first_versions as (
    select deck_id, min(file_id) as file_id
    from rates
    group by deck_id
),

offers as (
    select distinct deck_id, file_id, prefix, valid_from, connection_fee_eur, minute_rate_eur, first_increment_s, next_increment_s, valid_to
    from rates
),

contested_moments as (
    select deck_id, file_id, prefix, valid_from, count(*) as offers
    from offers
    group by deck_id, file_id, prefix, valid_from
    having count(*) > 1
),

-- without an explicit end, rows of a prefix follow each other: no overlap and no gap
ended_prefixes as (
    select distinct deck_id, prefix
    from rates
    where valid_to is not null
),

dated_rates as (
    select rates.deck_id, rates.file_id, rates.line, rates.prefix, rates.valid_from, rates.valid_to
    from rates
    inner join ended_prefixes on rates.deck_id = ended_prefixes.deck_id and rates.prefix = ended_prefixes.prefix
),

beside_own_file as (
    select
        own.deck_id, own.file_id, own.line,
        {{- beside }}
    from dated_rates as own
    inner join dated_rates as other
        on own.deck_id = other.deck_id and own.file_id = other.file_id and own.prefix = other.prefix and own.valid_from <> other.valid_from
    group by own.deck_id, own.file_id, own.line
),

versions_with_faults as (
    select deck_id, file_id from {{ ref('stg_landing__deck_lines') }} where reject_reason is not null and deck_id is not null
    union
    select deck_id, file_id from contested_moments
    union
    select own.deck_id, own.file_id
    from dated_rates as own
    inner join beside_own_file as beside on own.deck_id = beside.deck_id and own.file_id = beside.file_id and own.line = beside.line
    where beside.earlier_end > own.valid_from or own.valid_to > beside.next_from
)
{%- for round in rounds %},

standing_{{ round }} as (
    select
        rates.*,
        min(rates.file_id) over (
            partition by rates.deck_id, rates.prefix, rates.valid_from
            order by rates.file_id range between 1 following and unbounded following
        ) as replaced_in
    from dated_rates as rates
    {%- if round > 1 %}
    inner join (select distinct deck_id from contradicting_{{ round - 1 }}) as reopened on rates.deck_id = reopened.deck_id
    left join contradicting_{{ round - 1 }} as contradicting on rates.deck_id = contradicting.deck_id and rates.file_id = contradicting.file_id
    {%- endif %}
    left join first_versions as first_version on rates.deck_id = first_version.deck_id and rates.file_id = first_version.file_id
    left join versions_with_faults as faulty on rates.deck_id = faulty.deck_id and rates.file_id = faulty.file_id
    where
        (faulty.file_id is null or first_version.file_id is not null)
        {%- if round > 1 %}
        and contradicting.file_id is null
        {%- endif %}
),

beside_standing_{{ round }} as (
    select
        own.deck_id, own.file_id, own.line,
        {{- beside }}
    from dated_rates as own
    inner join standing_{{ round }} as other
        on own.deck_id = other.deck_id and own.prefix = other.prefix and own.valid_from <> other.valid_from
        and other.file_id < own.file_id and coalesce(other.replaced_in, own.file_id) >= own.file_id
    -- what the version itself replaces is not beside it
    left join dated_rates as replacement
        on own.deck_id = replacement.deck_id and own.file_id = replacement.file_id and own.prefix = replacement.prefix
        and other.valid_from = replacement.valid_from
    where replacement.file_id is null
    group by own.deck_id, own.file_id, own.line
),

judged_{{ round }} as (
    select
        own.deck_id, own.file_id, own.line, own.prefix, own.valid_from, own.valid_to,
        max(beside.earlier_end) as earlier_end,
        max(beside.previous_from) as previous_from,
        max(beside.previous_open_from) as previous_open_from,
        min(beside.next_from) as next_from
    from dated_rates as own
    inner join (select * from beside_own_file union all select * from beside_standing_{{ round }}) as beside
        on own.deck_id = beside.deck_id and own.file_id = beside.file_id and own.line = beside.line
    {%- if round > 1 %}
    where own.deck_id in (select deck_id from contradicting_{{ round - 1 }})
    {%- endif %}
    group by own.deck_id, own.file_id, own.line, own.prefix, own.valid_from, own.valid_to
),

found_{{ round }} as (
    select
        *,
        earlier_end > valid_from as overlaps_earlier,
        valid_to > next_from as overlaps_next,
        earlier_end < valid_from and (previous_open_from is null or previous_open_from < previous_from) as has_gap_before,
        valid_to is not null and next_from > greatest(valid_to, coalesce(earlier_end, valid_to)) as has_gap_after
    from judged_{{ round }}
),

contradicting_{{ round }} as (
    select distinct found.deck_id, found.file_id
    from found_{{ round }} as found
    left join first_versions as first_version on found.deck_id = first_version.deck_id and found.file_id = first_version.file_id
    where
        first_version.file_id is null
        and (found.overlaps_earlier or found.overlaps_next or found.has_gap_before or found.has_gap_after)
)
{%- endfor %},

found as (
    select * from found_{{ rounds | last }}
    {%- if rounds | length > 1 %}
    union all
    select * from found_1 where deck_id not in (select deck_id from contradicting_1)
    {%- endif %}
),

problems as (
    select deck_id, file_id, line, reject_reason as problem, cast(null as varchar) as detail, fix
    from {{ ref('stg_landing__deck_lines') }}
    where reject_reason is not null and deck_id is not null

    union all

    select
        rates.deck_id,
        rates.file_id,
        rates.line,
        'two_rows_for_one_moment' as problem,
        'the file says ' || cast(contested.offers as varchar) || ' different things of prefix ' || rates.prefix || ' from '
        || cast(rates.valid_from as varchar) || ' on' as detail,
        'leave one of them' as fix
    from rates
    inner join contested_moments as contested
        on rates.deck_id = contested.deck_id and rates.file_id = contested.file_id and rates.prefix = contested.prefix
        and rates.valid_from = contested.valid_from

    union all

    select
        found.deck_id,
        found.file_id,
        found.line,
        'two_rows_for_one_moment' as problem,
        case
            when found.overlaps_earlier
                then 'an earlier row of prefix ' || found.prefix || ' holds until ' || cast(found.earlier_end as varchar)
                    || ', this one begins on ' || cast(found.valid_from as varchar)
            else 'this row of prefix ' || found.prefix || ' holds until ' || cast(found.valid_to as varchar) || ', the next one begins on '
                || cast(found.next_from as varchar)
        end as detail,
        'end the earlier row where the later one begins, or leave its valid_to empty' as fix
    from found
    left join contested_moments as contested
        on found.deck_id = contested.deck_id and found.file_id = contested.file_id and found.prefix = contested.prefix
        and found.valid_from = contested.valid_from
    where (found.overlaps_earlier or found.overlaps_next) and contested.file_id is null

    union all

    select
        deck_id,
        file_id,
        line,
        'gap' as problem,
        case
            when has_gap_before
                then 'the rows of prefix ' || prefix || ' before this one end on ' || cast(earlier_end as varchar) || ', this one begins on '
                    || cast(valid_from as varchar)
            else 'this row of prefix ' || prefix || ' ends on ' || cast(valid_to as varchar) || ', the next one begins on ' || cast(next_from as varchar)
        end as detail,
        'let the earlier row end where the later one begins, or leave its valid_to empty' as fix
    from found
    where has_gap_before or has_gap_after
)

select
    problems.deck_id,
    problems.file_id,
    problems.line,
    problems.problem,
    problems.detail,
    problems.fix,
    first_versions.file_id is null as is_blocking
from problems
left join first_versions on problems.deck_id = first_versions.deck_id and problems.file_id = first_versions.file_id
