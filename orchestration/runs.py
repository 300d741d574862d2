"""One run from the command line: the same Dagster job that the schedules start, executed in this process, and what it says at its end."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from orchestration import dbt, run_lock, serving, state
from orchestration.errors import TiktellerError
from orchestration.progress import Progress, silent
from orchestration.settings import RunSettings
from orchestration.status import status
from orchestration.workspace import PLATFORM, Workspace

if TYPE_CHECKING:
    import dagster as dg
    from dagster._utils.error import SerializableErrorInfo

DAGSTER_YAML = """\
telemetry:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
event_log_storage:
  module: orchestration.event_log
  class: OpenSqliteEventLogStorage
  config:
    base_dir: {history}
"""


@dataclass(frozen=True)
class Step:
    name: str
    rows: int | None
    seconds: float | None


@dataclass(frozen=True)
class FeedCounts:
    """Rows of all files of a feed; ``read = kept + duplicate + quarantined``."""

    feed: str
    files: int
    read: int
    kept: int
    duplicate: int
    quarantined: int


@dataclass(frozen=True)
class RunReport:
    """What a run did. ``problem`` says why nothing was published; the last good snapshots then stay."""

    started_at: str
    seconds: float
    published: bool
    snapshot: str | None
    problem: str | None
    steps: tuple[Step, ...] = ()
    feeds: tuple[FeedCounts, ...] = ()
    partners: tuple[str, ...] = field(default=())
    refused: tuple[str, ...] = field(default=())

    def lines(self) -> Iterator[str]:
        """The summary for a person, line by line."""
        if self.feeds:
            yield f"{'feed':<24}{'files':>8}{'read':>14}{'kept':>14}{'duplicate':>12}{'quarantined':>13}"
            for feed in self.feeds:
                yield f"{feed.feed:<24}{feed.files:>8,}{feed.read:>14,}{feed.kept:>14,}{feed.duplicate:>12,}{feed.quarantined:>13,}"
        for file in self.refused:
            yield f"refused as a whole: {file}"
        if self.published:
            yield f"published snapshot {self.snapshot} for {', '.join(self.partners) or 'no partner yet'} in {self.seconds:.1f} s"
        else:
            yield f"NOT published after {self.seconds:.1f} s; the last good snapshots stay as they were"
            yield from (f"  {line}" for line in (self.problem or "").splitlines())


def run(workspace: Workspace, progress: Progress = silent, settings: RunSettings = RunSettings()) -> RunReport:
    """Land what is new, build, check and publish. Raises TiktellerError where a run cannot even start; else the report says all."""
    workspace.require()
    with run_lock.held(workspace):
        began, started_at = time.monotonic(), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if settings.rebuild:
            for file in (workspace.warehouse, workspace.warehouse.with_suffix(".duckdb.wal")):
                file.unlink(missing_ok=True)
            shutil.rmtree(workspace.rated, ignore_errors=True)
        steps: list[Step] = []

        def told(step: str, rows: int | None = None, seconds: float | None = None) -> None:
            steps.append(Step(step, rows, seconds))
            progress(step, rows, seconds)

        if settings.rebuild or not is_up_to_date(workspace):
            problem = _execute(workspace, told, settings)
        else:
            problem = None
            told("nothing new has landed and no rule has changed")
        snapshot, partners, feeds, refused = (None, (), (), ()) if problem else _published(workspace, started_at)
        report = RunReport(
            started_at, time.monotonic() - began, problem is None, snapshot, problem, tuple(steps), tuple(feeds), tuple(partners), refused
        )
        unfinished = workspace.last_run.with_suffix(".part")
        unfinished.write_text(json.dumps(asdict(report), indent=1))
        unfinished.replace(workspace.last_run)
        return report


def is_up_to_date(workspace: Workspace) -> bool:
    """Whether what is published is all there is: every file and every decision, by today's rules, from a build that went well."""
    if not workspace.warehouse.exists() or not dbt.is_built(workspace) or not dbt.reads_as_declared(workspace):
        return False
    try:
        with serving.connect(serving.current_snapshot(workspace, PLATFORM)) as platform:
            code, decided = platform.execute("select code, state_version from _snapshot").fetchone()
    except (TiktellerError, duckdb.Error):
        return False
    return code == dbt.rules_fingerprint() and decided == state.version(workspace) and not status(workspace).sections["waiting"].rows


def _execute(workspace: Workspace, progress: Progress, settings: RunSettings) -> str | None:
    """Run the job; return what went wrong, for a person, or None."""
    began = time.monotonic()
    os.environ["TIKTELLER_WORKSPACE"] = str(workspace.root)
    os.environ["DAGSTER_HOME"] = str(prepare_dagster_home(workspace))
    log = workspace.root / "logs" / "last_run.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as stream, contextlib.redirect_stdout(stream), _uncollected():
        with ThreadPoolExecutor(1) as beside:  # dbt parses in a process of its own
            manifest = beside.submit(dbt.prepare_manifest, workspace)
            import dagster as dg
            import dagster_dbt  # noqa: F401
        manifest.result()
        from orchestration.definitions import defs

        progress("starting the pipeline", None, time.monotonic() - began)
        job = defs.resolve_job_def("tikteller_run")
        with dg.DagsterInstance.get() as instance:
            result = job.execute_in_process(
                instance=instance,
                raise_on_error=False,
                resources={"workspace": workspace, "run_lock": None, "progress": progress, "run_settings": settings},
            )
        return _problem(result, log)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Let Python's garbage lie for the length of a run: looking for it, among all that Dagster loads, takes longer than it is worth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _problem(result: dg.ExecuteInProcessResult, log: Path) -> str | None:
    """What went wrong, for a person; None where all went well. A step that was left out is no success: nothing new would be published."""
    if not result.success:
        return _failure(result, log)
    left_out = [event.step_key for event in result.all_events if event.is_step_skipped]
    return f"left out: {', '.join(left_out)}\nlog: {log}" if left_out else None


def _failure(result: dg.ExecuteInProcessResult, log: Path) -> str:
    """What failed, a line each: the expectations that were not met with their mend, dbt's checks by name, else the error itself."""
    lines: list[str] = []
    for check in result.get_asset_check_evaluations():
        if check.passed:
            continue
        table = check.asset_key.path[-1]
        if check.check_name == "landed_as_expected":
            found = {name: str(value.value) for name, value in check.metadata.items() if name not in ("expectations", "failed")}
            lines += [f"{table}: {check.check_name}: {name}: {what}" for name, what in found.items()]
            lines.append(
                "mend: tikteller run --accept-landed if the files are right, else take them out of landing/ and tikteller run --rebuild"
            )
        else:
            lines.append(f"{table}: the check {check.check_name} fails")
    if not lines:
        errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure and event.step_failure_data.error]
        lines = [_innermost(error) for error in errors[:1]] or ["unknown"]
    return "\n".join([*lines, f"log: {log}"])


def _innermost(error: SerializableErrorInfo) -> str:
    while error.cause:
        error = error.cause
    return " ".join(error.message.split())[:600]


def _published(workspace: Workspace, since: str) -> tuple[str, tuple[str, ...], tuple[FeedCounts, ...], tuple[str, ...]]:
    """What stands published now: the snapshot's name, its partners, rows per feed, and the files refused as a whole since a moment."""
    with serving.connect(serving.current_snapshot(workspace, PLATFORM)) as platform:
        (snapshot,) = platform.execute("select snapshot from _snapshot").fetchone()
        feeds = platform.execute("""
            select
                feed, count(*), sum(rows_read)::bigint, sum(rows_kept)::bigint, sum(rows_duplicate)::bigint, sum(rows_quarantined)::bigint
            from ingested_files group by feed order by feed
        """).fetchall()
        refused = platform.execute(
            "select file || ' (' || reject_reason || ')' from ingested_files "
            "where reject_reason is not null and ingested_at >= ?::timestamp order by file",
            [since.removesuffix("Z")],
        ).fetchall()
    return (
        snapshot,
        serving.published_partners(workspace),
        tuple(FeedCounts(*feed) for feed in feeds),
        tuple(file for (file,) in refused),
    )


def prepare_dagster_home(workspace: Workspace) -> Path:
    """DAGSTER_HOME of the workspace, with the settings that keep runs one at a time and nobody counted."""
    home = workspace.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(DAGSTER_YAML.format(history=json.dumps(str(home / "history" / "runs"))))
    return home


def main() -> None:
    """For ``make dagster``: print the DAGSTER_HOME of the workspace, made ready."""
    from orchestration.workspace import open_workspace

    print(prepare_dagster_home(open_workspace()))


if __name__ == "__main__":
    try:
        main()
    except TiktellerError as error:
        raise SystemExit(str(error)) from None
