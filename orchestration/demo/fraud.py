"""Nights in which somebody called on another's account: bursts of long calls to satellites and 0906 numbers, for the fraud guard to find.

They come on top of the ordinary calls, in files of their own, and are as many however many calls the demo has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from orchestration.demo.dirt import Source, source_of
from orchestration.demo.files import KEPT, Landing, Row
from orchestration.demo.partners import Customer
from orchestration.demo.traffic import Crowd

KIND = "fraud_burst"
SATELLITE, PREMIUM = 870_773000000, 31906_0000
"""From the blocks of ``destinations``: about a euro a minute under the plan of the customers below."""


@dataclass(frozen=True)
class Burst:
    """One night's calls of one customer: ``at_once`` of them side by side, each about ``talk_s`` long, from ``begins`` (local) on.

    ``stage`` is the stage of the customer's range 40-80-120 that the night passes for certain, whatever else it called that day.
    """

    customer_id: str
    begins: datetime
    calls: int
    at_once: int
    talk_s: int
    stage: int


BURSTS = (
    Burst("kl-006", datetime(2026, 10, 17, 1, 40), calls=30, at_once=4, talk_s=870, stage=3),  # Saturday: some 430 EUR
    Burst("kl-006", datetime(2026, 10, 18, 2, 5), calls=20, at_once=4, talk_s=870, stage=3),  # and again
    Burst("bh-004", datetime(2026, 10, 22, 3, 15), calls=5, at_once=2, talk_s=620, stage=1),  # some 50 EUR: a warning, no block
)


def expected_alarms() -> list[dict[str, str | int]]:
    """What the fraud guard has to find at least: customer, day and stage."""
    return [{"customer_id": burst.customer_id, "call_date": burst.begins.date().isoformat(), "stage": burst.stage} for burst in BURSTS]


def land_fraud(landing: Landing, crowds: Sequence[Crowd], customers: Sequence[Customer], seed: int) -> None:
    """The bursts, a file of ``cdrs/standard`` per night: their exchanges write that dialect."""
    connection = duckdb.connect(config={"threads": 1})
    known = {customer.customer_id: customer for customer in customers}
    crowd_by_exchange = {crowd.exchange.exchange_id: crowd for crowd in crowds}
    for number, burst in enumerate(BURSTS, start=1):
        customer = known[burst.customer_id]
        source = source_of(crowd_by_exchange[customer.exchange.exchange_id], seed, f"night{number}", connection)
        rows = list(_rows(source, burst, customer))
        content = source.content(row.text for row in rows)
        landing.put_rows(source.feed, f"{source.feed}/demo-fraud/night-{number}.csv", content, rows)


def _rows(source: Source, burst: Burst, customer: Customer) -> Iterator[Row]:
    ends = [burst.begins] * burst.at_once
    for number, record in enumerate(source.records(burst.calls)):
        line = number % burst.at_once
        started, talk_s = ends[line] + timedelta(seconds=7 + line), burst.talk_s + 37 * (number % 5)
        ends[line] = started + timedelta(seconds=talk_s)
        called = (SATELLITE if number % 3 else PREMIUM) + number
        edited = source.setting(account=customer.accounts[0], caller=f"+{customer.first_number + 1}", callee=f"+{called}")(record)
        yield source.row(KIND, KEPT, source.at(started, talk_s)(edited))
