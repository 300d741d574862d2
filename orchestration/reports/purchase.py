"""What a wholesaler billed beside what the calls and orders say."""

from __future__ import annotations

from orchestration.reports.definition import Report

PURCHASE_RECONCILIATION = Report(
    name="purchase-reconciliation",
    title="Purchase reconciliation",
    says="What the wholesaler billed beside what calls and orders say; the difference by count, seconds and rate.",
    tables=("purchase_reconciliation",),
    source="""
        select reconciled.*, services.service_name
        from purchase_reconciliation as reconciled
        left join (select service_code, max(service_name) as service_name from service_prices group by all) as services
            on reconciled.service_code = services.service_code
    """,
    columns=(
        "partner_id", "month", "kind", "deck_id", "account", "level", "prefix", "destination", "service_code", "service_name", "finding",
        "invoiced_calls", "calls", "invoiced_s", "purchase_billed_s", "invoiced_eur", "purchase_eur", "difference_eur", "count_part_eur",
        "seconds_part_eur", "rate_part_eur", "difference_to_date_eur", "is_within_rounding", "rate_valid_from", "unrated_calls",
        "onnet_calls", "unanswered_calls", "file", "line",
    ),
    order="partner_id, month, kind, deck_id, account nulls first, service_code, prefix nulls last, destination nulls last, level, line",
    month="month",
    filters={"deck": "deck_id"},
    sums=(
        "invoiced_s", "purchase_billed_s", "invoiced_eur", "purchase_eur", "difference_eur", "count_part_eur", "seconds_part_eur",
        "rate_part_eur",
    ),
)  # fmt: skip

REPORTS = (PURCHASE_RECONCILIATION,)
