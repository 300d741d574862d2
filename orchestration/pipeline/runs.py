"""One run from the command line: the stages one after the other, and what it says at its end. The schedules' job runs the same stages."""

from __future__ import annotations

import contextlib
import gc
import json
import re
import shutil
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from orchestration import run_lock, serving, state, warehouse
from orchestration.errors import TiktellerError
from orchestration.faults import Held
from orchestration.landing import as_declared, carried, ledger, register
from orchestration.landing.waiting import waiting_files
from orchestration.pipeline import alerting, stages
from orchestration.pipeline.reported import DagsterReport
from orchestration.pipeline.settings import RunSettings
from orchestration.progress import Progress, silent
from orchestration.warehouse import builds
from orchestration.workspace import PLATFORM, Workspace

DAGSTER_YAML = """\
telemetry:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
"""


DISK_FULL = re.compile(r"No space left|Errno 28|disk is full|not enough disk space", re.IGNORECASE)


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
    """What a run did.

    ``published``: everybody has what landed. ``problem`` says why nothing was published at all; the last good snapshots then stay.
    ``held`` are the partners that alone keep their last good snapshot, ``told`` is what is wrong and nobody's that is known: the others,
    in ``partners``, have ``snapshot``.
    """

    started_at: str
    seconds: float
    published: bool
    snapshot: str | None
    problem: str | None
    steps: tuple[Step, ...] = ()
    feeds: tuple[FeedCounts, ...] = ()
    partners: tuple[str, ...] = field(default=())
    refused: tuple[str, ...] = field(default=())
    held: tuple[Held, ...] = field(default=())
    told: tuple[str, ...] = field(default=())
    pending: tuple[str, ...] = field(default=())

    @property
    def went_well(self) -> bool:
        """Published for everybody, and nothing that ever landed is left out without anybody's decision."""
        return self.published and not self.pending

    @property
    def why(self) -> str | None:
        """What keeps something from being published, a line each: for everybody, for whom it is held, and files that wait."""
        said = [self.problem] if self.problem else [f"{each.partner_id}: {reason}" for each in self.held for reason in each.reasons]
        return "\n".join([*said, *self.told, *(f"landed and not published: {file}" for file in self.pending)]) or None

    def lines(self) -> Iterator[str]:
        """The summary for a person, line by line."""
        if self.feeds:
            yield f"{'feed':<24}{'files':>8}{'read':>14}{'kept':>14}{'duplicate':>12}{'quarantined':>13}"
            for feed in self.feeds:
                yield f"{feed.feed:<24}{feed.files:>8,}{feed.read:>14,}{feed.kept:>14,}{feed.duplicate:>12,}{feed.quarantined:>13,}"
        for file in self.refused:
            yield f"refused as a whole: {file}"
        if self.problem is None:
            yield f"published snapshot {self.snapshot} for {', '.join(self.partners) or 'no partner yet'} in {self.seconds:.1f} s"
            for each in self.held:
                stays = f"its last good snapshot {each.snapshot} stays" if each.snapshot else "it has no snapshot yet"
                yield f"NOT published for {each.partner_id}; {stays}"
                yield from (f"  {reason}" for reason in each.reasons)
            yield from (f"NOT as it should be, and nobody's that is known: {says}" for says in self.told)
        else:
            yield f"NOT published after {self.seconds:.1f} s; the last good snapshots stay as they were"
            yield from (f"  {line}" for line in (self.problem or "").splitlines())
        for file in self.pending:
            yield f"landed and not published: {file}"


def run(workspace: Workspace, progress: Progress = silent, settings: RunSettings = RunSettings()) -> RunReport:
    """Land what is new, build, check and publish. Raises TiktellerError where a run cannot even start; else the report says all.

    Whom the operator named is told of either. A run that finds another at work leaves the report to that one.
    """
    report = RunReport(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", 0, False, None, "it was broken off")
    try:
        workspace.require()
        with run_lock.held(workspace):
            try:
                report = _run(workspace, report.started_at, progress, settings)
            except Exception as error:
                report = replace(report, problem=str(error))
                raise
            finally:
                _remember(workspace, report)
    except Exception as error:
        alerting.tell(workspace, asdict(report) | {"problem": str(error)}, progress)
        raise
    if not report.went_well:
        alerting.tell(workspace, asdict(report) | {"problem": report.why}, progress)
    return report


def conclude(workspace: Workspace, started_at: str, seconds: float, problem: str | None) -> RunReport:
    """Remember and tell what a run of the scheduler came to, as ``run`` does of its own. One that began later is the last run already."""
    report = RunReport(started_at, 0, False, None, problem) if problem else _published(workspace, started_at)
    report = replace(report, seconds=seconds, pending=_pending(workspace))
    if _last_start(workspace) <= started_at:
        _remember(workspace, report)
    if not report.went_well:
        alerting.tell(workspace, asdict(report) | {"problem": report.why}, silent)
    return report


def _last_start(workspace: Workspace) -> str:
    try:
        return json.loads(workspace.last_run.read_text())["started_at"]
    except (OSError, ValueError, KeyError):
        return ""


def _remember(workspace: Workspace, report: RunReport) -> None:
    unfinished = workspace.last_run.with_suffix(".part")
    unfinished.write_text(json.dumps(asdict(report), indent=1))
    unfinished.replace(workspace.last_run)


def _run(workspace: Workspace, started_at: str, progress: Progress, settings: RunSettings) -> RunReport:
    began = time.monotonic()
    require_known_state(workspace)
    steps: list[Step] = []

    def told(step: str, rows: int | None = None, seconds: float | None = None) -> None:
        steps.append(Step(step, rows, seconds))
        progress(step, rows, seconds)

    warehouse.wait_for_leftover(workspace, told)
    if settings.rebuild or not workspace.warehouse.exists():
        _forget_warehouse(workspace)
    elif damaged := warehouse.damage(workspace):
        told(f"made anew from landing/: {damaged}")
        _forget_warehouse(workspace)
    elif gone := [each for each in serving.published_partners(workspace) if not (workspace.rated / f"{each}.duckdb").exists()]:
        told(f"made anew: the rated calls of {', '.join(gone)} are gone")
        builds.forget_build(workspace)
    damaged_snapshots = list(_damaged_snapshots(workspace))
    for each in damaged_snapshots:
        told(f"made anew: {each}")
    if settings.rebuild or damaged_snapshots or not _is_all_published(workspace):
        problem = _execute(workspace, told, settings)
    else:
        problem = None
        told("nothing new has landed and no rule has changed")
    report = RunReport(started_at, 0, False, None, problem) if problem else _published(workspace, started_at)
    return replace(report, seconds=time.monotonic() - began, steps=tuple(steps), pending=_pending(workspace))


def _pending(workspace: Workspace) -> tuple[str, ...]:
    """What landed and is neither published nor withdrawn, by name and number, with what to do."""
    return tuple(
        f"{each.file} (file {each.file_id}"
        + (
            ")"
            if (workspace.landing / each.file).exists()
            else f", no longer in landing/: put it back, or tikteller withdraw {each.file_id})"
        )
        for each in register.pending(workspace)
    )


def _remember_order(workspace: Workspace) -> None:
    """Before the warehouse goes: what its ledger knows of the order of arrival and the state does not."""
    if not workspace.warehouse.exists():
        return
    with contextlib.suppress(TiktellerError, duckdb.Error), warehouse.connect(workspace) as connection:
        ledger.create_raw(connection)
        register.opened(workspace, connection, is_authority=False)


def is_up_to_date(workspace: Workspace) -> bool:
    """Whether what is published is all there is and whole: nothing is left for a run to do."""
    return not any(_damaged_snapshots(workspace)) and _is_all_published(workspace)


def _is_all_published(workspace: Workspace) -> bool:
    """Whether what is published is all there is, for all: every file and every decision, by today's rules, from a build that went well."""
    if workspace.former_warehouse.exists():  # a rebuild was broken off
        return False
    if not workspace.warehouse.exists() or not builds.is_built(workspace) or not as_declared.reads_as_declared(workspace):
        return False
    try:
        with closing(serving.connect(serving.current_snapshot(workspace, PLATFORM))) as platform:
            edition = serving.edition_of(platform)
            standing = platform.execute("select snapshot, held_because from partner_snapshots").fetchall()
    except (TiktellerError, duckdb.Error):
        return False
    is_everybodys = all(snapshot == edition["snapshot"] and held is None for snapshot, held in standing)
    decided = (edition["state_version"], edition["state_id"]) == (state.version(workspace), state.identity(workspace))
    return (
        is_everybodys
        and decided
        and not register.pending(workspace)
        and not _is_due(edition)
        and edition["code"] == builds.rules_fingerprint()
        and not waiting_files(workspace)
    )


def _is_due(edition: Mapping[str, Any]) -> bool:
    """Whether the time of a record has come that was refused because it lay ahead."""
    due = edition.get("next_due_at")
    return due is not None and due <= datetime.now(UTC).replace(tzinfo=None)


def require_known_state(workspace: Workspace) -> None:
    """Raises TiktellerError where decisions were made that the state does not know: a run would take them back, unseen."""
    state.require_not_older(workspace)
    try:
        snapshot = serving.current_snapshot(workspace, PLATFORM)
        with closing(serving.connect(snapshot)) as platform:
            edition = serving.edition_of(platform)
    except (TiktellerError, duckdb.Error):
        return
    state.require_known(workspace, edition, snapshot)


def _damaged_snapshots(workspace: Workspace) -> Iterator[str]:
    """What is wrong with what is published, a line for each file that is gone, damaged, or another's."""
    try:
        platform = serving.current_snapshot(workspace, PLATFORM)
    except TiktellerError as error:
        if (workspace.serving / PLATFORM / serving.POINTER).exists():
            yield error.message
        return
    if fault := serving.fault_of(platform):
        yield fault
        return
    with closing(serving.connect(platform)) as opened:
        try:
            standing = opened.execute(
                "select partner_id, snapshot from partner_snapshots where partner_id is not null order by 1"
            ).fetchall()
        except duckdb.CatalogException:  # of an older version, which the change of rules makes anew
            return
    for partner_id, name in standing:
        try:
            snapshot = serving.current_snapshot(workspace, partner_id)
        except TiktellerError as error:
            if name is not None:
                yield error.message
            continue
        if fault := serving.fault_of(snapshot):
            yield fault
        elif snapshot.stem != name:
            yield f"{snapshot.parent / serving.POINTER} names {snapshot.stem}, not {name}"


def _forget_warehouse(workspace: Workspace) -> None:
    _remember_order(workspace)
    carried.set_aside(workspace)
    shutil.rmtree(workspace.rated, ignore_errors=True)


def _execute(workspace: Workspace, progress: Progress, settings: RunSettings) -> str | None:
    """Run the stages; return what went wrong, for a person, or None."""
    log = workspace.root / "logs" / "last_run.log"
    log.parent.mkdir(exist_ok=True)
    report = DagsterReport(str(uuid4()))
    problem = None
    log.write_bytes(b"")
    with log.open("a") as stream, contextlib.redirect_stdout(stream), _uncollected(), builds.Dbt(workspace, log) as dbt:
        try:
            report.landed = stages.land(workspace, settings, progress, report.run_id)
            report.built = stages.build(workspace, progress, dbt)
            report.published = stages.publish(workspace, progress)
        except Exception as error:
            traceback.print_exc(file=stream)
            problem = f"{_told(error)}\nlog: {log}"
    report.leave(workspace, settings)
    return problem


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


def _told(error: BaseException) -> str:
    """Of an error and its causes the outermost that is meant for people; without one the innermost, which is nearest to the fault."""
    chain = [error]
    while chain[-1].__cause__:
        chain.append(chain[-1].__cause__)
    ours = next((each for each in chain if isinstance(each, TiktellerError)), None)
    message = str(ours) if ours else f"{type(chain[-1]).__name__}: {chain[-1]}"
    if DISK_FULL.search(message):
        message = f"the disk is full: {message}. Fix: make room, then tikteller run; what stands published stays"
    return " ".join(message.split())[:1000]


def _published(workspace: Workspace, since: str) -> RunReport:
    """What stands published now: the snapshot's name, its partners, who kept an older one, rows per feed, and the files refused as a whole
    since a moment."""
    with closing(serving.connect(serving.current_snapshot(workspace, PLATFORM))) as platform:
        snapshot = serving.edition_of(platform)["snapshot"]
        feeds = platform.execute("""
            select
                feed, count(*) as files, sum(rows_read)::bigint as read, sum(rows_kept)::bigint as kept,
                sum(rows_duplicate)::bigint as duplicate, sum(rows_quarantined)::bigint as quarantined
            from ingested_files group by feed order by feed
        """)
        counts = tuple(serving.rows_as(FeedCounts, feeds))
        refused = platform.execute(
            "select file || ' (' || reject_reason || ')' from ingested_files "
            "where reject_reason is not null and ingested_at >= ?::timestamp order by file",
            [since.removesuffix("Z")],
        ).fetchall()
        standing = platform.execute("select partner_id, snapshot, held_because from partner_snapshots order by all").fetchall()
    held = tuple(Held(partner_id, name, (why,)) for partner_id, name, why in standing if partner_id is not None and why is not None)
    told = tuple(why for partner_id, _, why in standing if partner_id is None)
    return RunReport(
        since,
        0,
        not held and not told,
        snapshot,
        None,
        feeds=counts,
        partners=tuple(partner_id for partner_id, _, why in standing if partner_id is not None and why is None),
        refused=tuple(file for (file,) in refused),
        held=held,
        told=told,
    )


def prepare_dagster_home(workspace: Workspace) -> Path:
    """DAGSTER_HOME of the workspace, with the settings that keep runs one at a time and nobody counted."""
    home = workspace.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(DAGSTER_YAML)
    return home


def main() -> None:
    """For ``make dagster``: parse the project for it, and print the DAGSTER_HOME of the workspace, made ready."""
    from orchestration.workspace import open_workspace

    workspace = open_workspace()
    builds.prepare_manifest(workspace.require())
    print(prepare_dagster_home(workspace))


if __name__ == "__main__":
    try:
        main()
    except TiktellerError as error:
        raise SystemExit(str(error)) from None
