"""What Dagster loads: the stages (``stage_*.py``) on one workspace. ``make dagster`` opens it."""

import dagster as dg

from orchestration import run_lock
from orchestration.pipeline import schedules, stage_landing, stage_models, stage_publishing
from orchestration.pipeline.settings import RunSettings
from orchestration.progress import printed
from orchestration.warehouse import builds
from orchestration.workspace import open_workspace


@dg.resource
def held_run_lock(_: dg.InitResourceContext):
    """Held from the first step of a run to its last."""
    with run_lock.held(open_workspace()):
        yield


builds.use(open_workspace())
defs = dg.Definitions.merge(
    stage_landing.defs,
    stage_models.defs,
    stage_publishing.defs,
    schedules.defs,
    dg.Definitions(
        resources={"workspace": open_workspace(), "run_lock": held_run_lock, "progress": printed(), "run_settings": RunSettings()}
    ),
)
