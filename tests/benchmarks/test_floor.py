"""The floor of `make bench`, short: if it read less than a run does, every ratio to it would flatter or shame us."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.workspace import PLATFORM, Workspace
from tests.benchmarks.floor import to_parquet
from tests.pipeline.readers import ask


def test_the_floor_reads_the_records_that_a_run_reads(demo_workspace: Workspace, tmp_path: Path) -> None:
    """The records of the demo's files but the dirt, each in its columns."""
    rows = to_parquet(demo_workspace.landing, tmp_path, threads=2)
    clean = "feed like 'cdrs/%' and not contains(file, 'dirt') and duplicate_of is null"
    ((landed,),) = ask(demo_workspace, PLATFORM, f"select sum(rows_read) from ingested_files where {clean}")
    assert landed - 5 <= rows <= landed  # a line or two that is not whole DuckDB passes over
    widths = {file.name: len(duckdb.sql(f"from '{file}'").columns) for file in tmp_path.glob("*.parquet")}
    assert min(widths.values()) > 5, widths
