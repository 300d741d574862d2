"""The comparison of `make bench`, short: a time of ours says nothing if the prices that it took are not those that others find."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.rating import compare


def test_postgresql_and_polars_find_our_prices(tmp_path: Path) -> None:
    """A benchmark would boast of prices that are wrong; PostgreSQL counts in numeric and Polars in whole numbers, neither with our SQL."""
    ours, *others = compare(tmp_path, calls=10_000, prefixes=3_000)
    assert ours.differing is None
    assert [(each.who, each.differing) for each in others] == [("Polars", 0), ("PostgreSQL 15 with prefix (GiST)", 0)]
