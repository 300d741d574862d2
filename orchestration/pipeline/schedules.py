"""When: as soon as files land, every night, and on the first of the month. Always the same job, one run at a time."""

import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.landing.arrivals import arrivals
from orchestration.pipeline import reported, runs
from orchestration.workspace import Workspace, open_workspace

SETTLED_AFTER_S = 30  # a file that was written to less long ago may still be on its way

run_all = dg.define_asset_job(
    "tikteller_run",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Land what is new, build, check, publish.",
    config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
)

nightly = dg.ScheduleDefinition(name="nightly", job=run_all, cron_schedule="30 3 * * *", execution_timezone="Europe/Amsterdam")

month_end = dg.ScheduleDefinition(
    name="month_end",
    job=run_all,
    cron_schedule="0 6 1 * *",  # finance opens the drafts in the morning of the first
    execution_timezone="Europe/Amsterdam",
    tags={"tikteller/occasion": "month_end"},
)


@dg.sensor(job=run_all, minimum_interval_seconds=30, name="files_landed")
def files_landed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Start a run when landing/ has settled on something that no run has seen."""
    return landing_change(open_workspace(), context.cursor)


def runs_reported(nodes: Mapping[str, Any]) -> dg.SensorDefinition:
    """The sensor that lets Dagster see what the command line ran."""

    @dg.sensor(name="runs_reported", minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING, asset_selection="*")
    def reported_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        return dg.SkipReason(f"{reported.report(context.instance, open_workspace(), nodes)} runs of the command line")

    return reported_runs


def landing_change(workspace: Workspace, cursor: str | None, now: float | None = None) -> dg.SensorResult | dg.SkipReason:
    """A run request if the files in landing/ differ from those of ``cursor`` and none is younger than SETTLED_AFTER_S."""
    if not workspace.exists():
        return dg.SkipReason(f"{workspace.root} is not a workspace yet")
    found, _ = arrivals(workspace.landing)
    if not found:
        return dg.SkipReason("nothing has landed")
    seen = hashlib.sha256(repr([(a.file, a.size_bytes, a.modified_us) for a in found]).encode()).hexdigest()
    if seen == cursor:
        return dg.SkipReason("nothing new since the last run")
    ages_s = [(now or time.time()) - arrival.modified_us / 1e6 for arrival in found]
    if any(0 <= age_s < SETTLED_AFTER_S for age_s in ages_s):  # a date in the future says nothing
        return dg.SkipReason("files are still arriving")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen)], cursor=seen)


@dg.run_failure_sensor(name="failure_told", monitored_jobs=[run_all], default_status=dg.DefaultSensorStatus.RUNNING)
def failure_told(context: dg.RunFailureSensorContext) -> None:
    """Tell whom the operator named (``TIKTELLER_ON_FAILURE``), as `tikteller run` does by itself."""
    _conclude(context, context.failure_event.message)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS, name="success_told", monitored_jobs=[run_all], default_status=dg.DefaultSensorStatus.RUNNING
)
def success_told(context: dg.RunStatusSensorContext) -> None:
    """The same for a job that ended well and yet kept something back: a partner whose file is wrong, a file that waits for a word."""
    _conclude(context, None)


def _conclude(context: dg.RunStatusSensorContext, problem: str | None) -> None:
    record = context.instance.get_run_record_by_id(context.dagster_run.run_id)
    began, ended = (record.start_time, record.end_time) if record else (None, None)
    started = datetime.fromtimestamp(began or time.time(), UTC)
    seconds = ended - began if began and ended else 0.0
    runs.conclude(open_workspace(), f"{started:%Y-%m-%dT%H:%M:%SZ}", seconds, problem)


def definitions_of(nodes: Mapping[str, Any]) -> dg.Definitions:
    """Job, schedules and sensors; ``nodes`` are those of dbt's manifest."""
    sensors = [files_landed, failure_told, success_told, runs_reported(nodes)]
    return dg.Definitions(jobs=[run_all], schedules=[nightly, month_end], sensors=sensors)
