{#- A version with a problem is held back whole, but for a deck's first one: nothing else could be fallen back on. -#}
{%- set terms = ['connection_fee_eur', 'minute_rate_eur', 'first_increment_s', 'next_increment_s', 'valid_to'] %}
with blocked_versions as (
    select distinct deck_id, file_id
    from {{ ref('stg_landing__deck_problems') }}
    where is_blocking
),

-- a row that is in the way of another and leaves a gap too waits under the first
problem_lines as (
    select file_id, line, max(problem) as problem
    from {{ ref('stg_landing__deck_problems') }}
    where is_blocking
    group by file_id, line
),

judged as (
    select
        lines.*,
        case
            when lines.reject_reason is not null then lines.reject_reason
            when blocked_versions.file_id is not null then coalesce(problem_lines.problem, 'deck_version_blocked')
        end as reason
    from {{ ref('stg_landing__deck_lines') }} as lines
    left join blocked_versions on lines.deck_id = blocked_versions.deck_id and lines.file_id = blocked_versions.file_id
    left join problem_lines on lines.file_id = problem_lines.file_id and lines.line = problem_lines.line
),

ranked as (
    select
        *,
        max(file_id) over (partition by reason is null, deck_id, prefix, valid_from) as last_file_id,
        row_number() over (
            partition by reason is null, deck_id, prefix, valid_from, file_id, {{ terms | join(', ') }}
            order by line desc
        ) as place
    from judged
)

select
    deck_id,
    file_id,
    line,
    is_row,
    prefix,
    destination,
    connection_fee_eur,
    minute_rate_eur,
    first_increment_s,
    next_increment_s,
    country,
    line_type,
    valid_from,
    valid_to,
    case
        when reason is not null then 'quarantined'
        -- two rows of one file that differ are both kept: calls to their prefix wait, instead of one of them being drawn
        when file_id = last_file_id and place = 1 then 'kept'
        else 'duplicate'
    end as disposition,
    reason
from ranked
