"""Price lists of call plans and service plans, and what changed in purchase decks."""

from __future__ import annotations

from orchestration.reports.definition import Report

SERVICE_PRICE_LIST = Report(
    name="service-price-list",
    title="Service price list",
    says="What a service plan sells for, one row per service: purchase, sale and margin, one-off (NRC) and monthly (MRC).",
    tables=("service_prices",),
    source="select * from service_prices",
    columns=(
        "partner_id", "service_plan_id", "service_plan_name", "category", "service_code", "service_name", "is_exception",
        "nrc_purchase_eur", "nrc_percent", "nrc_sale_eur", "nrc_margin_eur", "mrc_purchase_eur", "mrc_percent",
        "mrc_sale_eur", "mrc_margin_eur",
    ),
    order="partner_id, service_plan_id, category, service_code",
    filters={"plan": "service_plan_id"},
)  # fmt: skip

DECK_CHANGES = Report(
    name="deck-changes",
    title="Deck changes",
    says="What changed in the purchase decks.",
    tables=("deck_changes",),
    source="select * from deck_changes",
    order="all",
)

REPORTS = (SERVICE_PRICE_LIST, DECK_CHANGES)
