"""Change what is published as a run with other files would have, without the minute that a run takes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb

from orchestration import serving
from orchestration.serving import publishing
from orchestration.workspace import PLATFORM, Workspace


def publish(workspace: Workspace, owner: str, statement: str, *values: object) -> None:
    """Run a statement on the owner's current snapshot, and seal it as a run does."""
    with duckdb.connect(str(serving.current_snapshot(workspace, owner))) as snapshot:
        snapshot.execute(statement, list(values))
        publishing.seal(snapshot)


def pay(workspace: Workspace, partner_id: str, invoice_number: str, amount: Decimal, on: date) -> None:
    """A payment of a number that was approved after the last run: published, and nobody's invoice yet."""
    publish(
        workspace,
        PLATFORM,
        "insert into receivables by name select ? as partner_id, ? as invoice_number, ? as settles_invoice_number, 'payment' as kind,"
        " ?::date as happened_on, ?::decimal(18, 2) as amount_eur, 'unknown_invoice' as status_reason",
        *(partner_id, invoice_number, invoice_number, on, -amount),
    )
