"""What an approved invoice says, as it is stored: JSON that bears its version, and a reader for every version that was ever written.

What is stored never changes, so a reader is never taken away and never changed: a new key is a new version, with a reader of its own.
Version 1 bears no number. Keys came into it over time, so that any may be missing that did not stand in the first; of version 2 all are
there, empty where there is nothing to say, and one that is missing is damage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.errors import TiktellerError

VERSION = 2
"""What is written today."""

PARTY_KEYS = (
    "name", "street", "postal_code", "city", "country", "vat_number", "coc_number", "oin", "email", "iban", "bic", "kind",
)  # fmt: skip
PARTNER_KEYS = (
    *PARTY_KEYS, "partner_id", "time_zone", "invoice_prefix", "invoice_suffix", "brand_color", "footer", "closing_name", "logo_file",
)  # fmt: skip
CUSTOMER_KEYS = (*PARTY_KEYS, "buyer_reference")
INVOICE_KEYS = (
    "partner_id", "customer_id", "month", "invoice_id", "kind", "invoice_number", "credited_invoice_number", "net_eur", "vat_eur",
    "gross_eur", "issued_on", "due_on",
)  # fmt: skip
LINE_KEYS = (
    "line_number", "kind", "description", "country", "line_type", "service_code", "pbx_id", "quantity", "duration_s", "amount_eur",
    "vat_category", "vat_percent", "service_name", "settled_month", "period_start", "period_end", "unit_price_eur", "days",
    "days_in_month", "vat_correction_eur", "credited_line",
)  # fmt: skip
FIRST_INVOICE_KEYS = tuple(key for key in INVOICE_KEYS if key != "credited_invoice_number")
FIRST_LINE_KEYS = ("line_number", "kind", "description", "quantity", "amount_eur", "vat_category", "vat_percent")
FIRST_PARTNER_KEYS = ("country", "time_zone", "invoice_prefix", "invoice_suffix")
"""What stood in version 1 from the beginning, where that is not all or nothing."""
KEYS = ("invoice", "lines", "partner", "customer", "logo_sha256", "country_names", "reason")


@dataclass(frozen=True)
class Content:
    """What an approved invoice says. Its rows have at least the keys of version 2; money and days are text, as they are stored.

    ``logo_is_todays``: it was approved before logos were kept, and bears the one that its partner has now. A line is
    ``is_of_several_prices`` where a settlement has no single price; what was approved before lines had a price never is.
    """

    invoice: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    partner: Mapping[str, Any]
    customer: Mapping[str, Any]
    country_names: Mapping[str, str]
    logo_sha256: str | None
    reason: str | None
    logo_is_todays: bool = False


def read_content(text: str, invoice_number: str) -> Content:
    """Raises TiktellerError, with the invoice's number, where the version is not known or the content is not what its version says."""
    try:
        content = json.loads(text)
        version = content.get("version", 1)
    except (ValueError, AttributeError) as error:
        raise _damaged(invoice_number, f"is no content: {error}") from error
    require_readable(version, invoice_number)
    try:
        return READERS[version](content)
    except KeyError as error:
        raise _damaged(invoice_number, f"(version {version}) lacks {error.args[0]}") from error


def require_readable(version: object, invoice_number: str) -> None:
    """Raises TiktellerError where this release has no reader for that version."""
    if version not in READERS:
        raise TiktellerError(
            f"invoice {invoice_number} is stored in version {version}, which this Tikteller cannot read (it knows up to {VERSION})",
            fix="run the newer release",
        )


def _damaged(invoice_number: str, how: str) -> TiktellerError:
    return TiktellerError(f"what is stored of invoice {invoice_number} {how}", fix="restore the state from its backup")


def _of_version_1(content: Mapping[str, Any]) -> Content:
    return Content(
        invoice=_filled(content["invoice"], INVOICE_KEYS, FIRST_INVOICE_KEYS, "invoice."),
        lines=[_line_of_version_1(line) for line in content["lines"]],
        partner=_filled(content["partner"], PARTNER_KEYS, FIRST_PARTNER_KEYS, "partner."),
        customer=_filled(content["customer"], CUSTOMER_KEYS, (), "customer."),
        country_names=content["country_names"],
        logo_sha256=content.get("logo_sha256"),
        reason=content.get("reason"),
        logo_is_todays="logo_sha256" not in content,
    )


def _line_of_version_1(line: Mapping[str, Any]) -> dict[str, Any]:
    whole = _filled(line, LINE_KEYS, FIRST_LINE_KEYS, "lines.")
    return whole | {"is_of_several_prices": "unit_price_eur" in line and _has_several_prices(whole)}


def _of_version_2(content: Mapping[str, Any]) -> Content:
    _require(content, KEYS, "")
    _require(content["invoice"], INVOICE_KEYS, "invoice.")
    _require(content["partner"], PARTNER_KEYS, "partner.")
    _require(content["customer"], CUSTOMER_KEYS, "customer.")
    for line in content["lines"]:
        _require(line, LINE_KEYS, "lines.")
    return Content(
        invoice=content["invoice"],
        lines=[line | {"is_of_several_prices": _has_several_prices(line)} for line in content["lines"]],
        partner=content["partner"],
        customer=content["customer"],
        country_names=content["country_names"],
        logo_sha256=content["logo_sha256"],
        reason=content["reason"],
    )


READERS: Mapping[object, Callable[[Mapping[str, Any]], Content]] = {1: _of_version_1, 2: _of_version_2}


def _has_several_prices(line: Mapping[str, Any]) -> bool:
    return line["unit_price_eur"] is None and line["settled_month"] is not None


def _filled(row: Mapping[str, Any], keys: Sequence[str], first: Sequence[str], where: str) -> dict[str, Any]:
    _require(row, first, where)
    return dict.fromkeys(keys) | dict(row)


def _require(row: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in keys:
        if key not in row:
            raise KeyError(f"{where}{key}")
