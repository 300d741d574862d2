"""Fails if something that a person may lawfully do to master data stops the house, moves what was billed, or reaches another partner.

Every column of every feed is changed once, by itself, after one month of its customer was approved and another one closed.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from orchestration import serving
from orchestration.billing.approving import approve
from orchestration.billing.closing import close_month
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline import lawful
from tests.pipeline.lawful import APPROVED, CLOSED, CONTROL, HOUSE, Row
from tests.pipeline.readers import ask

PUBLISHED_OF = {"calls": "file_id", "invoices": "", "invoice_lines": "", "service_charges": "", "commission_lines": "", "invoice_vat": ""}
BILLED = {
    "calls": f"select * exclude (file_id) from calls where billing_month in ('{APPROVED}', '{CLOSED}') order by call_key",
    "service_charges": f"select * from service_charges where invoice_month in ('{APPROVED}', '{CLOSED}') order by all",
    "invoices": f"select * from invoices where month = '{APPROVED}' order by invoice_id",
    "invoice_lines": f"select * from invoice_lines where month = '{APPROVED}' order by invoice_id, line_number",
    "commission_lines": f"select * from commission_lines where month = '{APPROVED}' order by all",
    "commissions": f"select * from commissions where month = '{APPROVED}' order by all",
    "invoice_vat": f"select * from invoice_vat where month = '{APPROVED}' order by all",
}
"""What was billed: all of the month that was approved, and the facts of the one that was closed."""


def billed(workspace: Workspace, partner_id: str) -> dict[str, list[tuple]]:
    return {table: ask(workspace, partner_id, question) for table, question in BILLED.items()}


def everything(workspace: Workspace, partner_id: str) -> dict[str, list[tuple]]:
    """All tables of a partner, but for the files that they came from."""
    with serving.connect(serving.current_snapshot(workspace, partner_id)) as snapshot:
        tables = [
            row[0]
            for row in snapshot.execute(
                "select table_name from duckdb_tables() where schema_name = 'main' and table_name not like '\\_%' escape '\\'"
            ).fetchall()
        ]
        own = {"service_prices": f"where service_code like '{partner_id}-%'"}  # the wholesaler's services are everybody's
        return {
            table: sorted(map(repr, snapshot.execute(f"select * from {table} {own.get(table, '')}").fetchall()))
            for table in tables
            if table not in ("ingested_files", "deck_changes", "deck_problems")
        }


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict, dict, str]:
    """The workspace after all changes, what was billed and all of the untouched partner before them, and what the run said."""
    workspace = Workspace(tmp_path_factory.mktemp("lawful") / "workspace")
    tikteller(workspace.root, "init")
    trade = lawful.trade()
    lawful.land(workspace, "first", trade.rows)
    tikteller(workspace.root, "run")
    for partner_id in serving.published_partners(workspace):
        approve(workspace, partner_id, APPROVED, issued_on=date(2026, 9, 1))
        close_month(workspace, partner_id, CLOSED)
    tikteller(workspace.root, "run")
    before = {partner_id: billed(workspace, partner_id) for partner_id in serving.published_partners(workspace)}
    control = everything(workspace, CONTROL)
    rows: dict[str, list[Row]] = defaultdict(list)
    for change, row in lawful.after(trade):
        rows[change.feed].append(row)
    lawful.land(workspace, "second", rows)
    report = tikteller(workspace.root, "run", check=False)
    return workspace, before, control, report.stdout + report.stderr


def test_the_house_publishes_after_every_lawful_change(changed: tuple) -> None:
    """One partner's tick box would keep every partner's dashboard, invoices and margins from being published."""
    workspace, _, _, said = changed
    assert "NOT published" not in said, said[-4000:]
    (before,) = ask(workspace, HOUSE, f"select count(*) from invoices where month = '{APPROVED}' and status = 'approved'")
    assert before[0] > 100, "the world bills nothing: the test would prove nothing"


def test_what_was_billed_is_what_it_was(changed: tuple) -> None:
    """Money that a customer was asked for, or that a reseller was told, would be another amount the next morning."""
    workspace, before, _, _ = changed
    for partner_id, expected in before.items():
        now = billed(workspace, partner_id)
        for table, rows in expected.items():
            moved = sorted(set(map(repr, rows)) ^ set(map(repr, now[table])))
            assert not moved, f"{table} of {partner_id}: " + "\n".join(moved[:6])


def test_everybody_else_is_untouched(changed: tuple) -> None:
    """One partner's change would move another partner's money, or show it a stranger's row."""
    workspace, _, control, _ = changed
    now = everything(workspace, CONTROL)
    assert {table: rows for table, rows in now.items() if rows != control.get(table)} == {}


def test_it_holds_when_the_warehouse_is_lost_and_files_were_archived(changed: tuple, tmp_path: Path) -> None:
    """Calls on an approved invoice would vanish from it, or stop every run, because their file was moved out of landing."""
    workspace, before, _, _ = changed
    copy = Workspace(tmp_path / "workspace")
    shutil.copytree(workspace.root, copy.root, symlinks=True)
    (copy.landing / "cdrs" / "standard" / "first.csv").unlink()
    copy.warehouse.unlink()
    tikteller(copy.root, "run")
    for partner_id, expected in before.items():
        now = billed(copy, partner_id)
        for table, rows in expected.items():
            moved = sorted(set(map(repr, rows)) ^ set(map(repr, now[table])))
            assert not moved, f"{table} of {partner_id}: " + "\n".join(moved[:6])
