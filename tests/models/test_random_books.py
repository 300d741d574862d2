"""The batch's SQL against an independent bookkeeper, under random histories of orders, master data and decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.models.billed import Batch
from tests.models.random_books import EVENTS, History

STEPS, HISTORIES, LONG_HISTORIES = 400, 25, 2_500  # 10,000 and a million steps

OFTEN = {
    "new_order": 5, "night": 2, "call": 2, "read_pbx": 2, "approve": 4, "settle": 2, "file": 2, "exception": 2, "change_customer": 2,
}  # fmt: skip
"""Events that are drawn so many times as often as the others."""

MET_BY_CHANCE = 10


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
    assert met["steps"] >= (LONG_HISTORIES if is_long else HISTORIES) * STEPS * 0.9
    unmet = sorted(kind for kind in KINDS if met[kind] < MET_BY_CHANCE)
    assert not unmet, f"the comparison proves nothing about {unmet}: {dict(met)}"


KINDS = (
    "an order", "a delivery", "an end", "an end taken back", "a withdrawal", "a quantity corrected", "a delivery corrected",
    "a service corrected", "a customer corrected", "a PBX corrected", "a line continued", "a reading", "a reading corrected", "a call",
    "a leg of airtime", "a late call", "a call without a price", "a price for a call", "a price of the catalogue", "a markup",
    "an exception", "a plan", "a plan of a group", "a customer who moves", "percentages of a reseller",
    "reseller_id from a day on", "reseller_id from the beginning on", "vat_category from a day on", "vat_category from the beginning on",
    "billing_exempt from a day on", "billing_exempt from the beginning on", "customer_group from a day on",
    "customer_group from the beginning on", "an approval", "an approval before the month is over", "a close", "a credit note by hand",
    "a statement settled", "a quarter filed", "a partner left out", "a run", "charged: nrc", "charged: mrc", "charged: seat",
    "charged: airtime", "settled: nrc", "settled: mrc", "settled: seat", "settled: airtime", "missing_reading", "no_service_plan",
    "below_purchase", "draft invoice", "blocked invoice", "approved invoice", "credited invoice", "draft credit_note",
    "approved credit_note",
)  # fmt: skip
"""What the histories must have met, each a few times."""
