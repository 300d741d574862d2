"""VAT returns as they were filed: a quarter that was filed is a decision and takes nothing more (model ``invoice_vat``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from orchestration import state
from orchestration.closing import published
from orchestration.errors import TiktellerError
from orchestration.invoicing import rows_of
from orchestration.workspace import Workspace

QUARTER = re.compile(r"(\d{4})-Q([1-4])")

OF_QUARTER = """
    select
        invoice_vat.invoice_id, invoices.status, invoice_vat.vat_category, invoice_vat.vat_percent, invoice_vat.net_eur, invoice_vat.vat_eur
    from invoice_vat
    inner join invoices on invoice_vat.invoice_id = invoices.invoice_id
    where invoice_vat.month between ? and ?
    order by all
"""


@dataclass(frozen=True)
class VatReturn:
    """One category and percent of a quarter: ``invoices`` with it, without VAT, and VAT; ``filed_at`` is empty before it is filed."""

    partner_id: str
    quarter: str
    vat_category: str
    vat_percent: Decimal | None
    invoices: int
    net_eur: Decimal
    vat_eur: Decimal
    filed_at: str | None


def months_of(quarter: str) -> tuple[str, str]:
    """First and last month of ``2026-Q3``. Raises TiktellerError for anything else."""
    if not (named := QUARTER.fullmatch(quarter)):
        raise TiktellerError(f"{quarter!r} is not a quarter", mend="write it as 2026-Q3")
    year, number = named.groups()
    return f"{year}-{int(number) * 3 - 2:02d}", f"{year}-{int(number) * 3:02d}"


def vat_return(workspace: Workspace, partner_id: str, quarter: str) -> list[VatReturn]:
    """What the quarter's return says, as published: a row per category and percent; drafts count as they stand."""
    months = months_of(quarter)
    with published(workspace, partner_id) as (snapshot, _):
        rows = rows_of(snapshot, OF_QUARTER, months)
    with state.engine(workspace).connect() as decided:
        filed_at = decided.execute(sa.select(state.vat_returns.c.filed_at).where(*_is(partner_id, quarter))).scalar_one_or_none()
    found: dict[tuple[str, Decimal | None], list[dict]] = {}
    for row in rows:
        found.setdefault((row["vat_category"], row["vat_percent"]), []).append(row)
    return [
        VatReturn(
            partner_id,
            quarter,
            category,
            percent,
            len(of_rate),
            sum((row["net_eur"] for row in of_rate), Decimal(0)),
            sum((row["vat_eur"] or Decimal(0) for row in of_rate), Decimal(0)),
            filed_at,
        )
        for (category, percent), of_rate in found.items()
    ]


def file_return(workspace: Workspace, partner_id: str, quarter: str) -> list[VatReturn]:
    """Note that the quarter's VAT was filed as it is published: what is approved or credited for it later stands in a later quarter.

    Raises TiktellerError where drafts of the quarter are not approved yet, or it was filed before.
    """
    months = months_of(quarter)
    with published(workspace, partner_id) as (snapshot, _), state.deciding(workspace) as decided:
        if decided.execute(sa.select(state.vat_returns.c.quarter).where(*_is(partner_id, quarter))).first():
            raise TiktellerError(
                f"the VAT of {quarter} of {partner_id} was filed before", mend=f"tikteller vat list --partner {partner_id}"
            )
        rows = rows_of(snapshot, OF_QUARTER, months)
        if open_drafts := {row["invoice_id"] for row in rows if row["status"] in ("draft", "blocked")}:
            raise TiktellerError(
                f"{len(open_drafts):,} invoices of {quarter} of {partner_id} are not approved yet, such as {min(open_drafts)}",
                mend="approve them first: a return that was filed takes nothing more",
            )
        decided.execute(
            state.vat_returns.insert().values(partner_id=partner_id, quarter=quarter, filed_at=state.now(), filed_by=state.whoami())
        )
        lines = [
            {
                "partner_id": partner_id,
                "quarter": quarter,
                "invoice_id": row["invoice_id"],
                "vat_category": row["vat_category"],
                "vat_percent": f"{row['vat_percent']}",
                "net_eur": f"{row['net_eur']}",
                "vat_eur": f"{row['vat_eur']}",
            }
            for row in rows
        ]
        if lines:
            decided.execute(state.vat_return_lines.insert(), lines)
        total = sum((row["vat_eur"] or Decimal(0) for row in rows), Decimal(0))
        state.note(decided, "file vat", partner_id, quarter, f"{len(lines)} lines, VAT {total}")
    return vat_return(workspace, partner_id, quarter)


def _is(partner_id: str, quarter: str) -> tuple[sa.ColumnElement[bool], ...]:
    return state.vat_returns.c.partner_id == partner_id, state.vat_returns.c.quarter == quarter
