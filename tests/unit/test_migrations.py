"""The state takes steps when it is opened: whole or not at all, once, on SQLite as on PostgreSQL, and nothing that was decided changes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from orchestration import cli, state
from orchestration.state import migrations, store
from orchestration.workspace import PROJECT_ROOT, Workspace

AT_ONCE = 4


@pytest.fixture
def workspace(anywhere: Workspace) -> Workspace:
    return anywhere


@pytest.fixture
def aside(workspace: Workspace) -> Iterator[sa.Engine]:
    """The database of the state, past all that opening it does."""
    engine = sa.create_engine(state.url(workspace))
    yield engine
    engine.dispose()


def opened_anew(workspace: Workspace) -> sa.Engine:
    store._engine.cache_clear()
    return state.engine(workspace)


def as_released() -> sa.MetaData:
    """The tables of the last release that knew no steps."""
    (file,) = (migrations.FOLDER / "versions").glob("0001_*.py")
    spec = importlib.util.spec_from_file_location("as_released", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.metadata


def a_row_of(table: sa.Table) -> dict[str, Any]:
    values = {sa.LargeBinary: b"\x00\xff PAR1", sa.BigInteger: 2**40, sa.Integer: 7, sa.Text: "é 12.30"}
    return {column.name: next(value for kind, value in values.items() if isinstance(column.type, kind)) for column in table.columns}


def make_as_released(engine: sa.Engine) -> None:
    """A state as a release before left it, with a row in each table and in one column nothing."""
    released = as_released()
    with engine.begin() as connection:
        released.create_all(connection)
        for table in released.sorted_tables:
            connection.execute(table.insert().values(a_row_of(table)))
        connection.execute(released.tables["letters"].update().values(filed_at=None))


def all_of(engine: sa.Engine) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """What stands in the database: of each table its columns and rows."""
    with engine.connect() as connection:
        found = sa.MetaData()
        found.reflect(connection)
        return {
            table.name: (
                [f"{column.name} {column.type} {column.nullable} {column.primary_key}" for column in table.columns],
                [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.columns))],
            )
            for table in found.sorted_tables
        }


def shape(connection: sa.Connection, table: str) -> tuple[dict[str, bool], list[str], list[list[str]]]:
    """Which columns may be empty, the primary key in its order, and what must be there once."""
    found = sa.inspect(connection)
    return (
        {column["name"]: column["nullable"] for column in found.get_columns(table)},
        found.get_pk_constraint(table)["constrained_columns"],
        sorted(each["column_names"] for each in found.get_unique_constraints(table)),
    )


def wanted_shape(table: sa.Table) -> tuple[dict[str, bool], list[str], list[list[str]]]:
    unique = [[column.name for column in each.columns] for each in table.constraints if isinstance(each, sa.UniqueConstraint)]
    return {column.name: bool(column.nullable) for column in table.columns}, [column.name for column in table.primary_key], sorted(unique)


@pytest.mark.parametrize("before", ["nothing", "a state as released"])
def test_the_steps_lead_to_the_tables_of_today(workspace: Workspace, aside: sa.Engine, before: str) -> None:
    # Fails if a column is added to the tables and no step makes it: every state that is in use would lack it, and tests on new ones pass.
    if before != "nothing":
        make_as_released(aside)
    with opened_anew(workspace).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "version_table": migrations.VERSION_TABLE})
        assert compare_metadata(context, state.metadata) == []
        for table in state.metadata.sorted_tables:  # what is not compared there
            assert shape(connection, table.name) == wanted_shape(table), table.name


def test_a_state_as_released_goes_on_with_every_row(workspace: Workspace, aside: sa.Engine) -> None:
    # Fails if an upgrade loses or rewrites a decision, or makes the state another one, which every snapshot would then refuse.
    make_as_released(aside)
    before = all_of(aside)
    assert len(before) == len(state.metadata.tables)
    with opened_anew(workspace).connect() as connection:
        assert migrations.revision_of(connection) == migrations.REVISIONS[-1]
    after = all_of(aside)
    del after[migrations.VERSION_TABLE]
    assert after == before
    assert state.identity(workspace) == "é 12.30"


def test_a_second_opening_takes_no_step(workspace: Workspace, aside: sa.Engine) -> None:
    # Fails if each command loads Alembic and looks for steps: `tikteller status` would take half a second more, for ever.
    opened_anew(workspace)
    before = all_of(aside)
    says = (
        "import sys; from pathlib import Path; from orchestration import state; from orchestration.workspace import Workspace;"
        "state.engine(Workspace(Path(sys.argv[1]))); print(sorted(name for name in sys.modules if name.startswith('alembic')))"
    )
    done = in_a_process(says, workspace)
    assert done.communicate()[0].strip() == "[]"
    assert all_of(aside) == before


def test_a_state_of_a_newer_release_is_refused(workspace: Workspace, aside: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    # Fails if an older release decides in a state that it does not know: what it writes there the newer one cannot read.
    opened_anew(workspace)
    with aside.begin() as connection:
        connection.exec_driver_sql(f"update {migrations.VERSION_TABLE} set version_num = '9999'")
    before = all_of(aside)
    store._engine.cache_clear()
    assert cli.main(["--workspace", str(workspace.root), "invoices", "list"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    known = migrations.REVISIONS[-1]
    assert shown.err == (
        f"tikteller: the state is of a newer Tikteller (step 9999; this one knows up to {known}). "
        "Fix: run the newer release; an older one would not know what was decided\n"
    )
    assert all_of(aside) == before
    with aside.begin() as connection:
        connection.exec_driver_sql(f"update {migrations.VERSION_TABLE} set version_num = '{known}'")


FAILING = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    op.add_column("audit", sa.Column("why", sa.Text))
    op.execute("update audit set why = 'half'")
    op.execute("delete from closed_months")
    op.create_table("halves", sa.Column("half", sa.Text))
    raise RuntimeError("a step that fails halfway")
"""


@pytest.mark.parametrize("before", ["a state as released", "a state of the step before"])
def test_a_step_that_fails_leaves_the_state_as_it_was(
    workspace: Workspace, aside: sa.Engine, before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fails if half a step stays behind: neither the old release nor the new one could open the state any more.
    make_as_released(aside)
    if before != "a state as released":
        opened_anew(workspace)
    stood = all_of(aside)
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "0002_fails.py").write_text(FAILING)
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "FOLDER", folder)
        patched.setattr(migrations, "REVISIONS", ("0001", "0002"))
        with pytest.raises(RuntimeError, match="a step that fails halfway"):
            opened_anew(workspace)
    assert all_of(aside) == stood
    with opened_anew(workspace).connect() as connection:  # and the release that knows no such step goes on
        assert connection.execute(sa.select(state.closed_months)).fetchall()


@pytest.mark.parametrize("before", ["nothing", "a state as released"])
def test_several_who_open_it_at_once_all_can(workspace: Workspace, aside: sa.Engine, before: str) -> None:
    # Fails if the first minute after an upgrade, with the app, the sensor and two clerks at work, ends in an error for all but one.
    if before != "nothing":
        make_as_released(aside)
    says = (
        "import sys; from pathlib import Path; from orchestration import state; from orchestration.workspace import Workspace;"
        "print('ready', flush=True); sys.stdin.readline(); print(state.identity(Workspace(Path(sys.argv[1]))))"
    )
    workspace.state.touch()  # so that each of them opens it to ask who it is
    openers = [in_a_process(says, workspace) for _ in range(AT_ONCE)]
    for each in openers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in openers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [each.communicate(timeout=120) for each in openers]
    assert [each.returncode for each in openers] == [0] * AT_ONCE, said
    assert len({out for out, _ in said}) == 1, "all of them have opened the same state"
    with aside.connect() as connection:
        assert connection.exec_driver_sql(f"select version_num from {migrations.VERSION_TABLE}").scalars().all() == [
            migrations.REVISIONS[-1]
        ]
        assert len(connection.execute(sa.select(state.identities)).fetchall()) == 1


def in_a_process(says: str, workspace: Workspace) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", says, str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT_ROOT,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
    )
