"""The form of the state, step by step: ``versions/`` has a file for each change, and whoever opens the state takes those that it lacks.

A step is a file ``versions/<number>_<what it does>.py`` with ``revision``, ``down_revision`` and ``upgrade()`` (Alembic), written so
that it runs on SQLite and PostgreSQL; ``tests/unit/test_migrations.py`` holds the steps against ``orchestration.state.tables``. There is
no way back: a state that a newer Tikteller has opened is refused by an older one.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from orchestration.errors import TiktellerError

FOLDER = Path(__file__).parent
VERSION_TABLE = "tikteller_version"
REVISIONS = tuple(sorted(file.stem.split("_")[0] for file in (FOLDER / "versions").glob("[0-9]*_*.py")))
"""Oldest first. By their files: Alembic is only loaded where there is a step to take."""


def revision_of(connection: sa.Connection) -> str | None:
    """The last step that the state has taken; None where it is new, or of a release before there were steps."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"select version_num from {VERSION_TABLE}")).scalar()


def upgrade(connection: sa.Connection) -> None:
    """Take the steps that are missing, in the transaction of the caller. Raises TiktellerError where the state is newer than this code."""
    known = revision_of(connection)
    if known == REVISIONS[-1]:
        return
    if known is not None and known not in REVISIONS:
        raise TiktellerError(
            f"the state is of a newer Tikteller (step {known}; this one knows up to {REVISIONS[-1]})",
            fix="run the newer release; an older one would not know what was decided",
        )
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    command.upgrade(config, REVISIONS[-1])
