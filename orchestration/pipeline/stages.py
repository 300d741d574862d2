"""What a run does, stage by stage, as plain functions: land, build, publish. The command line and Dagster run these very ones."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestration import warehouse
from orchestration.errors import TiktellerError
from orchestration.landing import expectations, register, unexpected
from orchestration.landing.decisions import land_decisions
from orchestration.landing.expectations import ExpectationResult
from orchestration.landing.ingest import ingest
from orchestration.landing.loading import FileReport
from orchestration.pipeline import checks
from orchestration.pipeline.settings import RunSettings
from orchestration.progress import Progress
from orchestration.serving import publishing
from orchestration.serving.publishing import Publication
from orchestration.warehouse import builds
from orchestration.warehouse.builds import Dbt
from orchestration.workspace import Workspace

TOLD_APART_S = 1.0  # a model that takes longer gets a line of its own

LAYERS = {
    "seed": "reference data",
    "staging": "staging",
    "intermediate": "rating and charging",
    "marts": "published tables",
    "test": "checks",
}


@dataclass(frozen=True)
class Landed:
    """What landed: a report for each file that is new in the ledger, and how the new rows came out as a whole."""

    reports: Sequence[FileReport]
    findings: Sequence[ExpectationResult]
    seconds: float


@dataclass(frozen=True)
class Published:
    """The snapshots of this run: their name, which partners have one, and who keeps the one before."""

    snapshot: str
    publication: Publication

    @property
    def metadata(self) -> dict[str, Any]:
        """What is told of it beside the tables: how many partners and rows, who was held and why, and how long it took."""
        made = self.publication.made
        return {
            "snapshot": self.snapshot,
            "partners": len(made),
            "held": {each.partner_id: "; ".join(each.reasons) for each in self.publication.held},
            "rows": sum(snapshot.rows for snapshot in made),
            "seconds": sum(snapshot.seconds for snapshot in made),
        }


def land(workspace: Workspace, settings: RunSettings, progress: Progress, run_id: str) -> Landed:
    """Files in landing/ -> verbatim raw rows and the ledger, judged as a whole; and what people decided beside them.

    Each file lands in one transaction with its row in the ledger. Raises TiktellerError where the landing itself cannot go on.
    """
    began = time.monotonic()
    with warehouse.connect(workspace) as connection, ThreadPoolExecutor(1) as beside:

        def arriving(feeds: Set[str]) -> None:
            if expectations.are_judged(feeds):
                beside.submit(expectations.load)

        reports = ingest(workspace, connection, run_id, progress, arriving, lambda: builds.forget_build(workspace))
        beside.shutdown()  # a library that is half imported is not to be used
        land_decisions(workspace, connection)
        # what failed before, and nobody accepted, is judged again by itself
        before = unexpected.found_before(connection) | publishing.not_accepted(workspace)
        new = {each.file_id for each in register.pending(workspace)} - before
        findings = expectations.check_landing(connection, new, progress)
        wrong = [] if settings.accept_landed else unexpected.unexpected(connection, findings, new, before)
        unexpected.keep_unexpected(connection, wrong)
    return Landed(reports, findings, time.monotonic() - began)


def build(workspace: Workspace, progress: Progress, dbt: Dbt) -> Sequence[dict[str, Any]]:
    """Raw rows -> staging -> rating and charging -> marts, and the checks of all: one invocation of dbt; what it says of each node.

    Other rules, or a build that failed, rebuild what is otherwise kept from run to run. Raises TiktellerError where dbt stopped: a model
    that cannot be built, a check that cannot be asked.
    """
    arguments = ["--full-refresh"] if builds.begin_build(workspace) else []
    (workspace.dbt_target / "run_results.json").unlink(missing_ok=True)  # what an earlier run found is not this one's
    try:
        said = dbt.build(*arguments)
    finally:
        results = checks.results(workspace.dbt_target)
        _tell(results, progress)
    if said is not None:
        raise TiktellerError(checks.stopped(workspace.dbt_target, said))
    return results


def publish(workspace: Workspace, progress: Progress) -> Published:
    """Checked marts -> one snapshot per partner, and the pointers that name them. Whom a check concerns keeps the last good one."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S_%f}"
    faults = [*unexpected.faults(workspace), *checks.faults(workspace)]
    publication = publishing.publish(workspace, name, builds.rules_fingerprint(), progress, faults)
    if publication.is_sound:
        builds.build_went_well(workspace)
    register.note_published(workspace)
    return Published(name, publication)


def _tell(results: Sequence[dict[str, Any]], progress: Progress) -> None:
    """A line per layer, and one per model that took its time."""
    seconds = dict.fromkeys(LAYERS.values(), 0.0)
    for result in results:
        kind, took = result["unique_id"].split(".")[0], result["execution_time"]
        schema = (result.get("relation_name") or "").split(".")[-2:-1]
        layer = LAYERS.get(kind) or LAYERS.get(schema[0].strip('"') if schema else "", "published tables")
        seconds[layer] += took
        if took >= TOLD_APART_S and kind == "model":
            progress(f"  {result['unique_id'].split('.')[-1]}", None, took)
    for layer, took in seconds.items():
        progress(layer, None, took)
