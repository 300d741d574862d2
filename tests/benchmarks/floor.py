"""The floor under a run: DuckDB turning the same call records from CSV into Parquet, as text, nothing understood.

``python -m tests.benchmarks.floor LANDING OUT THREADS`` in a process of its own, so that its time is a command's, as a run's is.
"""

from __future__ import annotations

import gzip
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb

HAS_HEADER = {"standard": True, "3cx": True, "asterisk": False, "freeswitch": False}


def to_parquet(landing: Path, out: Path, threads: int) -> int:
    """Write ``out/<dialect>-<n>.parquet``, one for all files of the same columns; the demo's dirt is left out. Returns the rows written."""
    rows = 0
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute("set enable_progress_bar = false")
        for dialect, has_header in HAS_HEADER.items():
            for number, (delimiter, files) in enumerate(_alike(landing / "cdrs" / dialect, has_header)):
                (written,) = connection.execute(
                    f"""
                    copy (
                        from read_csv(
                            ?, header = {has_header}, delim = '{delimiter}', quote = '"', all_varchar = true, ignore_errors = true
                        )
                    ) to '{out}/{dialect}-{number}.parquet'
                    """,
                    [files],
                ).fetchone()
                rows += written
    return rows


def _alike(folder: Path, has_header: bool) -> Iterator[tuple[str, list[str]]]:
    """The files of a dialect, those together that can be read by one statement, with their delimiter."""
    alike: dict[tuple[str, object], list[str]] = defaultdict(list)
    for file in sorted(folder.rglob("*.csv*")):
        if "dirt" not in str(file.relative_to(folder)):
            with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
                first = lines.readline()
            delimiter = max(",;", key=first.count)
            alike[delimiter, first if has_header else first.count(delimiter)].append(str(file))
    for (delimiter, _), files in alike.items():
        yield delimiter, files


if __name__ == "__main__":
    print(to_parquet(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
