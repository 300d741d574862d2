-- Fails if part of a price list took effect: calls would be bought at new prices to one destination and at old ones to the next, and nobody sent such a list.
with versions as (
    select
        deck_id,
        file_id,
        sum(case when disposition = 'quarantined' then 1 else 0 end) as rows_held_back,
        sum(case when disposition <> 'quarantined' then 1 else 0 end) as rows_in_effect
    from {{ ref('stg_landing__deck_fates') }}
    where deck_id is not null
    group by deck_id, file_id
),

first_versions as (
    select deck_id, min(file_id) as file_id
    from versions
    where rows_in_effect > 0
    group by deck_id
)

select versions.deck_id, versions.file_id, versions.rows_held_back, versions.rows_in_effect
from versions
left join first_versions on versions.deck_id = first_versions.deck_id and versions.file_id = first_versions.file_id
where first_versions.file_id is null and versions.rows_held_back > 0 and versions.rows_in_effect > 0
