"""Fails if one of the acts that were found to move money does so again; each amount was worked out by hand, and is written beside its act.

Two partners use the same ids for their orders, plans and resellers. August is approved; then all acts land at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import pytest

from orchestration.billing.approving import approve
from orchestration.billing.commissions import settle
from orchestration.billing.crediting import credit
from orchestration.billing.vat_returns import file_return, vat_return
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask
from tests.pipeline.trade import ACCOUNTS, CALL_PLAN_RATES, CALL_PLANS, CUSTOMER_PLANS, CUSTOMERS, DECK, PARTNERS, call, land

Rows = list[dict[str, object]]

SELLER = {
    "street": "Kade 2",
    "postal_code": "1000 AA",
    "city": "Amsterdam",
    "vat_number": "NL123456782B90",
    "coc_number": "12345678",
    "iban": "NL13TEST0123456789",
    "last_invoice_number": 0,
    "time_zone": "Europe/Amsterdam",
}
NOORD, WEST = (
    {**partner, **SELLER, "tier": "premium", "invoice_prefix": prefix} for partner, prefix in zip(PARTNERS, ("N", "W"), strict=True)
)
EXTRA = ("seats", "air", "exempt", "resold", "moves", "group", "vat", "free", "follows")
CUSTOMERS_OF_NOORD: Rows = [
    {
        "customer_id": name,
        "partner_id": "noord",
        "name": f"Klant {name}",
        "street": "Kade 1",
        "postal_code": "1000 AA",
        "city": "Amsterdam",
        "email": "klant@noord.example",
        "reseller_id": "r1" if name in ("resold", "follows") else "",
    }
    for name in EXTRA
]
SERVICES: Rows = [
    {
        "service_code": code,
        "category": category,
        "name": code,
        "metering": metering,
        "charged": "arrears",
        "nrc_purchase_eur": nrc,
        "mrc_purchase_eur": mrc,
        "valid_from": "2026-01-01",
    }
    for code, category, metering, nrc, mrc in (
        ("sip", "SIP trunks", "quantity", "0", "60"),  # 90.00 a month at 150 %
        ("std", "3CX PBX", "extensions", "0", "2.80"),  # 4.20 a seat
        ("pro", "3CX PBX", "extensions", "0", "5.60"),  # 8.40 a seat
        ("air-a", "Vast-mobiel", "airtime", "0", "0.02"),  # 0.03 a minute
        ("air-b", "Vast-mobiel", "airtime", "0", "0.04"),  # 0.06 a minute
    )
]
MARKUPS: Rows = [
    {
        "service_plan_id": "diensten",
        "partner_id": partner,
        "category": category,
        "nrc_percent": "150",
        "mrc_percent": "150",
        "valid_from": "2026-01-01",
    }
    for partner in ("noord", "west")
    for category in ("SIP trunks", "3CX PBX", "Vast-mobiel")
]
RESELLER = {"reseller_id": "r1", "name": "Wederverkoper", "call_commission_percent": "5", "service_commission_percent": "3"}
AIRTIME_PLAN: Rows = [
    {"call_plan_id": "noord-zakelijk", "country": "BE", "line_type": "*", "connection_fee_eur": "0", "minute_rate_eur": "0"}
    | {"valid_from": "2026-01-01"}
]


def order(order_id: str, customer_id: str, service_code: str, **more: object) -> dict[str, object]:
    row = {"order_id": order_id, "line_number": 1, "customer_id": customer_id, "service_code": service_code, "quantity": 1}
    return row | {"ordered_on": "2026-07-01", "delivered_on": "2026-08-01", **more}


def reading(service_code: str, extensions: int, at: str = "2026-08-31T22:00:00") -> dict[str, object]:
    return {"pbx_id": "pbx", "customer_id": "seats", "service_code": service_code, "read_at": at, "extensions": extensions}


def calls(month: str, customers: Iterable[str]) -> Rows:
    return [call(f"{each} {month}", f"{month}-20T12:00:00", 61, customer=each) for each in customers]


def customer(name: str, **more: object) -> dict[str, object]:
    return next(row for row in CUSTOMERS_OF_NOORD if row["customer_id"] == name) | more


@pytest.fixture(scope="module")
def acts(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("acts") / "workspace")
    tikteller(workspace.root, "init")
    everybody = [*(row["customer_id"] for row in CUSTOMERS), *EXTRA]
    plans = [{**row, "valid_from": ""} for row in CALL_PLANS]
    first: dict[str, Rows] = {
        "partners": [NOORD, WEST],
        "resellers": [RESELLER | {"partner_id": "noord"}],
        "customers": [*CUSTOMERS, *CUSTOMERS_OF_NOORD],
        "accounts": [*ACCOUNTS, *({"account": f"trunk-{each}", "customer_id": each} for each in EXTRA)],
        "purchase_rates": [*DECK, *({**row, "deck_id": "dearer", "minute_rate_eur": "1"} for row in DECK)],
        "call_plans": plans,
        "call_plan_rates": [*CALL_PLAN_RATES, *AIRTIME_PLAN],
        "services": SERVICES,
        "service_plans": [{"service_plan_id": "diensten", "partner_id": partner, "name": "Diensten"} for partner in ("noord", "west")],
        "service_plan_markups": MARKUPS,
        "customer_plans": [
            *CUSTOMER_PLANS,
            *({"customer_id": each, "call_plan_id": "noord-zakelijk", "valid_from": "2026-01-01"} for each in EXTRA),
            *({"customer_id": each, "service_plan_id": "diensten", "valid_from": "2026-01-01"} for each in everybody),
        ],
        "orders": [
            order("77", "noord-1", "sip"),
            order("seats", "seats", "std", pbx_id="pbx"),
            order("air", "air", "air-a"),
            order("exempt", "exempt", "sip"),
            order("resold", "resold", "sip"),
        ],
        "extension_counts": [reading("std", 17)],
        "cdrs/standard": [
            *calls("2026-08", everybody),
            # the leg from the SIM to the PBX, to a destination that the plan asks nothing for: 5 begun minutes, 0.15
            call("leg", "2026-08-21T12:00:00", 299, callee="003221234567", customer="air", leg="airtime"),
        ],
    }
    deck_of_belgium = {**DECK[2], "prefix": "32", "destination": "België"}
    first["purchase_rates"] = [*first["purchase_rates"], deck_of_belgium]
    for feed, rows in first.items():
        land(workspace, feed, "first", rows)
    tikteller(workspace.root, "run")
    for partner in ("noord", "west"):
        approve(workspace, partner, "2026-08", issued_on=date(2026, 9, 1), before_month_end=True)
    second: dict[str, Rows] = {
        # west uses the ids of noord
        "orders": [
            order("77", "west-1", "sip"),
            order("air", "air", "air-b"),
            order("exempt", "exempt", "sip", ended_on="2026-08-01"),
            order("resold", "resold", "sip", ended_on="2026-08-01"),
        ],
        "resellers": [
            RESELLER | {"partner_id": "west", "call_commission_percent": "1", "service_commission_percent": "1"},
            # what noord pays its reseller from now on
            RESELLER | {"partner_id": "noord", "call_commission_percent": "50", "service_commission_percent": "50"},
            {"reseller_id": "r2", "partner_id": "noord", "name": "Een ander", "service_commission_percent": "10"},
        ],
        "call_plans": [
            {"call_plan_id": "noord-zakelijk", "partner_id": "west", "name": "Van west", "rounding_seconds": "60"},
            # from September on, minutes
            {
                "call_plan_id": "noord-zakelijk",
                "partner_id": "noord",
                "name": "Zakelijk",
                "rounding_seconds": "60",
                "valid_from": "2026-09-15",
            },
        ],
        "call_plan_rates": [{**CALL_PLAN_RATES[2], "call_plan_id": "noord-zakelijk", "minute_rate_eur": "9"}],
        "extension_counts": [reading("pro", 17, "2026-08-31T22:30:00"), reading("std", 17, "2026-09-30T22:00:00")],
        "customers": [
            # west lands a customer that noord has
            {**CUSTOMERS[0], "partner_id": "west"},
            customer("exempt", vat_category="exempt"),
            customer("resold", reseller_id="r2"),
            customer("moves", valid_to="2026-09-15"),
            customer("moves", partner_id="west", valid_from="2026-09-15"),
            customer("free", billing_exempt="true", valid_from="2026-09-15"),
            customer("vat", vat_category="exempt", valid_from="2026-09-15"),
            customer("group", customer_group="g", valid_from="2026-09-15"),
            customer("follows", reseller_id="r-not-landed"),
        ],
        "partners": [{**WEST, "deck_id": "dearer", "valid_from": "2026-09-15"}],
        "cdrs/standard": [
            *calls("2026-09", [*(row["customer_id"] for row in CUSTOMERS), *EXTRA]),
            *(call(f"{each} early", "2026-09-10T12:00:00", 61, customer=each) for each in ("moves", "free", "vat", "west-1", "noord-1")),
        ],
    }
    for feed, rows in second.items():
        land(workspace, feed, "second", rows)
    tikteller(workspace.root, "run")
    return workspace


def of_noord(acts: Workspace, question: str) -> list[tuple]:
    return ask(acts, "noord", question)


def test_an_order_of_another_partner_with_the_same_number_moves_nothing(acts: Workspace) -> None:
    """noord gave 108.90 back and billed nothing more, because west has an order 77 too."""
    charged = "select order_id, month, sale_eur from service_charges where order_id = '77' and kind = 'mrc' order by all"
    assert of_noord(acts, charged) == [("77", "2026-08", Decimal(90)), ("77", "2026-09", Decimal(90))]
    assert ask(acts, "west", charged) == [("77", "2026-08", Decimal(90)), ("77", "2026-09", Decimal(90))]


def test_a_plan_of_another_partner_with_the_same_name_prices_nothing(acts: Workspace) -> None:
    """noord's calls had no price, or that of west's row, because west has a plan of that name."""
    calls_of = "select call_date::varchar, status, sale_eur, billed_s from calls where customer_id = 'noord-1' order by all"
    # 61 s: 0.025 + 61 x 0.02 / 60 = 0.0453; from 15 September on in minutes: 0.025 + 120 x 0.02 / 60 = 0.0650
    assert of_noord(acts, calls_of) == [
        ("2026-08-20", "rated", Decimal("0.0453"), 61),
        ("2026-09-10", "rated", Decimal("0.0453"), 61),
        ("2026-09-20", "rated", Decimal("0.0650"), 120),
    ]
    refused = ask(acts, "_platform", "select feed, reason from quarantine where reason like '%partner%' order by all")
    assert refused == [("call_plan_rates", "ambiguous_partner"), ("customers", "customer_of_another_partner")]


def test_a_customer_that_another_partner_lands_stays_where_it_is(acts: Workspace) -> None:
    """noord lost its customer, and west read all its calls."""
    assert ask(acts, "west", "select count(*) from calls where customer_id = 'noord-1'") == [(0,)]
    assert of_noord(acts, "select count(*) from calls where customer_id = 'noord-1'") == [(3,)]
    assert ask(acts, "west", "select customer_id from customers order by 1") == [("moves",), ("west-1",), ("west-2",)]


def test_seats_of_a_corrected_edition_are_billed_once(acts: Workspace) -> None:
    """17 seats were billed as STD, 71.40; corrected to PRO they were billed 142.80 beside it."""
    seats = (
        "select service_code, quantity, sale_eur, is_settlement from service_charges where kind = 'seat' and month = '2026-08' order by all"
    )
    assert of_noord(acts, seats) == [
        ("pro", 17, Decimal("142.80"), False),
        ("std", -17, Decimal("-71.40"), True),
        ("std", 17, Decimal("71.40"), False),
    ]
    assert of_noord(
        acts, "select sum(sale_eur) from service_charges where kind = 'seat' and invoice_month = '2026-09' and month = '2026-08'"
    ) == [(Decimal("71.40"),)]


def test_airtime_of_a_corrected_order_is_billed_once(acts: Workspace) -> None:
    """The five minutes of August were billed again in September as another service."""
    air = "select service_code, quantity, sale_eur, is_settlement from service_charges where kind = 'airtime' order by all"
    assert of_noord(acts, air) == [
        ("air-a", -5, Decimal("-0.15"), True),
        ("air-a", 5, Decimal("0.15"), False),
        ("air-b", 5, Decimal("0.30"), False),
    ]


def test_what_was_billed_with_vat_is_given_back_with_it(acts: Workspace) -> None:
    """90.00 was billed with 21 %; undone when the customer is exempt, the credit bore no VAT, and the customer lost 18.90."""
    of_september = "where customer_id = 'exempt' and month = '2026-09'"
    line = f"select amount_eur, vat_category, vat_percent from invoice_lines {of_september} and kind = 'mrc'"
    assert of_noord(acts, line) == [(Decimal(-90), "standard", Decimal(21))]
    vat = f"select vat_eur from invoice_vat {of_september} and vat_category = 'standard'"
    assert of_noord(acts, vat) == [(Decimal("-18.90"),)]


def test_a_reseller_gives_back_what_it_earned_and_no_other(acts: Workspace) -> None:
    """Undone under another reseller, that one gave back what it never earned; and September followed October's percentages."""
    commissions = "select month, reseller_id, sale_eur, commission_percent from commission_lines where kind = 'services' order by all"
    assert of_noord(acts, commissions) == [
        ("2026-08", "r1", Decimal(90), Decimal(3)),
        ("2026-09", "r1", Decimal(-90), Decimal(3)),
    ]
    # 90.00 x 3 % = 2.70, and 5 % of the calls' 0.05 + 0.05 (two customers): 0.0050 is 0.01
    final = "select is_final, call_commission_eur, service_commission_eur from commissions where month = '2026-08' and reseller_id = 'r1'"
    assert of_noord(acts, final) == [(True, Decimal("0.01"), Decimal("2.70"))]


def test_a_customer_that_moves_is_billed_by_each_for_its_own_days(acts: Workspace) -> None:
    """A customer that moves to another partner could never be landed; its days would be billed twice, or by the wrong one."""
    moved = "select call_date::varchar from calls where customer_id = 'moves' order by 1"
    assert of_noord(acts, moved) == [("2026-08-20",), ("2026-09-10",)]
    assert ask(acts, "west", moved) == [("2026-09-20",)]
    drafts = "select invoice_id, status, net_eur from invoices where customer_id = 'moves' and month = '2026-09'"
    assert of_noord(acts, drafts) == [("moves-2026-09", "draft", Decimal("0.05"))]
    assert [row[0] for row in ask(acts, "west", drafts)] == ["moves-2026-09@west"]


def test_what_changes_from_a_day_on_leaves_the_days_before(acts: Workspace) -> None:
    """A tick box landed in October changed all of open September."""
    lines = "select customer_id, vat_category, quantity from invoice_lines where month = '2026-09' and kind = 'calls' and customer_id"
    assert of_noord(acts, f"{lines} in ('vat', 'free') order by all") == [
        ("free", "standard", 1),
        ("vat", "exempt", 1),
        ("vat", "standard", 1),
    ]
    # west's deck is swapped on the 15th: 61 s at 0.0060, then at 1.0000 a minute
    bought = "select call_date::varchar, purchase_eur from calls where customer_id = 'west-1' and call_date > '2026-09-01' order by 1"
    assert ask(acts, "west", bought) == [("2026-09-10", Decimal("0.0061")), ("2026-09-20", Decimal("1.0167"))]


def test_what_was_settled_and_filed_takes_nothing_more(acts: Workspace) -> None:
    """A credit note of November changed September's commission and the VAT that was declared for it."""
    approve(acts, "noord", "2026-09", issued_on=date(2026, 10, 1), before_month_end=True)
    tikteller(acts.root, "run")
    filed = {(row.vat_category): (row.net_eur, row.vat_eur) for row in file_return(acts, "noord", "2026-Q3")}
    settled = settle(acts, "noord", "2026-08", ["r1"])
    assert [(each.reseller_id, each.commission_eur) for each in settled] == [("r1", Decimal("2.71"))]
    (number,) = of_noord(acts, "select invoice_number from invoices where customer_id = 'resold' and month = '2026-08'")[0]
    note = credit(acts, "noord", number, "te veel", lines=[3], issued_on=date(2026, 11, 5))
    tikteller(acts.root, "run")
    now = {(row.vat_category): (row.net_eur, row.vat_eur) for row in vat_return(acts, "noord", "2026-Q3")}
    assert now == filed
    assert of_noord(acts, f"select month from invoice_vat where invoice_id = '{note.invoice_id}'") == [("2026-11",)]
    assert of_noord(acts, f"select month from commission_lines where invoice_id = '{note.invoice_id}'") == [("2026-11",)]
    assert of_noord(acts, "select commission_eur, is_settled from commissions where month = '2026-08' and reseller_id = 'r1'") == [
        (Decimal("2.71"), True)
    ]
