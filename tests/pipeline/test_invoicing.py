"""Fails if an invoice number is missing, given twice or given for nothing, or if what was approved is not what is published and printed."""

from __future__ import annotations

import csv
import json
import os
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from loky import ProcessPoolExecutor
from lxml import etree

from orchestration import serving, state
from orchestration.billing.approved import renderable_invoices
from orchestration.billing.approving import approve
from orchestration.billing.crediting import credit
from orchestration.billing.drafts import listed
from orchestration.documents.rendering import FailedInvoice
from orchestration.errors import TiktellerError
from orchestration.workspace import PLATFORM, Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask

PARTNER, MONTH = "kustlijn", "2026-09"
APPROVERS = 10


def _approve_all(root: Path, url: str | None) -> list[str]:
    """In a process of its own: approve what is there to approve."""
    if url:
        os.environ["TIKTELLER_STATE_URL"] = url
    return [each.invoice_number for each in approve(Workspace(root), PARTNER, MONTH, issued_on=date(2026, 10, 1)).approved]


def test_ten_who_approve_at_once_leave_no_gap_and_no_number_twice(decisive: Workspace) -> None:
    """The tax office asks for every number; a number on two invoices is a fraud in its eyes."""
    drafts = ask(decisive, PARTNER, f"select invoice_id from invoices where month = '{MONTH}' and status = 'draft'")
    with ProcessPoolExecutor(APPROVERS) as pool:
        url = os.environ.get("TIKTELLER_STATE_URL")
        given = [number for numbers in pool.map(_approve_all, [decisive.root] * APPROVERS, [url] * APPROVERS) for number in numbers]
    assert sorted(given) == [f"INV{15901582 + each}" for each in range(1, len(drafts) + 1)]
    approved = listed(decisive, PARTNER, MONTH, "approved")
    assert {row["invoice_id"] for row in approved} == {row[0] for row in drafts}
    assert sorted(row["invoice_number"] for row in approved) == sorted(given)


def test_an_approval_that_fails_gives_no_number(decisive: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number without an invoice is a gap that nobody can explain."""
    first = listed(decisive, PARTNER, MONTH, "draft")[0]["invoice_id"]
    stored = 0

    def failing(*arguments: object, **named: object) -> None:
        nonlocal stored
        stored += 1
        if stored == 3:
            raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(state, "note", failing)
        with pytest.raises(OSError, match="the disk is full"):
            approve(decisive, PARTNER, MONTH)
    assert not listed(decisive, PARTNER, MONTH, "approved")
    with state.engine(decisive).connect() as decided:
        assert decided.execute(sa.select(sa.func.count()).select_from(state.freezes)).scalar_one() == 0
    (only,) = approve(decisive, PARTNER, MONTH, [first]).approved
    assert only.invoice_number == "INV15901583"  # the source's own example


def test_a_blocked_invoice_is_not_approved(decisive: Workspace) -> None:
    """What is missing would never be billed."""
    blocked = listed(decisive, status="blocked")
    assert blocked
    for row in blocked[:3]:
        done = approve(decisive, row["partner_id"], row["month"], [row["invoice_id"]])
        assert not done.approved
        assert done.blocked[row["invoice_id"]] == row["block_reason"]
    with pytest.raises(TiktellerError, match="has no invoice 'nobody-2026-09' in 2026-09"):
        approve(decisive, PARTNER, MONTH, ["nobody-2026-09"])


@pytest.fixture(scope="module")
def month_end(demo_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str, str]:
    """September of a copy of the demo approved, one invoice credited, one line of another, and published."""
    workspace = Workspace(tmp_path_factory.mktemp("month-end") / "workspace")
    shutil.copytree(demo_workspace.root, workspace.root, symlinks=True)
    tikteller(workspace.root, "invoices", "approve", "--partner", PARTNER, "--month", MONTH, "--date", "2026-10-01", "--no-run")
    first, second, *_ = listed(workspace, PARTNER, MONTH, "approved")
    whole = credit(workspace, PARTNER, first["invoice_number"], "twice billed", issued_on=date(2026, 10, 5)).invoice_number
    part = credit(workspace, PARTNER, second["invoice_number"], "one line", [1], issued_on=date(2026, 10, 5)).invoice_number
    tikteller(workspace.root, "run")
    return workspace, whole, part


def test_what_was_approved_is_published(month_end: tuple[Workspace, str, str]) -> None:
    """The dashboard and the books would show other invoices than the customers got."""
    workspace, whole, part = month_end
    published = {
        row[0]: row
        for row in ask(
            workspace,
            PARTNER,
            "select invoice_number, status, gross_eur, kind, credited_invoice_number from invoices where invoice_number is not null",
        )
    }
    assert published[whole][3] == "credit_note"
    original = published[whole][4]
    assert published[original][1] == "credited"
    assert published[original][2] + published[whole][2] == 0
    assert published[published[part][4]][1] == "approved"
    for row in listed(workspace, PARTNER):
        if row["invoice_number"]:
            assert (row["status"], row["gross_eur"]) == published[row["invoice_number"]][1:3]


def test_invoices_lines_and_calls_are_one_sum(month_end: tuple[Workspace, str, str]) -> None:
    """Money would be asked for nothing, or nothing asked for a call: in one query each, to the cent."""
    workspace, *_ = month_end
    ((invoiced,),) = ask(workspace, PARTNER, f"select sum(net_eur) from invoices where month = '{MONTH}' and kind = 'invoice'")
    ((lined,),) = ask(
        workspace, PARTNER, f"select sum(amount_eur) from invoice_lines where month = '{MONTH}' and invoice_id not like '%-credit-%'"
    )
    ((exact,),) = ask(workspace, PARTNER, f"select sum(exact_eur) from invoice_lines where month = '{MONTH}'")
    ((rated,),) = ask(
        workspace,
        PARTNER,
        f"""
        select sum(sale_eur) from (
            select customer_id, sale_eur from calls where billing_month = '{MONTH}' and status = 'rated'
            union all
            select customer_id, sale_eur from service_charges where invoice_month = '{MONTH}' and status_reason is null
        ) where customer_id not in (select customer_id from customers where coalesce(billing_exempt, false))
        """,
    )
    assert invoiced == lined
    assert exact == rated


def test_documents_say_what_is_published_and_say_it_again(month_end: tuple[Workspace, str, str]) -> None:
    """The customer's accountant reads the UBL, the customer the PDF: both have to be the invoice, and the same one tomorrow."""
    workspace, whole, part = month_end
    numbers = [whole, part, *(row["invoice_number"] for row in listed(workspace, PARTNER, MONTH, "approved")[:3])]
    made = json.loads(tikteller(workspace.root, "invoices", "render", *numbers, "--partner", PARTNER, "--format", "json").stdout)
    assert {each["invoice_number"] for each in made} == set(numbers)
    published = dict(ask(workspace, PARTNER, "select invoice_number, gross_eur from invoices where invoice_number is not null"))
    before = {each["pdf"]: Path(each["pdf"]).read_bytes() for each in made}
    for each in made:
        assert before[each["pdf"]].startswith(b"%PDF")
        tree = etree.parse(each["ubl"])
        payable = Decimal(tree.findtext(".//{*}LegalMonetaryTotal/{*}PayableAmount"))
        assert payable == abs(published[each["invoice_number"]])
        assert etree.QName(tree.getroot()).localname == ("CreditNote" if each["invoice_number"] in (whole, part) else "Invoice")
        with Path(each["calls"]).open(encoding="utf-8-sig", newline="") as stream:
            assert next(csv.reader(stream))
    tikteller(workspace.root, "invoices", "render", *numbers, "--partner", PARTNER)
    assert {path: Path(path).read_bytes() for path in before} == before


def test_the_specification_adds_up_to_the_lines(month_end: tuple[Workspace, str, str]) -> None:
    """A customer who adds up his calls would find another amount than he pays."""
    workspace, *_ = month_end
    checked = 0
    for invoice in renderable_invoices(workspace, PARTNER, MONTH):
        assert not isinstance(invoice, FailedInvoice)
        if invoice.kind != "invoice":
            continue
        lines = [line for line in invoice.lines if line.kind in ("calls", "airtime") and line.duration_s is not None]
        assert sum(line.quantity for line in lines) == len(invoice.calls)
        total = sum((call.amount_eur for call in invoice.calls), Decimal(0))
        assert abs(total - sum((line.amount_eur for line in lines), Decimal(0))) <= Decimal("0.005") * len(lines)
        checked += bool(lines)
    assert checked > 20


def test_a_line_is_credited_once(month_end: tuple[Workspace, str, str]) -> None:
    """A customer would get his money back twice."""
    workspace, whole, _ = month_end
    ((original,),) = ask(workspace, PARTNER, f"select credited_invoice_number from invoices where invoice_number = '{whole}'")
    with pytest.raises(TiktellerError, match=r"line 1(, \d+)* was credited before.* nothing of it is left"):
        credit(workspace, PARTNER, original, "again")
    with pytest.raises(TiktellerError, match="has no approved invoice 'INV1'"):
        credit(workspace, PARTNER, "INV1", "never was")


def test_the_state_says_who_decided(month_end: tuple[Workspace, str, str]) -> None:
    """Nobody could say afterwards who gave away what."""
    workspace, whole, _ = month_end
    with state.engine(workspace).connect() as decided:
        rows = decided.execute(sa.select(state.audit).where(state.audit.c.subject == whole)).fetchall()
    assert [(row.action, row.partner_id) for row in rows] == [("credit", PARTNER)]
    assert rows[0].who
    assert serving.current_snapshot(workspace, PLATFORM).exists()
