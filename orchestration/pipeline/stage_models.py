"""Stage 2: raw rows -> staging -> rating and charging -> marts, one dbt invocation a run; dbt's tests are the asset checks."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from packaging.version import Version

from orchestration.errors import TiktellerError
from orchestration.pipeline import checks
from orchestration.progress import Progress
from orchestration.warehouse import builds
from orchestration.workspace import DBT_PROJECT_DIR, Workspace, open_workspace

TOLD_APART_S = 1.0  # a model that takes longer gets a line of its own

STAGES = {
    "seed": "reference data",
    "staging": "staging",
    "intermediate": "rating and charging",
    "marts": "published tables",
    "test": "checks",
}


class ByFolder(DagsterDbtTranslator):
    """An asset's group is the layer it belongs to: reference, staging, intermediate or marts."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return dbt_resource_props["schema"]


@dbt_assets(
    manifest=builds.prepare_manifest(open_workspace()), name="models", exclude="resource_type:unit_test", dagster_dbt_translator=ByFolder()
)
def dbt_models(
    context: dg.AssetExecutionContext,
    workspace: dg.ResourceParam[Workspace],
    progress: dg.ResourceParam[Progress],
    dbt_cli: DbtCliResource,
) -> Iterator[Any]:
    """Everything that is true, in SQL. Other rules, or a build that failed, rebuild what is otherwise kept from run to run."""
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    if builds.begin_build(workspace):
        arguments.append("--full-refresh")
    (workspace.dbt_target / "run_results.json").unlink(missing_ok=True)  # what an earlier run found is not this one's
    invocation = dbt_cli.cli(arguments, context=context, target_path=workspace.dbt_target)
    try:
        yield from invocation.stream()
    except DagsterDbtCliRuntimeError as error:
        raise TiktellerError(checks.stopped(invocation.target_path, error.description or "")) from error
    finally:
        _tell(invocation.target_path, progress)


def _tell(target: Path, progress: Progress) -> None:
    """A line per stage, and one per model that took its time."""
    seconds = dict.fromkeys(STAGES.values(), 0.0)
    for result in checks.results(target):
        kind, took = result["unique_id"].split(".")[0], result["execution_time"]
        schema = (result.get("relation_name") or "").split(".")[-2:-1]
        stage = STAGES.get(kind) or STAGES.get(schema[0].strip('"') if schema else "", "published tables")
        seconds[stage] += took
        if took >= TOLD_APART_S and kind == "model":
            progress(f"  {result['unique_id'].split('.')[-1]}", None, took)
    for stage, took in seconds.items():
        progress(stage, None, took)


class LeanDbt(DbtCliResource):
    """dbt's command line, started without what a run does not ask for: three seconds of every one."""

    @property
    def _cli_version(self) -> Version:
        """Known from what is installed: else Dagster starts dbt once more to hear it."""
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:
        """Dagster's own connection to the warehouse, for metadata of columns and counts of rows: none of it is asked for."""


dbt_cli = LeanDbt(project_dir=str(DBT_PROJECT_DIR), profiles_dir=str(DBT_PROJECT_DIR), dbt_executable=builds.EXECUTABLE)
defs = dg.Definitions(assets=[dbt_models], resources={"dbt_cli": dbt_cli})
