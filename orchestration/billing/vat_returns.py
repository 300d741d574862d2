"""VAT returns as they were filed: a quarter that was filed is a decision and takes nothing more (model ``invoice_vat``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import duckdb
import sqlalchemy as sa

from orchestration import state
from orchestration.billing.closing import day_reached, older_drafts, require_newest
from orchestration.errors import TiktellerError
from orchestration.months import last_day_of
from orchestration.serving.snapshots import published, rows_of
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

MONTHS = """
    select invoice_vat.month, max(case when invoices.status in ('approved', 'credited') then 1 else 0 end) as has_approved
    from invoice_vat
    inner join invoices on invoice_vat.invoice_id = invoices.invoice_id
    group by invoice_vat.month
"""


@dataclass(frozen=True)
class VatReturn:
    """One category and percent of a quarter: ``invoices`` with it, without VAT, and VAT; ``filed_at`` is empty before it is filed.

    ``drafts`` of the invoices are not approved yet, and in the amounts all the same: a return with any cannot be filed.
    """

    partner_id: str
    quarter: str
    vat_category: str
    vat_percent: Decimal | None
    invoices: int
    drafts: int
    net_eur: Decimal
    vat_eur: Decimal
    filed_at: str | None


def months_of(quarter: str) -> tuple[str, str]:
    """First and last month of ``2026-Q3``. Raises TiktellerError for anything else."""
    if not (named := QUARTER.fullmatch(quarter)):
        raise TiktellerError(f"{quarter!r} is not a quarter", fix="write it as 2026-Q3")
    year, number = named.groups()
    return f"{year}-{int(number) * 3 - 2:02d}", f"{year}-{int(number) * 3:02d}"


def quarter_of(month: str) -> str:
    """The quarter that the month belongs to."""
    return f"{month[:4]}-Q{(int(month[5:]) + 2) // 3}"


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
            sum(row["status"] in ("draft", "blocked") for row in of_rate),
            sum((row["net_eur"] for row in of_rate), Decimal(0)),
            sum((row["vat_eur"] or Decimal(0) for row in of_rate), Decimal(0)),
            filed_at,
        )
        for (category, percent), of_rate in found.items()
    ]


def file_return(workspace: Workspace, partner_id: str, quarter: str) -> list[VatReturn]:
    """Note that the quarter's VAT was filed as it is published: what is approved or credited for it later stands in a later quarter.

    Raises TiktellerError where the quarter is not over or not the next one, drafts of it are not approved yet, or a decision is not
    published.
    """
    months = months_of(quarter)
    with published(workspace, partner_id) as (snapshot, _), state.deciding(workspace) as decided:
        _require_next(decided, snapshot, partner_id, quarter)
        require_newest(decided, snapshot, partner_id)
        rows = rows_of(snapshot, OF_QUARTER, months)
        if open_drafts := {row["invoice_id"] for row in rows if row["status"] in ("draft", "blocked")}:
            raise TiktellerError(
                f"{len(open_drafts):,} invoices of {quarter} of {partner_id} are not approved yet, such as {min(open_drafts)}",
                fix="approve them first: a return that was filed takes nothing more",
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


def _require_next(decided: sa.Connection, snapshot: duckdb.DuckDBPyConnection, partner_id: str, quarter: str) -> None:
    """Raises TiktellerError where the quarter is not over, was filed or overtaken, or an earlier one has to be filed first.

    Quarters from before the partner's first invoice here were filed elsewhere; one in between may have nothing in it.
    """
    first_month, last_month = months_of(quarter)
    if day_reached(snapshot) <= (last_day := last_day_of(last_month)):
        raise TiktellerError(f"{quarter} of {partner_id} is not over: it ends on {last_day}", fix="file it when it is over")
    filed = set(decided.execute(sa.select(state.vat_returns.c.quarter).where(state.vat_returns.c.partner_id == partner_id)).scalars())
    if filed and (last := max(filed)) >= quarter:
        before = "" if quarter in filed else f", and with it what there was of {quarter}"
        raise TiktellerError(
            f"the VAT of {quarter if quarter in filed else last} of {partner_id} was filed before{before}",
            fix=f"what came since stands in a later one: tikteller vat list --partner {partner_id} --quarter {quarter}",
        )
    standing = {month: bool(has_approved) for month, has_approved in snapshot.execute(MONTHS).fetchall()}
    unfiled = {quarter_of(month) for month, has_approved in standing.items() if has_approved and month < first_month} - filed
    if unfiled:
        raise TiktellerError(
            f"{min(unfiled)} of {partner_id} has invoices and was not filed: filed after {quarter}, they would stand in a later return",
            fix=f"tikteller vat file --partner {partner_id} --quarter {min(unfiled)}, also where it was filed in another way",
        )
    if not any(month <= last_month for month in standing):
        first = f"the first quarter with invoices is {quarter_of(min(standing))}" if standing else "no invoice of it is published"
        raise TiktellerError(f"{partner_id} has nothing in {quarter}, nor before it", fix=f"{first}: file that and what follows")


def earlier_drafts(workspace: Workspace, partner_id: str, quarter: str) -> Mapping[str, tuple[int, Decimal]]:
    """Months before the quarter of which drafts are not approved: approved now, they stand in the first quarter that is open."""
    with published(workspace, partner_id) as (snapshot, _), state.engine(workspace).connect() as decided:
        return older_drafts(decided, snapshot, partner_id, months_of(quarter)[0])


def _is(partner_id: str, quarter: str) -> tuple[sa.ColumnElement[bool], ...]:
    return state.vat_returns.c.partner_id == partner_id, state.vat_returns.c.quarter == quarter
