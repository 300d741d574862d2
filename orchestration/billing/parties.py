"""Seller and buyer of an invoice, as the rows of a snapshot say them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestration.documents.calls_csv import zone_named
from orchestration.documents.invoice import (
    OF_SELLER,
    Branding,
    Language,
    Party,
    branding_problems,
    usable_branding,
)
from orchestration.errors import TiktellerError
from orchestration.serving.snapshots import Row
from orchestration.workspace import Workspace

MAX_PAYMENT_TERM_DAYS, MAX_NUMBER_LENGTH = 365, 20


def partner_named(partner: Row) -> str:
    return f"partner {partner['partner_id']}"


def partner_problems(partner: Row, logo: bytes | None) -> Iterator[tuple[str, str]]:
    """What of a partner's settings no document can be made with, and the fix."""
    yield from branding_problems(logo, partner.get("brand_color"))
    if partner.get("logo_file") and logo is None:
        yield f"its logo {partner['logo_file']} is not there", "put the file into the workspace, or empty partners.logo_file"
    for column, most in (("payment_term_days", MAX_PAYMENT_TERM_DAYS), ("invoice_number_length", MAX_NUMBER_LENGTH)):
        if not 0 <= int(partner[column]) <= most:
            yield f"{column} {partner[column]} is not between 0 and {most}", f"fix partners.{column}"
    if zone_named(partner["time_zone"]) is None:
        yield f"nobody knows a time zone {partner['time_zone']}", "write partners.time_zone as Europe/Amsterdam"


def branding_of(workspace: Workspace, partner: Row) -> Branding:
    """How a partner's documents look, less what cannot be used; ``logo_file`` is a path in the workspace."""
    return usable_branding(read_logo(workspace, partner), partner.get("brand_color"), partner.get("footer"), partner.get("closing_name"))


def read_logo(workspace: Workspace, partner: Row) -> bytes | None:
    """The content of the partner's logo; None where it has none or the file is gone. Of one that is too large only enough to tell so."""
    path = workspace.root / partner["logo_file"] if partner.get("logo_file") else None
    if path is None or not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(Branding.MAX_LOGO_BYTES + 1)


def language_of(partner: Row, customer: Row) -> Language:
    """Dutch for customers in NL and BE, else English (decided)."""
    return "nl" if (customer.get("country") or partner["country"]) in ("NL", "BE") else "en"


def party_of(row: Row) -> Party:
    """A partner or a customer as documents name it."""
    names = ("name", "street", "postal_code", "city", "vat_number", "coc_number", "oin", "email", "iban", "bic")
    known: dict[str, Any] = {name: row.get(name) for name in names}
    return Party(**known, country=row.get("country") or "NL", kind=row.get("kind") or "business")


def require_seller(partner: Row) -> None:
    """Raises TiktellerError where the law wants more of the partner on its documents than has landed."""
    missing = [name for name in OF_SELLER if not partner.get(name)]
    if missing:
        raise TiktellerError(
            f"{partner['partner_id']} cannot send invoices yet: its {', '.join(missing)} must stand on them",
            fix="land them in feed partners",
        )
