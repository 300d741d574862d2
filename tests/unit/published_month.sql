-- What a partner's file holds, as far as tests/unit/test_exports_asked.py asks: one reseller, two customers, two months, invoices of every age.
-- $partner and $short stand for the partner's id and the beginning of its customers' ids.
create table countries as
from (values ('NL', 'Netherlands', 'Nederland'), ('DE', 'Germany', 'Duitsland')) as t(country, name_en, name_nl);

create table partner as
select '$partner' as partner_id;

create table customers as
select '$partner' as partner_id, *
from (values ('$short-1', '=HYPERLINK("http://x","y")'), ('$short-2', '+cmd')) as t(customer_id, name);

create table resellers as
select '$partner' as partner_id, '$short-r' as reseller_id, '@SUM' as name;

create table margins as
select
    '$partner' as partner_id, * exclude (sale),
    sale::decimal(18, 6) as sale_eur, (sale / 2)::decimal(18, 6) as purchase_eur, (sale / 2)::decimal(18, 6) as margin_eur,
    50::decimal(18, 2) as margin_percent_of_sale, 100::decimal(18, 2) as markup_percent
from (values
    ('2026-09', '$short-1', '$short-r', 'calls', null, 'DE', 'FIX', 0.1),
    ('2026-10', '$short-1', '$short-r', 'calls', null, 'NL', 'MOB', 0.2),
    ('2026-10', '$short-2', null, 'services', 'PBX', null, null, 10)
) as t(month, customer_id, reseller_id, kind, category, country, line_type, sale);

create table calls as
select
    '$partner' as partner_id, *, '2026-10' as billing_month, 'standard' as source, 'pbx' as leg, null::varchar as reseller_id,
    'outbound' as direction, '+31201234567' as caller, '4930123456' as callee, 'DE' as country, 'FIX' as line_type,
    'Duitsland' as destination, true as is_international, false as is_onnet, 61 as duration_s, 61 as billed_s,
    0.02::decimal(18, 6) as purchase_eur, 0.05::decimal(18, 6) as sale_eur, 0.03::decimal(18, 6) as margin_eur,
    'plan' as call_plan_id, 'rated' as status, null::varchar as status_reason
from (values
    ('k1', 'i1', '$short-1', date '2026-09-30', timestamp '2026-09-30 21:59:59'),
    ('k2', 'i2', '$short-1', date '2026-10-01', timestamp '2026-09-30 22:00:00'),
    ('k3', 'i3', '$short-2', date '2026-10-31', timestamp '2026-10-31 22:59:59')
) as t(call_key, call_id, customer_id, call_date, started_at);

create table service_prices as
select '$partner' as partner_id, '$short-service' as service_plan_id;

create table price_list as
select '$partner' as partner_id, '$short-call' as call_plan_id;

create table commissions as
select
    '$partner' as partner_id, '2026-10' as month, '$short-r' as reseller_id, 2 as customers, 2 as invoices, 2 as open_invoices,
    false as is_final, 0.20::decimal(18, 2) as call_sale_eur, 5::decimal(9, 4) as call_commission_percent,
    0.01::decimal(18, 2) as call_commission_eur, 10.10::decimal(18, 2) as service_sale_eur,
    2.5::decimal(9, 4) as service_commission_percent, 0.25::decimal(18, 2) as service_commission_eur,
    0.26::decimal(18, 2) as commission_eur;

create table commission_lines as
select '$partner' as partner_id, '2026-10' as month, '$short-r' as reseller_id, 'draft' as status, *
from (values
    ('$short-1', '$short-1-2026-10', 'calls', 0.10::decimal(18, 2), 5::decimal(9, 4), 0.005::decimal(18, 8)),
    ('$short-2', '$short-2-2026-10', 'calls', 0.10, 5, 0.005),
    ('$short-2', '$short-2-2026-10', 'services', 10.10, 2.5, 0.2525)
) as t(customer_id, invoice_id, kind, sale_eur, commission_percent, exact_commission_eur);

create table invoices as
select '$partner' as partner_id, '2026-10' as month, customer_id, customer_id || '-2026-10' as invoice_id, null::varchar as invoice_number
from customers;

create table receivables as
select '$partner' as partner_id, *
from (values
    ('$short-1', 'INV1', 'i1', '2026-08', 'invoice', date '2026-09-01', date '2026-09-15', 100.00::decimal(18, 2), null),
    ('$short-1', 'INV1', 'i1', '2026-08', 'payment', date '2026-09-20', date '2026-09-15', -40.00, null),
    ('$short-1', 'INV1', 'i1', '2026-08', 'payment', date '2026-10-20', date '2026-09-15', -80.00, null),
    ('$short-1', 'INV2', 'i2', '2026-09', 'invoice', date '2026-10-01', date '2026-10-31', 50.00, null),
    ('$short-2', 'INV3', 'i3', '2026-05', 'invoice', date '2026-06-01', date '2026-06-15', 7.00, null),
    (null, 'INV9', null, null, 'payment', date '2026-10-02', null, -3.00, 'unknown_invoice')
) as t(customer_id, settles_invoice_number, invoice_id, month, kind, happened_on, due_on, amount_eur, status_reason);

create table open_items as
select partner_id, customer_id, settles_invoice_number as invoice_number, date '2026-10-31' as as_of_date
from receivables;
