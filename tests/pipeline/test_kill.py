"""Fails if a run that is killed loses a call, bills one twice, or takes the last good numbers away from those who are reading them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import duckdb
import pytest

from orchestration.workspace import PROJECT_ROOT, Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import totals


@dataclass(frozen=True)
class SecondDay:
    """A published workspace in which more has landed: what readers see before the run, what they must see after it, how long it takes."""

    workspace: Workspace
    undisturbed: Workspace
    before: dict
    after: dict
    run_s: float


@pytest.fixture(scope="module")
def second_day(demo_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> SecondDay:
    folder = tmp_path_factory.mktemp("second_day")
    workspace, undisturbed = Workspace(folder / "workspace"), Workspace(folder / "undisturbed")
    shutil.copytree(demo_workspace.root, workspace.root)
    before = totals(workspace)
    land_late_calls(workspace)
    shutil.copytree(workspace.root, undisturbed.root)
    began = time.monotonic()
    tikteller(undisturbed.root, "run")
    run_s = time.monotonic() - began
    after = totals(undisturbed)
    assert after != before
    return SecondDay(workspace, undisturbed, before, after, run_s)


def land_late_calls(workspace: Workspace) -> None:
    """600 calls over 30 days that are published already, and half of them a second time in another file."""
    (account,) = duckdb.sql(f"select min(account) from read_csv('{workspace.landing}/accounts/*.csv', union_by_name=true)").fetchall()[0]
    header = "call_id,account,caller,callee,started_at,duration_s\n"
    rows = [f"late-{n},{account},31850000000,31201234567,2026-09-{1 + n % 30:02d}T10:00:{n % 60:02d}Z,61\n" for n in range(600)]
    folder = workspace.landing / "cdrs" / "standard" / "late"
    folder.mkdir(parents=True)
    (folder / "late.csv").write_text(header + "".join(rows))
    (folder / "resent.csv").write_text(header + "".join(rows[::2]))


def assert_whole(second_day: SecondDay, when: str) -> None:
    """Everyone sees all of the last publication or all of the new one. Asked one after another, they may straddle the moment."""
    seen = totals(second_day.workspace)
    assert seen.keys() == second_day.before.keys(), when
    for reader, numbers in seen.items():
        assert numbers in (second_day.before[reader], second_day.after[reader]), f"{reader} saw half a run, {when}"


def start(workspace: Workspace) -> subprocess.Popen[bytes]:
    """A run in a process group of its own, so that a kill reaches dbt too, as a power cut would."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "--workspace", str(workspace.root), "run"],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_a_killed_run_is_repeated_to_the_same_totals(second_day: SecondDay, request: pytest.FixtureRequest) -> None:
    # Fails if readers are ever without numbers, see half a run, or if what was killed cannot be finished.
    kills = 12 if request.config.getoption("--faults-long") else 3
    moments = [second_day.run_s * (n + random.Random(n).random()) / kills for n in range(kills)]
    for moment in moments:
        process = start(second_day.workspace)
        deadline = time.monotonic() + moment
        while time.monotonic() < deadline and process.poll() is None:
            assert_whole(second_day, f"{moment:.1f} s into a run")
            time.sleep(0.5)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert_whole(second_day, f"after the kill at {moment:.1f} s")
    tikteller(second_day.workspace.root, "run")
    assert totals(second_day.workspace) == second_day.after


def test_a_warehouse_made_anew_says_the_same(second_day: SecondDay) -> None:
    # Fails if day-by-day runs drift from what all files together say: the customer would pay what nobody can derive again.
    tikteller(second_day.undisturbed.root, "run", "--rebuild")
    assert totals(second_day.undisturbed) == second_day.after
