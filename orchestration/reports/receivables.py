"""What customers still owe, per customer and per invoice; and what resellers earn of what their customers were invoiced."""

from __future__ import annotations

from orchestration.reports.definition import Report
from orchestration.warehouse.formulas import formula

BUCKETS = ("not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90", "credit")
IN_BUCKETS = ",\n".join(
    f"coalesce(sum(open_eur) filter (where bucket = '{bucket}'), 0)::decimal(18, 2) as {bucket}_eur" for bucket in BUCKETS
)
NEWEST_DAY = "select max(as_of_date) from open_items"
OPEN_ITEMS = f"""
    select items.*, customers.name as customer
    from {formula("open_items_as_of", "(select receivables.*, $as_of::date as as_of_date from receivables)")} as items
    left join customers on items.partner_id = customers.partner_id and items.customer_id = customers.customer_id
"""

OPEN_ITEM_LIST = Report(
    name="open-items",
    title="Open items",
    says="Invoices that are not settled, and payments of numbers that are no invoice here, one row per number, as of a day.",
    tables=("open_items", "receivables"),
    source=f"select * from ({OPEN_ITEMS}) where bucket <> 'settled'",
    columns=(
        "partner_id", "customer_id", "customer", "invoice_number", "month", "issued_on", "due_on", "days_overdue", "bucket", "gross_eur",
        "credited_eur", "paid_eur", "open_eur", "paid_later_eur", "status_reason",
    ),
    order="partner_id, customer_id, invoice_number",
    filters={"customer": "customer_id"},
    as_of=NEWEST_DAY,
    sums=("gross_eur", "credited_eur", "paid_eur", "open_eur", "paid_later_eur"),
)  # fmt: skip

AGEING = Report(
    name="ageing",
    title="Ageing",
    says="What customers still owe as of a day, one row per customer, by how long it is overdue.",
    tables=("open_items", "receivables"),
    source=OPEN_ITEMS,
    summary=f"""
        select
            partner_id,
            customer_id,
            customer,
            count(*) filter (where open_eur > 0) as open_invoices,
            {IN_BUCKETS},
            sum(open_eur)::decimal(18, 2) as open_eur,
            coalesce(sum(paid_eur) filter (where bucket = 'no_invoice'), 0)::decimal(18, 2) as no_invoice_eur,
            max(days_overdue) as days_overdue
        from chosen
        group by all
        having count(*) filter (where bucket <> 'settled') > 0
    """,
    columns=(
        "partner_id", "customer_id", "customer", "open_invoices", *(f"{bucket}_eur" for bucket in BUCKETS), "open_eur", "days_overdue",
        "no_invoice_eur",
    ),
    order="partner_id, customer_id",
    filters={"customer": "customer_id"},
    as_of=NEWEST_DAY,
    sums=(*(f"{bucket}_eur" for bucket in BUCKETS), "open_eur", "no_invoice_eur"),
    meanings={
        "customer_id": "Empty in the row of payments that name no invoice here.",
        "open_invoices": "How many invoices are not settled.",
        "not_due_eur": "Open, but the last day to pay has not passed.",
        "days_1_30_eur": "Open 1 to 30 days after the last day to pay.",
        "days_31_60_eur": "Open 31 to 60 days after it.",
        "days_61_90_eur": "Open 61 to 90 days after it.",
        "days_over_90_eur": "Open more than 90 days after it.",
        "credit_eur": "Negative: more was paid and credited than asked.",
        "open_eur": "What is open, less credits.",
        "no_invoice_eur": "Payments of numbers that are no invoice here, in no other amount; the report open-items names them.",
        "days_overdue": "Of the invoice that is overdue longest.",
    },
)  # fmt: skip

COMMISSIONS = Report(
    name="commissions",
    title="Commissions",
    says="What resellers earn, one row per month and reseller; with --reseller the statement of that reseller, invoice by invoice.",
    tables=("commissions",),
    source="""
        select commissions.*, resellers.name as reseller
        from commissions
        left join resellers on commissions.partner_id = resellers.partner_id and commissions.reseller_id = resellers.reseller_id
    """,
    columns=(
        "partner_id", "month", "reseller_id", "reseller", "customers", "invoices", "open_invoices", "is_final", "call_sale_eur",
        "call_commission_percent", "call_commission_eur", "service_sale_eur", "service_commission_percent", "service_commission_eur",
        "commission_eur",
    ),
    order="partner_id, month, reseller_id",
    month="month",
    sums=("call_sale_eur", "call_commission_eur", "service_sale_eur", "service_commission_eur", "commission_eur"),
    instead={"reseller": "commission-statement"},
)  # fmt: skip

COMMISSION_STATEMENT = Report(
    name="commission-statement",
    title="Commission statement",
    says="What one reseller earns, one row per invoice and kind, and a row per month and kind for the one rounding to cents.",
    tables=("commission_lines", "commissions"),
    source="""
        with statement as (
            select partner_id, month, reseller_id, customer_id, invoice_id, status, kind, sale_eur, commission_percent, exact_commission_eur
            from commission_lines

            union all

            select
                commissions.partner_id, commissions.month, commissions.reseller_id, null, null, null, lines.kind || ' rounding', null, null,
                case lines.kind when 'calls' then commissions.call_commission_eur else commissions.service_commission_eur end
                    - lines.exact_commission_eur
            from commissions
            inner join (
                select partner_id, month, reseller_id, kind, sum(exact_commission_eur) as exact_commission_eur
                from commission_lines
                group by all
            ) as lines
                on commissions.partner_id = lines.partner_id
                and commissions.month = lines.month and commissions.reseller_id = lines.reseller_id
        )

        select statement.*, exact_commission_eur::decimal(18, 8) as commission_eur, customers.name as customer, resellers.name as reseller,
            invoices.invoice_number
        from statement
        left join customers on statement.partner_id = customers.partner_id and statement.customer_id = customers.customer_id
        left join resellers on statement.partner_id = resellers.partner_id and statement.reseller_id = resellers.reseller_id
        left join invoices on statement.partner_id = invoices.partner_id and statement.invoice_id = invoices.invoice_id
    """,
    columns=(
        "partner_id", "month", "reseller_id", "reseller", "customer_id", "customer", "invoice_id", "invoice_number", "status", "kind",
        "sale_eur", "commission_percent", "commission_eur",
    ),
    order="partner_id, reseller_id, month, kind, customer_id, invoice_id",
    month="month",
    filters={"reseller": "reseller_id"},
    required=("reseller",),
    sums=("sale_eur", "commission_eur"),
    meanings={
        "invoice_number": "Empty until approval.",
        "kind": "calls, services; and for each what the rounding of their sum to cents adds.",
        "commission_eur": "sale_eur times commission_percent, exact; with the rows of rounding it adds up to the commission.",
    },
)  # fmt: skip

REPORTS = (COMMISSIONS, COMMISSION_STATEMENT, AGEING, OPEN_ITEM_LIST)
