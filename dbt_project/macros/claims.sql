{#
    Customers, accounts and numbers are one partner's at a time. A row that would take one from the partner who has it is refused, and waits: until that partner's
    own row ends it (valid_to), or until an operator releases it (raw.key_releases).

    What a partner has is what its rows said by the time the other row arrived; a row that was refused gave it nothing. Whether a row was refused depends on those
    before it: the comparison is made in rounds, each of which leaves out what the round before refused.

    rows        a relation: file_id, line, partner_id, thing (what is claimed), slot (what a later row of the same partner replaces), valid_from (not null),
                valid_to (null: until the partner's next row of the thing), and whatever same_thing compares
    same_thing  whether two rows are about one thing, aliases `own` and `other`
    result      file_id and line of the rows that wait
#}
{% macro claims_of_others(feed, rows, same_thing) -%}
{%- set rounds = range(1, 4) %}
with rivals as (
    select
        own.file_id,
        own.line,
        own.partner_id,
        own.thing,
        own.valid_from,
        coalesce(own.valid_to, {{ end_of_time() }}) as valid_to,
        other.file_id as other_file_id,
        other.line as other_line,
        other.partner_id as other_partner_id,
        other.thing as other_thing,
        other.slot as other_slot,
        other.valid_from as other_from,
        other.valid_to as other_to
    from {{ rows }} as own
    inner join {{ rows }} as other
        on {{ same_thing }} and own.partner_id <> other.partner_id
        and (other.file_id < own.file_id or (other.file_id = own.file_id and other.line < own.line))
    left join {{ source('raw', 'key_releases') }} as releases
        on releases.feed = '{{ feed }}' and releases.key = own.thing and releases.partner_id = own.partner_id and own.valid_from >= releases.released_from
    where releases.feed is null
)
{%- for round in rounds %},

standing_{{ round }} as (
    select
        *,
        coalesce(
            other_to,
            lead(other_from) over (partition by file_id, line, partner_id, other_partner_id, other_thing order by other_from),
            {{ end_of_time() }}
        ) as other_ends_on
    from (
        select
            rivals.*,
            row_number() over (
                partition by rivals.file_id, rivals.line, rivals.partner_id, rivals.other_partner_id, rivals.other_slot
                order by rivals.other_file_id desc, rivals.other_line desc
            ) as place
        from rivals
        {%- if round > 1 %}
        left join refused_{{ round - 1 }} as refused on rivals.other_file_id = refused.file_id and rivals.other_line = refused.line
        where refused.file_id is null
        {%- endif %}
    )
    where place = 1
),

refused_{{ round }} as (
    select distinct file_id, line
    from standing_{{ round }}
    where valid_from < other_ends_on and other_from < valid_to
)
{%- endfor %}

select file_id, line from refused_{{ rounds | last }}
{%- endmacro %}
