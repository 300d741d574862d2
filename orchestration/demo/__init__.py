"""The demo: realistic files in every landing feed and dialect, seeded, with dirt in known numbers and the answers to
it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa

from orchestration.demo.acts import expected_acts, land_acts
from orchestration.demo.answers import answers
from orchestration.demo.dialects import bytes_of, lines_of
from orchestration.demo.dirt import AN_ORDINARY_DAY, land_dirt, ordinary_dirt
from orchestration.demo.exchanges import EXCHANGES
from orchestration.demo.files import Landing
from orchestration.demo.fraud import expected_alarms, land_fraud
from orchestration.demo.partners import customers_of
from orchestration.demo.period import Period, period_of
from orchestration.demo.tables import land_tables, tables_of
from orchestration.demo.traffic import Crowd, calls_of, calls_per_day, crowd_of
from orchestration.demo.wholesale_invoices import land_purchase_invoices
from orchestration.demo.wholesale_switch import Switch
from orchestration.errors import TiktellerError
from orchestration.progress import Progress, silent
from orchestration.workspace import Workspace

MOST_MONTHS = 36
ROWS_AT_ONCE = 50_000
"""Rows of one query: planning one takes 20 ms, which so many rows make small, and a hundred bytes of them each stay
little memory.
"""


@dataclass(frozen=True)
class DemoSummary:
    """What one generation wrote.

    ``replaced`` files had been there under the same name; ``left_over`` files are of an earlier demo and not of this
    one, so that what is in landing/ is more than the answers say.
    """

    seed: int
    calls: int
    first_day: date
    last_day: date
    files: int
    rows: dict[str, int]
    """Rows written, by feed."""
    replaced: int
    left_over: int
    seconds: float


def generate(
    workspace: Workspace,
    calls: int = 200_000,
    months: int = 3,
    seed: int = 1,
    progress: Progress = silent,
    deck_prefixes: int | None = None,
) -> DemoSummary:
    """Land files in every feed: ``calls`` good call legs over the ``months`` that end with October 2026, dirt on top.

    ``deck_prefixes`` is how many prefixes the first partner's purchase deck has; None: as many as the world takes, some thousands.
    Same arguments, same bytes. What was written, and where each row has to end, stands in ``workspace.demo_answers``.
    Raises TiktellerError on arguments out of range.
    """
    _check(calls, months, seed)
    started = time.monotonic()
    was_empty = not any(path.is_file() for path in workspace.landing.rglob("*"))
    period = period_of(months)
    landing = Landing(workspace.landing)
    customers = customers_of(seed)

    land_tables(landing, tables_of(customers, period, seed, deck_prefixes), deck_prefixes)
    for feed, rows in Counter[str](_rows_by_feed(landing)).items():
        progress(feed, rows, time.monotonic() - started)
    crowds = [crowd_of(exchange, index, customers) for index, exchange in enumerate(EXCHANGES)]
    land_dirt(landing, crowds, seed)
    land_fraud(landing, crowds, customers, seed)
    land_acts(landing, crowds, customers, seed)
    switch = Switch(customers, period, deck_prefixes)
    _land_calls(landing, crowds, period, calls, seed, switch, progress)
    switch.count_spoken(landing.spoken)
    planted = land_purchase_invoices(landing, switch, customers, period, seed)
    told = answers(landing, period, calls, months, seed, expected_alarms(), planted, expected_acts())
    workspace.demo_answers.write_text(told)

    if was_empty:
        workspace.demo_landing.touch()
    written = {file.path for file in landing.landed}
    came_ns = time.time_ns()
    for file in written:  # they came together: which is the later one is said by their names, not by who wrote faster
        os.utime(workspace.landing / file, ns=(came_ns, came_ns))
    present = {path.relative_to(workspace.landing).as_posix() for path in workspace.landing.rglob("*.csv*") if path.is_file()}
    left_over = sum("/demo-" in path for path in present - written)
    return DemoSummary(
        seed=seed,
        calls=calls,
        first_day=period.first,
        last_day=period.last,
        files=len(written),
        rows=_rows_by_feed(landing),
        replaced=len(landing.replaced),
        left_over=left_over,
        seconds=time.monotonic() - started,
    )


def _check(calls: int, months: int, seed: int) -> None:
    if calls < 1:
        raise TiktellerError(f"demo data of {calls} calls cannot be made", fix="--calls 1 or more")
    if not 1 <= months <= MOST_MONTHS:
        raise TiktellerError(f"demo data of {months} months cannot be made", fix=f"--months from 1 to {MOST_MONTHS}")
    if seed < 0:
        raise TiktellerError(f"demo data with seed {seed} cannot be made", fix="--seed 0 or more")


def _rows_by_feed(landing: Landing) -> dict[str, int]:
    rows: dict[str, int] = {}
    for file in landing.landed:
        rows[file.feed] = rows.get(file.feed, 0) + file.rows
    return rows


def _land_calls(landing: Landing, crowds: list[Crowd], period: Period, calls: int, seed: int, switch: Switch, progress: Progress) -> None:
    """One file per exchange and day; the wholesaler's ``switch`` counts the calls too. Days do not depend on each other, so
    that they are made side by side in bounded memory.
    """
    counts = calls_per_day(calls, period, crowds)
    local = threading.local()

    def land(crowd: Crowd, days: list[tuple[date, int]]) -> int:
        if not hasattr(local, "connection"):
            local.connection = duckdb.connect(config={"threads": 1})
        exchange = crowd.exchange
        newline = exchange.style.newline.encode()
        tables = [calls_of(crowd, day, size, seed) for day, size in days]
        for (day, _), table in zip(days, tables, strict=True):
            switch.count(exchange, day, table)
        lines = lines_of(exchange, pa.concat_tables(tables), local.connection)
        written = 0
        for day, size in days:
            dirt = ordinary_dirt(crowd, seed, local.connection) if day == AN_ORDINARY_DAY else []
            half = size // 2  # dirt lies in the middle of a file
            content = b"".join(
                (
                    exchange.header,
                    *bytes_of(lines.slice(written, half)),
                    *(row.text.encode() + newline for row in dirt),
                    *bytes_of(lines.slice(written + half, size - half)),
                )
            )
            landing.put_rows(exchange.feed, f"{exchange.feed}/{exchange.path(day)}", content, dirt, good=size)
            written += size
        return written

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for feed in dict.fromkeys(exchange.feed for exchange in EXCHANGES):
            started = time.monotonic()
            jobs = [
                pool.submit(land, crowd, days)
                for crowd, sizes in zip(crowds, counts.T.tolist(), strict=True)
                if crowd.exchange.feed == feed
                for days in _batches(zip(period.days, sizes, strict=True))
            ]
            progress(feed, sum(job.result() for job in jobs), time.monotonic() - started)


def _batches(days: Iterable[tuple[date, int]]) -> Iterator[list[tuple[date, int]]]:
    """Days with their numbers of calls, as many together as one query handles well; days without anything to write are
    left out.
    """
    batch: list[tuple[date, int]] = []
    for day, size in days:
        if batch and sum(rows for _, rows in batch) + size > ROWS_AT_ONCE:
            yield batch
            batch = []
        if size or day == AN_ORDINARY_DAY:
            batch.append((day, size))
    if batch:
        yield batch
