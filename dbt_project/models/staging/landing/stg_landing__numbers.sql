-- depends_on: {{ ref('stg_landing__customers') }}
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
