-- depends_on: {{ ref('stg_landing__customers') }}
-- depends_on: {{ ref('stg_landing__number_claims') }}
select
    first_number,
    last_number,
    customer_id,
    valid_from,
    valid_to,
    file_id,
    line
from {{ landed_rows('numbers') }}
where disposition = 'kept'
