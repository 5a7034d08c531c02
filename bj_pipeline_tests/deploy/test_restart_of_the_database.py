"""What goes on while PostgreSQL is killed and started again."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace

import pandas as pd
import pytest

from bj_pipeline import outages
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.warehouse.databases import postgresql_address

FACTS = pd.DataFrame({name: [] for name in tables.columns(tables.FACTS)})


@pytest.fixture
def warehouse(database):
    made = Warehouse(postgresql_address(database.url))
    assert made.issues(tables.FACTS) == []
    yield made
    made.engine.dispose()


def pausing(monkeypatch, pause: Callable[[float], object]) -> None:
    """Do something where the program would pause, and nowhere else."""
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=pause)
    monkeypatch.setattr(outages, "time", clock)


def test_what_is_written_just_then_is_written_after_the_restart(warehouse, database):
    holds, let_go = threading.Event(), threading.Event()

    def hold_the_writers_turn() -> None:
        with suppress(outages.AwayError), warehouse.writing() as connection:
            holds.set()
            let_go.wait(60)
            connection.exec_driver_sql("SELECT 1")
            pytest.fail("outlived the server")

    with ThreadPoolExecutor(2) as pool:
        holder = pool.submit(hold_the_writers_turn)
        assert holds.wait(60)
        # Waits in the server for its turn, and is cut off there.
        written = pool.submit(warehouse.replace, 3, {tables.FACTS: FACTS})
        database.kill_and_restart()
        let_go.set()
        holder.result(60)
        assert tables.FACTS in written.result(60)
    assert warehouse.issues(tables.FACTS) == [3]


def test_what_is_read_and_landed_while_it_is_down_is_there_when_it_is_back(
    warehouse, database, tmp_path, monkeypatch
):
    landing = Landing(tmp_path / "landing", warehouse)
    at = datetime(2026, 2, 27, 12, tzinfo=UTC)
    waited = []
    # Whoever waits finds that it is back: the restart takes the place of the pause.
    pausing(monkeypatch, lambda _: waited.append(database.restart()))
    for action in (
        lambda: warehouse.issues(tables.FACTS),
        lambda: landing.store(Delivery("tushare", "daily.csv", b"close\n1\n", "daily", {}, at)),
    ):
        database.kill()
        action()
    assert len(waited) == 2
    assert len(landing.entries()) == 1


def test_a_database_that_stays_away_is_told_in_the_end(warehouse, database, monkeypatch):
    monkeypatch.setattr(outages, "_RESTART_SECONDS", 0.0)
    database.kill()
    try:
        with pytest.raises(outages.AwayError, match="does not answer"):
            warehouse.issues(tables.FACTS)
    finally:
        database.restart()


def test_a_database_that_was_never_there_is_told_at_once(monkeypatch):
    pausing(monkeypatch, lambda _: pytest.fail("waits"))
    with pytest.raises(outages.OutageError, match="does not answer"):
        Warehouse("postgresql://nobody@127.0.0.1:1/nothing").issues(tables.FACTS)
