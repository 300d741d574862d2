"""Fails if what a customer was invoiced is not what was delivered, once an order ends or is corrected after its month was approved."""

from __future__ import annotations

import json
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from orchestration import state
from orchestration.billing import closing
from orchestration.errors import TiktellerError
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask
from tests.pipeline.trade import PARTNERS, call, land, open_trade

SELLER = {
    "street": "Kade 2",
    "postal_code": "1000 AA",
    "city": "Amsterdam",
    "vat_number": "NL000000012B01",
    "coc_number": "00000101",
    "iban": "NL13TEST0123456789",
    "invoice_prefix": "N",
    "last_invoice_number": 0,
}
MARKUP = {"service_plan_id": "diensten", "category": "SIP trunks", "valid_from": "2026-01-01"}
TRADE = {
    "partners": [PARTNERS[0] | SELLER],
    "services": [
        {
            "service_code": "sip",
            "category": "SIP trunks",
            "name": "SIP trunk",
            "metering": "quantity",
            "charged": "advance",
            "nrc_purchase_eur": "20",
            "mrc_purchase_eur": "10",
            "valid_from": "2026-01-01",
        }
    ],
    "service_plans": [{"service_plan_id": "diensten", "partner_id": "noord", "name": "Diensten"}],
    "service_plan_markups": [MARKUP | {"nrc_percent": "150", "mrc_percent": "150"}],
    "customer_plans": [
        {"customer_id": customer, "service_plan_id": "diensten", "valid_from": "2026-01-01"} for customer in ("noord-1", "noord-2")
    ],
}
ENDED, CORRECTED, LEFT = "ended", "corrected", "left"
CHARGES = """
    select order_id, kind, month, invoice_month, is_settlement, quantity, days, sale_eur, purchase_eur
    from service_charges order by order_id, kind, month, invoice_month, is_settlement
"""
SETTLED = f"select order_id, kind, month, quantity, days, sale_eur from ({CHARGES}) where is_settlement and invoice_month = "
DRAFTS = "select customer_id, kind, status, credited_invoice_number, net_eur from invoices where month = '2026-09' order by 1"


def order(order_id: str, customer: str = "noord-1", quantity: int = 1, ended_on: str = "") -> dict[str, object]:
    """A line of SIP trunks delivered on 1 August: 30.00 once and 15.00 a month for each, as they are sold then."""
    return {
        "order_id": order_id,
        "line_number": 1,
        "customer_id": customer,
        "service_code": "sip",
        "quantity": quantity,
        "ordered_on": "2026-07-15",
        "delivered_on": "2026-08-01",
        "ended_on": ended_on,
    }


def calls(month: str) -> list[dict[str, object]]:
    """A call of 0.0453 of each customer."""
    return [call(f"{customer} {month}", f"{month}-28T12:00:00", 61, customer=customer) for customer in ("noord-1", "noord-2")]


def approve(workspace: Workspace, month: str, issued_on: str) -> None:
    tikteller(
        workspace.root, "invoices", "approve", "--partner", "noord", "--month", month, "--date", issued_on, "--before-month-end", "--no-run"
    )


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, list[tuple]]]:
    """August approved, with September in advance; ends, a correction and dearer prices land; September approved; an end corrected again.

    What was read on the way: the drafts of September before they were approved, and the settlements on them.
    """
    workspace = open_trade(tmp_path_factory.mktemp("settled") / "workspace")
    for feed, rows in TRADE.items():
        land(workspace, feed, "services", rows)
    land(workspace, "orders", "2026-08", [order(ENDED), order(CORRECTED, quantity=5), order(LEFT, "noord-2")])
    land(workspace, "cdrs/standard", "2026-08", calls("2026-08"))
    tikteller(workspace.root, "run")
    approve(workspace, "2026-08", "2026-09-01")
    land(
        workspace,
        "orders",
        "2026-09",
        [order(ENDED, ended_on="2026-09-10"), order(CORRECTED, quantity=4), order(LEFT, "noord-2", ended_on="2026-09-10")],
    )
    land(workspace, "service_plan_markups", "services-dearer", [MARKUP | {"nrc_percent": "200", "mrc_percent": "200"}])
    land(workspace, "cdrs/standard", "2026-09", calls("2026-09"))
    tikteller(workspace.root, "run")
    before = {"drafts": ask(workspace, "noord", DRAFTS), "settled": ask(workspace, "noord", f"{SETTLED} '2026-09'")}
    approve(workspace, "2026-09", "2026-10-01")
    tikteller(workspace.root, "run")
    before["after approval"] = ask(workspace, "noord", f"{SETTLED} '2026-10'")
    land(workspace, "orders", "2026-10", [order(ENDED, ended_on="2026-09-15")])
    tikteller(workspace.root, "run")
    return workspace, before


def test_what_ended_or_was_corrected_is_settled_in_the_first_open_month(settled: tuple) -> None:
    """21 days of September, and a trunk that never was, would stay paid; at today's dearer price, more would be paid back than was paid."""
    _, before = settled
    assert before["settled"] == [
        (CORRECTED, "mrc", "2026-08", 1, -31, Decimal(-15)),
        (CORRECTED, "mrc", "2026-09", 1, -30, Decimal(-15)),
        (CORRECTED, "nrc", "2026-08", -1, None, Decimal(-30)),
        (ENDED, "mrc", "2026-09", 1, -21, Decimal("-10.50")),
        (LEFT, "mrc", "2026-09", 1, -21, Decimal("-10.50")),
    ]
    # 4 trunks of October at 20.00, a call, less what is settled; who left gets a credit note on what he paid in August
    assert before["drafts"] == [
        ("noord-1", "invoice", "draft", None, Decimal("9.55")),
        ("noord-2", "credit_note", "draft", "N2", Decimal("-10.45")),
    ]


def test_what_is_settled_is_not_settled_again_but_what_changes_is(settled: tuple) -> None:
    """A customer would get the same days back every month, or not pay the days that an end was put off."""
    workspace, before = settled
    assert before["after approval"] == []
    assert ask(workspace, "noord", f"{SETTLED} '2026-10'") == [(ENDED, "mrc", "2026-09", 1, 5, Decimal("2.50"))]
    assert len(ask(workspace, "noord", f"{SETTLED} '2026-09'")) == 5


def test_invoices_add_up_to_what_was_delivered(settled: tuple) -> None:
    """Days would be paid that were not there, or days that were there would not: to the cent, August and September of every order."""
    workspace, _ = settled
    delivered = {ENDED: 30 + 15 + 15 * Decimal(14) / 30, CORRECTED: Decimal(4 * (30 + 15 + 15)), LEFT: 30 + 15 + 15 * Decimal(9) / 30}
    charged = ask(workspace, "noord", "select order_id, sum(sale_eur) from service_charges where month <= '2026-09' group by order_id")
    assert dict(charged) == delivered
    # of who left all is approved; each of two invoices has a call of 0.05 on it
    ((net, lines),) = ask(
        workspace,
        "noord",
        "select sum(net_eur), (select sum(amount_eur) from invoice_lines where customer_id = 'noord-2') from invoices"
        " where customer_id = 'noord-2' and status = 'approved'",
    )
    assert net == lines == delivered[LEFT] + Decimal("0.10")
    ((sold, margin),) = ask(
        workspace,
        "noord",
        "select (select sum(sale_eur) from service_charges), (select sum(sale_eur) from margins where kind = 'services')",
    )
    assert sold == margin
    ((open_eur,),) = ask(workspace, "noord", "select open_eur from open_items where invoice_number = 'N2'")
    ((asked,),) = ask(workspace, "noord", "select sum(gross_eur) from invoices where customer_id = 'noord-2'")
    assert open_eur == asked


def test_the_documents_say_that_a_month_is_settled(settled: tuple) -> None:
    """The customer would see an amount that he cannot place, or his bookkeeping take a credit for an invoice."""
    workspace, _ = settled
    made = json.loads(
        tikteller(workspace.root, "invoices", "render", "--partner", "noord", "--month", "2026-09", "--format", "json").stdout
    )
    names = {}
    for each in made:
        tree = etree.parse(each["ubl"])
        root = etree.QName(tree.getroot()).localname
        names[root] = [element.text for element in tree.iterfind(".//{*}Item/{*}Name")]
        if root == "CreditNote":
            assert tree.findtext(".//{*}BillingReference//{*}ID") == "N2"
            assert tree.findtext(".//{*}PayableAmount") == "12.64"  # 10.45 and 21 % VAT
            assert len(Path(each["calls"]).read_text(encoding="utf-8-sig").splitlines()) == 2  # a head and its call
    assert names["CreditNote"] == ["Maandelijks: Verrekening september 2026: SIP trunk", "Gesprekken: Nederland, vast"]
    assert names["Invoice"] == [
        "Eenmalig: Verrekening augustus 2026: SIP trunk",
        "Maandelijks: SIP trunk",
        "Maandelijks: Verrekening augustus 2026: SIP trunk",
        "Maandelijks: Verrekening september 2026: SIP trunk",
        "Gesprekken: Nederland, vast",
    ]


def lines_of(workspace: Workspace, invoice_number: str) -> dict[tuple[str, str, bool], int]:
    """Kind, month that it is for, whether it settles -> number of the line."""
    of_number = f"select invoice_id from invoices where invoice_number = '{invoice_number}'"
    line = "kind, strftime(period_start, '%Y-%m'), settled_month is not null, line_number"
    found = ask(workspace, "noord", f"select {line} from invoice_lines where invoice_id in ({of_number})")
    return {(kind, month, settles): number for kind, month, settles, number in found}


def credit(workspace: Workspace, invoice_number: str, *lines: int, check: bool = True) -> subprocess.CompletedProcess[str]:
    chosen = [part for line in lines for part in ("--line", str(line))]
    command = ("invoices", "credit", invoice_number, "--partner", "noord", "--reason", "fout", "--no-run", *chosen)
    return tikteller(workspace.root, *command, check=check)


def test_a_line_that_was_settled_is_not_credited_as_well(settled: tuple, tmp_path: Path) -> None:
    """The customer would get the days after the end back twice: once by the settlement, once more by somebody's credit note."""
    workspace = Workspace(tmp_path / "copy")
    shutil.copytree(settled[0].root, workspace.root, symlinks=True)
    august, september = lines_of(workspace, "N1"), lines_of(workspace, "N3")
    for kind, month in (("nrc", "2026-08"), ("mrc", "2026-08"), ("mrc", "2026-09")):
        refused = credit(workspace, "N1", august[kind, month, False], check=False)
        assert refused.returncode == 1
        assert f"line {august[kind, month, False]} was settled on N3, line {september[kind, month, True]}" in refused.stderr
        left = f"settled on the next invoice (--line N for: {august['calls', '2026-08', False]})"
        assert f"correct the order in its feed: what remains of it is {left}" in refused.stderr
    assert credit(workspace, "N1", check=False).returncode == 1  # the whole of it neither
    credit(workspace, "N1", august["calls", "2026-08", False])  # but what nothing settled
    assert "nothing of it is left to credit" in credit(workspace, "N1", august["calls", "2026-08", False], check=False).stderr
    # of who left, the credit note N4 has settled September, not August
    left = lines_of(workspace, "N2")
    assert "was settled on N4" in credit(workspace, "N2", left["mrc", "2026-09", False], check=False).stderr
    credit(workspace, "N2", left["mrc", "2026-08", False])
    # what settled it is credited first: then all of it is that person's, and the line may be
    credit(workspace, "N3", september["mrc", "2026-09", True])
    credit(workspace, "N1", august["mrc", "2026-09", False])


def test_a_draft_older_than_a_credit_note_does_not_settle_what_it_credits(
    settled: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person credits a line, another approves the draft made before: its settlement would pay back the same days again."""
    workspace = Workspace(tmp_path / "copy")
    shutil.copytree(settled[0].root, workspace.root, symlinks=True)
    credit(workspace, "N3", lines_of(workspace, "N3")["mrc", "2026-09", True])  # October's draft still settles five days of it
    done = tikteller(
        workspace.root,
        "invoices",
        "approve",
        "--partner",
        "noord",
        "--month",
        "2026-10",
        "--date",
        "2026-11-01",
        "--before-month-end",
        "--no-run",
        check=False,
    )
    assert "noord-1-2026-10 is blocked: older than a credit note of its customer" in done.stderr
    monkeypatch.setattr(closing, "why_not_over", lambda *_: None)  # nor is the month closed with it
    with pytest.raises(TiktellerError, match=r"2026-10 of noord settles what may have been credited by hand since: noord-1"):
        closing.close_month(workspace, "noord", "2026-10")
    tikteller(workspace.root, "run")
    assert ask(workspace, "noord", f"{SETTLED} '2026-10'") == []  # the line is that person's now


def test_what_a_closed_draft_settles_is_not_credited_as_well(settled: tuple, tmp_path: Path) -> None:
    """Closing makes a settlement final before its draft is approved: credited by hand as well, the days would be paid back twice."""
    workspace = Workspace(tmp_path / "copy")
    shutil.copytree(settled[0].root, workspace.root, symlinks=True)
    line = lines_of(workspace, "N1")["mrc", "2026-09", False]
    credit(workspace, "N3", lines_of(workspace, "N3")["mrc", "2026-09", True])
    with state.deciding(workspace) as decided:
        closed = {"customer_id": "noord-1", "month": "2026-10", "partner_id": "noord", "freeze_id": 1}
        decided.execute(state.frozen_months.insert().values(**closed))
    assert f"line {line} was settled on noord-1-2026-10, line " in credit(workspace, "N1", line, check=False).stderr


def test_rebuilt_from_landing_and_state_it_says_the_same(settled: tuple, tmp_path: Path) -> None:
    """What is settled would depend on when somebody ran: the warehouse can be rebuilt at any time."""
    workspace, _ = settled
    copy = Workspace(tmp_path / "copy")
    shutil.copytree(workspace.landing, copy.landing)
    shutil.copy(workspace.state, copy.state)
    tikteller(copy.root, "run")
    assert ask(copy, "noord", CHARGES) == ask(workspace, "noord", CHARGES)
