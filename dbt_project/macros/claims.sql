{#
    Customers, accounts and numbers are one partner's at a time. A row that would take one from the partner who has it is refused, and waits: until that partner's
    own row ends it (valid_to), or until an operator releases it (raw.key_releases). From then on it stands, and the partner who let go cannot take it back.

    What a partner has at a moment is what its rows said that had landed by then; a row that was refused gave it nothing. So each row is asked at its own moment,
    and again whenever a rival lands. Whether a row stands depends on others that stand: the question is asked in rounds, each with the answers of the one before.

    rows        a relation: file_id, line, partner_id, thing (what is claimed), slot (what a later row of the same partner replaces), valid_from (not null),
                valid_to (null: until the partner's next row of the thing), and whatever same_thing compares; a row may claim for several partners
    same_thing  whether two rows are about one thing, aliases `own` and `other`
    result      file_id and line of the rows that wait
#}
{% macro claims_of_others(feed, rows, same_thing) -%}
{%- set rounds = range(1, 5) %}
with rivals as (
    select
        {{ landed_at('own') }} as own_at,
        own.file_id,
        own.line,
        own.partner_id,
        own.valid_from,
        coalesce(own.valid_to, {{ end_of_time() }}) as valid_to,
        {{ landed_at('other') }} as other_at,
        other.partner_id as other_partner_id,
        other.thing as other_thing,
        other.slot as other_slot,
        other.valid_from as other_from,
        other.valid_to as other_to
    from {{ rows }} as own
    inner join {{ rows }} as other
        on {{ same_thing }} and own.partner_id <> other.partner_id and (other.file_id <> own.file_id or other.line <> own.line)
    left join {{ source('raw', 'key_releases') }} as releases
        on releases.feed = '{{ feed }}' and releases.key = own.thing and releases.partner_id = own.partner_id and own.valid_from >= releases.released_from
    where releases.feed is null
),

moments as (
    select own_at, own_at as moment from rivals
    union
    select own_at, other_at as moment from rivals where other_at > own_at
),

-- what is not contested from its side stands from its own moment on
stands_0 as (
    select own_at as row_at, own_at as stands_from from rivals
    union
    select other_at as row_at, other_at as stands_from from rivals
),

uncontested as (
    select row_at, stands_from from stands_0 where row_at not in (select own_at from rivals)
)
{%- for round in rounds %},

-- the rivals' last words as they stood at each moment
said_{{ round }} as (
    select
        *,
        coalesce(
            other_to,
            lead(other_from) over (partition by own_at, partner_id, moment, other_partner_id, other_thing order by other_from),
            {{ end_of_time() }}
        ) as other_ends_on
    from (
        select
            rivals.*,
            moments.moment,
            row_number() over (
                partition by rivals.own_at, rivals.partner_id, moments.moment, rivals.other_partner_id, rivals.other_slot
                order by rivals.other_at desc
            ) as place
        from rivals
        inner join moments on rivals.own_at = moments.own_at and rivals.other_at <= moments.moment
        inner join stands_{{ round - 1 }} as stands on rivals.other_at = stands.row_at and stands.stands_from <= moments.moment
    )
    where place = 1
),

stands_{{ round }} as (
    select moments.own_at as row_at, min(moments.moment) as stands_from
    from moments
    left join (
        select distinct own_at, moment from said_{{ round }} where valid_from < other_ends_on and other_from < valid_to
    ) as conflicts on moments.own_at = conflicts.own_at and moments.moment = conflicts.moment
    where conflicts.own_at is null
    group by moments.own_at
    union all
    select row_at, stands_from from uncontested
)
{%- endfor %}

select distinct file_id, line
from rivals
where own_at not in (select row_at from stands_{{ rounds | last }})
{%- endmacro %}

{# The place of a row in the order in which all rows landed. #}
{% macro landed_at(row) -%} cast({{ row }}.file_id as bigint) * 1000000000 + {{ row }}.line {%- endmacro %}
