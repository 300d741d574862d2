"""Statements of what resellers earn, from what is published to files: ``documents/<partner>/<YYYY-MM>/commission-<reseller_id>.pdf``.

A statement that was settled with its reseller is a decision and takes nothing more: what is approved or credited afterwards for that
month stands on a later one (model ``commission_lines``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import sqlalchemy as sa

from orchestration import state
from orchestration.billing.closing import day_reached, require_newest
from orchestration.billing.parties import branding_of, language_of, party_of
from orchestration.documents.invoice import Language
from orchestration.documents.rendering import write_whole
from orchestration.documents.reseller_statement import CommissionLine, ResellerStatement, statement_pdf
from orchestration.errors import TiktellerError
from orchestration.months import last_day_of, month_named
from orchestration.serving.snapshots import published, rows_of
from orchestration.workspace import Workspace

LINES = """
    select lines.*, coalesce(customers.name, lines.customer_id) as customer_name, invoices.invoice_number
    from commission_lines as lines
    left join customers using (customer_id)
    left join invoices using (invoice_id)
    where lines.month = ?
    order by lines.reseller_id, lines.kind, customer_name, lines.customer_id, invoices.invoice_number nulls last, lines.invoice_id
"""
SETTLED_LINES = """
    select
        reseller_id, month, invoice_id, kind, commission_percent::varchar as commission_percent, sale_eur::varchar as sale_eur
    from commission_lines where month = ? and reseller_id = ? order by all
"""

APPROVED_BEFORE = """
    select distinct reseller_id, month from commission_lines where month < ? and status in ('approved', 'credited') order by 1, 2
"""


@dataclass(frozen=True)
class RenderedStatement:
    """Where a statement is, and what it says."""

    partner_id: str
    month: str
    reseller_id: str
    commission_eur: Decimal
    is_final: bool
    pdf: Path


@dataclass(frozen=True)
class SettledStatement:
    """A statement that was settled, and what it pays."""

    partner_id: str
    month: str
    reseller_id: str
    commission_eur: Decimal


def settle(workspace: Workspace, partner_id: str, month: str, reseller_ids: Sequence[str] = ()) -> list[SettledStatement]:
    """Settle the statements of a month, of all resellers of the partner or the chosen; those that are settled already are left alone.

    Raises TiktellerError where a chosen reseller earned nothing, the month is not over or not the next one of a reseller, or
    invoices behind a statement are not approved or not published yet.
    """
    month_named(month)
    with published(workspace, partner_id) as (snapshot, _), state.deciding(workspace) as decided:
        earned = {row["reseller_id"]: row for row in rows_of(snapshot, "select * from commissions where month = ? order by 1", [month])}
        _require_earned(partner_id, month, reseller_ids, earned)
        if day_reached(snapshot) <= (last_day := last_day_of(month)):
            raise TiktellerError(f"{month} of {partner_id} is not over: it ends on {last_day}", fix="settle it when it is over")
        statements = state.commission_statements
        settled: dict[str, set[str]] = defaultdict(set)
        of_partner = sa.select(statements.c.reseller_id, statements.c.month).where(statements.c.partner_id == partner_id)
        for reseller_id, of_month in decided.execute(of_partner).tuples():
            settled[reseller_id].add(of_month)
        chosen = [each for each in sorted(set(reseller_ids or earned)) if month not in settled[each]]
        _require_next(snapshot, partner_id, month, chosen, settled)
        if unfinished := [f"{each} ({earned[each]['open_invoices']:,})" for each in chosen if not earned[each]["is_final"]]:
            raise TiktellerError(
                f"invoices of {month} behind these statements are not approved yet: {', '.join(unfinished)}",
                fix=f"tikteller invoices approve --partner {partner_id} --month {month}, then again",
            )
        if chosen:
            require_newest(decided, snapshot, partner_id)
        for reseller_id in chosen:
            lines = rows_of(snapshot, SETTLED_LINES, [month, reseller_id])
            decided.execute(
                statements.insert().values(
                    partner_id=partner_id, reseller_id=reseller_id, month=month, settled_at=state.now(), settled_by=state.whoami()
                )
            )
            if lines:
                decided.execute(state.commission_statement_lines.insert(), [{**line, "partner_id": partner_id} for line in lines])
            state.note(decided, "settle commissions", partner_id, reseller_id, f"{month}: {earned[reseller_id]['commission_eur']}")
    return [SettledStatement(partner_id, month, each, earned[each]["commission_eur"]) for each in chosen]


def _require_next(
    snapshot: duckdb.DuckDBPyConnection, partner_id: str, month: str, chosen: Sequence[str], settled: Mapping[str, set[str]]
) -> None:
    """Raises TiktellerError where a reseller's later month was settled, or an earlier one that has approved invoices was not."""
    unsettled: dict[str, str] = {}
    for reseller_id, earlier in snapshot.execute(APPROVED_BEFORE, [month]).fetchall():
        if earlier not in settled[reseller_id]:
            unsettled.setdefault(reseller_id, earlier)
    for reseller_id in chosen:
        if settled[reseller_id] and (last := max(settled[reseller_id])) > month:
            raise TiktellerError(
                f"{last} of {reseller_id} was settled before, and with it what there was of {month}",
                fix="name the other resellers; what came since stands on a later statement",
            )
        if earlier := unsettled.get(reseller_id):
            raise TiktellerError(
                f"{earlier} of {reseller_id} has invoices and was not settled: they would stand on a statement after {month}",
                fix=f"tikteller commissions settle --partner {partner_id} --month {earlier}, also where it was settled in another way",
            )


def _require_earned(partner_id: str, month: str, reseller_ids: Sequence[str], earned: Mapping[str, object]) -> None:
    for reseller_id in reseller_ids:
        if reseller_id not in earned:
            known = ", ".join(sorted(earned)) or "nobody"
            raise TiktellerError(f"{reseller_id!r} has no commission of {partner_id} in {month}", fix=f"there is one of {known}")


def render_statements(
    workspace: Workspace, partner_id: str, month: str, reseller_ids: Sequence[str] = (), language: Language | None = None
) -> list[RenderedStatement]:
    """Write the statements of a month, of all resellers of the partner or the chosen; the same bytes again for what is published.

    ``language``: else Dutch for partners in NL and BE. Raises TiktellerError where a chosen reseller has no commission in that month.
    """
    made = []
    for statement in list(statements(workspace, partner_id, month, reseller_ids, language)):
        path = workspace.documents / statement.partner_id / statement.month / f"{statement.file_stem}.pdf"
        content = statement_pdf(statement)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
        is_final = not statement.open_invoices
        made.append(RenderedStatement(partner_id, month, statement.reseller_id, statement.total_eur, is_final, path))
    return made


def statements(
    workspace: Workspace, partner_id: str, month: str, reseller_ids: Sequence[str] = (), language: Language | None = None
) -> Iterator[ResellerStatement]:
    """The statements of a month as they are published, by reseller; arguments as for ``render_statements``."""
    month_named(month)
    with published(workspace, partner_id) as (snapshot, _):
        (partner,) = rows_of(snapshot, "select * from partner")
        resellers = {row["reseller_id"]: row for row in rows_of(snapshot, "select * from resellers")}
        earned = {row["reseller_id"]: row for row in rows_of(snapshot, "select * from commissions where month = ? order by 1", [month])}
        lines: dict[str, list[CommissionLine]] = defaultdict(list)
        for row in rows_of(snapshot, LINES, [month]):
            lines[row["reseller_id"]].append(CommissionLine(**{name: row[name] for name in CommissionLine.__dataclass_fields__}))
    _require_earned(partner_id, month, reseller_ids, earned)
    for reseller_id in sorted(reseller_ids or earned):
        commission, reseller = earned[reseller_id], resellers.get(reseller_id) or {"name": reseller_id}
        kinds = {line.kind for line in lines[reseller_id]}
        yield ResellerStatement(
            partner_id=partner_id,
            reseller_id=reseller_id,
            month=month,
            seller=party_of(partner),
            reseller=party_of(reseller),
            lines=tuple(lines[reseller_id]),
            commission_eur={
                kind: commission[f"{column}_commission_eur"]
                for kind, column in (("calls", "call"), ("services", "service"))
                if kind in kinds
            },
            branding=branding_of(workspace, partner),
            language=language or language_of(partner, reseller),
        )
