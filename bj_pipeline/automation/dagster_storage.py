"""Dagster's SQLite storage for a process that builds issue after issue: connections stay open.

What belongs here: how a run's events reach Dagster's databases in this process. What does not:
where they lie and what they look like; both are Dagster's own, so that the UI and the daemon, which
use Dagster's storage as it is, read the same files.

Dagster opens and closes a database for each of the three hundred events of an issue, and waits for
the disk at each; that took longer than computing the issue. Here a connection serves all events of
a run. What is committed survives a killed process as before; a machine that loses its power may
lose the last events of a run, never the database.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    SqliteStorageConfig,
    _event_logs_directory,
    _runs_directory,
    _schedule_directory,
)
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

_RUNS_KEPT_OPEN = 2
"""The run under way, and the database of events that belong to no run."""
_NOT_KEPT = {
    "module": NoOpComputeLogManager.__module__,
    "class": NoOpComputeLogManager.__name__,
    "config": {},
}


def instance(home: Path, *, in_terminal: bool = False) -> dg.DagsterInstance:
    """Dagster's instance of a home; with SQLite, its connections stay open until it is disposed of.

    Args:
        home: ``DAGSTER_HOME``.
        in_terminal: What a step prints goes to the terminal and no further. To keep it for the UI
            as well, Dagster starts four programs for each run.
    """
    reference = InstanceRef.from_dir(str(home))
    storage = reference.storage_data
    overrides: dict[str, Any] = {}
    if storage is not None and storage.class_name == DagsterSqliteStorage.__name__:
        ours = {"module": __name__, "class": HeldOpen.__name__, "config": storage.config_dict}
        overrides["storage"] = {"custom": ours}
    if in_terminal:
        overrides["compute_logs"] = _NOT_KEPT
    if overrides:
        reference = InstanceRef.from_dir(str(home), overrides=overrides)
    return dg.DagsterInstance.from_ref(reference)


def _open(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: object) -> None:
        # Before a new run's tables are made, each of which would wait for the disk otherwise.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _dump(engine: Engine) -> str:
    """A database's tables and rows as one transaction of SQL."""
    with closing(engine.raw_connection()) as pooled:
        database: sqlite3.Connection = pooled.dbapi_connection  # type: ignore[assignment]
        return "\n".join(database.iterdump())


def _run_script(engine: Engine, script: str) -> None:
    with closing(engine.raw_connection()) as pooled:
        database: sqlite3.Connection = pooled.dbapi_connection  # type: ignore[assignment]
        try:
            database.executescript(script)
        except sqlite3.Error:
            database.rollback()
            raise


class _Events(SqliteEventLogStorage):
    def __init__(self, base_dir: str) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        self._empty_run: str | None = None
        super().__init__(base_dir)

    def has_table(self, table_name: str) -> bool:
        """Whether it is there; Dagster asks at every event, and no table ever goes."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._make_tables(shard, engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _make_tables(self, shard: str, engine: Engine) -> None:
        """Dagster's own tables, and from the second run on the same without its migrations' files.

        Where somebody else makes them at the same time, Dagster sees what is left to do.
        """
        if Path(self.path_for_shard(shard)).exists():
            self._initdb(engine)
        elif self._empty_run is None:
            self._initdb(engine)
            self._empty_run = _dump(engine)
        else:
            try:
                _run_script(engine, self._empty_run)
            except sqlite3.OperationalError:
                self._initdb(engine)

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            self._engines[shard] = _open(self.conn_string_for_shard(shard))
        self._engines.move_to_end(shard)
        runs = [name for name in self._engines if name != INDEX_SHARD_NAME]
        for name in runs[:-_RUNS_KEPT_OPEN]:
            self._engines.pop(name).dispose()
        return self._engines[shard]

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


class _Runs(SqliteRunStorage):
    _engine: Engine | None = None

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        if self._engine is None:
            self._engine = _open(self._conn_string)
        with self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        super().dispose()


class HeldOpen(DagsterSqliteStorage):
    """Dagster's SQLite storage, with connections that stay open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Not Dagster's own constructor, which would open everything in its own way first.
        DagsterStorage.__init__(self)  # type: ignore[no-untyped-call, arg-type]
        self.base_dir = base_dir
        self._inst_data = inst_data
        self._run_storage = _Runs.from_local(_runs_directory(base_dir))
        self._event_log_storage = _Events(_event_logs_directory(base_dir))
        self._schedule_storage = SqliteScheduleStorage.from_local(_schedule_directory(base_dir))

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData | None, config_value: SqliteStorageConfig
    ) -> "HeldOpen":
        """As Dagster makes it from its configuration."""
        return cls.from_local(inst_data=inst_data, **config_value)
