"""What Dagster loads: the stages on one workspace. ``make dagster`` opens it, after ``orchestration.pipeline.runs`` has made it ready."""

import json

import dagster as dg

from orchestration import run_lock
from orchestration.errors import TiktellerError
from orchestration.pipeline import assets, schedules
from orchestration.pipeline.settings import RunSettings
from orchestration.progress import printed
from orchestration.workspace import open_workspace

workspace = open_workspace()
manifest = workspace.dbt_target / "manifest.json"
if not manifest.exists():  # loading a code location starts no dbt
    raise TiktellerError(f"{manifest} is not there", mend="make dagster (or python -m orchestration.pipeline.runs) parses first")


@dg.resource
def held_run_lock(_: dg.InitResourceContext):
    """Held from the first step of a run to its last."""
    with run_lock.held(workspace):
        yield


defs = dg.Definitions.merge(
    assets.definitions_of(manifest),
    schedules.definitions_of(json.loads(manifest.read_text())["nodes"]),
    dg.Definitions(resources={"workspace": workspace, "run_lock": held_run_lock, "progress": printed(), "run_settings": RunSettings()}),
)
