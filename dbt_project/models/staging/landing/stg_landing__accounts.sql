-- depends_on: {{ ref('stg_landing__customers') }}
-- depends_on: {{ ref('stg_landing__account_claims') }}
select
    account,
    customer_id,
    channels,
    valid_from,
    valid_to,
    file_id,
    line
from {{ landed_rows('accounts') }}
where disposition = 'kept'
