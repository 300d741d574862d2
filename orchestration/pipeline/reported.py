"""What the command line ran, for Dagster to see: left beside Dagster's home as plain JSON, and reported when Dagster looks.

Dagster takes seconds to load, which nobody at the command line waits for. So a run leaves a file, and ``make dagster``, or its sensor
while it is open, makes events of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from orchestration.landing.expectations import ExpectationResult
from orchestration.landing.loading import FileReport
from orchestration.pipeline.settings import RunSettings
from orchestration.pipeline.stages import Landed, Published
from orchestration.workspace import Workspace

if TYPE_CHECKING:
    import dagster as dg

KEPT = 30
"""Runs that nobody has looked at in Dagster yet; older ones are forgotten."""


@dataclass
class DagsterReport:
    """What the stages of one run came to, as far as they came."""

    run_id: str
    landed: Landed | None = None
    built: Sequence[dict[str, Any]] = field(default_factory=list)
    published: Published | None = None

    def leave(self, workspace: Workspace, settings: RunSettings) -> None:
        """Write it where ``report`` finds it. A full disk loses it, and no run fails for it."""
        folder = workspace.dagster_home / "reported"
        said = {
            "run_id": self.run_id,
            "settings": asdict(settings),
            "landed": asdict(self.landed) if self.landed else None,
            "built": [{name: each.get(name) for name in ("unique_id", "status", "failures", "execution_time")} for each in self.built],
            "published": self.published.metadata if self.published else None,
        }
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            older = sorted(folder.glob("*.json"))
            for file in older[: len(older) - KEPT + 1] if len(older) >= KEPT else ():
                file.unlink(missing_ok=True)
            number = int(older[-1].stem) + 1 if older else 1
            unfinished = folder / f"{number:09}.part"
            unfinished.write_text(json.dumps(said, default=str))
            unfinished.replace(folder / f"{number:09}.json")


def report(instance: dg.DagsterInstance, workspace: Workspace, nodes: Mapping[str, Any]) -> int:
    """Tell Dagster of the runs of the command line that it has not heard of, in their order; how many."""
    told = 0
    for file in sorted((workspace.dagster_home / "reported").glob("*.json")):
        with suppress(ValueError, KeyError, TypeError):  # of another release, or cut: it is only a picture
            for event in _events(json.loads(file.read_text()), nodes):
                instance.report_runless_asset_event(event)
            told += 1
        file.unlink(missing_ok=True)
    return told


def _events(said: Mapping[str, Any], nodes: Mapping[str, Any]) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    import dagster as dg

    from orchestration.pipeline import assets

    landed, keys = said["landed"], assets.keys_of(nodes)
    results: list[dg.MaterializeResult | dg.AssetCheckResult] = []
    if landed:
        reports = [FileReport(**each) for each in landed["reports"]]
        findings = [ExpectationResult(**each) for each in landed["findings"]]
        results += assets.events_of_landing(Landed(reports, findings, landed["seconds"]), RunSettings(**said["settings"]))
    results += assets.events_of_build(said["built"], nodes, keys)
    if said["published"]:
        results.append(assets.event_of_publication(said["published"]))
    run = {"run of the command line": said["run_id"]}
    for result in results:
        if isinstance(result, dg.MaterializeResult):
            yield dg.AssetMaterialization(dg.AssetKey.from_coercible(result.asset_key), metadata={**(result.metadata or {}), **run})
        else:
            yield dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey.from_coercible(result.asset_key),
                check_name=result.check_name,
                passed=result.passed,
                severity=result.severity,
                metadata={key: dg.MetadataValue.text(str(value)) for key, value in {**(result.metadata or {}), **run}.items()},
            )
