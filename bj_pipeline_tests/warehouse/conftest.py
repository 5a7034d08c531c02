"""Warehouses to try: one in SQLite, one in a PostgreSQL server of the tests' own."""

import pytest

from bj_pipeline.warehouse import store
from bj_pipeline.warehouse.store import Warehouse


@pytest.fixture(autouse=True)
def from_the_database(monkeypatch):
    """Every read fetches its rows, as in another process than the one that has written them."""
    monkeypatch.setattr(store, "written_in", lambda _: {})


@pytest.fixture(params=["sqlite", "postgresql"])
def warehouse(request, tmp_path):
    """An empty warehouse."""
    if request.param == "sqlite":
        yield Warehouse(f"sqlite:///{tmp_path / 'home' / 'warehouse.db'}")
        return
    made = Warehouse(request.getfixturevalue("empty_postgresql"))
    yield made
    made.engine.dispose()
