"""The stages as Dagster's assets, thin: each asks the plain function of ``stages.py`` and tells Dagster what came of it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, build_dbt_asset_specs

from orchestration.landing import expectations
from orchestration.landing.feeds import DECLARED, FEEDS
from orchestration.pipeline import stages
from orchestration.pipeline.settings import RunSettings
from orchestration.pipeline.stages import Landed
from orchestration.progress import Progress
from orchestration.warehouse import builds
from orchestration.workspace import Workspace

LANDED_AS_EXPECTED = "landed_as_expected"
LANDED_FEEDS = (*FEEDS, DECLARED)
CHECKED_FEEDS = [feed for feed in LANDED_FEEDS if feed.name in expectations.SUITES or feed is DECLARED]
SNAPSHOTS = dg.AssetKey(["serving", "snapshots"])
Events = Iterator[dg.MaterializeResult | dg.AssetCheckResult]


class ByFolder(DagsterDbtTranslator):
    """An asset's group is the layer it belongs to: reference, staging, intermediate or marts."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return dbt_resource_props["schema"]


def definitions_of(manifest: Path) -> dg.Definitions:
    """The assets of all stages and their checks; dbt's are those of a manifest that was prepared before."""
    nodes = json.loads(manifest.read_text())["nodes"]
    models = build_dbt_asset_specs(manifest=manifest, dagster_dbt_translator=ByFolder(), exclude="resource_type:unit_test")
    keys = keys_of(nodes)
    published = [spec.key for spec in models if spec.key.path[0] in ("marts", "reference")]

    @dg.multi_asset(
        name="landing",
        group_name="landing",
        specs=[
            dg.AssetSpec(["raw", table], kinds={"duckdb"}) for table in ("files", "rejected_lines", *(feed.table for feed in LANDED_FEEDS))
        ],
        check_specs=[dg.AssetCheckSpec(LANDED_AS_EXPECTED, asset=["raw", feed.table], blocking=False) for feed in CHECKED_FEEDS],
    )
    def landing(
        context: dg.AssetExecutionContext,
        workspace: dg.ResourceParam[Workspace],
        run_lock: dg.ResourceParam[object],
        progress: dg.ResourceParam[Progress],
        run_settings: dg.ResourceParam[RunSettings],
    ) -> Events:
        """Every file that is new, in one transaction each with its row in the ledger."""
        yield from events_of_landing(stages.land(workspace, run_settings, progress, context.run_id), run_settings)

    @dg.multi_asset(
        name="models",
        specs=models,
        check_specs=[dg.AssetCheckSpec(name, asset=key, blocking=False) for key, name in tests_of(nodes, keys).values()],
    )
    def models_of_dbt(workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]) -> Events:
        """Everything that is true, in SQL; dbt's tests are the asset checks."""
        with builds.Dbt(workspace, log_of(workspace)) as dbt:
            yield from events_of_build(stages.build(workspace, progress, dbt), nodes, keys)

    @dg.asset(key=SNAPSHOTS, group_name="serving", deps=published, kinds={"duckdb"})
    def snapshots(workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]) -> dg.MaterializeResult:
        """The files that readers open, and the pointers that name them."""
        return event_of_publication(stages.publish(workspace, progress).metadata)

    return dg.Definitions(assets=[landing, models_of_dbt, snapshots])


def log_of(workspace: Workspace) -> Path:
    """Where the words of dbt go when Dagster runs it."""
    log = workspace.root / "logs" / "dagster.log"
    log.parent.mkdir(exist_ok=True)
    return log


def tests_of(nodes: Mapping[str, Any], keys: set[tuple[str, ...]]) -> dict[str, tuple[dg.AssetKey, str]]:
    """dbt's tests by id: the asset that each is asked of (of several its own model, else the first), and the name of the check."""
    found: dict[str, tuple[dg.AssetKey, str]] = {}
    for unique_id, node in nodes.items():
        if node["resource_type"] != "test":
            continue
        asked = [node.get("attached_node"), *node["depends_on"]["nodes"]]
        of = [key for each in asked if each in nodes and (key := _key(nodes[each])) in keys]
        if of:
            found[unique_id] = dg.AssetKey(of[0]), node["name"]
    return found


def events_of_landing(landed: Landed, settings: RunSettings) -> Events:
    """What landed, as Dagster is told of it: rows per table, and what was not as expected."""
    reports, by_name = landed.reports, {feed.name: feed for feed in FEEDS}
    for table in ("files", "rejected_lines"):
        rows = len(reports) if table == "files" else sum(report.rows_rejected for report in reports)
        yield dg.MaterializeResult(asset_key=["raw", table], metadata={"rows": rows, "seconds": landed.seconds})
    for feed in LANDED_FEEDS:
        of_feed = [report for report in reports if by_name.get(report.feed, DECLARED) is feed]
        rows = sum(report.rows_read for report in of_feed)
        yield dg.MaterializeResult(asset_key=["raw", feed.table], metadata={"files": len(of_feed), "rows": rows, "seconds": landed.seconds})
    for feed in CHECKED_FEEDS:
        found = [finding for finding in landed.findings if finding.table == feed.table]
        failed = [finding for finding in found if not finding.success]
        yield dg.AssetCheckResult(
            asset_key=["raw", feed.table],
            check_name=LANDED_AS_EXPECTED,
            passed=not failed or settings.accept_landed,
            severity=dg.AssetCheckSeverity.WARN,  # whom it concerns keeps the last good snapshot, the others publish
            metadata={
                "expectations": len(found),
                "failed": len(failed),
                **{f"{finding.feed}: {finding.expectation}": f"{finding.observed} (expected {finding.expected})" for finding in failed},
            },
        )


def events_of_build(results: Iterable[Mapping[str, Any]], nodes: Mapping[str, Any], keys: set[tuple[str, ...]]) -> Events:
    """What dbt built and checked, as Dagster is told of it."""
    tests = tests_of(nodes, keys)
    for result in results:
        unique_id, took = result["unique_id"], result["execution_time"]
        if unique_id in tests:
            key, name = tests[unique_id]
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=name,
                passed=result["status"] == "pass",
                severity=dg.AssetCheckSeverity.WARN,  # its rows say whose it is: the others publish
                metadata={"rows": result.get("failures") or 0, "seconds": took},
            )
        elif unique_id in nodes and (key := _key(nodes[unique_id])) in keys:
            yield dg.MaterializeResult(asset_key=list(key), metadata={"seconds": took})


def event_of_publication(metadata: Mapping[str, Any]) -> dg.MaterializeResult:
    """The snapshots, as Dagster is told of them."""
    return dg.MaterializeResult(asset_key=SNAPSHOTS, metadata=metadata)


def keys_of(nodes: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """The assets that dbt builds: models and seeds."""
    return {_key(node) for node in nodes.values() if node["resource_type"] in ("model", "seed")}


def _key(node: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(DagsterDbtTranslator().get_asset_key(node).path)
