"""Fails if a reseller's statement is not what is published of it."""

from __future__ import annotations

import io
import shutil
from datetime import date
from pathlib import Path

import pytest
from pypdf import PdfReader

from orchestration import cli
from orchestration.billing.approving import approve
from orchestration.billing.commissions import render_statements, statements
from orchestration.documents.wording import money
from orchestration.errors import TiktellerError
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask

PARTNER, MONTH = "kustlijn", "2026-09"


def pages(path: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(path).pages).split())


def test_every_reseller_gets_a_statement_of_what_it_earned(
    demo_workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Fails if a reseller is told another amount than the table says, is told of another's customers, or gets other bytes the second time.
    workspace = Workspace(tmp_path / "workspace")
    workspace.root.mkdir()
    workspace.landing.mkdir()
    shutil.copytree(demo_workspace.serving, workspace.serving, symlinks=True)
    earned = dict(ask(workspace, PARTNER, f"select reseller_id, commission_eur from commissions where month = '{MONTH}' order by 1"))
    assert len(earned) > 1
    arguments = ("--workspace", str(workspace.root), "commissions", "render", "--partner", PARTNER, "--month", MONTH)
    assert cli.main(arguments) == 0
    said = capsys.readouterr()
    files = {path.name: path for path in (workspace.documents / PARTNER / MONTH).iterdir()}
    assert set(files) == {f"commission-{reseller_id}.pdf" for reseller_id in earned}
    customers = dict(ask(workspace, PARTNER, "select name, coalesce(reseller_id, '') from customers"))
    for reseller_id, commission in earned.items():
        page = pages(files[f"commission-{reseller_id}.pdf"])
        assert " ".join(money(commission, "nl").split()) in page
        assert "Voorlopige vergoeding" in page, "no invoice of the demo is approved"
        assert f"{reseller_id}: provisional" in said.err
        own = {name for name, owner in customers.items() if owner == reseller_id}
        invoiced = {line.customer_name for each in statements(workspace, PARTNER, MONTH, [reseller_id]) for line in each.lines}
        assert invoiced <= own
        assert all(" ".join(name.split()) in page for name in invoiced)
    before = {name: path.read_bytes() for name, path in files.items()}
    assert cli.main((*arguments, "--format", "json")) == 0
    assert {name: path.read_bytes() for name, path in files.items()} == before
    english = render_statements(workspace, PARTNER, MONTH, [min(earned)], "en")
    assert "Provisional commission" in pages(english[0].pdf)
    with pytest.raises(TiktellerError, match="'nobody' has no commission of kustlijn in 2026-09"):
        render_statements(workspace, PARTNER, MONTH, ["nobody"])
    assert not list(workspace.documents.rglob("*.part"))


def test_a_statement_is_final_when_every_invoice_behind_it_has_its_number(demo_workspace: Workspace, tmp_path: Path) -> None:
    # Fails if a reseller waits for ever for what was approved, or is paid for what was not.
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(demo_workspace.root, workspace.root)
    approve(workspace, PARTNER, MONTH, issued_on=date(2026, 10, 5))
    tikteller(workspace.root, "run")
    made = {each.reseller_id: each for each in render_statements(workspace, PARTNER, MONTH)}
    final = dict(ask(workspace, PARTNER, f"select reseller_id, is_final from commissions where month = '{MONTH}'"))
    assert {reseller_id: each.is_final for reseller_id, each in made.items()} == final
    assert True in final.values()
    for reseller_id, each in made.items():
        page = PdfReader(io.BytesIO(each.pdf.read_bytes())).pages[0].extract_text()
        assert ("INV159" in page) == any(
            line.invoice_number for one in statements(workspace, PARTNER, MONTH, [reseller_id]) for line in one.lines
        )
