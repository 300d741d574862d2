select
    deck_id,
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
    file_id,
    line
from {{ ref('stg_landing__deck_fates') }}
where disposition = 'kept'
