"""A state of a release before goes on: what was final stays so, for the partner for whom it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb
import sqlalchemy as sa

from orchestration import state
from orchestration.landing.decisions import create_raw, land_decisions
from orchestration.state import store
from orchestration.workspace import Workspace

OF_BEFORE = """
    drop table frozen_months;
    drop table frozen_files;
    create table frozen_months (
        customer_id text, month text, partner_id text not null, freeze_id integer not null, primary key (customer_id, month)
    );
    create table frozen_files (sha256 text primary key, freeze_id integer not null);
    insert into frozen_months values ('c1', '2026-09', 'p1', 1), ('c2', '2026-09', 'p2', 2);
    insert into frozen_files values ('first', 1), ('second', 2);
"""


def _of_before(workspace: Workspace) -> None:
    workspace.root.mkdir(parents=True)
    engine = sa.create_engine(f"sqlite:///{workspace.state}")
    state.metadata.create_all(engine)
    with engine.begin() as connection:
        for freeze_id, partner in ((1, "p1"), (2, "p2")):
            connection.execute(
                state.freezes.insert().values(
                    freeze_id=freeze_id, partner_id=partner, month="2026-09", occasion="close", snapshot="s", made_at="2026-10-01T00:00:00",
                    made_by="finance", calls=b"", calls_sha256="", charges=b"", charges_sha256="",
                )
            )  # fmt: skip
    engine.dispose()
    with sqlite3.connect(workspace.state) as old:
        old.executescript(OF_BEFORE)


def test_a_state_of_before_goes_on(tmp_path: Path) -> None:
    """Months that were final would be open again after an upgrade, or every record of an approved month late: all of it in quarantine."""
    workspace = Workspace(tmp_path / "workspace")
    _of_before(workspace)
    for _ in range(2):  # the second time nothing is left to do
        store._engine.cache_clear()
        with state.engine(workspace).connect() as decided:
            months = decided.execute(sa.select(state.frozen_months).order_by("partner_id")).fetchall()
            files = decided.execute(sa.select(state.frozen_files).order_by("partner_id", "sha256")).fetchall()
        assert months == [("p1", "c1", "2026-09", 1), ("p2", "c2", "2026-09", 2)]
        assert files == [("p1", "first", 1), ("p1", "second", 2), ("p2", "first", 1), ("p2", "second", 2)]
        assert not [name for name in sa.inspect(state.engine(workspace)).get_table_names() if name.endswith("of_before")]


def test_a_warehouse_of_before_reads_the_decisions_anew(tmp_path: Path) -> None:
    """Its table of frozen files does not name the partner: every record of an approved month would be late until somebody rebuilds."""
    warehouse = duckdb.connect(str(tmp_path / "warehouse.duckdb"))
    warehouse.execute("create schema raw")
    workspace = Workspace(tmp_path / "workspace")
    with state.engine(workspace).begin() as decided:
        decided.execute(state.frozen_files.insert().values(partner_id="p1", sha256="first", freeze_id=1))
        state.note(decided, "approve", "p1", "INV1")
    version = land_decisions(workspace, warehouse)
    warehouse.execute("drop table raw.frozen_files")
    warehouse.execute("create table raw.frozen_files (sha256 varchar, freeze_id integer)")
    create_raw(warehouse)
    assert land_decisions(workspace, warehouse) == version
    assert warehouse.execute("select * from raw.frozen_files").fetchall() == [("p1", "first", 1)]
