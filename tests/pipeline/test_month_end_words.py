"""Fails if finance is told that something is kept back, postponed or not due, but not what, why and what to do about it."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from orchestration.billing import drafts
from orchestration.billing.drafts import draft_documents
from orchestration.documents.invoice import Invoice
from orchestration.pipeline.status import status
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.conftest import published_copy
from tests.pipeline.readers import ask

PARTNER, OLDER, MONTH = "kustlijn", "2026-09", "2026-10"
UNREAD = "kl-036"  # the demo's customer whose PBX was not read at the end of October


@pytest.fixture
def workspace(demo_workspace: Workspace, tmp_path: Path) -> Workspace:
    return published_copy(demo_workspace, tmp_path / "workspace")


def approve(workspace: Workspace, month: str, *invoice_ids: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """On the first of the next month, and no run after it."""
    issued_on = {OLDER: "2026-10-01", MONTH: "2026-11-01"}[month]
    command = (
        "invoices",
        "approve",
        *invoice_ids,
        "--partner",
        PARTNER,
        "--month",
        month,
        "--date",
        issued_on,
        "--no-run",
        "--format",
        "json",
    )
    return tikteller(workspace.root, *command, check=check)


def test_who_may_not_approve_is_told_what_to_land(workspace: Workspace) -> None:
    """A word such as unrated_calls lands no price: whoever closes the books would have to ask somebody who writes SQL."""
    unrated = "status = 'unrated' and status_reason = 'no_deck_row' and billing_month = '2026-10'"
    customer, calls, number, deck = ask(
        workspace,
        PARTNER,
        f"select customer_id, count(*), min(dialled), min(deck_id) from calls where {unrated} group by all order by 2 desc, 1 limit 1",
    )[0]
    refused = approve(workspace, MONTH, f"{UNREAD}-{MONTH}", f"{customer}-{MONTH}", check=False)
    assert refused.returncode == 1
    told = [line.strip() for line in refused.stderr.splitlines()]
    assert f"{UNREAD}-{MONTH} is blocked: missing_reading" in told
    (reading,) = [line for line in told if line.startswith(f"seats of {MONTH} of PBX {UNREAD}-pbx, last read on 2026-09-30: ")]
    assert "extension_counts" in reading
    why = "no row of the purchase deck covers the number on that day. Fix: land one (purchase_rates)"
    assert f"{calls} {'call' if calls == 1 else 'calls'} ({deck} 001 SPECIAL), such as {number}: {why}" in told
    # an older month is still there to approve
    ((drafts, gross),) = ask(workspace, PARTNER, f"select count(*), sum(gross_eur) from invoices where month = '{OLDER}'")
    assert f"{OLDER} still has {drafts} drafts, {gross} EUR (tikteller invoices list --month {OLDER})" in told


def test_an_older_month_is_not_remarked_once_it_is_approved(workspace: Workspace) -> None:
    """A remark that is always there is read by nobody, and the forgotten month stays forgotten."""
    approve(workspace, OLDER)
    ((kept_back,),) = ask(workspace, PARTNER, f"select count(distinct invoice_id) from draft_problems where month = '{OLDER}'")
    told = approve(workspace, MONTH).stderr
    assert (f"{OLDER} still has {kept_back} draft" in told) == (kept_back > 0)
    assert told.count(" still has ") == (kept_back > 0)


def test_status_names_the_pbx_that_nobody_read_and_what_keeps_drafts_back(workspace: Workspace) -> None:
    """The operator would learn of it on the day on which the invoices should go out."""
    sections = status(workspace).sections
    unread = {row[2]: dict(zip(sections["unread_pbxs"].columns, row, strict=True)) for row in sections["unread_pbxs"].rows}
    assert unread[UNREAD] | {"fix": None} == {
        "partner_id": PARTNER,
        "month": MONTH,
        "customer_id": UNREAD,
        "pbx_id": f"{UNREAD}-pbx",
        "charged_month": MONTH,
        "last_read_on": "2026-09-30",
        "fix": None,
    }
    held_back = [dict(zip(sections["held_back"].columns, row, strict=True)) for row in sections["held_back"].rows]
    assert {"no_deck_row"} <= {each["reason"] for each in held_back}
    ((calls,),) = ask(workspace, PARTNER, "select sum(occurrences) from draft_problems where reason = 'no_deck_row'")
    assert sum(each["occurrences"] for each in held_back if each["reason"] == "no_deck_row" and each["partner_id"] == PARTNER) == calls


def test_drafts_are_shown_as_asked_and_of_the_day_on_which_they_would_be_issued(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who checks a pile of drafts against his list would take one for another; or see a due date on which the invoice is not due."""
    of_month = f"select invoice_id, customer_id from invoices where month = '{MONTH}' and status = 'draft' order by invoice_id limit 3"
    first, second, third = ask(workspace, PARTNER, of_month)
    asked = [third, first, second]
    command = ("invoices", "render", "--draft", "--partner", PARTNER, "--month", MONTH, "--format", "json")
    made = json.loads(tikteller(workspace.root, *command, *(invoice_id for invoice_id, _ in asked)).stdout)
    assert [(each["partner_id"], each["month"], each["customer_id"]) for each in made] == [
        (PARTNER, MONTH, customer_id) for _, customer_id in asked
    ]
    assert [Path(each["pdf"]).stem for each in made] == [customer_id for _, customer_id in asked]

    everyone = [each.customer_id for each in draft_documents(workspace, PARTNER, OLDER) if isinstance(each, Invoice)]
    assert len(everyone) > 1
    assert everyone == sorted(everyone)

    for today, issued in ((date(2026, 10, 15), date(2026, 11, 1)), (date(2026, 11, 20), date(2026, 11, 20))):
        monkeypatch.setattr(drafts, "local_today", lambda _snapshot, today=today: today)
        (draft,) = draft_documents(workspace, PARTNER, MONTH, [first[0]])
        assert isinstance(draft, Invoice)
        assert draft.issued_on == issued
        assert draft.due_on > issued


def test_closing_names_the_seats_that_it_postpones_and_what_can_be_approved_then(demo_workspace: Workspace, tmp_path: Path) -> None:
    """Seats of a month would never be billed, since nobody knew that they were left out; and a draft would wait for what has moved on."""
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(demo_workspace.root, workspace.root, symlinks=True)
    told = tikteller(workspace.root, "close", MONTH, "--partner", PARTNER).stdout
    seats = f"{UNREAD}: seats of {MONTH} of PBX {UNREAD}-pbx, last read on 2026-09-30"
    assert f"{seats}: they are not billed, and the draft of the next open month waits for them" in told
    ((drafts,),) = ask(workspace, PARTNER, f"select count(*) from invoices where month = '{MONTH}' and status = 'draft'")
    assert f"{drafts} can be approved now: tikteller invoices approve --partner {PARTNER} --month {MONTH}" in told
    ((status_now,),) = ask(workspace, PARTNER, f"select status from invoices where invoice_id = '{UNREAD}-{MONTH}'")
    assert status_now == "draft"
    # and there it waits: the reading that is missing is asked for with the next month
    ((waits_in, charged),) = ask(
        workspace, PARTNER, f"select month, charged_month from draft_problems where customer_id = '{UNREAD}' and reason = 'missing_reading'"
    )
    assert (waits_in > MONTH, charged) == (True, MONTH)


def test_who_credits_a_line_again_is_told_which_are_left(workspace: Workspace) -> None:
    """One would try line after line on a customer's invoice until one is taken."""
    approved = json.loads(approve(workspace, OLDER).stdout)
    lines = dict(ask(workspace, PARTNER, f"select invoice_id, count(*) from invoice_lines where month = '{OLDER}' group by invoice_id"))
    number, count = next((each["invoice_number"], lines[each["invoice_id"]]) for each in approved if lines[each["invoice_id"]] > 2)
    credit = ("invoices", "credit", number, "--partner", PARTNER, "--reason", "fout", "--no-run")
    tikteller(workspace.root, *credit, "--line", "2")
    left = ", ".join(f"{line}" for line in range(1, count + 1) if line != 2)
    for line, what in (("2", "line 2 was credited before"), ("99", "line 99 is not on it")):
        refused = tikteller(workspace.root, *credit, "--line", line, check=False)
        assert f"{what}. Fix: --line N for: {left}\n" in refused.stderr


def test_reminders_say_when_the_first_is_due(workspace: Workspace) -> None:
    """An empty list leaves open whether all have paid, or the command looked at the wrong month."""
    asking = ("reminders", "--partner", PARTNER, "--as-of", "2026-10-10")
    assert "no letter is due on 2026-10-10: nothing is open" in tikteller(workspace.root, *asking).stderr
    approve(workspace, OLDER)
    ((due_on,),) = ask(workspace, PARTNER, "select date '2026-10-01' + payment_term_days::integer from partner")
    assert f"the first may be after {due_on}, for INV" in tikteller(workspace.root, *asking).stderr
