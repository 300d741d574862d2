"""The batch's SQL against an independent bookkeeper, under random histories of orders, master data and decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.models.billed import Batch
from tests.models.random_books import EVENTS, HOMES, PARTNERS, SERVICES, History

STEPS, HISTORIES, LONG_HISTORIES = 400, 30, 2_850
LEAST_STEPS, LEAST_LONG_STEPS = 10_000, 1_000_000
"""Of some histories hypothesis draws only a part."""

OFTEN = {
    "new_order": 8, "call": 5, "read_pbx": 3, "approve": 6, "settle": 3, "file": 3, "credit": 2, "close": 2, "exception": 2,
    "change_customer": 3, "change_quantity": 2, "night": 2,
}  # fmt: skip
"""Events that are drawn so many times as often as the others."""

MET_BY_CHANCE = 5
"""Kinds are met some ten to ten thousand times; the draws are the same as long as the same modules are loaded."""


@pytest.fixture(scope="module")
def batch() -> Iterator[Batch]:
    batch = Batch()
    yield batch
    batch.close()


def _events() -> st.SearchStrategy[tuple[str, dict[str, int]]]:
    drawn = []
    for name, numbers in EVENTS.items():
        for _ in range(OFTEN.get(name, 1)):
            arguments = {argument: st.integers(least, most) for argument, (least, most) in numbers.items()}
            drawn.append(st.tuples(st.just(name), st.fixed_dictionaries(arguments)))
    return st.one_of(drawn)


def test_the_books_of_random_histories_are_right(batch: Batch, request: pytest.FixtureRequest) -> None:
    """A day of an order, a month of a seat, a minute or a call would be billed twice, not at all or at another price; what was approved,
    paid to a reseller or declared would change; or one partner's rows would move another partner's money."""
    met: Counter[str] = Counter()
    is_long = request.config.getoption("--faults-long")

    class RandomBooks(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.history = History(batch)
            self.steps = 0

        @rule(event=_events())
        def happens(self, event: tuple[str, dict[str, int]]) -> None:
            name, numbers = event
            self.steps += 1
            getattr(self.history, name)(**numbers)

        def teardown(self) -> None:
            self.history.without(self.steps)
            met.update(self.history.met, steps=self.steps)

    run_state_machine_as_test(
        RandomBooks,
        settings=settings(
            max_examples=LONG_HISTORIES if is_long else HISTORIES,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{met['steps']:,} steps compared: {dict(sorted(met.items()))}")
    assert met["steps"] >= (LEAST_LONG_STEPS if is_long else LEAST_STEPS)
    unmet = sorted(kind for kind in KINDS if met[kind] < MET_BY_CHANCE)
    assert not unmet, f"the comparison proves nothing about {unmet}: {dict(met)}"


KINDS = (
    "an order", "a delivery", "an end", "an end taken back", "a withdrawal", "a quantity corrected", "a delivery corrected",
    "a service corrected", "a customer corrected", "a PBX corrected", "a line continued", "a reading", "a reading corrected", "a call",
    "a leg of airtime", "a late call", "a call without a price", "a price for a call", "a price of the catalogue", "a markup",
    "an exception", "a plan", "a plan of a group", "a customer who moves", "a customer who comes back", "percentages of a reseller",
    "reseller_id from a day on", "reseller_id from the beginning on", "vat_category from a day on", "vat_category from the beginning on",
    "billing_exempt from a day on", "billing_exempt from the beginning on", "customer_group from a day on",
    "customer_group from the beginning on", "an approval", "an approval before the month is over", "a close", "a credit note by hand",
    "a statement settled", "a quarter filed", "a partner left out", "a run", "charged: nrc", "charged: mrc", "charged: seat",
    "charged: airtime", "settled: nrc", "settled: mrc", "settled: seat", "settled: airtime", "missing_reading", "no_service_plan",
    "below_purchase", "draft invoice", "blocked invoice", "approved invoice", "credited invoice", "draft credit_note",
    "approved credit_note",
)  # fmt: skip
"""What the histories must have met, each a few times."""


# What was found so: each history with its right value --------------------------------------------------------------------------------


def _ordered(history: History, customer: str, service: str, delivered_on: date, ended_on: date | None = None) -> None:
    """Four pieces, on an order of their own."""
    back = (history.today - delivered_on).days
    of = {"which": list(HOMES).index(customer), "service": list(SERVICES).index(service)}
    history.new_order(**of, quantity=4, back=back, pbx=0, same_order=False, delivered=True)
    if ended_on:
        history.end(len(history.landed["orders"]) - 1, (ended_on - history.today).days)


def _until(history: History, day: date) -> None:
    history.time_passes((day - history.today).days)
    history.run()


def _lines(history: History, customer: str) -> list[tuple[str, str | None, Decimal]]:
    found = [row for row in history.found["invoice_lines"] if row["customer_id"] == customer]
    return sorted((row["month"], row["settled_month"], row["amount_eur"]) for row in found)


def test_what_was_exempt_when_it_was_charged_is_not_paid_back(batch: Batch) -> None:
    """A customer who gets no invoices would get money back for an order that it never paid for."""
    history = History(batch)
    history.customer_row("c1", "p1", None, billing_exempt=True)
    _ordered(history, "c1", "fax", date(2026, 1, 5))
    _until(history, date(2026, 2, 10))
    history.close(0)
    history.withdraw(0)
    history.run()
    settled = [row for row in history.found["service_charges"] if row["is_settlement"]]
    assert [row["is_billing_exempt"] for row in settled] == [True, True]
    assert _lines(history, "c1") == []


def test_a_final_month_has_one_vat(batch: Batch) -> None:
    """The calls of a closed month would follow a VAT category that landed since, or an exemption; the services beside them do not."""
    history = History(batch)
    history.customer_row("c1", "p1", None, vat_category="standard")
    _ordered(history, "c1", "fax", date(2026, 1, 5))
    _until(history, date(2026, 2, 10))
    price = Fraction(1, 10)
    history._call("c1", date(2026, 1, 12), "rated", price, price, None, ("NL", "MOB"), 60)
    history.run()
    history.close(0)
    history.customer_row("c1", "p1", None, vat_category="exempt")
    history.run()
    for exempt in (False, True):
        lines = [row for row in history.found["invoice_lines"] if (row["customer_id"], row["month"]) == ("c1", "2026-01")]
        assert {row["kind"] for row in lines} == {"calls", "mrc", "nrc"}, exempt
        assert {row["vat_category"] for row in lines} == {"standard"}
        history.customer_row("c1", "p1", None, vat_category="standard", billing_exempt=True)
        history.run()


def _of_two_kinds(history: History) -> None:
    """Two orders of one service on one invoice: the first with VAT, the second without."""
    history.customer_row("c1", "p1", None, vat_category="standard")
    history.customer_row("c1", "p1", date(2026, 1, 10), vat_category="exempt")
    _ordered(history, "c1", "fax", date(2026, 1, 5))
    _ordered(history, "c1", "fax", date(2026, 1, 20))
    _until(history, date(2026, 2, 5))
    history.approve(0, 0, 1)


def _end(history: History, order: str, ended_on: date) -> None:
    number = [row["order_id"] for row in history._orders()].index(order)
    history.end(number, (ended_on - history.today).days)


def test_a_settlement_has_the_vat_of_its_own_order(batch: Batch) -> None:
    """A customer would lose the VAT that it paid, because another order of the service stood on that invoice without VAT."""
    history = History(batch)
    _of_two_kinds(history)
    _end(history, "1", date(2026, 1, 25))
    history.run()
    (settled,) = [row for row in history.found["invoice_lines"] if row["settled_month"]]
    assert (settled["vat_category"], settled["vat_percent"], settled["amount_eur"]) == ("standard", 21, Decimal("-11.76"))


def test_a_line_credited_by_hand_leaves_the_other_line_of_the_service_alone(batch: Batch) -> None:
    """An order that ended early would never be paid back, because a person credited another order's line of the same service."""
    history = History(batch)
    _of_two_kinds(history)
    history.credit(0, 2)
    _end(history, "1", date(2026, 1, 25))
    _end(history, "2", date(2026, 1, 25))
    history.run()
    credited = [row["vat_category"] for row in history.found["invoice_lines"] if "-credit-" in row["invoice_id"]]
    settled = [(row["vat_category"], row["amount_eur"]) for row in history.found["invoice_lines"] if row["settled_month"]]
    assert (credited, settled) == (["standard"], [("exempt", Decimal("-11.76"))])


def test_who_comes_back_to_a_partner_does_not_find_its_old_orders_running(batch: Batch) -> None:
    """A partner's invoices would be blocked while its customer is another's, and what ended then would be billed again."""
    history = History(batch)
    _ordered(history, "c1", "fax", date(2026, 1, 5))
    history.customer_row("c1", "p1", None, vat_category="standard", valid_to=date(2026, 2, 1))
    history.customer_row("c1", "p2", date(2026, 2, 1), vat_category="standard", valid_to=date(2026, 3, 10))
    history.customer_row("c1", "p1", date(2026, 3, 10), vat_category="standard")
    _until(history, date(2026, 4, 5))
    charges = [row for row in history.found["service_charges"] if row["customer_id"] == "c1"]
    assert sorted((row["kind"], row["month"]) for row in charges) == [("mrc", "2026-01"), ("nrc", "2026-01")]


def test_a_reseller_gives_back_what_it_got(batch: Batch) -> None:
    """A reseller that got 10 % of an order would give back 20 %, because a later invoice billed another order of that month at 20 %."""
    history = History(batch)
    history.customer_row("c1", "p1", None, vat_category="standard", reseller_id="r1")
    history.reseller(0, 0, 5, 10)
    _ordered(history, "c1", "fax", date(2026, 1, 5))
    _until(history, date(2026, 2, 5))
    history.approve(0, 0, 1)
    history.reseller(0, 0, 5, 20)
    _ordered(history, "c1", "fax", date(2026, 1, 20))
    _until(history, date(2026, 3, 5))
    history.approve(0, 0, 1)
    history.run()
    _end(history, "1", date(2026, 1, 25))
    history.run()
    given_back = [row["commission_percent"] for row in history.found["commission_lines"] if row["sale_eur"] < 0]
    assert given_back == [Decimal(10)]


def test_a_group_s_plan_is_the_one_that_it_got_last(batch: Batch) -> None:
    """What a customer pays who joins a group later would be the toss of a coin where two rows of the group's plan overlap."""
    history = History(batch)
    history.plan_row(None, "g", "p1", "b", date(2026, 1, 1), date(2026, 6, 1))
    history.plan_row(None, "g", "p1", "a", date(2026, 1, 2))
    history.customer_row("c2", "p1", None, customer_group=None)
    history.customer_row("c2", "p1", date(2026, 1, 4), customer_group="g")
    _ordered(history, "c2", "fax", date(2026, 1, 5))
    history.run()
    charges = [row for row in history.found["service_charges"] if row["customer_id"] == "c2"]
    assert {row["service_plan_id"] for row in charges} == {"a"}


def test_a_quarter_that_was_filed_keeps_what_came_late_for_another(batch: Batch) -> None:
    """An invoice of February that was declared in the second quarter would be declared in the first one, which was filed long ago."""
    history = History(batch)
    _ordered(history, "c1", "fax", date(2026, 1, 5), date(2026, 1, 20))
    _until(history, date(2026, 2, 5))
    history.approve(0, 0, 1)
    _until(history, date(2026, 4, 10))
    history.file(0)
    _ordered(history, "c3", "fax", date(2026, 2, 10), date(2026, 2, 20))
    history.run()
    history.approve(0, 0, 1)
    _until(history, date(2026, 7, 5))
    history.file(0)
    history.run()
    assert history.met["a quarter filed"] == 2
    declared = {row["invoice_id"]: (row["month"], row["filed_in"]) for row in history.found["invoice_vat"]}
    assert declared == {"c1-2026-01": ("2026-01", "2026-Q1"), "c3-2026-02": ("2026-04", "2026-Q2")}


def test_what_was_approved_is_not_billed_again_under_another_name(batch: Batch) -> None:
    """All approved months of a customer would be billed a second time once another partner says that it had the customer before."""
    history = History(batch)
    _ordered(history, "c3", "fax", date(2026, 1, 5), date(2026, 1, 20))
    _until(history, date(2026, 2, 5))
    history.approve(0, 0, 1)
    before = _lines(history, "c3")
    assert len(before) == 2
    history.customer_row("c3", PARTNERS[1], None, valid_to=date(2025, 11, 15))
    history.run()
    assert _lines(history, "c3") == before
    assert [row["status"] for row in history.found["invoices"] if row["customer_id"] == "c3"] == ["approved"]
