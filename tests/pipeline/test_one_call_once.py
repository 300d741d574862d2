"""Fails if one call is billed to two, twice, or to nobody: who pays changes at midnight, two dialects bring it, its id was used before."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask
from tests.pipeline.test_sources import freeswitch, write
from tests.pipeline.trade import CUSTOMERS, call, land, open_trade

CUSTOMER_OF = {each["customer_id"]: each for each in CUSTOMERS}
MOVES = [("noord-1", "west"), ("west-1", "noord")]
SEAM = "2026-10-01"
SOLD = Decimal("0.045300")


def found(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    """Per call id whose calls stand under it: partner, customer, day and price."""
    calls: dict[str, list[tuple[Any, ...]]] = {}
    for partner in ("noord", "west"):
        for call_id, *rest in ask(workspace, partner, "select call_id, customer_id, call_date::varchar, sale_eur from calls order by all"):
            calls.setdefault(call_id, []).append((partner, *rest))
    return calls


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list], ...]:
    """Two customers who change places between Amsterdam and New York, and twins that come a night apart; then all is made anew.

    Before that, September is closed for one partner, the file of a call of it is archived, and its id is used again.
    """
    workspace = open_trade(tmp_path_factory.mktemp("once") / "workspace")
    for customer, new in MOVES:
        moved, plan = CUSTOMER_OF[customer], {"customer_id": customer, "call_plan_id": f"{new}-zakelijk", "valid_from": SEAM}
        land(workspace, "customers", f"{customer}-leaves", [moved | {"valid_to": SEAM}])
        land(workspace, "customers", f"{customer}-z-comes", [moved | {"partner_id": new, "valid_from": SEAM}])
        land(workspace, "customer_plans", f"{customer}-moves", [plan])
    instants = ("2026-09-30T21:59:59Z", "2026-09-30T22:00:00Z", "2026-10-01T03:59:59Z", "2026-10-01T04:00:00Z")
    seam = [call(f"{customer} {at}", at, 61, customer=customer) for customer, *_ in MOVES for at in instants]
    land(workspace, "cdrs/standard", "seam", seam)
    land(workspace, "cdrs/standard", "twins", [call("standard first", "2026-10-08T22:30:00Z", 60, customer="noord-2")])
    write(workspace, "cdrs/freeswitch/a.csv", [twin("freeswitch first", "2026-10-12 00:30:00")])
    archived = land(workspace, "cdrs/standard", "archived", [call("used again", "2026-09-10T10:00:00", 61, customer="noord-2")])
    tikteller(workspace.root, "run")
    write(workspace, "cdrs/freeswitch/b.csv", [twin("freeswitch second", "2026-10-09 00:30:00")])
    land(workspace, "cdrs/standard", "twins-too", [call("standard second", "2026-10-11T22:30:00Z", 60, customer="noord-2")])
    tikteller(workspace.root, "run")
    nightly = found(workspace)
    tikteller(workspace.root, "close", "2026-09", "--partner", "noord", "--no-run")
    archived.unlink()
    land(workspace, "cdrs/standard", "later", [call("used again", "2026-10-20T11:00:00", 61, "0201234568", "noord-2")])
    workspace.warehouse.unlink()  # the archived one is lost with it
    tikteller(workspace.root, "run")
    return nightly, found(workspace)


def twin(uuid: str, start: str) -> str:
    return freeswitch(uuid, "+31201000001", "0201234567", "default", start, "trunk-noord-2")


def test_a_call_between_two_midnights_has_one_owner(nights: tuple) -> None:
    """A call in the hours in which one partner's day has begun and the other's has not would be billed to both, or to nobody."""
    nightly, _ = nights
    assert {call_id: calls for call_id, calls in nightly.items() if call_id.endswith("Z")} == {
        "noord-1 2026-09-30T21:59:59Z": [("noord", "noord-1", "2026-09-30", SOLD)],
        "noord-1 2026-09-30T22:00:00Z": [("noord", "noord-1", "2026-09-30", SOLD)],
        "noord-1 2026-10-01T03:59:59Z": [("noord", "noord-1", "2026-09-30", SOLD)],
        "noord-1 2026-10-01T04:00:00Z": [("west", "noord-1", "2026-10-01", SOLD)],
        "west-1 2026-09-30T21:59:59Z": [("west", "west-1", "2026-09-30", SOLD)],
        "west-1 2026-09-30T22:00:00Z": [("noord", "west-1", "2026-10-01", SOLD)],
        "west-1 2026-10-01T03:59:59Z": [("noord", "west-1", "2026-10-01", SOLD)],
        "west-1 2026-10-01T04:00:00Z": [("noord", "west-1", "2026-10-01", SOLD)],
    }


def test_twins_of_two_nights_are_one_call(nights: tuple) -> None:
    """A call of half past midnight that the exchange and the provider bring on two nights, under two days, would be billed twice."""
    nightly, _ = nights
    assert {call_id: len(calls) for call_id, calls in nightly.items() if " first" in call_id or " second" in call_id} == {
        "standard first": 1,
        "freeswitch first": 1,
    }


def test_night_by_night_is_what_a_rebuild_says(nights: tuple) -> None:
    """What a customer pays would hang on when the warehouse was made."""
    nightly, rebuilt = ({call_id: calls for call_id, calls in found.items() if call_id != "used again"} for found in nights)
    assert nightly == rebuilt


def test_an_id_that_is_used_again_is_another_call(nights: tuple) -> None:
    """The new call would vanish: an earlier one with its id stands on a bill, and the file of that one is archived."""
    _, rebuilt = nights
    assert rebuilt["used again"] == [("noord", "noord-2", "2026-09-10", SOLD), ("noord", "noord-2", "2026-10-20", SOLD)]
