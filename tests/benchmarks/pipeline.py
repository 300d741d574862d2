"""A run of the pipeline, from what has landed to what is published, beside the floor; then the dashboard's questions and the tariff lab."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from orchestration import serving
from orchestration.rules.what_if import price_plan
from orchestration.workspace import Workspace
from tests.benchmarks.commands import Measured, tikteller, timed

OF_ANY_RUN_S = 30.0
"""What the budget allows a run for itself, before 8 times the floor."""

QUESTIONS = {
    "totals of a month": "sum(calls), sum(duration_s), sum(sale_eur), sum(purchase_eur) from daily_calls where month = '2026-10'",
    "who calls abroad the most": "customer_id, sum(duration_s) from daily_calls where is_international group by all order by 2 desc",
    "by country": "country, sum(duration_s), sum(margin_eur) from daily_calls group by all",
    "trend": "call_date, sum(calls), sum(margin_eur) from daily_calls group by all order by 1",
    "margins by customer": "customer_id, sum(sale_eur), sum(margin_eur) from margins group by all order by 3 desc",
}


def pipeline(calls: int, deck_prefixes: int) -> Iterator[str]:
    """Lines of a table. A run's time is told apart: what any run takes, and what is beyond, as a ratio to the floor."""
    root = Path(tempfile.mkdtemp(prefix="tikteller-bench-"))
    try:
        workspace = Workspace(root / "workspace")
        tikteller(workspace, f"demo data, {calls:,} calls", "demo-data", "--calls", str(calls), "--deck-prefixes", str(deck_prefixes))
        (root / "parquet").mkdir()
        floor_arguments = (str(workspace.landing), str(root / "parquet"), str(os.cpu_count()))
        before = timed("CSV to Parquet", sys.executable, "-m", "tests.benchmarks.floor", *floor_arguments)
        first = tikteller(workspace, "first run", "run")
        after = timed("CSV to Parquet once more", sys.executable, "-m", "tests.benchmarks.floor", *floor_arguments)
        floor = _mean(before, after)  # of a shared machine, whose speed is another every minute
        (workspace.landing / "payments" / "one-payment.csv").write_text("invoice_number,paid_on,amount_eur\nX1,2026-10-01,1.00\n")
        fixed = tikteller(workspace, "run with one payment", "run")  # what any run takes: starting, dbt, its checks
        land_one_more_day(workspace, calls // 30)
        day = tikteller(workspace, f"one more day, {calls // 30:,} calls", "run")
        beyond, beyond_day = first.seconds - fixed.seconds, day.seconds - fixed.seconds
        yield f"| {calls:,} calls, deck of {deck_prefixes:,} | wall s | CPU s | ratio | peak memory |\n|---|---|---|---|---|"
        yield _line(floor, f"1 (before {before.seconds:.1f} s, after {after.seconds:.1f} s)", "DuckDB: the same CSV to Parquet")
        yield _line(fixed, "")
        cpu = (first.cpu_s - fixed.cpu_s) / floor.cpu_s
        beyond_budget = f"beyond {OF_ANY_RUN_S:.0f} s {(first.seconds - OF_ANY_RUN_S) / floor.seconds:.1f} x Parquet"
        yield _line(first, f"{beyond_budget}; beyond any run {beyond / floor.seconds:.1f} x (CPU {cpu:.1f} x)")
        yield _line(day, f"beyond that {beyond_day / beyond:.3f} of the first run")
        for question in (*questions(workspace), *what_if(workspace)):
            yield f"| {question.what} | {question.seconds:.3f} | | | |"
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _mean(one: Measured, other: Measured) -> Measured:
    halves = {name: (getattr(one, name) + getattr(other, name)) / 2 for name in ("seconds", "cpu_s", "memory_mib")}
    return Measured(f"{one.what}, before and after", **halves)


def _line(measured: Measured, ratio: str, what: str | None = None) -> str:
    return f"| {what or measured.what} | {measured.seconds:.1f} | {measured.cpu_s:.1f} | {ratio} | {measured.memory_mib:,.0f} MiB |"


def land_one_more_day(workspace: Workspace, calls: int) -> None:
    """``calls`` calls on 1 November 2026, spread over the demo's accounts."""
    folder = workspace.landing / "cdrs" / "standard" / "one-more-day"
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"create table accounts as select row_number() over () - 1 as n, account from '{workspace.landing}/accounts/demo-1.csv'"
        )
        connection.execute(f"""
            copy (
                select
                    'day-' || call as call_id, account, '31850000000' as caller, '3120' || (1000000 + call * 7919 % 9000000) as callee,
                    strftime(timestamp '2026-11-01 07:00:00' + to_seconds(call % 30000), '%Y-%m-%dT%H:%M:%SZ') as started_at,
                    call % 600 as duration_s
                from range({calls}) as calls (call)
                inner join accounts on accounts.n = call % (select count(*) from accounts)
            ) to '{folder}/2026-11-01.csv' (header)
        """)


def questions(workspace: Workspace) -> list[Measured]:
    """The dashboard's questions on the largest partner's snapshot, each on a connection of its own, median of five."""
    files = [serving.current_snapshot(workspace, partner) for partner in serving.published_partners(workspace)]
    largest = max(files, key=lambda file: file.stat().st_size)
    measured = []
    for what, question in QUESTIONS.items():
        seconds = []
        for _ in range(5):
            began = time.monotonic()
            with serving.connect(largest) as snapshot:
                snapshot.execute(f"select {question}").fetchall()
            seconds.append(time.monotonic() - began)
        measured.append(Measured(what, sorted(seconds)[2]))
    return measured


def what_if(workspace: Workspace) -> list[Measured]:
    """The tariff lab on the largest partner: every plan that it has against all that was called, median of three each."""
    partner = max(serving.published_partners(workspace), key=lambda each: serving.current_snapshot(workspace, each).stat().st_size)
    with serving.connect(serving.current_snapshot(workspace, partner)) as snapshot:
        (groups,) = snapshot.execute("select count(*) from call_histogram").fetchone()
        plans = [row[0] for row in snapshot.execute("select distinct call_plan_id from rating.int_call_plans order by 1").fetchall()]
    measured = []
    for plan in plans[:3]:
        seconds = []
        for _ in range(3):
            began = time.monotonic()
            price_plan(workspace, partner, plan)
            seconds.append(time.monotonic() - began)
        measured.append(Measured(f"what-if: plan {plan} against all calls ({groups:,} groups)", sorted(seconds)[1]))
    return measured
