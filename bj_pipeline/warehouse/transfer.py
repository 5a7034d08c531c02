"""Moving a warehouse to another database, from SQLite to PostgreSQL or back.

What belongs here: copying the rows of every table and proving that they arrived. What does not:
Dagster's own history and the files in BJ_HOME (landing, artifacts), which stay where they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, insert, select

from bj_pipeline.errors import ConfigurationError, MissingDataError, PipelineError
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.address import shown
from bj_pipeline.warehouse.migrate import SCHEMA, revision

_BATCH = 2000
"""Rows in memory at once."""


@dataclass(frozen=True)
class Content:
    """What a table holds, whatever the order of its rows.

    Attributes:
        rows: How many.
        digest: Sum of the rows' SHA-256, modulo 2**256.
    """

    rows: int
    digest: int


@dataclass(frozen=True)
class Copied:
    """A table that was copied, and found to be the same.

    Attributes:
        table: Its name.
        rows: How many rows it has.
    """

    table: str
    rows: int


def transfer(source: Engine, target: Engine) -> Iterator[Copied]:
    """Copy every table, and read it back to compare; tells each table when that is done.

    All of it is one transaction, which ends with the last table: when anything stops it, the
    target holds nothing. Writers to the source wait meanwhile.

    Args:
        source: A warehouse of this program's revision.
        target: A database without rows of a warehouse; its tables are made if missing.

    Raises:
        MissingDataError: The source holds no warehouse.
        DatabaseVersionError: One of them is of another revision.
        ConfigurationError: The target holds rows already.
        PipelineError: What arrived differs from what was sent.
    """
    if revision(source) is None:
        raise MissingDataError(f"There is no warehouse at {shown(source.url)}: nothing to copy.")
    SCHEMA.prepare(source)
    SCHEMA.prepare(target)
    with (
        source.execution_options(writes=True).begin() as sent,
        target.execution_options(writes=True).begin() as arrived,
    ):
        _require_empty(arrived)
        for table in tables.METADATA.sorted_tables:
            written = _copy(sent, arrived, table)
            found = content(arrived, table)
            if written != found:
                raise PipelineError(
                    f"{table.name} differs after the copy: {written.rows} rows were sent, "
                    f"{found.rows} arrived, or a value changed. Nothing was kept in "
                    f"{shown(target.url)}."
                )
            yield Copied(table.name, written.rows)


def content(connection: Connection, table: Table) -> Content:
    """What a table holds, read in batches."""
    total = Content(0, 0)
    for batch in _batches(connection, table):
        total = _with(total, batch)
    return total


def _copy(sent: Connection, arrived: Connection, table: Table) -> Content:
    total = Content(0, 0)
    for batch in _batches(sent, table):
        arrived.execute(insert(table), [row._asdict() for row in batch])
        total = _with(total, batch)
    return total


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    query = select(table).execution_options(yield_per=_BATCH)
    with connection.execute(query) as result:
        yield from result.partitions()


def _with(total: Content, batch: Sequence[Row[Any]]) -> Content:
    # repr tells 1 from 1.0, None from '', and every bit of a float.
    digests = (sha256(repr(tuple(row)).encode()).digest() for row in batch)
    added = sum(int.from_bytes(digest) for digest in digests)
    return Content(total.rows + len(batch), (total.digest + added) % 2**256)


def _require_empty(connection: Connection) -> None:
    filled = [
        table.name
        for table in tables.METADATA.sorted_tables
        if connection.execute(select(table).limit(1)).first() is not None
    ]
    if filled:
        raise ConfigurationError(
            f"{shown(connection.engine.url)} holds rows already, in {', '.join(filled)}. Copy into "
            "an empty database; nothing was changed."
        )
