"""Stage 1: files in landing/ -> verbatim raw rows and the ledger, judged as a whole by the expectations."""

import time
from collections.abc import Iterator, Set
from concurrent.futures import ThreadPoolExecutor

import dagster as dg

from orchestration import warehouse
from orchestration.landing import expectations, register
from orchestration.landing.decisions import land_decisions
from orchestration.landing.feeds import DECLARED, FEEDS
from orchestration.landing.ingest import ingest
from orchestration.pipeline.settings import RunSettings
from orchestration.progress import Progress
from orchestration.serving import publishing
from orchestration.warehouse import builds
from orchestration.workspace import Workspace

CHECK = "landed_as_expected"
LANDED_FEEDS = (*FEEDS, DECLARED)
CHECKED_FEEDS = [feed for feed in LANDED_FEEDS if feed.name in expectations.SUITES or feed is DECLARED]


@dg.multi_asset(
    name="landing",
    group_name="landing",
    specs=[dg.AssetSpec(["raw", table], kinds={"duckdb"}) for table in ("files", "rejected_lines", *(feed.table for feed in LANDED_FEEDS))],
    check_specs=[dg.AssetCheckSpec(CHECK, asset=["raw", feed.table], blocking=False) for feed in CHECKED_FEEDS],
)
def landed_feeds(
    context: dg.AssetExecutionContext,
    workspace: dg.ResourceParam[Workspace],
    run_lock: dg.ResourceParam[object],
    progress: dg.ResourceParam[Progress],
    run_settings: dg.ResourceParam[RunSettings],
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Every file that is new, in one transaction each with its row in the ledger."""
    began = time.monotonic()
    with warehouse.connect(workspace) as connection, ThreadPoolExecutor(1) as beside:

        def arriving(feeds: Set[str]) -> None:
            if expectations.are_judged(feeds):
                beside.submit(expectations.load)

        reports = ingest(workspace, connection, context.run_id, progress, arriving, lambda: builds.forget_build(workspace))
        beside.shutdown()  # a library that is half imported is not to be used
        land_decisions(workspace, connection)
        # what failed before, and nobody accepted, is judged again by itself
        before = expectations.found_before(connection) | publishing.not_accepted(workspace)
        new = {each.file_id for each in register.pending(workspace)} - before
        findings = expectations.check_landing(connection, new, progress)
        wrong = [] if run_settings.accept_landed else expectations.unexpected(connection, findings, new, before)
        expectations.keep_unexpected(connection, wrong)
    seconds = time.monotonic() - began
    for table in ("files", "rejected_lines"):
        rows = len(reports) if table == "files" else sum(report.rows_rejected for report in reports)
        yield dg.MaterializeResult(asset_key=["raw", table], metadata={"rows": rows, "seconds": seconds})
    by_name = {feed.name: feed for feed in FEEDS}
    for feed in LANDED_FEEDS:
        landed = [report for report in reports if by_name.get(report.feed, DECLARED) is feed]
        yield dg.MaterializeResult(
            asset_key=["raw", feed.table],
            metadata={"files": len(landed), "rows": sum(report.rows_read for report in landed), "seconds": seconds},
        )
    for feed in CHECKED_FEEDS:
        of_feed = [finding for finding in findings if finding.table == feed.table]
        failed = [finding for finding in of_feed if not finding.success]
        yield dg.AssetCheckResult(
            asset_key=["raw", feed.table],
            check_name=CHECK,
            passed=not failed or run_settings.accept_landed,
            severity=dg.AssetCheckSeverity.WARN,  # whom it concerns keeps the last good snapshot, the others publish
            metadata={
                "expectations": len(of_feed),
                "failed": len(failed),
                **{f"{finding.feed}: {finding.expectation}": f"{finding.observed} (expected {finding.expected})" for finding in failed},
            },
        )


defs = dg.Definitions(assets=[landed_feeds])
