-- Fails if a customer's rows stand under a partner that it never had: one partner would see, and bill, the customers of another. What was billed stays with the
-- partner that billed it, whatever has become of the customer since.
{%- set tables = [
    'calls', 'daily_calls', 'international_calls', 'service_charges', 'invoices', 'invoice_lines', 'margins', 'invoice_vat', 'commission_lines',
    'receivables', 'open_items', 'ids_days', 'ids_crossings', 'fmc_calls', 'call_histogram', 'concurrency', 'hourly_concurrency', 'line_capacity', 'order_lines', 'portings',
    'mandates', 'draft_problems', 'ids_ranges'
] %}
with seen as (
    {%- for table in tables %}
    select distinct '{{ table }}' as seen_in, partner_id, customer_id from {{ ref(table) }} where customer_id is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select seen.seen_in, seen.customer_id, seen.partner_id
from seen
left join {{ ref('customers') }} as customers on seen.customer_id = customers.customer_id and seen.partner_id = customers.partner_id
left join (select distinct customer_id, partner_id from {{ source('raw', 'frozen_months') }}) as billed
    on seen.customer_id = billed.customer_id and seen.partner_id = billed.partner_id
where customers.partner_id is null and billed.partner_id is null
