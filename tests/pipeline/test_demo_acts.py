"""Fails if what is published of the demo's acts is not what the generator says of them: the demo would show an act that went wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from orchestration.workspace import PLATFORM, Workspace
from tests.pipeline.readers import ask


@pytest.fixture(scope="module")
def acts(demo_workspace: Workspace) -> list[dict[str, Any]]:
    return json.loads(demo_workspace.demo_answers.read_text())["acts"]


def only(acts: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (act,) = (act for act in acts if act["act"] == name)
    return act


def sides(workspace: Workspace, act: dict[str, Any], partner: str, what: str) -> list[tuple]:
    """Of a customer's calls: whether each group begins on the act's day or later, and what is asked of the group."""
    side = (
        f"select call_date >= date '{act['from']}', {what} from calls where customer_id = '{act['customer_id']}' group by all order by all"
    )
    return ask(workspace, partner, side)


def test_every_act_is_told(acts: list[dict[str, Any]]) -> None:
    """An act that the demo no longer has would be missed by nobody."""
    assert [act["act"] for act in acts] == [
        "moves to another partner", "becomes exempt", "changes reseller", "order corrected", "PBX edition corrected", "file grows",
        "same ids", "same ids",
    ]  # fmt: skip


def test_a_customer_that_moves_is_each_partners_for_its_own_days(demo_workspace: Workspace, acts: list[dict[str, Any]]) -> None:
    """Both partners would bill a day, or neither, or one would at the other's prices."""
    act = only(acts, "moves to another partner")
    counted = "status, count(*), sum(sale_eur)"
    assert sides(demo_workspace, act, act["partner_id"], counted) == [(False, "rated", act["calls"], Decimal(act["sale_eur"]))]
    assert sides(demo_workspace, act, act["to_partner_id"], counted) == [(True, "rated", act["to_calls"], Decimal(act["to_sale_eur"]))]
    billed = f"select sum(quantity) from invoice_lines where customer_id = '{act['customer_id']}' and month = '2026-10' and kind = 'calls'"
    assert ask(demo_workspace, act["partner_id"], billed) == [(act["calls"],)]
    assert ask(demo_workspace, act["to_partner_id"], billed) == [(act["to_calls"],)]


def test_who_becomes_exempt_pays_for_the_days_before(demo_workspace: Workspace, acts: list[dict[str, Any]]) -> None:
    """An exemption from the 15th would give the first half of the month away, or a customer that is exempt would be billed."""
    act = only(acts, "becomes exempt")
    assert sides(demo_workspace, act, act["partner_id"], "status, count(*)") == [
        (False, "rated", act["calls"]),
        (True, "rated", act["exempt_calls"]),
    ]
    billed = f"select sum(quantity), sum(amount_eur) from invoice_lines where customer_id = '{act['customer_id']}'"
    assert ask(demo_workspace, act["partner_id"], billed) == [(act["calls"], Decimal(act["billed_eur"]))]


def test_calls_are_the_resellers_of_their_day(demo_workspace: Workspace, acts: list[dict[str, Any]]) -> None:
    """A reseller that takes a customer over would earn on what another sold, for a month that is not over."""
    act = only(acts, "changes reseller")
    assert sides(demo_workspace, act, act["partner_id"], "reseller_id, count(*)") == [
        (False, act["reseller_id"], act["calls"]),
        (True, act["to_reseller_id"], act["to_calls"]),
    ]


def test_an_order_is_billed_as_it_was_corrected(demo_workspace: Workspace, acts: list[dict[str, Any]]) -> None:
    """A customer would pay the twenty that somebody typed, or both rows."""
    act = only(acts, "order corrected")
    line = f"where order_id = '{act['order_id']}' and line_number = {act['line_number']}"
    for table in ("order_lines", "service_charges"):
        assert ask(demo_workspace, act["partner_id"], f"select distinct quantity from {table} {line}") == [(act["quantity"],)], table


def test_seats_are_billed_of_the_corrected_edition(demo_workspace: Workspace, acts: list[dict[str, Any]]) -> None:
    """Seventeen seats would be billed as two editions, or as the wrong one."""
    act = only(acts, "PBX edition corrected")
    seats = f"select service_code, quantity, purchase_eur from service_charges where pbx_id = '{act['pbx_id']}' and kind = 'seat'"
    assert ask(demo_workspace, act["partner_id"], seats) == [(act["service_code"], act["quantity"], Decimal(act["purchase_eur"]))]


def test_a_file_that_grew_counts_once(demo_workspace: Workspace, acts: list[dict[str, Any]]) -> None:
    """The calls that stood in the file when it was sent first would be billed twice."""
    act = only(acts, "file grows")
    counts = "select file, rows_read, rows_kept, rows_duplicate from ingested_files where file like '%demo-acts/grown-%' order by file"
    assert [(file.split("cdrs/standard/")[-1], *rest) for file, *rest in ask(demo_workspace, PLATFORM, counts)] == [
        (act["file"], act["rows"], act["rows"] - act["duplicates"], act["duplicates"]),
        (act["to_file"], act["to_rows"], act["to_rows"], 0),
    ]
    counted = f"select count(*), count(distinct call_key) from calls where customer_id = '{act['customer_id']}'"
    assert ask(demo_workspace, act["partner_id"], counted) == [(act["calls"], act["calls"])]


def test_two_partners_with_the_same_ids_keep_their_own(demo_workspace: Workspace, acts: list[dict[str, Any]]) -> None:
    """One partner's prices, orders or resellers would be another's, because they bear the same name."""
    for act in (act for act in acts if act["act"] == "same ids"):
        partner, of_customer = act["partner_id"], f"customer_id = '{act['customer_id']}'"
        assert ask(demo_workspace, partner, f"select name from resellers where reseller_id = '{act['reseller_id']}'") == [
            (act["reseller_name"],)
        ]
        assert ask(demo_workspace, partner, f"select distinct call_plan_id, sale_eur from calls where {of_customer}") == [
            (act["call_plan_id"], Decimal(act["call_sale_eur"]))
        ]
        ordered = f"select customer_id, quantity from order_lines where order_id = '{act['order_id']}' and line_number = 1"
        assert ask(demo_workspace, partner, ordered) == [(act["customer_id"], act["quantity"])]
