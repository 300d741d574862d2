"""``make bench``: what a run costs, as ratios to what DuckDB needs just to read the same files, measured in one go on one machine; what
rating costs beside PostgreSQL and Polars, on the same calls with the same prices; and what the documents of a month cost.

Absolute seconds say as much about the machine as about us; the ratios and the memory are what docs/benchmarks.md keeps.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

import duckdb

from tests.benchmarks.commands import step
from tests.benchmarks.invoices import CALLS, LINES, measure_rendering
from tests.benchmarks.pipeline import pipeline
from tests.benchmarks.rating import compare

PARTS = ("pipeline", "rating", "invoices")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, nargs="+", default=[1_000_000, 10_000_000], help="of the pipeline (1000000 10000000)")
    parser.add_argument("--deck-prefixes", type=int, nargs="+", default=[20_000], help="of the larger partner's deck (20000)")
    parser.add_argument("--compared-calls", type=int, default=1_000_000, help="of the comparison with PostgreSQL and Polars (1000000)")
    parser.add_argument("--invoices", type=int, default=1_000, help="whose documents are made (1000)")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="a part of it")
    chosen = parser.parse_args()
    print(f"\n{hardware()}", flush=True)
    if "pipeline" in chosen.only:
        for calls in chosen.calls:
            for prefixes in chosen.deck_prefixes:
                print(flush=True)
                for line in pipeline(calls, prefixes):
                    print(line, flush=True)
    if "rating" in chosen.only:
        measure_rating(chosen.compared_calls)
    if "invoices" in chosen.only:
        measure_invoices(chosen.invoices)


def hardware() -> str:
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?"
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, DuckDB {duckdb.__version__}"


def measure_rating(calls: int) -> None:
    """Rating alone, with decks of two sizes; a ratio is the other's time to ours."""
    print(f"\n| rating {calls:,} calls | deck | seconds | times ours | rows that differ |\n|---|---|---|---|---|")
    for prefixes in (20_000, 100_000):
        with step(f"rating, {prefixes:,} prefixes"), tempfile.TemporaryDirectory(prefix="tikteller-bench-") as folder:
            ours, *others = compare(Path(folder), calls, prefixes)
        print(f"| {ours.who} | {prefixes:,} | {ours.seconds:.1f} | 1 | |")
        for other in others:
            print(
                f"| {other.who} | {prefixes:,} | {other.seconds:.1f} | {other.seconds / ours.seconds:.1f} | {other.differing} |", flush=True
            )


def measure_invoices(count: int) -> None:
    with step(f"documents of {count:,} invoices"):
        measured = measure_rendering(count)
    print(f"\n{measured.invoices:,} invoices of {LINES} lines and {CALLS} calls: PDF, UBL and CSV in {measured.seconds:.1f} s")


if __name__ == "__main__":
    main()
