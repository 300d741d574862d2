"""Fails if files lie in landing and no run comes, if a half-copied file is landed, or if two runs write at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestration import run_lock
from orchestration.errors import TiktellerError
from orchestration.pipeline.settings import RunSettings
from orchestration.warehouse import builds
from orchestration.workspace import PLATFORM, Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask


@pytest.fixture
def landing(tmp_path: Path) -> Workspace:
    """One file that has lain there for an hour."""
    workspace = Workspace(tmp_path)
    file = workspace.landing / "payments" / "a.csv"
    file.parent.mkdir(parents=True)
    file.write_text("invoice_number,paid_on,amount_eur\n")
    an_hour_ago = time.time() - 3600
    os.utime(file, (an_hour_ago, an_hour_ago))
    return workspace


@pytest.fixture(scope="module")
def dagster_definitions(demo_workspace: Workspace):
    """Loaded once: it reads dbt's manifest."""
    before = os.environ.get("TIKTELLER_WORKSPACE")
    os.environ["TIKTELLER_WORKSPACE"] = str(demo_workspace.root)
    builds.prepare_manifest(demo_workspace)
    from orchestration.pipeline import definitions

    yield definitions
    if before is None:
        del os.environ["TIKTELLER_WORKSPACE"]
    else:
        os.environ["TIKTELLER_WORKSPACE"] = before


def test_a_landed_file_asks_for_one_run(dagster_definitions, landing: Workspace) -> None:
    from orchestration.pipeline.schedules import landing_change

    asked = landing_change(landing, cursor=None)
    assert len(asked.run_requests) == 1
    assert "nothing new" in landing_change(landing, asked.cursor).skip_message


def test_a_file_that_is_still_arriving_is_waited_for(dagster_definitions, landing: Workspace) -> None:
    from orchestration.pipeline.schedules import landing_change

    asked = landing_change(landing, cursor=None)
    (landing.landing / "payments" / "b.csv").write_text("invoice_number,paid_on")
    assert "still arriving" in landing_change(landing, asked.cursor).skip_message
    assert landing_change(landing, asked.cursor, now=time.time() + 3600).run_requests


def test_the_flow_leads_from_every_feed_to_the_snapshots(dagster_definitions) -> None:
    # Fails if a part of the pipeline is not in the job, or publishing does not wait for the checked marts.
    graph = dagster_definitions.defs.resolve_asset_graph()
    keys = {tuple(key.path) for key in graph.get_all_asset_keys()}
    assert {
        ("raw", "cdrs_standard"),
        ("raw", "orders"),
        ("staging", "stg_landing__orders"),
        ("marts", "calls"),
        ("serving", "snapshots"),
    } <= keys
    (snapshots,) = (key for key in graph.get_all_asset_keys() if key.path[-1] == "snapshots")
    parents = {tuple(key.path) for key in graph.get(snapshots).parent_keys}
    assert {("marts", "calls"), ("marts", "invoices"), ("marts", "margins")} <= parents
    checks = {(tuple(key.asset_key.path), key.name) for key in graph.asset_check_keys}
    assert (("raw", "cdrs_standard"), "landed_as_expected") in checks
    assert any(path[0] == "marts" for path, _ in checks)


def test_a_second_run_is_told_who_is_running(demo_workspace: Workspace) -> None:
    with run_lock.held(demo_workspace):
        refused = tikteller(demo_workspace.root, "run", check=False)
        assert f"process {os.getpid()}" in tikteller(demo_workspace.root, "status").stdout
        with pytest.raises(TiktellerError, match="a run is going on"), run_lock.held(demo_workspace):
            pass
    assert refused.returncode == 1
    assert f"process {os.getpid()}" in refused.stderr
    assert run_lock.holder(demo_workspace) is None


def test_what_the_command_line_ran_is_seen_in_dagster(dagster_definitions, demo_workspace: Workspace, tmp_path: Path) -> None:
    """The operator looks into Dagster in the morning, and the night's run, of cron, would not be there: is anything running at all?"""
    import dagster as dg

    from orchestration.pipeline import reported

    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(demo_workspace.dagster_home / "reported", workspace.dagster_home / "reported")
    nodes = json.loads((demo_workspace.dbt_target / "manifest.json").read_text())["nodes"]
    graph = dagster_definitions.defs.resolve_asset_graph()
    with dg.DagsterInstance.ephemeral() as instance:
        assert reported.report(instance, workspace, nodes) == 1
        seen = {key: instance.get_latest_materialization_event(key) for key in graph.materializable_asset_keys}
        assert not [key for key, event in seen.items() if event is None]
        rows = seen[dg.AssetKey(["raw", "orders"])].asset_materialization.metadata["rows"].value
        assert rows == ask(demo_workspace, PLATFORM, "select sum(rows_read)::int from ingested_files where feed = 'orders'")[0][0]
        snapshot = seen[dg.AssetKey(["serving", "snapshots"])].asset_materialization.metadata["snapshot"].value
        assert snapshot == ask(demo_workspace, PLATFORM, "select snapshot from _snapshot")[0][0]
        checked = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(graph.asset_check_keys))
        assert len(checked) == len(graph.asset_check_keys)
        assert reported.report(instance, workspace, nodes) == 0, "once"


def test_dagster_and_the_command_line_run_the_same(dagster_definitions, demo_workspace: Workspace, tmp_path: Path) -> None:
    """What is published would hang on who started the run: finance at the command line, or the schedule."""
    import dagster as dg

    from orchestration.progress import silent

    by_hand, by_dagster = (Workspace(tmp_path / name) for name in ("by_hand", "by_dagster"))
    for workspace in (by_hand, by_dagster):
        shutil.copytree(demo_workspace.root, workspace.root, symlinks=True)
        bill = ask(workspace, "kustlijn", "select invoice_number from invoices where invoice_number is not null limit 1") or [("X1",)]
        payment = f"invoice_number,paid_on,amount_eur\n{bill[0][0]},2026-11-02,1.00\n"
        (workspace.landing / "payments" / "one-more.csv").write_text(payment)
    tikteller(by_hand.root, "run")
    resources = {"workspace": by_dagster, "run_lock": None, "progress": silent, "run_settings": RunSettings()}
    job = dagster_definitions.defs.resolve_job_def("tikteller_run")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, resources=resources)
    assert result.success
    assert tables(by_dagster) == tables(by_hand)


def tables(workspace: Workspace) -> dict[str, list[tuple]]:
    """All that is published, but for what bears the moment of its run."""
    found = {}
    for owner in ("kustlijn", "binnenhaven", PLATFORM):
        named = "select table_name from duckdb_tables() where schema_name = 'main' and not starts_with(table_name, '_')"
        for (table,) in ask(workspace, owner, named):
            columns = "columns(lambda each: each not in ('ingested_at', 'run_id', 'snapshot', 'modified_at'))"
            found[f"{owner}.{table}"] = ask(workspace, owner, f"select {columns} from {table} order by all")
    return found


def test_loading_the_definitions_starts_no_dbt(demo_workspace: Workspace) -> None:
    """A code location that runs dbt when it is loaded blocks Dagster's daemon for as long, at each reload."""
    code = (
        "import subprocess, sys\n"
        "begin = subprocess.Popen.__init__\n"
        "def without_dbt(self, command, *a, **k):\n"
        "    if 'dbt' in str(command): sys.exit(f'{command} was started')\n"
        "    begin(self, command, *a, **k)\n"
        "subprocess.Popen.__init__ = without_dbt\n"
        "import orchestration.pipeline.definitions\n"
    )
    environment = os.environ | {"TIKTELLER_WORKSPACE": str(demo_workspace.root)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_scheduled_run_that_keeps_something_back_is_told(
    dagster_definitions, demo_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partner whose night was held back would stay on yesterday's figures, and the operator would sleep: the job itself succeeded."""
    import dagster as dg

    from orchestration.pipeline import runs, schedules

    said = tmp_path / "said.json"
    monkeypatch.setenv("TIKTELLER_ON_FAILURE", f"cat > {said}")
    monkeypatch.setattr(schedules, "open_workspace", lambda: demo_workspace)
    monkeypatch.setattr(runs, "_pending", lambda workspace: ("cdrs/standard/night.csv (file 7)",))
    before = demo_workspace.last_run.read_bytes()

    @dg.op
    def nothing() -> None: ...

    @dg.job(name=schedules.run_all.name)
    def job() -> None:
        nothing()

    def tell() -> None:
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(instance=instance)
            context = dg.build_run_status_sensor_context(
                "success_told", result.get_run_success_event(), instance, instance.get_run_by_id(result.run_id)
            )
            schedules.success_told(context)

    try:
        tell()
        assert "cdrs/standard/night.csv" in json.loads(said.read_text())["problem"]
        assert json.loads(demo_workspace.last_run.read_text())["pending"] == ["cdrs/standard/night.csv (file 7)"]
        said.unlink()
        later = json.dumps({"started_at": "2999-01-01T00:00:00Z"})
        demo_workspace.last_run.write_text(later)
        tell()
        assert said.exists()
        assert demo_workspace.last_run.read_text() == later, "one that began later is the last run already"
        said.unlink()
        monkeypatch.setattr(runs, "_pending", lambda workspace: ())
        tell()
        assert not said.exists(), "nothing is kept back: who is told every night reads it no more"
    finally:
        demo_workspace.last_run.write_bytes(before)


def test_a_scheduled_run_that_fails_is_told(
    dagster_definitions, demo_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would be published night after night, and only who opens the scheduler's own page would know."""
    import dagster as dg

    from orchestration.pipeline import schedules

    said = tmp_path / "said.json"
    monkeypatch.setenv("TIKTELLER_ON_FAILURE", f"cat > {said}")
    monkeypatch.setattr(schedules, "open_workspace", lambda: demo_workspace)
    before = demo_workspace.last_run.read_bytes()

    @dg.op
    def breaks() -> None:
        raise TiktellerError("the disk is full", mend="make room")

    @dg.job(name=schedules.run_all.name)
    def job() -> None:
        breaks()

    try:
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(instance=instance, raise_on_error=False)
            run = instance.get_run_by_id(result.run_id)
            context = dg.build_run_status_sensor_context("failure_told", result.get_run_failure_event(), instance, run)
            schedules.failure_told(context.for_run_failure())
        told = json.loads(said.read_text())
        assert told["problem"]
        assert not told["published"]
        assert json.loads(demo_workspace.last_run.read_text())["problem"] == told["problem"]
    finally:
        demo_workspace.last_run.write_bytes(before)
