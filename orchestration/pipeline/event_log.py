"""Where Dagster writes the history of runs: its own SQLite storage, but with a connection that stays open.

Dagster opens a new database engine for every event and waits for the disk after each. A run has a thousand of them: 11 s of CPU beside the
queries that somebody waits for. Rows and files are the same, so the Dagster UI reads them as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dagster import _check as check
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SQLITE_BUSY_TIMEOUT_SECONDS, SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

OPEN_FILES = 4  # the index, the run that is going on, and what somebody looks at


class OpenSqliteEventLogStorage(SqliteEventLogStorage):
    """``event_log_storage`` of dagster.yaml, with the same ``base_dir`` as Dagster's own. A power cut loses a run's last lines, no more."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, sa.Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> OpenSqliteEventLogStorage:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock, self._engine(check.str_param(shard, "shard")).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> sa.Engine:
        engine = self._engines.pop(shard, None) or self._opened(shard)
        self._engines[shard] = engine  # last, as the one used last
        while len(self._engines) > OPEN_FILES:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    def _opened(self, shard: str) -> sa.Engine:
        engine = sa.create_engine(
            self.conn_string_for_shard(shard),
            poolclass=sa.pool.StaticPool,  # one connection, used under the storage's lock
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )

        @sa.event.listens_for(engine, "connect")
        def _unhurried(connection: Any, _record: Any) -> None:
            connection.execute("pragma synchronous = normal")  # with Dagster's write-ahead log: whole after a crash, no wait per event

        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        return engine

    def dispose(self) -> None:
        super().dispose()
        while self._engines:
            self._engines.popitem()[1].dispose()
