"""Stage 3: checked marts -> one snapshot per partner. Reached only when every check before it has passed."""

from datetime import UTC, datetime

import dagster as dg

from orchestration import dbt, publishing
from orchestration.defs.models import dbt_models
from orchestration.landing import register
from orchestration.progress import Progress
from orchestration.workspace import Workspace

MARTS = [key for key in dbt_models.keys if key.path[0] in ("marts", "reference")]


@dg.asset(key=["serving", "snapshots"], group_name="serving", deps=MARTS, kinds={"duckdb"})
def snapshots(workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]) -> dg.MaterializeResult:
    """The files that readers open, and the pointers that name them."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S_%f}"
    made = publishing.publish(workspace, name, dbt.rules_fingerprint(), progress)
    register.note_published(workspace)
    return dg.MaterializeResult(
        metadata={
            "snapshot": name,
            "partners": len(made),
            "rows": sum(snapshot.rows for snapshot in made),
            "seconds": sum(snapshot.seconds for snapshot in made),
        }
    )


defs = dg.Definitions(assets=[snapshots])
