"""What Dagster loads: the stages of ``defs/`` on one workspace. ``make dagster`` opens it."""

import dagster as dg

from orchestration import run_lock

from orchestration.warehouse import builds
from orchestration.defs import landing, models, publishing, schedules
from orchestration.progress import printed
from orchestration.pipeline.settings import RunSettings
from orchestration.workspace import open_workspace


@dg.resource
def held_run_lock(_: dg.InitResourceContext):
    """Held from the first step of a run to its last."""
    with run_lock.held(open_workspace()):
        yield


builds.use(open_workspace())
defs = dg.Definitions.merge(
    landing.defs,
    models.defs,
    publishing.defs,
    schedules.defs,
    dg.Definitions(
        resources={"workspace": open_workspace(), "run_lock": held_run_lock, "progress": printed(), "run_settings": RunSettings()}
    ),
)
