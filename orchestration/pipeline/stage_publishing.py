"""Stage 3: checked marts -> one snapshot per partner. Whom a check before it concerns keeps the last good one."""

from datetime import UTC, datetime

import dagster as dg

from orchestration.landing import expectations, register
from orchestration.pipeline import checks
from orchestration.pipeline.stage_models import dbt_models
from orchestration.progress import Progress
from orchestration.serving import publishing
from orchestration.warehouse import builds
from orchestration.workspace import Workspace

MARTS = [key for key in dbt_models.keys if key.path[0] in ("marts", "reference")]


@dg.asset(key=["serving", "snapshots"], group_name="serving", deps=MARTS, kinds={"duckdb"})
def snapshots(workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]) -> dg.MaterializeResult:
    """The files that readers open, and the pointers that name them."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S_%f}"
    faults = [*expectations.faults(workspace), *checks.faults(workspace)]
    publication = publishing.publish(workspace, name, builds.rules_fingerprint(), progress, faults)
    if publication.is_sound:
        builds.build_went_well(workspace)
    made = publication.made
    register.note_published(workspace)
    return dg.MaterializeResult(
        metadata={
            "snapshot": name,
            "partners": len(made),
            "held": {each.partner_id: "; ".join(each.reasons) for each in publication.held},
            "rows": sum(snapshot.rows for snapshot in made),
            "seconds": sum(snapshot.seconds for snapshot in made),
        }
    )


defs = dg.Definitions(assets=[snapshots])
