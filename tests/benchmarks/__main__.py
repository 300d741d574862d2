"""``make bench``: what a run costs, as ratios to what DuckDB needs just to read the same files, measured in one go on one machine; and what
rating costs beside PostgreSQL and Polars, on the same calls with the same prices.

Absolute seconds say as much about the machine as about us; the ratios and the memory are what docs/benchmarks.md keeps.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration import serving
from orchestration.what_if import price_plan
from orchestration.workspace import PROJECT_ROOT, Workspace
from tests.benchmarks.rating import compare

FLOOR = """
import duckdb, pathlib, sys
landing, out, threads = sys.argv[1:]
connection = duckdb.connect(config={"threads": threads})
connection.execute("set preserve_insertion_order = false")
columns = ", ".join(f"'c{n}': 'varchar'" for n in range(27))
for dialect in ("standard", "3cx", "asterisk", "freeswitch"):
    files = [str(f) for f in pathlib.Path(landing, "cdrs", dialect).rglob("*.csv*") if "dirt" not in str(f.relative_to(landing))]
    options = "header=false, null_padding=true, ignore_errors=true, auto_detect=false, delim=',', columns={" + columns + "}"
    connection.execute(f"copy (select * from read_csv({files}, {options})) to '{out}/{dialect}.parquet'")
"""
"""The floor: every call record as text from CSV to Parquet, nothing understood. Semicolon files cost the same to read."""

QUESTIONS = {
    "totals of a month": "sum(calls), sum(duration_s), sum(sale_eur), sum(purchase_eur) from daily_calls where month = '2026-10'",
    "who calls abroad the most": "customer_id, sum(duration_s) from daily_calls where is_international group by all order by 2 desc",
    "by country": "country, sum(duration_s), sum(margin_eur) from daily_calls group by all",
    "trend": "call_date, sum(calls), sum(margin_eur) from daily_calls group by all order by 1",
    "margins by customer": "customer_id, sum(sale_eur), sum(margin_eur) from margins group by all order by 3 desc",
}


@dataclass(frozen=True)
class Measured:
    """Wall seconds, and the peak memory of the largest process so far in MiB."""

    what: str
    seconds: float
    memory_mib: float | None = None


@contextmanager
def step(what: str) -> Iterator[None]:
    print(f"... {what}", file=sys.stderr, flush=True)
    yield


def timed(what: str, *command: str) -> Measured:
    """Run a command in a process of its own."""
    with step(what):
        began = time.monotonic()
        subprocess.run(
            command,
            check=True,
            cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        )
        seconds = time.monotonic() - began
    return Measured(what, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)


def tikteller(workspace: Workspace, what: str, *arguments: str) -> Measured:
    return timed(what, sys.executable, "-m", "orchestration.cli", "--workspace", str(workspace.root), *arguments)


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


def hardware() -> str:
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?"
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, DuckDB {duckdb.__version__}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000, help="of the pipeline (1000000)")
    parser.add_argument("--deck-prefixes", type=int, default=20_000, help="of the larger partner's deck (20000)")
    parser.add_argument("--compared-calls", type=int, default=200_000, help="of the comparison with PostgreSQL and Polars (200000)")
    parser.add_argument("--only", choices=("pipeline", "rating"), help="one half of it")
    chosen = parser.parse_args()
    print(f"\n{hardware()}\n")
    if chosen.only != "rating":
        measure_pipeline(chosen.calls, chosen.deck_prefixes)
    if chosen.only != "pipeline":
        measure_rating(chosen.compared_calls)


def measure_rating(calls: int) -> None:
    """Rating alone, with decks of two sizes; a ratio is the other's time to ours."""
    print(f"\n| rating {calls:,} calls | deck | seconds | times ours | rows that differ |\n|---|---|---|---|---|")
    for prefixes in (20_000, 100_000):
        with step(f"rating, {prefixes:,} prefixes"), tempfile.TemporaryDirectory(prefix="tikteller-bench-") as folder:
            ours, *others = compare(Path(folder), calls, prefixes)
        print(f"| {ours.who} | {prefixes:,} | {ours.seconds:.1f} | 1 | |")
        for other in others:
            print(f"| {other.who} | {prefixes:,} | {other.seconds:.1f} | {other.seconds / ours.seconds:.1f} | {other.differing} |")


def what_if(workspace: Workspace) -> list[Measured]:
    """The tariff lab on the largest partner: every plan that it has against all that was called, median of three each."""
    partner = max(serving.published_partners(workspace), key=lambda each: serving.current_snapshot(workspace, each).stat().st_size)
    with serving.connect(serving.current_snapshot(workspace, partner)) as snapshot:
        (groups,) = snapshot.execute("select count(*) from call_histogram").fetchone()
        plans = [row[0] for row in snapshot.execute("select call_plan_id from rating.stg_landing__call_plans order by 1").fetchall()]
    measured = []
    for plan in plans[:3]:
        seconds = []
        for _ in range(3):
            began = time.monotonic()
            price_plan(workspace, partner, plan)
            seconds.append(time.monotonic() - began)
        measured.append(Measured(f"what-if: plan {plan} against all calls ({groups:,} groups)", sorted(seconds)[1]))
    return measured


def measure_pipeline(calls: int, deck_prefixes: int) -> None:
    root = Path(tempfile.mkdtemp(prefix="tikteller-bench-"))
    try:
        workspace = Workspace(root / "workspace")
        deck = ["--deck-prefixes", str(deck_prefixes)]
        tikteller(workspace, f"demo data, {calls:,} calls", "demo-data", "--calls", str(calls), *deck)
        (root / "parquet").mkdir()
        floor = timed("CSV to Parquet", sys.executable, "-c", FLOOR, str(workspace.landing), str(root / "parquet"), str(os.cpu_count()))
        first = tikteller(workspace, "first run", "run")
        (workspace.landing / "payments" / "one-payment.csv").write_text("invoice_number,paid_on,amount_eur\nX1,2026-10-01,1.00\n")
        nothing = tikteller(workspace, "run with one payment", "run")
        land_one_more_day(workspace, calls // 30)
        day = tikteller(workspace, f"one more day, {calls // 30:,} calls", "run")
        fixed = nothing.seconds  # what any run takes: starting, dbt, its checks
        marginal, marginal_day = first.seconds - fixed, day.seconds - fixed
        print(f"| {calls:,} calls, deck of {deck_prefixes:,} | seconds | ratio | peak memory |\n|---|---|---|---|")
        print(f"| DuckDB: the same CSV to Parquet | {floor.seconds:.1f} | 1 | |")
        print(f"| {nothing.what} | {fixed:.1f} | | |")
        print(f"| first run | {first.seconds:.1f} | beyond that {marginal / floor.seconds:.1f} x Parquet | {first.memory_mib:,.0f} MiB |")
        print(f"| {day.what} | {day.seconds:.1f} | beyond that {marginal_day / marginal:.2f} of the first run | |")
        for question in (*questions(workspace), *what_if(workspace)):
            print(f"| {question.what} | {question.seconds:.3f} | | |")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
