"""What finance books from: margins, invoices and their lines, and the calls behind them."""

from __future__ import annotations

from orchestration.reports.definition import COUNTRY_NAME, Report

AMOUNTS = ("sale_eur", "purchase_eur", "margin_eur")
PERCENTAGES = {"margin_percent_of_sale": ("margin_eur", "sale_eur"), "markup_percent": ("margin_eur", "purchase_eur")}

MARGINS = Report(
    name="margins",
    title="Margins",
    says="Sale, purchase and margin per month, customer and what was sold: a destination of calls, a category of services.",
    tables=("margins",),
    source=f"""
        select margins.*, customers.name as customer, resellers.name as reseller, {COUNTRY_NAME} as country_name
        from margins
        left join customers on margins.partner_id = customers.partner_id and margins.customer_id = customers.customer_id
        left join resellers on margins.partner_id = resellers.partner_id and margins.reseller_id = resellers.reseller_id
        left join countries on margins.country = countries.country
    """,
    columns=(
        "partner_id", "month", "customer_id", "customer", "reseller_id", "reseller", "kind", "category", "country", "country_name",
        "line_type", *AMOUNTS, *PERCENTAGES,
    ),
    order="partner_id, month, customer_id, kind, category, country, line_type",
    month="month",
    filters={"customer": "customer_id", "reseller": "reseller_id"},
    sums=AMOUNTS,
    shares=PERCENTAGES,
)  # fmt: skip

INVOICES = Report(
    name="invoices",
    title="Invoices",
    says="Invoices and drafts, one row each.",
    tables=("invoices",),
    source="""
        select invoices.*, customers.name as customer, resellers.name as reseller
        from invoices
        left join customers on invoices.partner_id = customers.partner_id and invoices.customer_id = customers.customer_id
        left join resellers on invoices.partner_id = resellers.partner_id and invoices.reseller_id = resellers.reseller_id
    """,
    columns=(
        "partner_id", "month", "invoice_id", "kind", "invoice_number", "credited_invoice_number", "customer_id", "customer", "reseller_id",
        "reseller", "status", "block_reason", "net_eur", "vat_eur", "gross_eur", "issued_on", "due_on",
    ),
    order="partner_id, month, customer_id, invoice_id",
    month="month",
    filters={"customer": "customer_id", "reseller": "reseller_id"},
    sums=("net_eur", "vat_eur", "gross_eur"),
)  # fmt: skip

INVOICE_LINES = Report(
    name="invoice-lines",
    title="Invoice lines",
    says="The lines of invoices and drafts, one row each.",
    tables=("invoice_lines", "invoices"),
    source=f"""
        select
            lines.*, invoices.invoice_number, invoices.status, invoices.reseller_id, customers.name as customer, resellers.name as reseller,
            {COUNTRY_NAME} as country_name
        from invoice_lines as lines
        left join invoices on lines.partner_id = invoices.partner_id and lines.invoice_id = invoices.invoice_id
        left join customers on lines.partner_id = customers.partner_id and lines.customer_id = customers.customer_id
        left join resellers on invoices.partner_id = resellers.partner_id and invoices.reseller_id = resellers.reseller_id
        left join countries on lines.country = countries.country
    """,
    columns=(
        "partner_id", "month", "invoice_id", "line_number", "invoice_number", "status", "customer_id", "customer", "reseller_id",
        "reseller", "kind", "description", "country", "country_name", "line_type", "service_code", "pbx_id", "settled_month",
        "period_start", "period_end", "quantity", "duration_s", "amount_eur", "exact_eur", "purchase_eur", "vat_category", "vat_code",
        "vat_percent",
    ),
    order="partner_id, month, customer_id, invoice_id, line_number",
    month="month",
    filters={"customer": "customer_id", "reseller": "reseller_id"},
    sums=("duration_s", "amount_eur", "exact_eur", "purchase_eur"),
)  # fmt: skip

CALLS = Report(
    name="calls",
    title="Calls",
    says="Calls, one row each, with their price or the reason why they have none.",
    tables=("calls",),
    source=f"""
        select calls.*, customers.name as customer, resellers.name as reseller, {COUNTRY_NAME} as country_name
        from calls
        left join customers on calls.partner_id = customers.partner_id and calls.customer_id = customers.customer_id
        left join resellers on calls.partner_id = resellers.partner_id and calls.reseller_id = resellers.reseller_id
        left join countries on calls.country = countries.country
    """,
    columns=(
        "partner_id", "billing_month", "call_date", "started_at", "call_key", "call_id", "source", "leg", "customer_id", "customer",
        "reseller_id", "reseller", "direction", "caller", "callee", "country", "country_name", "line_type", "destination",
        "is_international", "is_onnet", "duration_s", "billed_s", *AMOUNTS, "call_plan_id", "status", "status_reason",
    ),
    order="partner_id, started_at, call_key",
    month="billing_month",
    day="call_date",
    filters={"customer": "customer_id", "reseller": "reseller_id", "plan": "call_plan_id"},
    sums=("duration_s", "billed_s", *AMOUNTS),
)  # fmt: skip

VAT = Report(
    name="vat",
    title="VAT",
    says="VAT per month of the invoices, category and percent; drafts count as they stand. Adds up to the invoices, to the cent.",
    tables=("invoice_vat", "invoices"),
    source="""
        select invoice_vat.*, invoices.status
        from invoice_vat
        inner join invoices on invoice_vat.partner_id = invoices.partner_id and invoice_vat.invoice_id = invoices.invoice_id
    """,
    summary="""
        select
            partner_id,
            month,
            vat_category,
            vat_code,
            vat_percent,
            count(distinct invoice_id) as invoices,
            count(distinct invoice_id) filter (where status in ('draft', 'blocked')) as open_invoices,
            count(*) filter (where status in ('draft', 'blocked')) = 0 as is_final,
            sum(net_eur)::decimal(18, 2) as net_eur,
            coalesce(sum(vat_eur), 0)::decimal(18, 2) as vat_eur,
            sum(gross_eur)::decimal(18, 2) as gross_eur
        from chosen
        group by all
    """,
    order="partner_id, month, vat_category, vat_percent",
    month="month",
    sums=("net_eur", "vat_eur", "gross_eur"),
    meanings={
        "invoices": "How many invoices and drafts have that category and percent.",
        "open_invoices": "How many of them are not approved yet.",
        "is_final": "All of them are approved.",
        "net_eur": "Without VAT.",
        "vat_eur": "Rounded once per invoice and category.",
        "gross_eur": "With VAT.",
    },
)

REPORTS = (MARGINS, INVOICES, INVOICE_LINES, VAT, CALLS)
