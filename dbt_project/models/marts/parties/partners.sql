select
    partner_id,
    name,
    tier,
    deck_id,
    local_time_zone as time_zone,
    home_country as country,
    vat_number,
    coc_number,
    street,
    postal_code,
    city,
    email,
    brand_color,
    closing_name,
    footer
from {{ ref('int_partners') }}
