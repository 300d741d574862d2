"""dbt's side of a run: where the project stands, its manifest, its environment, and whether the rules have changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from orchestration import warehouse
from orchestration.errors import TiktellerError
from orchestration.publishing import code_fingerprint
from orchestration.workspace import DBT_PROJECT_DIR, SEEDS_DIR, Workspace

EXECUTABLE = str(Path(sys.executable).parent / "dbt")  # of this environment, whether it is activated or not


def rules_fingerprint() -> str:
    """Changes whenever a model, a macro, a feed's declaration or a seed does."""
    return code_fingerprint((DBT_PROJECT_DIR, SEEDS_DIR))


def environment(workspace: Workspace) -> dict[str, str]:
    """What profiles.yml asks for."""
    settings = warehouse.settings(workspace)
    return {
        "TIKTELLER_WAREHOUSE": str(workspace.warehouse),
        "TIKTELLER_SPILL": settings["temp_directory"],
        "TIKTELLER_MEMORY": settings["memory_limit"],
        "TIKTELLER_THREADS": settings["threads"],
        "DBT_PROFILES_DIR": str(DBT_PROJECT_DIR),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_LOG_LEVEL_FILE": os.environ.get("DBT_LOG_LEVEL_FILE", "warn"),  # writing every event down takes four seconds of a run
    }


def prepare_manifest(workspace: Workspace) -> Path:
    """Dagster reads its assets from dbt's manifest: parse the project once per change of it (some seconds), never inside a run.

    Each workspace has its own, since dbt parses everything again when it is pointed at another warehouse.
    """
    manifest, prepared_for = workspace.dbt_target / "manifest.json", workspace.dbt_target / "prepared_for"
    fingerprint = f"{rules_fingerprint()} {sorted(environment(workspace).items())}"
    if manifest.exists() and prepared_for.exists() and prepared_for.read_text() == fingerprint:
        return manifest
    workspace.dbt_target.mkdir(parents=True, exist_ok=True)
    command = [EXECUTABLE, "--quiet", "parse", "--target-path", str(workspace.dbt_target), "--log-path", str(workspace.dbt_target)]
    done = subprocess.run(command, cwd=DBT_PROJECT_DIR, env=os.environ | environment(workspace), capture_output=True, text=True)
    if done.returncode:
        raise TiktellerError(f"dbt cannot read the project: {done.stdout.strip()[-2000:]}", mend="cd dbt_project && dbt parse")
    prepared_for.write_text(fingerprint)
    return manifest


def use(workspace: Workspace) -> None:
    """Let every dbt that this process starts work on the workspace."""
    os.environ.update(environment(workspace))


def begin_build(workspace: Workspace) -> bool:
    """Note that a build is going on; return whether it has to be a full one, in which nothing derived is kept.

    It has to when the warehouse was built by other rules than today's, and when the last build did not go well: of one that was
    killed, or that the checks refused, nothing may be kept, or the next run would not look at those days again.
    """
    is_full = not is_built(workspace)
    _rules_file(workspace).unlink(missing_ok=True)
    return is_full


def is_built(workspace: Workspace) -> bool:
    """Whether the last build went well, by the rules of today."""
    went_well = _rules_file(workspace)
    return went_well.exists() and went_well.read_text() == rules_fingerprint()


def build_went_well(workspace: Workspace) -> None:
    """Note by which rules the warehouse was built and checked."""
    workspace.dbt_target.mkdir(parents=True, exist_ok=True)
    _rules_file(workspace).write_text(rules_fingerprint())


def _rules_file(workspace: Workspace) -> Path:
    return workspace.dbt_target / "rules"
