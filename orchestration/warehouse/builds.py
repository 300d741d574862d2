"""dbt's side of a run: where the project stands, its manifest, its environment, and whether the rules have changed.

``tikteller-dbt`` (``main``) is dbt as we run it, on the workspace that TIKTELLER_WORKSPACE names, with dbt's own arguments. A run starts it
as ``Dbt``, which loads and parses while files still land.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from orchestration import warehouse
from orchestration.errors import TiktellerError
from orchestration.workspace import DBT_PROJECT_DIR, SEEDS_DIR, Workspace, open_workspace

EXECUTABLE = str(Path(sys.executable).parent / "tikteller-dbt")  # of this environment, whether it is activated or not
PARSED = ("manifest.json", "partial_parse.msgpack")
"""What dbt makes of the project: its nodes for Dagster, and its own notes, which spare it the parsing."""
PARSED_DIR = DBT_PROJECT_DIR / "target"
WAITS = "TIKTELLER_DBT_WAITS"
"""Set for a dbt that gets its arguments later, as a line of JSON on its standard input."""
SAID_BYTES = 2000


def main() -> None:
    """Run dbt inside the workspace: profiles.yml names the warehouse by a path that is the same in each, so that one parsing serves all."""
    workspace = open_workspace()
    if not workspace.root.is_dir():
        raise SystemExit(f"tikteller-dbt: {workspace.root} is not there. Mend: tikteller --workspace {workspace.root} init")
    os.environ.update(environment(workspace) | os.environ)
    workspace.rated.mkdir(exist_ok=True)
    os.chdir(workspace.root)
    gc.disable()  # a short life and half a gigabyte: collecting takes longer than what it frees is worth
    if os.environ.pop(WAITS, None):
        raise SystemExit(_build_when_told(workspace))
    from dbt.cli.main import cli

    cli()


def _build_when_told(workspace: Workspace) -> int:
    """Load and parse, wait for the word, build. Whoever was to give it may have ended: then there is nothing to do."""
    from dbt.cli.main import dbtRunner

    prepare_manifest(workspace)
    paths = ["--target-path", str(workspace.dbt_target), "--log-path", str(workspace.dbt_target)]
    parsed = dbtRunner().invoke(["--quiet", "parse", *paths])
    word = sys.stdin.readline()
    if not word:
        return 0
    if parsed.success:
        parsed = dbtRunner(manifest=parsed.result).invoke(["build", "--exclude-resource-type", "unit_test", *paths, *json.loads(word)])
    if parsed.exception:
        print(parsed.exception)
    return 0 if parsed.success else 1


class Dbt:
    """dbt on a workspace, in a process of its own, for one build; what it says goes to ``log``. A context manager: it ends with it."""

    def __init__(self, workspace: Workspace, log: Path) -> None:
        self._environment = os.environ | environment(workspace) | {WAITS: "yes"}
        self._log = log
        self._is_building = False

    def __enter__(self) -> Dbt:
        with self._log.open("a") as said:
            self._process = subprocess.Popen(
                [EXECUTABLE], stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT, env=self._environment, text=True
            )
        return self

    def build(self, *arguments: str) -> str | None:
        """Build and check everything. None where all was built and could be asked; else the end of what dbt said."""
        self._is_building = True
        self._process.communicate(json.dumps(arguments) + "\n")
        if self._process.returncode == 0:
            return None
        with self._log.open("rb") as said:
            said.seek(max(0, self._log.stat().st_size - SAID_BYTES))
            return said.read().decode(errors="replace").strip() or f"it ended with {self._process.returncode}"

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate() if self._is_building else self._process.kill()
            self._process.wait()


def rules_fingerprint() -> str:
    """Changes whenever a model, a macro, a feed's declaration or a seed does."""
    return code_fingerprint((DBT_PROJECT_DIR, SEEDS_DIR))


def environment(workspace: Workspace) -> dict[str, str]:
    """What dbt is to know of the workspace, and what profiles.yml asks for."""
    settings = warehouse.settings(workspace)
    return {
        "TIKTELLER_WORKSPACE": str(workspace.root),
        "TIKTELLER_MEMORY": settings["memory_limit"],
        "TIKTELLER_THREADS": settings["threads"],
        "DBT_PROJECT_DIR": str(DBT_PROJECT_DIR),
        "DBT_PROFILES_DIR": str(DBT_PROJECT_DIR),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_LOG_LEVEL_FILE": os.environ.get("DBT_LOG_LEVEL_FILE", "warn"),  # writing every event down takes four seconds of a run
    }


def prepare_manifest(workspace: Workspace) -> Path:
    """Parse the project once per change of it (some seconds): dbt starts from what was parsed, and Dagster reads its assets from it.

    What was parsed is kept beside the project, where that can be written; every workspace has a copy, to which dbt adds in its runs.
    """
    settings = warehouse.settings(workspace)
    fingerprint = f"{rules_fingerprint()} {settings['memory_limit']} {settings['threads']}"

    def parse(target: Path) -> None:
        _parse(workspace, target)

    def copy(target: Path) -> None:
        _prepare(PARSED_DIR, fingerprint, parse)
        for file in PARSED:
            shutil.copyfile(PARSED_DIR / file, target / file)

    _prepare(workspace.dbt_target, fingerprint, copy if os.access(DBT_PROJECT_DIR, os.W_OK) else parse)
    return workspace.dbt_target / PARSED[0]


def _prepare(folder: Path, fingerprint: str, make: Callable[[Path], None]) -> None:
    """Let ``make`` write what is parsed into the folder, unless it is there; several processes may do so at a time."""
    prepared_for = folder / "prepared_for"
    prepared = prepared_for.exists() and prepared_for.read_text(errors="replace") == fingerprint
    if prepared and all((folder / file).exists() for file in PARSED) and _is_whole(folder / PARSED[0]):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="parsing-") as unfinished:
        make(Path(unfinished))
        for file in PARSED:
            (Path(unfinished) / file).replace(folder / file)
    prepared_for.write_text(fingerprint)


def _is_whole(manifest: Path) -> bool:
    """Whether the manifest was written to its end: a disk that is full cuts it, and every later run would fail on it."""
    try:
        return bool(json.loads(manifest.read_bytes())["nodes"])
    except (ValueError, KeyError, TypeError):
        return False


def _parse(workspace: Workspace, target: Path) -> None:
    command = [EXECUTABLE, "--quiet", "parse", "--target-path", str(target), "--log-path", str(target)]
    done = subprocess.run(command, env=os.environ | environment(workspace), capture_output=True, text=True)
    if done.returncode:
        raise TiktellerError(f"dbt cannot read the project: {done.stdout.strip()[-2000:]}", mend="tikteller-dbt parse says more")


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
    if is_full:
        shutil.rmtree(workspace.rated, ignore_errors=True)
    workspace.rated.mkdir(exist_ok=True)
    return is_full


def forget_build(workspace: Workspace) -> None:
    """Let the next build be a full one: what landed, or how it is read, is other than it was, or something of what was built is gone."""
    _rules_file(workspace).unlink(missing_ok=True)


def is_built(workspace: Workspace) -> bool:
    """Whether the last build went well, by the rules of today."""
    went_well = _rules_file(workspace)
    return went_well.exists() and went_well.read_text(errors="replace") == rules_fingerprint()


def build_went_well(workspace: Workspace) -> None:
    """Note by which rules the warehouse was built and checked."""
    workspace.dbt_target.mkdir(parents=True, exist_ok=True)
    _rules_file(workspace).write_text(rules_fingerprint())


def _rules_file(workspace: Workspace) -> Path:
    return workspace.dbt_target / "rules"


def code_fingerprint(roots: Iterable[Path]) -> str:
    """One hash over the rules: every SQL, YAML and CSV file below ``roots``, by name and content."""
    digest = hashlib.sha256()
    for root in roots:
        for file in sorted(f for f in root.rglob("*") if f.suffix in {".sql", ".yml", ".csv"} and "target" not in f.parts):
            digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
