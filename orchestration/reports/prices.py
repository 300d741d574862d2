"""Price lists of call plans and service plans, and what changed in purchase decks."""

from __future__ import annotations

from orchestration.reports.definition import COUNTRY_NAME, Report

PRICE_LIST = Report(
    name="price-list",
    title="Price list",
    says="What a call costs under a call plan, one row per country and line type, markup applied, beside its purchase.",
    tables=("price_list",),
    source=f"""
        select price_list.*, {COUNTRY_NAME} as country_name
        from price_list
        left join countries on price_list.country = countries.country
    """,
    columns=(
        "partner_id", "call_plan_id", "call_plan_name", "country", "country_name", "line_type", "connection_fee_min_eur",
        "connection_fee_max_eur", "sale_minute_min_eur", "sale_minute_max_eur", "purchase_minute_min_eur", "purchase_minute_max_eur",
        "minute_rate_percent", "rate_country", "rate_line_type", "is_fallback", "valid_from",
    ),
    order="partner_id, call_plan_id, country_name, country, line_type",
    filters={"plan": "call_plan_id"},
)  # fmt: skip

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
    says="What each new price list changed in a purchase deck: new, dearer, cheaper, gone, per prefix and first day.",
    tables=("deck_changes",),
    source=f"""
        select deck_changes.*, {COUNTRY_NAME} as country_name
        from deck_changes
        left join countries on deck_changes.country = countries.country
    """,
    columns=(
        "partner_id", "deck_id", "version", "file", "line", "prefix", "destination", "country", "country_name", "line_type", "change",
        "valid_from", "old_connection_fee_eur", "new_connection_fee_eur", "old_minute_rate_eur", "new_minute_rate_eur", "difference_eur",
        "difference_percent", "old_first_increment_s", "new_first_increment_s", "old_next_increment_s", "new_next_increment_s",
        "old_destination", "old_country", "old_line_type",
    ),
    order="partner_id, deck_id, version, valid_from, prefix",
    day="valid_from",
    filters={"deck": "deck_id", "version": "version"},
)  # fmt: skip

REPORTS = (PRICE_LIST, SERVICE_PRICE_LIST, DECK_CHANGES)
