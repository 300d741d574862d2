-- A deck that several partners buy from stands here for each of them; one that nobody buys from has no partner.
select
    partners.partner_id,
    problems.deck_id,
    problems.file_id as version,
    files.file,
    problems.line,
    lines.prefix,
    problems.problem,
    problems.detail,
    problems.fix || case when problems.is_blocking then '; then land the whole list again' else '; then land the row again' end as fix,
    problems.is_blocking,
    coalesce(held.last_version > problems.file_id, false) as is_overtaken,
    files.ingested_at
from {{ ref('stg_landing__deck_problems') }} as problems
inner join {{ ref('stg_landing__deck_lines') }} as lines on problems.file_id = lines.file_id and problems.line = lines.line
inner join {{ source('raw', 'files') }} as files on problems.file_id = files.file_id
-- of each partner that buys by the deck, did, or is going to
left join (select distinct partner_id, deck_id from {{ ref('stg_landing__partner_periods') }}) as partners on problems.deck_id = partners.deck_id
left join (
    select deck_id, max(file_id) as last_version
    from {{ ref('stg_landing__deck_fates') }}
    where disposition <> 'quarantined'
    group by deck_id
) as held on problems.deck_id = held.deck_id
