"""What readers see: totals of every partner's snapshot and of the platform's ledger, for comparing one state with another."""

from __future__ import annotations

from orchestration import serving
from orchestration.workspace import PLATFORM, Workspace

CALLS = """
    select partner_id, status, count(*), sum(duration_s), sum(purchase_eur), sum(sale_eur), sum(hash(call_key))
    from calls group by all order by all
"""
MARGINS = "select month, kind, sum(sale_eur), sum(purchase_eur) from margins group by all order by all"
INVOICES = "select month, status, count(*), sum(net_eur), sum(vat_eur), sum(gross_eur) from invoices group by all order by all"
LEDGER = """
    select feed, sum(rows_read), sum(rows_kept), sum(rows_duplicate), sum(rows_quarantined) from ingested_files group by all order by all
"""


def ask(workspace: Workspace, partner: str, *questions: str) -> list[tuple]:
    """Rows of queries, one after another, on what is the partner's current snapshot now: a publication meanwhile does not show."""
    with serving.connect(serving.current_snapshot(workspace, partner)) as snapshot:
        return [row for question in questions for row in snapshot.execute(question).fetchall()]


def totals(workspace: Workspace) -> dict[str, list[tuple]]:
    """Per partner all calls, money and drafts, of one snapshot each; for the platform the ledger."""
    seen = {partner: ask(workspace, partner, CALLS, MARGINS, INVOICES) for partner in serving.published_partners(workspace)}
    return seen | {PLATFORM: ask(workspace, PLATFORM, LEDGER)}
