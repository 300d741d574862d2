"""A state of one's own, in SQLite and in PostgreSQL: one server for a module, an empty database for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestration import state
from orchestration.state import store
from orchestration.workspace import Workspace
from tests.postgres import running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Callable[[], str]]:
    """Gives the address of another empty database each time."""
    with running_postgres() as address:
        numbers = itertools.count(1)

        def another() -> str:
            name = f"state_{next(numbers)}"
            engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql(f"create database {name}")
            engine.dispose()
            return address.replace("/postgres?", f"/{name}?")

        yield another


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace whose state nobody has opened yet."""
    made = Workspace(tmp_path / "workspace")
    made.create(("orders",))
    if request.param == "postgresql":
        monkeypatch.setenv("TIKTELLER_STATE_URL", request.getfixturevalue("postgres")())
    store._engine.cache_clear()
    yield made
    state.engine(made).dispose()
    store._engine.cache_clear()
