-- Fails if an amount is kept as a floating-point number: sums of it differ from run to run, and cents go missing.
{%- for mart in [
    'calls', 'daily_calls', 'international_calls', 'call_prices', 'service_prices', 'service_charges', 'invoice_lines', 'invoices', 'margins',
    'partner_months', 'invoice_vat', 'commissions', 'commission_lines', 'receivables', 'open_items', 'price_list', 'ids_days', 'ids_crossings',
    'fmc_calls', 'call_histogram', 'ids_ranges', 'order_lines', 'deck_changes', 'purchase_reconciliation'
] %}
-- depends_on: {{ ref(mart) }}
{%- endfor %}
select table_schema, table_name, column_name, data_type
from information_schema.columns
where table_schema in ('marts', 'intermediate', 'staging') and column_name like '%\_eur' escape '\' and data_type not like 'DECIMAL%'
    -- typed as text on purpose: stages such as 40-80-120
    and column_name <> 'ids_range_eur'
