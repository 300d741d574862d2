"""A landing that is killed leaves whole files or none, and the next one ends where an undisturbed one would."""

from __future__ import annotations

import gzip
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestration import warehouse
from orchestration.landing.feeds import FEEDS
from orchestration.landing.ingest import ingest
from orchestration.warehouse import builds
from orchestration.workspace import Workspace

READ_ANEW = """
import os, signal, sys
from pathlib import Path
from orchestration import warehouse
from orchestration.warehouse import builds
from orchestration.landing import file_sources, ingest
from orchestration.workspace import Workspace
file_sources.renew = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
workspace = Workspace(Path(sys.argv[1]))
with warehouse.connect(workspace) as connection:
    ingest.ingest(workspace, connection, "killed", out_of_turn=lambda: builds.forget_build(workspace))
"""

HEADER = "call_id,caller,callee,started_at,duration_s\n"
FILES, ROWS, KILLS = 30, 2_000, 6

INGEST = """
import sys
from pathlib import Path
from orchestration import warehouse
from orchestration.landing import ingest
from orchestration.workspace import Workspace
ingest.UNIT_FILES = 3  # many transactions, so that a kill falls between and into them
workspace = Workspace(Path(sys.argv[1]))
with warehouse.connect(workspace) as connection:
    print("reading", flush=True)
    ingest.ingest(workspace, connection, "killed")
"""


def calls_of(day: int) -> str:
    return HEADER + "".join(f"c{day}-{n},3120{n:07},4930{n:06},2026-10-01T09:00:00+02:00,{n}\n" for n in range(ROWS))


def workspace_with_calls(root: Path) -> Workspace:
    """Clean files, irregular ones, a truncated one, a duplicate: whatever takes another way through the landing."""
    workspace = Workspace(root)
    workspace.create(tuple(feed.name for feed in FEEDS))
    folder = workspace.feed("cdrs/standard")
    for day in range(FILES):
        text = calls_of(day) + ("too,few\n" if day % 7 == 3 else "")
        if day % 2:
            (folder / f"{day:02}.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
        else:
            (folder / f"{day:02}.csv").write_text(text)
    (folder / "98-cut.csv").write_text(calls_of(98)[:-20])
    (folder / "99-again.csv").write_text(calls_of(0))
    return workspace


def totals(workspace: Workspace) -> dict[str, list[tuple]]:
    """All that must be the same; file ids too, for they decide which of two rows is the later one."""
    with warehouse.connect(workspace, read_only=True) as connection:
        return {
            "files": connection.execute(
                "select file_id, file, rows_read, rows_rejected, reject_reason, duplicate_of from raw.files order by file_id"
            ).fetchall(),
            "calls": connection.execute(
                "select file_id, count(*), min(line), max(line), bit_xor(hash(line, call_id, duration_s)) from raw.cdrs_standard "
                "group by file_id order by file_id"
            ).fetchall(),
            "rejected": connection.execute(
                "select file_id, reason, count(*), sum(line) from raw.rejected_lines group by all order by all"
            ).fetchall(),
        }


def kill_after(workspace: Workspace, seconds: float) -> bool:
    """Start a landing and kill it; whether it was still at work."""
    process = subprocess.Popen([sys.executable, "-c", INGEST, str(workspace.root)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout
    assert process.stdout.readline() == b"reading\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def test_killed_landing_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    """Half a file in raw, or one twice, is a wrong invoice after a power cut."""
    undisturbed = workspace_with_calls(tmp_path / "undisturbed")
    with warehouse.connect(undisturbed) as connection:
        began = time.monotonic()
        ingest(undisturbed, connection, "whole")
        took = time.monotonic() - began
    expected = totals(undisturbed)
    assert len(expected["files"]) == FILES + 2
    assert sum(row[1] for row in expected["calls"]) == FILES * ROWS

    killed = workspace_with_calls(tmp_path / "killed")
    moments = random.Random(20261001)
    interrupted = 0
    for _ in range(KILLS):
        interrupted += kill_after(killed, moments.uniform(0, took))
        with warehouse.connect(killed) as connection:
            if connection.execute("select 1 from duckdb_tables() where schema_name = 'raw' and table_name = 'files'").fetchone():
                halves = connection.execute("""
                    select file_id from raw.files
                    full join (select file_id, count(*) as rows from raw.cdrs_standard group by file_id) using (file_id)
                    full join (select file_id, count(*) as lines from raw.rejected_lines group by file_id) using (file_id)
                    where rows_read is distinct from coalesce(rows, 0) + coalesce(lines, 0) and duplicate_of is null
                """).fetchall()
                assert halves == []
    if not interrupted:
        pytest.fail("no landing was killed at work: it proves nothing")
    with warehouse.connect(killed) as connection:
        ingest(killed, connection, "again")
    assert totals(killed) == expected


def test_a_run_killed_while_it_reads_anew_leaves_no_day_rated_by_the_old_format(tmp_path: Path) -> None:
    """The rows would be read as sources.toml says, and their days stay rated by what they were: nothing says so any more."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.create(tuple(feed.name for feed in FEEDS))
    folder = workspace.feed("cdrs/standard") / "own"
    folder.mkdir()
    (folder / "a.csv").write_text(calls_of(1))
    with warehouse.connect(workspace) as connection:
        ingest(workspace, connection, "whole")
    builds.build_went_well(workspace)
    (workspace.root / "sources.toml").write_text('[sources."cdrs/standard/own"]\ndelimiter = ","\ncolumns = { callee = "caller" }')
    killed = subprocess.run([sys.executable, "-c", READ_ANEW, str(workspace.root)], cwd=Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    with warehouse.connect(workspace) as connection:
        assert connection.execute("select count(*) from raw.cdrs_declared").fetchone() == (ROWS,)
    assert not builds.is_built(workspace)
