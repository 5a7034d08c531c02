"""New databases in the tests' own PostgreSQL server."""

from itertools import count
from pathlib import Path

from sqlalchemy import URL, create_engine

PASSWORD = "planted-secret"  # noqa: S105 - the server asks for none; nothing may print it
_numbers = count(1)


def sqlite_address(folder: Path) -> str:
    """Address of a SQLite file that is not there yet."""
    return f"sqlite:///{folder / f'warehouse-{next(_numbers)}.db'}"


def postgresql_address(server: URL) -> str:
    """Address of a new, empty database, with a password, as people write it."""
    name = f"own_{next(_numbers)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    made = server.set(drivername="postgresql", database=name, password=PASSWORD)
    return made.render_as_string(hide_password=False)
