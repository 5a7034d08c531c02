"""The schema's revision: made in an empty database, compared in every other, upgraded on request.

What belongs here: which revision a database has, what an upgrade changes, and upgrading. What does
not: the changes themselves and how new ones are written (:mod:`bj_pipeline.warehouse.migrations`).

Alembic is imported only to upgrade: comparing revisions must cost next to nothing, since every
program does so when it first opens the warehouse.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    event,
    insert,
    inspect,
    text,
)
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.schema import SetColumnComment, SetTableComment

from bj_pipeline.counted import counted
from bj_pipeline.errors import PipelineError
from bj_pipeline.outages import OutageError
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.address import shown

HEAD = "0001"
"""The latest revision. Revisions are numbered, so a higher one comes from a newer program."""

VERSION_TABLE = "warehouse_version"
"""Not Alembic's usual name: Dagster keeps its own ``alembic_version`` in the same database."""

_VERSIONS = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
# As text: every program and every tick of a sensor asks it once, of a new engine.
_VERSION = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our own name

_Columns = dict[tuple[str, str], str]
"""Every table's columns, described; by table and column."""


class DatabaseVersionError(PipelineError):
    """The database's schema is not the one that this program works with."""

    exit_code = 9


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade changes.

    Attributes:
        current: Revision before; None of an empty database.
        target: Revision after.
        changes: One line a table or column that differs after it.
        statements: The SQL, in order.
    """

    current: str | None
    target: str
    changes: tuple[str, ...]
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Schema:
    """Tables, and the way to them from every earlier revision.

    Attributes:
        metadata: The tables as the program uses them.
        scripts: Alembic's folder.
        head: Revision that the tables have.
    """

    metadata: MetaData
    scripts: Path
    head: str

    def prepare(self, engine: Engine) -> None:
        """Make the tables in an empty database; accept no other revision than this one.

        Raises:
            DatabaseVersionError: The database is older, newer, or of no known revision.
            OutageError: It does not answer.
        """
        found = revision(engine)
        if found is None:
            with engine.execution_options(writes=True).begin() as connection:
                found = _stored(connection) or self._create(connection)
        self._refuse_newer(engine, found)
        if found < self.head:
            raise DatabaseVersionError(
                f"The warehouse {shown(engine.url)} has revision {found}, this program works with "
                f"{self.head}. `bj-pipeline migrate --dry-run` says what would change, "
                "`bj-pipeline migrate` changes it. Take a backup first."
            )

    def upgrade(self, engine: Engine, *, keep: bool = True) -> Upgrade:
        """Upgrade to the latest revision: all of it in one transaction, or nothing.

        Args:
            engine: The database.
            keep: False takes everything back at the end, so that it only tells what happens.

        Raises:
            DatabaseVersionError: The database is newer, or of no known revision.
            OutageError: It does not answer.
        """
        revision(engine)
        with engine.execution_options(writes=True).connect() as connection:
            transaction = connection.begin()
            current = _stored(connection)
            self._refuse_newer(engine, current or self.head)
            before = _columns(connection)
            with _recorded(connection) as statements:
                if current is None:
                    self._create(connection)
                elif current != self.head:
                    self._run_scripts(connection)
                    self._comment(connection)
            changes = tuple(_changes(before, _columns(connection)))
            if keep:
                transaction.commit()
            else:
                transaction.rollback()
        return Upgrade(current, self.head, changes, tuple(statements))

    def _create(self, connection: Connection) -> str:
        """Make the tables in an empty database; return their revision."""
        if set(inspect(connection).get_table_names()) & set(self.metadata.tables):
            raise DatabaseVersionError(
                f"The warehouse {shown(connection.engine.url)} holds tables without a revision: it "
                "was made before the first release. Set BJ_HOME or BJ_DATABASE_URL to a new place "
                "and build the issues again."
            )
        self.metadata.create_all(connection, checkfirst=False)
        _VERSIONS.create(connection)
        connection.execute(insert(_VERSIONS).values(version_num=self.head))
        return self.head

    def _refuse_newer(self, engine: Engine, found: str) -> None:
        if found > self.head:
            raise DatabaseVersionError(
                f"The warehouse {shown(engine.url)} has revision {found}, which is newer than this "
                f"program's {self.head}: a newer bj-pipeline has upgraded it. Install that version "
                "here too, or restore the backup from before the upgrade."
            )

    def _run_scripts(self, connection: Connection) -> None:
        from alembic import command  # noqa: PLC0415 - only an upgrade needs it
        from alembic.config import Config  # noqa: PLC0415

        config = Config(attributes={"connection": connection, "metadata": self.metadata})
        config.set_main_option("script_location", str(self.scripts).replace("%", "%%"))
        command.upgrade(config, self.head)

    def _comment(self, connection: Connection) -> None:
        """Say in the database what each column means, where it can hold that."""
        if connection.dialect.supports_comments:
            for table in self.metadata.sorted_tables:
                connection.execute(SetTableComment(table))
                for column in table.columns:
                    connection.execute(SetColumnComment(column))


SCHEMA = Schema(tables.METADATA, Path(__file__).parent / "migrations", HEAD)
"""The warehouse's."""


def revision(engine: Engine) -> str | None:
    """Revision of a database, by one query; None if it has none.

    Raises:
        OutageError: The database does not answer.
    """
    try:
        with engine.connect() as connection:
            return _read(connection)
    except (OperationalError, ProgrammingError, OutageError):
        # No such table, most likely.
        with engine.connect() as connection:
            return _stored(connection)


def _stored(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return _read(connection)


def _read(connection: Connection) -> str:
    found = [told for told in connection.execute(_VERSION).scalars() if told]
    if len(found) != 1:
        raise DatabaseVersionError(
            f"The warehouse {shown(connection.engine.url)} tells {counted(len(found), 'revision')} "
            f"in its table {VERSION_TABLE}, where one is due: it was changed by hand. Restore a "
            "backup."
        )
    return str(found[0])


@contextmanager
def _recorded(connection: Connection) -> Iterator[list[str]]:
    """The statements executed meanwhile that change something."""
    statements: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "WITH")):
            statements.append(statement.strip())

    event.listen(connection, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", record)


def _columns(connection: Connection) -> _Columns:
    return {
        (table, column["name"]): f"{column['type']}{'' if column['nullable'] else ' NOT NULL'}"
        for (_, table), columns in inspect(connection).get_multi_columns().items()
        for column in columns
    }


def _changes(before: _Columns, after: _Columns) -> Iterator[str]:
    tables_before = {table for table, _ in before}
    tables_after = {table for table, _ in after}
    yield from (f"new table {table}" for table in sorted(tables_after - tables_before))
    yield from (f"table {table} goes" for table in sorted(tables_before - tables_after))
    for table, column in sorted(before.keys() | after.keys()):
        if table not in tables_before & tables_after:
            continue
        old, new = before.get((table, column)), after.get((table, column))
        if old is None:
            yield f"new column {table}.{column} ({new})"
        elif new is None:
            yield f"column {table}.{column} goes"
        elif old != new:
            yield f"column {table}.{column} becomes {new} (was {old})"
