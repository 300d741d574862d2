"""Fails if what one partner decides is felt by another's customer, or if a month is billed before it is over.

Two partners without prefix, so that both have an invoice 1; the second sells services only.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.billing import closing, drafts
from orchestration.billing.approving import approve
from orchestration.billing.crediting import credit
from orchestration.billing.drafts import month_to_approve
from orchestration.errors import TiktellerError
from orchestration.pipeline.status import status
from orchestration.receivables import dunning
from orchestration.workspace import PLATFORM, Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask
from tests.pipeline.test_settlements import MARKUP, SELLER, TRADE
from tests.pipeline.trade import PARTNERS, call, land, open_trade

AUGUST, SEPTEMBER = "2026-08", "2026-09"
NORTH, WEST = "noord", "west"
NUMBERED = SELLER | {"invoice_prefix": "", "last_invoice_number": 0, "send_reminders": "yes"}
WEST_PLAN = {"service_plan_id": "west-diensten", "partner_id": WEST, "name": "Diensten"}
FEEDS = {
    "partners": [each | NUMBERED for each in PARTNERS],
    "services": [TRADE["services"][0] | {"charged": "arrears"}],
    "service_plans": [*TRADE["service_plans"], WEST_PLAN],
    "service_plan_markups": [
        MARKUP | {"service_plan_id": plan, "nrc_percent": "150", "mrc_percent": "150"} for plan in ("diensten", "west-diensten")
    ],
    "customer_plans": [
        {"customer_id": "noord-1", "service_plan_id": "diensten", "valid_from": "2026-01-01"},
        {"customer_id": "west-1", "service_plan_id": "west-diensten", "valid_from": "2026-01-01"},
    ],
    "orders": [
        {
            "order_id": f"order of {customer}",
            "line_number": 1,
            "customer_id": customer,
            "service_code": "sip",
            "quantity": 1,
            "ordered_on": "2026-07-15",
            "delivered_on": "2026-08-01",
        }
        for customer in ("noord-1", "west-1")
    ],
    "cdrs/standard": [call("august", "2026-08-28T12:00:00", 61), call("newest", "2026-09-10T12:00:00", 61)],
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, date]]:
    """Today by the partners' clock, to be set."""
    today = {"is": date(2026, 11, 27)}
    for module in (closing, drafts):
        monkeypatch.setattr(module, "local_today", lambda _snapshot: today["is"])
    return today


@pytest.fixture(scope="module")
def trade(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = open_trade(tmp_path_factory.mktemp("two") / "workspace")
    for feed, rows in FEEDS.items():
        land(workspace, feed, "services", rows)
    tikteller(workspace.root, "run")
    return workspace


def test_a_month_that_is_not_over_is_not_approved(trade: Workspace, clock: dict[str, date]) -> None:
    """A third of the month is billed, the law's invoice for it is out, and the rest stands on next month's."""
    with pytest.raises(TiktellerError, match=r"2026-09 of noord is not over: the newest call is of 2026-09-10.*--before-month-end"):
        approve(trade, NORTH, SEPTEMBER)
    with pytest.raises(TiktellerError, match="2026-09 of noord is not over"):
        closing.close_month(trade, NORTH, SEPTEMBER)
    for early in (date(2026, 8, 15), date(2026, 8, 31)):
        with pytest.raises(TiktellerError, match=f"{early} is before 2026-08 is over"):
            approve(trade, NORTH, AUGUST, issued_on=early)
    with pytest.raises(TiktellerError, match="2026-11-28 is still to come"):
        approve(trade, NORTH, AUGUST, issued_on=date(2026, 11, 28))
    assert month_to_approve(trade, NORTH) == AUGUST
    # subscriptions in arrears, of a partner without calls: its month is over by its clock
    clock["is"] = date(2026, 8, 31)
    for decide in (approve, closing.close_month):
        with pytest.raises(TiktellerError, match="2026-08 of west is not over: it ends on 2026-08-31"):
            decide(trade, WEST, AUGUST)
    refused = tikteller(trade.root, "invoices", "approve", "--partner", NORTH, "--month", SEPTEMBER, "--no-run", check=False)
    assert refused.returncode == 1
    assert "later calls and subscriptions would not be on its invoices" in refused.stderr


def test_a_partner_of_services_only_closes_and_another_s_payment_stays_where_it_is(trade: Workspace, clock: dict[str, date]) -> None:
    """The customer of noord paid invoice 1; west approves an invoice 1, and the customer of noord gets a reminder."""
    (north,) = approve(trade, NORTH, AUGUST, issued_on=date(2026, 9, 1)).approved
    assert north.invoice_number == "1"
    with pytest.raises(
        TiktellerError, match=r"2026-08-31 is before invoice 1 was issued, on 2026-09-01. Fix: give --date 2026-09-01 or later"
    ):
        credit(trade, NORTH, "1", "too early", issued_on=date(2026, 8, 31))
    bank = {"invoice_number": " 1", "paid_on": "2026-09-10"}
    land(trade, "payments", "bank", [bank | {"amount_eur": part} for part in (north.gross_eur - 2, 1, 1)])
    tikteller(trade.root, "run")

    (west,) = approve(trade, WEST, AUGUST, issued_on=date(2026, 9, 5)).approved
    assert west.invoice_number == "1"
    assert closing.close_month(trade, WEST, AUGUST).charges >= 0
    day = date(2026, 11, 1)
    assert not dunning.notices(trade, NORTH, day), "before a run"
    assert [each.open_eur for each in dunning.notices(trade, WEST, day)] == [west.gross_eur]
    rows = [
        {"invoice_number": "1", "paid_on": "2026-09-20", "amount_eur": "10", "partner_id": WEST, "reference": "R1"},
        {"invoice_number": "1", "paid_on": "2026-09-21", "amount_eur": "7", "partner_id": "", "reference": "R2"},
        {"invoice_number": "INV 99", "paid_on": "2026-09-22", "amount_eur": "3", "partner_id": "", "reference": "R3"},
    ]
    land(trade, "payments", "later", rows)
    tikteller(trade.root, "run")

    open_eur = dict(
        ask(trade, PLATFORM, "select partner_id, open_eur from open_items where invoice_number = '1' and invoice_id is not null")
    )
    assert open_eur == {NORTH: Decimal(0), WEST: west.gross_eur - 10}
    assert not dunning.notices(trade, NORTH, day)
    section = status(trade).sections["unowned_payments"]
    told = [dict(zip(section.columns, row, strict=True)) for row in section.rows]
    assert [(each["invoice_number"], each["reason"], each["amount_eur"], each["file"], each["line"]) for each in told] == [
        ("INV 99", "unknown_invoice", Decimal(3), "payments/later.csv", 4),
        ("1", "ambiguous_invoice", Decimal(7), "payments/later.csv", 3),
    ]
    assert all("withdraw the file" in each["fix"] for each in told)

    tikteller(trade.root, "run", "--rebuild")
    assert dict(ask(trade, PLATFORM, "select partner_id, open_eur from open_items where invoice_id is not null")) == open_eur


def test_who_means_it_approves_before_the_month_is_over(trade: Workspace, clock: dict[str, date], tmp_path: Path) -> None:
    """A customer who leaves on the tenth would wait for its last invoice."""
    clock["is"] = date(2026, 9, 11)
    done = approve(trade, NORTH, SEPTEMBER, before_month_end=True)
    assert [(each.invoice_number, each.issued_on) for each in done.approved] == [("2", date(2026, 9, 11))]
