{#-
    The deck before and after each version that holds, compared on every day on which the version can make a difference: where one of its rows begins or ends, and
    where a row ended that it replaces. What a version changes hangs on the files before it only, so what is known of earlier ones stays.
-#}
{{ config(materialized='incremental', incremental_strategy='append') }}
{%- set known_through = '(select coalesce(max(version), 0) from ' ~ this ~ ')' if is_incremental() else '0' %}
{%- set terms = ['destination', 'connection_fee_eur', 'minute_rate_eur', 'first_increment_s', 'next_increment_s'] %}
{%- set leads_to = ['country', 'line_type'] %}
with changed_decks as (
    select deck_id
    from {{ ref('stg_landing__deck_fates') }}
    where disposition <> 'quarantined'
    group by deck_id
    having max(file_id) > greatest(min(file_id), {{ known_through }})
),

held_lines as (
    -- where a first version contradicts itself, the last of its rows stands for both
    select deck_id, file_id, prefix, valid_from, max(line) as line
    from {{ ref('stg_landing__deck_fates') }}
    where disposition <> 'quarantined' and deck_id in (select deck_id from changed_decks)
    group by deck_id, file_id, prefix, valid_from
),

rates as (
    select
        fates.deck_id, fates.file_id, fates.line, fates.prefix, fates.destination, fates.connection_fee_eur, fates.minute_rate_eur,
        coalesce(fates.first_increment_s, 1) as first_increment_s,
        coalesce(fates.next_increment_s, 1) as next_increment_s,
        -- as what it sells: a list that says what the numbering plans say changes nothing
        coalesce(fates.country, plan.country) as country,
        {{ line_type_of_deck('fates.country', 'fates.line_type', line_type_by_name('fates.destination'), 'plan') }} as line_type,
        fates.valid_from,
        fates.valid_to,
        lead(fates.file_id) over (partition by fates.deck_id, fates.prefix, fates.valid_from order by fates.file_id) as replaced_in,
        min(fates.file_id) over (partition by fates.deck_id) as first_version,
        min(fates.file_id) over (partition by fates.deck_id, fates.prefix) as first_named_in
    from {{ ref('stg_landing__deck_fates') }} as fates
    inner join held_lines on fates.file_id = held_lines.file_id and fates.line = held_lines.line
    left join {{ ref('int_deck_prefixes') }} as plan on fates.deck_id = plan.deck_id and fates.prefix = plan.prefix
),

changed_rates as (
    select
        stated.deck_id, stated.file_id as version, stated.prefix, stated.valid_from, stated.valid_to, replaced.valid_to as replaced_valid_to
    from rates as stated
    left join rates as replaced
        on stated.deck_id = replaced.deck_id and stated.prefix = replaced.prefix and stated.valid_from = replaced.valid_from
        and stated.file_id = replaced.replaced_in
    where
        stated.file_id <> stated.first_version
        and stated.file_id > {{ known_through }}
        and (
            replaced.file_id is null
            or coalesce(stated.valid_to, {{ end_of_time() }}) <> coalesce(replaced.valid_to, {{ end_of_time() }})
            {%- for term in terms %}
            or stated.{{ term }} <> replaced.{{ term }}
            {%- endfor %}
            {%- for word in leads_to %}
            or stated.{{ word }} is distinct from replaced.{{ word }}
            {%- endfor %}
        )
),

days as (
    select deck_id, version, prefix, valid_from as day from changed_rates
    union
    select deck_id, version, prefix, valid_to as day from changed_rates where valid_to is not null
    union
    select deck_id, version, prefix, replaced_valid_to as day from changed_rates where replaced_valid_to is not null
),

-- of a prefix the last row that has begun is the one that holds, if it has not ended
last_begun as (
    select
        days.deck_id,
        days.version,
        days.prefix,
        days.day,
        max(case when rates.file_id < days.version then rates.valid_from end) as old_from,
        max(case when coalesce(rates.replaced_in, days.version + 1) > days.version then rates.valid_from end) as new_from
    from days
    inner join rates
        on days.deck_id = rates.deck_id and days.prefix = rates.prefix and rates.valid_from <= days.day
        and rates.file_id <= days.version and coalesce(rates.replaced_in, days.version) >= days.version
    group by days.deck_id, days.version, days.prefix, days.day
),

compared as (
    select
        last_begun.deck_id,
        last_begun.version,
        last_begun.prefix,
        last_begun.day as valid_from,
        stated.line,
        case
            when old_rate.file_id is null and new_rate.file_id is null then null
            when old_rate.file_id is null then 'new'
            when new_rate.file_id is null then 'gone'
            when new_rate.minute_rate_eur > old_rate.minute_rate_eur then 'dearer'
            when new_rate.minute_rate_eur < old_rate.minute_rate_eur then 'cheaper'
            when new_rate.connection_fee_eur > old_rate.connection_fee_eur then 'dearer'
            when new_rate.connection_fee_eur < old_rate.connection_fee_eur then 'cheaper'
            when
                new_rate.first_increment_s <> old_rate.first_increment_s or new_rate.next_increment_s <> old_rate.next_increment_s
                or new_rate.destination <> old_rate.destination
                {%- for word in leads_to %}
                or new_rate.{{ word }} is distinct from old_rate.{{ word }}
                {%- endfor %}
                then 'changed'
        end as change,
        {% for term in terms + leads_to %}
        old_rate.{{ term }} as old_{{ term }},
        new_rate.{{ term }} as new_{{ term }}{{ ',' if not loop.last }}
        {%- endfor %}
    from last_begun
    left join rates as old_rate
        on last_begun.deck_id = old_rate.deck_id and last_begun.prefix = old_rate.prefix and last_begun.old_from = old_rate.valid_from
        and old_rate.file_id < last_begun.version and coalesce(old_rate.replaced_in, last_begun.version) >= last_begun.version
        and coalesce(old_rate.valid_to, {{ end_of_time() }}) > last_begun.day
    left join rates as new_rate
        on last_begun.deck_id = new_rate.deck_id and last_begun.prefix = new_rate.prefix and last_begun.new_from = new_rate.valid_from
        and new_rate.file_id <= last_begun.version and coalesce(new_rate.replaced_in, last_begun.version + 1) > last_begun.version
        and coalesce(new_rate.valid_to, {{ end_of_time() }}) > last_begun.day
    left join (
        select file_id, prefix, max(line) as line from rates group by file_id, prefix
    ) as stated on last_begun.version = stated.file_id and last_begun.prefix = stated.prefix
),

versions as (
    select
        deck_id,
        file_id as version,
        max(valid_from) as last_from,
        count(distinct case when first_named_in < file_id then prefix end) as known_prefixes,
        count(distinct case when first_named_in = file_id then prefix end) as new_prefixes
    from rates
    group by deck_id, file_id
),

-- decided: a version that names more than half of the prefixes that its deck has had so far is a whole price list
whole_lists as (
    select versions.deck_id, versions.version, coalesce(changes.first_day, versions.last_from) as begins_on
    from (
        select
            *,
            sum(new_prefixes) over (partition by deck_id order by version rows between unbounded preceding and 1 preceding) as prefixes_before
        from versions
    ) as versions
    left join (
        select deck_id, version, min(valid_from) as first_day from compared where change is not null group by deck_id, version
    ) as changes on versions.deck_id = changes.deck_id and versions.version = changes.version
    where 2 * versions.known_prefixes > versions.prefixes_before and versions.version > {{ known_through }}
),

left_out as (
    select
        whole_lists.deck_id,
        whole_lists.version,
        whole_lists.begins_on,
        rates.prefix,
        max(rates.valid_from) as old_from
    from whole_lists
    inner join rates
        on whole_lists.deck_id = rates.deck_id and rates.file_id < whole_lists.version and rates.valid_from <= whole_lists.begins_on
        and coalesce(rates.replaced_in, whole_lists.version + 1) > whole_lists.version
    left join (select distinct deck_id, file_id, prefix from rates) as named
        on whole_lists.deck_id = named.deck_id and whole_lists.version = named.file_id and rates.prefix = named.prefix
    where named.prefix is null
    group by whole_lists.deck_id, whole_lists.version, whole_lists.begins_on, rates.prefix
)

select * from compared where change is not null

union all

select
    left_out.deck_id,
    left_out.version,
    left_out.prefix,
    left_out.begins_on as valid_from,
    cast(null as bigint) as line,
    'missing_in_new' as change,
    {% for term in terms + leads_to %}
    rates.{{ term }} as old_{{ term }},
    null as new_{{ term }}{{ ',' if not loop.last }}
    {%- endfor %}
from left_out
inner join rates
    on left_out.deck_id = rates.deck_id and left_out.prefix = rates.prefix and left_out.old_from = rates.valid_from
    and rates.file_id < left_out.version and coalesce(rates.replaced_in, left_out.version + 1) > left_out.version
    and coalesce(rates.valid_to, {{ end_of_time() }}) > left_out.begins_on
