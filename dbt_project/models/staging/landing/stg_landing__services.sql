select
    service_code,
    category,
    name,
    metering,
    charged,
    nrc_purchase_eur,
    mrc_purchase_eur,
    license_calls,
    valid_from,
    valid_to,
    file_id,
    line
from {{ landed_rows('services') }}
where disposition = 'kept'
