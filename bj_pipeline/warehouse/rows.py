"""Rows between frames and a database, a column at a time.

What belongs here: reading rows into a frame and inserting a frame's rows, with the types of
:mod:`bj_pipeline.warehouse.tables`. What does not: which rows, and transactions (``store``).

A table may hold a row for every company and day. What SQLAlchemy would do for each value (looking
up how its type is written, making a mapping of each row) is done once a column here.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from itertools import repeat
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    Double,
    Integer,
    Select,
    Table,
    insert,
    select,
    type_coerce,
)
from sqlalchemy.types import NullType, TypeEngine

from bj_pipeline import outages
from bj_pipeline.errors import DataError
from bj_pipeline.warehouse import tables

_NUMBERS = (Double, Integer)
"""Types whose values drivers of both databases take and give as they are."""


def changed(what: str) -> DataError:
    """The error of rows that are not as they were written, to be raised."""
    return DataError(
        what,
        "rows stay as a run has written them",
        "They were changed by hand or by another program: build the issue again "
        "(`bj-pipeline run --issue N`), or restore a backup.",
    )


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Tell of a stored value that is none of its kind, such as a word where a day is due.

    Raises:
        DataError: Inside, a value was not understood.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        raise changed(what) from error


def frame(
    connection: Connection, source: Table, *where: ColumnElement[bool], without: str = ""
) -> pd.DataFrame:
    """Rows of a table that meet all conditions, ordered by key, in the table's types.

    Args:
        connection: Of the table's database.
        source: The table.
        where: The conditions.
        without: A column that is not wanted.

    Raises:
        DataError: A value is none of its column's type.
        OutageError: The database is damaged.
    """
    with understood(f"table {source.name}"):
        return _frame(connection, source, *where, without=without)


def _frame(
    connection: Connection, source: Table, *where: ColumnElement[bool], without: str
) -> pd.DataFrame:
    columns = [column for column in source.columns if column.name != without]
    names = [column.name for column in columns]
    found = connection.execute(_query(source, tuple(names)).where(*where))
    # The driver's own tuples: nothing that SQLAlchemy's rows add to them is asked for.
    with outages.fetching(connection.engine):
        rows = list(found.cursor.fetchall()) if found.cursor is not None else []
    found.close()
    # Sorted here and not by the database, whose order of Chinese text depends on its set-up. A
    # day is sorted as rightly by its text, which is what SQLite keeps.
    key = [names.index(one.name) for one in source.primary_key if one.name != without]
    if key:
        rows.sort(key=itemgetter(*key))
    values: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    read = {
        column.name: _array(column, _each(part, _reader(connection, column.type)))
        for column, part in zip(columns, values, strict=True)
    }
    return pd.DataFrame(read, index=pd.RangeIndex(len(rows)), copy=False)


@cache
def _query(source: Table, names: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    """What the driver gives for some columns, as it gives it."""
    return select(*(type_coerce(source.c[name], NullType()).label(name) for name in names))


def add(connection: Connection, target: Table, issue: int, rows: pd.DataFrame) -> None:
    """Insert a frame's rows under an issue's number."""
    if rows.empty:
        return
    names = ["issue", *map(str, rows.columns)]
    values = [
        repeat(issue),
        *(
            _each(plain(rows[name]), _writer(connection, target.columns[name].type))
            for name in names[1:]
        ),
    ]
    statement = insert(target).compile(dialect=connection.dialect, column_keys=names)
    if statement.positiontup is not None:
        of_name = dict(zip(names, values, strict=True))
        lines = zip(*(of_name[name] for name in statement.positiontup))  # noqa: B905 - one repeats
        connection.exec_driver_sql(str(statement), list(lines))
    else:
        mappings = [dict(zip(names, line, strict=True)) for line in zip(*values)]  # noqa: B905
        connection.exec_driver_sql(str(statement), mappings)


def plain(column: "pd.Series[Any]") -> list[Any]:
    """A column's values as Python's own, None where one is missing."""
    values = column.tolist()
    for at in np.flatnonzero(column.isna()):
        values[at] = None
    return values


def ordered(frame: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    """A frame's rows in the order of a key, whose values are not missing, numbered anew.

    Sorted by Python, as :func:`frame` does it, which is done at once with rows that are in order:
    pandas would first number the texts of each column.
    """
    keys = list(zip(*(frame[name].tolist() for name in key), strict=True))
    return frame.take(sorted(range(len(keys)), key=keys.__getitem__)).reset_index(drop=True)


def typed(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Give each column the type that its table declares: dates as ``datetime.date``.

    Raises:
        TypeError: A column cannot be of its type without loss, such as a count of 1.5.
        ValueError: Likewise, such as a flag that is missing.
    """
    found: dict[str, pd.Series] = {}
    for column in tables.table(name).columns:
        if column.name not in rows:
            continue
        values = rows[column.name]
        if isinstance(column.type, Double):
            # SQLite keeps −0.0 as 0.0.
            found[column.name] = pd.to_numeric(values).astype("float64") + 0.0
        elif isinstance(column.type, Integer):
            # By way of the nullable types, which refuse to cut 1.5 or to take a blank for True.
            whole = values.astype("Int64")
            found[column.name] = whole if column.nullable else whole.astype("int64")
        elif isinstance(column.type, Boolean):
            found[column.name] = values.astype("boolean").astype(bool)
        elif isinstance(column.type, Date):
            found[column.name] = pd.Series(
                [value if type(value) is date else _day(value) for value in values.array],
                index=rows.index,
                dtype=object,
            )
        else:
            found[column.name] = values.astype("str")
    return pd.DataFrame(found, index=rows.index)[list(rows.columns)]


def _day(value: Any) -> date | None:
    """A day without a time: equal days have one text, and so one data version."""
    if pd.isna(value):
        return None
    return value.date() if isinstance(value, datetime) else value


def _array(column: Column[Any], values: Sequence[Any]) -> Any:
    """The values of a column as :func:`typed` would type them; they were typed when written."""
    if isinstance(column.type, Double):
        return np.array(values, dtype="float64")
    if isinstance(column.type, Integer):
        return (
            pd.array(values, dtype="Int64") if column.nullable else np.array(values, dtype="int64")
        )
    if isinstance(column.type, Boolean):
        return np.array(values, dtype=bool)
    if isinstance(column.type, Date):
        return pd.Series(values, dtype=object)
    return pd.array(values, dtype="str")


def _reader(connection: Connection, kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """What makes a value of what the driver gives for it; None if that is the value."""
    if isinstance(kind, _NUMBERS):
        return None
    return kind.dialect_impl(connection.dialect).result_processor(connection.dialect, None)


def _writer(connection: Connection, kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """What makes of a value what the driver takes for it; None if it takes the value."""
    if isinstance(kind, _NUMBERS):
        return None
    return kind.dialect_impl(connection.dialect).bind_processor(connection.dialect)


def _each(values: Sequence[Any], process: Callable[[Any], Any] | None) -> Sequence[Any]:
    """Values after a conversion: days and flags are few, and stand in many rows."""
    if process is None:
        return values
    made = {value: process(value) for value in set(values)}
    return [made[value] for value in values]
