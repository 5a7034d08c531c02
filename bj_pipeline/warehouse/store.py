"""Reading and replacing partitions of the warehouse.

A partition (one table of one issue) is replaced in one transaction, so a killed run leaves either
the old rows or the new ones. Frames go in and come out with the columns and types of
:mod:`bj_pipeline.warehouse.tables`, without the column ``issue``.
"""

import atexit
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

import numpy as np
import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Table,
    case,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
)

from bj_pipeline import folders, outages
from bj_pipeline.errors import ConfigurationError, MissingDataError
from bj_pipeline.warehouse import address, rows, tables
from bj_pipeline.warehouse.migrate import SCHEMA

_BUSY_TIMEOUT_SECONDS = 60
_WRITERS_LOCK = 899050
"""Names the lock among those of a PostgreSQL database."""


class CheckCounts(NamedTuple):
    """How many checks there are, how many of them failed, and how many of those stop an issue."""

    checks: int
    failed: int
    stopped: int


@dataclass(frozen=True)
class Warehouse:
    """A database of partitions.

    Attributes:
        url: SQLAlchemy URL. A SQLite file and its folder are made when first used.
    """

    url: str = field(repr=False)

    @cached_property
    def engine(self) -> Engine:
        """The engine; its first use makes the tables of an empty database.

        Raises:
            DatabaseVersionError: The database's tables are those of another version.
            OutageError: It does not answer.
        """
        engine = connect(self.url)
        SCHEMA.prepare(engine)
        return engine

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it happens, or nothing."""
        with self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    @outages.outlasting
    def replace(self, issue: int, frames: Mapping[str, pd.DataFrame]) -> dict[str, str]:
        """Replace an issue's rows in one or more tables, all in one transaction.

        Args:
            issue: Issue number.
            frames: By table name; exactly the table's columns without ``issue``.

        Returns:
            The data version of each table: equal rows have equal versions.
        """
        ordered = {name: _in_order(name, frame) for name, frame in frames.items()}
        versions = {name: data_version(frame) for name, frame in ordered.items()}
        with self.writing() as connection:
            for name, frame in ordered.items():
                _replace_rows(connection, name, issue, frame)
                _replace_partition(connection, name, issue, versions[name], len(frame))
        for name, frame in ordered.items():
            written_in(self.url)[name] = Written(issue, versions[name], frame)
        return versions

    @outages.outlasting
    def record_file(self, issue: int, name: str, version: str) -> None:
        """Note the version of a finished file, so that checks know which bytes they have read."""
        with self.writing() as connection:
            _replace_partition(connection, name, issue, version, 1)

    @outages.outlasting
    def replace_input_files(self, issue: int, table: str, source: str, files: pd.DataFrame) -> None:
        """Replace the list of files that one raw table of an issue was read from."""
        inputs = tables.table(tables.INPUT_FILES)
        listed = files.assign(table=table, source=source)
        with self.writing() as connection:
            connection.execute(
                delete(inputs).where(inputs.c.issue == issue, inputs.c.table == table)
            )
            rows.add(connection, inputs, issue, listed)

    @outages.outlasting
    def record_checks(self, issue: int, results: pd.DataFrame) -> None:
        """Replace the latest results of some checks of an issue (columns of ``check_results``)."""
        checks = tables.table(tables.CHECK_RESULTS)
        names = [str(name) for name in results["check"]]
        with self.writing() as connection:
            connection.execute(
                delete(checks).where(checks.c.issue == issue, checks.c.check.in_(names))
            )
            rows.add(connection, checks, issue, results)

    @contextmanager
    def appending(self, issue: int, frames: Mapping[str, pd.DataFrame]) -> Iterator[None]:
        """Add rows of an issue to tables that only ever grow, before what the caller does inside.

        Both happen or neither: an error of the caller's takes the rows back.

        Args:
            issue: Issue number.
            frames: By table name; exactly the table's columns without ``issue``.
        """
        with self.writing() as connection:
            for name, frame in frames.items():
                rows.add(connection, tables.table(name), issue, _in_order(name, frame))
            yield

    @outages.outlasting
    def read(self, name: str, issue: int | None = None) -> pd.DataFrame:
        """Rows of a table, ordered by key.

        Args:
            name: Table name.
            issue: One issue; None for all, with the column ``issue`` in front.

        Raises:
            MissingDataError: The issue was never built in this table.
            DataError: The rows are not those that were written.
        """
        source = tables.table(name)
        if issue is None:
            with self.engine.connect() as connection:
                return rows.frame(connection, source)
        version = self.version(name, issue)
        if tables.has_versions(name) and version is None:
            raise MissingDataError(
                f"The table {name} holds nothing of issue {issue}. "
                f"Build it with `bj-pipeline run --issue {issue}`."
            )
        written = written_in(self.url).get(name)
        if written is not None and (written.issue, written.version) == (issue, version):
            return written.frame.copy(deep=False)
        with self.engine.connect() as connection:
            frame = rows.frame(connection, source, source.c.issue == issue, without="issue")
        if tables.has_versions(name) and not self._is_as_written(name, issue, version, frame):
            if self.version(name, issue) != version:
                return self.read(name, issue)  # another run has replaced it in between
            raise rows.changed(f"table {name} of issue {issue}")
        return frame

    def read_all(self, name: str) -> pd.DataFrame:
        """Rows of every issue, with the column ``issue`` in front.

        Takes longer than :meth:`read` does without an issue, and finds what was changed by hand.

        Raises:
            DataError: The rows of an issue are not those that were written.
        """
        found = [self.read(name, issue).assign(issue=issue) for issue in self.issues(name)]
        whole = pd.concat(found, ignore_index=True) if found else self.read(name)
        return whole[["issue", *tables.columns(name)]]

    def _is_as_written(
        self, name: str, issue: int, version: str | None, frame: pd.DataFrame
    ) -> bool:
        seen = seen_in(self.url)
        if (name, issue, version) not in seen:
            if data_version(frame) != version:
                return False
            seen.add((name, issue, version))
        return True

    @outages.outlasting
    def read_issues(self, name: str, issues: Collection[int], **equal: object) -> pd.DataFrame:
        """Rows of several issues, ordered by key, with the column ``issue`` in front.

        Args:
            name: Table name.
            issues: Those that are not there are left out.
            equal: Values that columns must have.
        """
        source = tables.table(name)
        with self.engine.connect() as connection:
            return rows.frame(connection, source, *_conditions(source, issues, equal))

    @outages.outlasting
    def values(self, name: str, column: str, issues: Collection[int], **equal: object) -> list[Any]:
        """The different values of a column in several issues, without reading their rows.

        Args:
            name: Table name.
            column: Its column.
            issues: Those that are not there are left out.
            equal: Values that other columns must have.
        """
        source = tables.table(name)
        query = select(source.c[column]).distinct().where(*_conditions(source, issues, equal))
        with self.engine.connect() as connection:
            return sorted(connection.execute(query).scalars().all())

    @outages.outlasting
    def version(self, name: str, issue: int) -> str | None:
        """Data version of a partition; None if it was never built."""
        partitions = tables.table(tables.PARTITIONS)
        query = select(partitions.c.data_version).where(
            partitions.c.issue == issue, partitions.c.table == name
        )
        with self.engine.connect() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else str(found)

    @outages.outlasting
    def versions(self, issue: int, *, files: bool = False) -> dict[str, str]:
        """Data versions of an issue's tables, by table; with ``files`` also of finished files."""
        # Asked for some hundred times an issue: without a frame, it takes a tenth of the time.
        partitions = tables.table(tables.PARTITIONS).c
        query = select(partitions.table, partitions.data_version).where(partitions.issue == issue)
        with self.engine.connect() as connection:
            known = sorted(tuple(row) for row in connection.execute(query))
        return {name: version for name, version in known if files or name in tables.METADATA.tables}

    @outages.outlasting
    def check_results(self, issue: int, checks: Collection[str]) -> "dict[str, Row[Any]]":
        """The latest results of some checks of an issue, by check; rows of ``check_results``."""
        results = tables.table(tables.CHECK_RESULTS)
        query = select(results).where(results.c.issue == issue, results.c.check.in_(checks))
        with self.engine.connect() as connection:
            return {str(row.check): row for row in connection.execute(query)}

    @outages.outlasting
    def count_checks(self, stages: Mapping[str, str]) -> dict[tuple[int, str], CheckCounts]:
        """How the checks of all issues have ended, by issue and stage.

        Args:
            stages: The stage of each check that counts, by the check's name.
        """
        results = tables.table(tables.CHECK_RESULTS).c
        stage = case(stages, value=results.check).label("stage")
        failed = case((results.passed, 0), else_=1)
        stopped = case((results.severity == "critical", failed), else_=0)
        query = (
            select(results.issue, stage, func.count(), func.sum(failed), func.sum(stopped))
            .where(results.check.in_(stages))
            .group_by(results.issue, "stage")
        )
        with self.engine.connect() as connection:
            return {
                (issue, name): CheckCounts(*counts)
                for issue, name, *counts in connection.execute(query).all()
            }

    @outages.outlasting
    def issues(self, name: str) -> list[int]:
        """Issues that a table holds, in order."""
        partitions = tables.table(tables.PARTITIONS)
        query = (
            select(partitions.c.issue)
            .where(partitions.c.table == name)
            .order_by(partitions.c.issue)
        )
        with self.engine.connect() as connection:
            return list(connection.execute(query).scalars().all())


class Written(NamedTuple):
    """Rows of a table as they were written, and as they are read."""

    issue: int
    version: str
    frame: pd.DataFrame


@cache
def written_in(_url: str) -> dict[str, Written]:
    """What this process wrote last to each table of a database.

    Each step of a run reads what the ones before have written. Which version is there now is asked
    of the database; if it is this one, its rows need not be fetched.
    """
    return {}


@cache
def seen_in(_url: str) -> set[tuple[str, int, str | None]]:
    """Partitions of a database that this process has read, and found as they were written.

    By table, issue and data version: the rows of an issue are compared once.
    """
    return set()


def connect(database_url: str) -> Engine:
    """An engine for SQLite or PostgreSQL, whatever tables the database holds.

    Raises:
        ConfigurationError: The URL is of neither, or the driver is not installed.
    """
    url = address.parse(database_url)
    if url.get_backend_name() == address.SQLITE:
        database = Path(url.database or "")
        with outages.explained():
            folders.make(database.parent)
        if url.database:
            outages.refuse_misplaced(database)
        engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_SECONDS})
        _let_sqlite_write_at_once(engine)
        _TO_CLOSE.add(engine)
        outages.explain(engine)
        return engine
    try:
        # Programs that run for weeks outlive restarts of the server: ask before each use.
        engine = create_engine(
            url,
            pool_pre_ping=True,
            # Who waits for the writers' lock must see what the one before has written.
            isolation_level="READ COMMITTED",
            connect_args={"client_encoding": "utf8"},
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "The driver for PostgreSQL is not installed: pip install 'bj-pipeline[postgres]'."
        ) from error
    # What fails is told once, by our own errors.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    _let_postgresql_speak_plainly(engine)
    _let_postgresql_write_in_turn(engine)
    outages.explain(engine)
    return engine


def data_version(frame: pd.DataFrame) -> str:
    """SHA-256 over a frame's columns; equal versions mean equal rows."""
    digest = hashlib.sha256(json.dumps([len(frame), *frame.columns]).encode())
    for name in frame.columns:
        if frame[name].dtype == "float64":
            # One NaN for all of them, whose bits may differ.
            numbers = frame[name].to_numpy()
            digest.update(np.where(np.isnan(numbers), np.nan, numbers).astype("<f8").tobytes())
        else:
            digest.update(json.dumps(rows.plain(frame[name]), default=str).encode())
    return digest.hexdigest()


_TO_CLOSE: WeakSet[Engine] = WeakSet()
os.register_at_fork(after_in_child=_TO_CLOSE.clear)


@atexit.register
def _leave_one_file() -> None:
    """Close what a program has opened in SQLite, at its end.

    Else most of what it wrote would stay in the file beside the database, and be missing in a copy
    of the database alone.
    """
    for engine in _TO_CLOSE:
        engine.dispose()


def _let_sqlite_write_at_once(engine: Engine) -> None:
    """Take the write lock at BEGIN.

    A transaction that reads before it writes fails with a lock error when another writer came
    between, whatever the timeout; BEGIN IMMEDIATE waits instead.
    """

    @event.listens_for(engine, "connect")
    def _connect(dbapi_connection: object, _record: object) -> None:
        dbapi_connection.isolation_level = None  # type: ignore[attr-defined]
        cursor = dbapi_connection.cursor()  # type: ignore[attr-defined]
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=NORMAL")
        except UnicodeDecodeError as error:
            # SQLite quotes what is damaged, and Python cannot read that.
            raise sqlite3.OperationalError("malformed schema") from error
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _let_postgresql_speak_plainly(engine: Engine) -> None:
    """Ask for what comes back to the bit, whatever is set for the database or its user.

    A date in another order cannot be read, and a number with fewer digits is another one.

    Raises:
        ConfigurationError: When it connects: the database cannot hold Chinese.
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise ConfigurationError(
                f"The warehouse {address.shown(engine.url)} keeps its texts as {encoding}, which "
                "does not hold every Chinese name. Make a database of its own, with "
                "`CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`, and name it in "
                "BJ_DATABASE_URL."
            )
        connection.autocommit = True
        connection.execute("SET datestyle TO ISO; SET extra_float_digits TO 1")
        connection.autocommit = False


def _let_postgresql_write_in_turn(engine: Engine) -> None:
    """Let one writer in at a time, as in SQLite.

    Of two that replace the same partition at once, the second would not see the rows of the first
    and fail on its keys; so would two that make the tables.
    """

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")


def _conditions(
    source: Table, issues: Collection[int], equal: Mapping[str, object]
) -> list[ColumnElement[bool]]:
    first, last = min(issues, default=1), max(issues, default=0)
    if not equal and len(set(issues)) == last - first + 1:
        return [source.c.issue.between(first, last)]
    # The key of every table begins with the issue: each of them is looked up, and none else read.
    return [source.c.issue.in_(issues), *(source.c[name] == equal[name] for name in equal)]


def _in_order(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    columns = list(tables.columns(name))
    if set(frame.columns) != set(columns):
        missing, extra = set(columns) - set(frame.columns), set(frame.columns) - set(columns)
        raise ValueError(f"{name}: columns missing {sorted(missing)}, unknown {sorted(extra)}")
    key = list(tables.key(name))
    typed = rows.typed(name, frame[columns])
    return rows.ordered(typed, key) if key else typed


def _replace_rows(connection: Connection, name: str, issue: int, frame: pd.DataFrame) -> None:
    target = tables.table(name)
    connection.execute(delete(target).where(target.c.issue == issue))
    rows.add(connection, target, issue, frame)


def _replace_partition(
    connection: Connection, name: str, issue: int, version: str, rows: int
) -> None:
    partitions = tables.table(tables.PARTITIONS)
    connection.execute(
        delete(partitions).where(partitions.c.issue == issue, partitions.c.table == name)
    )
    connection.execute(
        insert(partitions).values(issue=issue, table=name, data_version=version, rows=rows)
    )
