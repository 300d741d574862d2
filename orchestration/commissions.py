"""Statements of what resellers earn, from what is published to files: ``documents/<partner>/<YYYY-MM>/commission-<reseller_id>.pdf``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from orchestration.closing import month_named, published
from orchestration.documents.invoice import Language
from orchestration.documents.rendering import write_whole
from orchestration.documents.reseller_statement import CommissionLine, ResellerStatement, statement_pdf
from orchestration.errors import TiktellerError
from orchestration.invoicing import branding_of, language_of, party_of, rows_of
from orchestration.workspace import Workspace

LINES = """
    select lines.*, coalesce(customers.name, lines.customer_id) as customer_name, invoices.invoice_number
    from commission_lines as lines
    left join customers using (customer_id)
    left join invoices using (invoice_id)
    where lines.month = ?
    order by lines.reseller_id, lines.kind, customer_name, lines.customer_id, invoices.invoice_number nulls last, lines.invoice_id
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
    for reseller_id in reseller_ids:
        if reseller_id not in earned:
            known = ", ".join(sorted(earned)) or "nobody"
            raise TiktellerError(f"{reseller_id!r} has no commission of {partner_id} in {month}", mend=f"there is one of {known}")
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
