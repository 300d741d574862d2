"""Where everything is kept: the only module that knows paths.

A workspace is one folder (``--workspace``, ``TIKTELLER_WORKSPACE`` or ``data/``) with the layout that INTERFACE promises:
``landing/<feed>/**``, ``warehouse.duckdb``, ``serving/<partner_id>/``, ``documents/`` and ``state.db``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import TiktellerError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = PROJECT_ROOT / "dbt_project"
SEEDS_DIR = PROJECT_ROOT / "seeds"
DEFAULT_WORKSPACE = PROJECT_ROOT / "data"

PLATFORM = "_platform"
"""The folder below ``serving/`` for what belongs to no single partner: all files, all quarantine, the runs. Operators only."""


@dataclass(frozen=True)
class Workspace:
    """The paths of one workspace. Building one touches nothing on disk; ``create`` does."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def former_warehouse(self) -> Path:
        """The warehouse that is being made anew, until what only it has is carried over."""
        return self.root / "warehouse.before.duckdb"

    @property
    def rated(self) -> Path:
        """The rated calls, a database file for each partner: part of the warehouse, and what each snapshot starts from."""
        return self.root / "rated"

    @property
    def serving(self) -> Path:
        return self.root / "serving"

    @property
    def documents(self) -> Path:
        return self.root / "documents"

    @property
    def state(self) -> Path:
        return self.root / "state.db"

    @property
    def state_seen(self) -> Path:
        """Which state was last decided in, and how far: beside it, so that an older one in its place is noticed."""
        return self.root / "state.seen.json"

    @property
    def dagster_home(self) -> Path:
        return self.root / "dagster"

    @property
    def dbt_target(self) -> Path:
        return self.root / "dbt"

    @property
    def spill(self) -> Path:
        """DuckDB's temporary files; on the workspace's disk, not in memory or in ``/tmp``."""
        return self.root / "spill"

    @property
    def run_lock(self) -> Path:
        return self.root / "run.lock"

    @property
    def last_run(self) -> Path:
        """The report of the newest run as JSON, written whole at its end (also when it failed)."""
        return self.root / "last_run.json"

    @property
    def fingerprints(self) -> Path:
        """Which bytes lay under a name in landing/ when it was last looked at; a note of ours, made anew where it is lost."""
        return self.root / "fingerprints.json"

    @property
    def demo_answers(self) -> Path:
        """What the demo generator knows about its own data: the dirt it put in and where it has to end."""
        return self.root / "demo_answers.json"

    @property
    def demo_landing(self) -> Path:
        """There where nothing lay in landing/ before the demo's files did: `make clean` may take it away then, and only then."""
        return self.root / ".landing-made-by-demo-data"

    def feed(self, name: str) -> Path:
        return self.landing / name

    def exists(self) -> bool:
        return self.landing.is_dir()

    def require(self) -> Workspace:
        """Return itself, or say how to make it when it is not there."""
        if not self.exists():
            raise TiktellerError(
                f"{self.root} is not a workspace (no landing/ in it)",
                fix=f"tikteller --workspace {self.root} init",
            )
        return self

    def create(self, feeds: tuple[str, ...]) -> None:
        """Make the folders; harmless on a workspace that is there already."""
        for folder in (*(self.feed(name) for name in feeds), self.serving, self.documents):
            folder.mkdir(parents=True, exist_ok=True)


def open_workspace(path: str | os.PathLike[str] | None = None) -> Workspace:
    """The workspace named by ``path``, else by ``TIKTELLER_WORKSPACE``, else ``data/`` in the project."""
    chosen = path or os.environ.get("TIKTELLER_WORKSPACE") or DEFAULT_WORKSPACE
    return Workspace(Path(chosen).expanduser().resolve())
