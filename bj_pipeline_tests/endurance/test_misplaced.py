"""What lies in the place of a file of the installation is named, and never waited for.

What belongs here: what the programs keep themselves. What does not: files that people write
(``test_bad_content``, ``test_bad_input``).
"""

import os
import re
import socket
import sqlite3
from collections.abc import Callable
from contextlib import chdir, closing
from pathlib import Path

import pytest

from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.outages import OutageError, explained
from bj_pipeline.quality.data_docs import _former
from bj_pipeline.report import artifacts
from bj_pipeline.settings import Settings
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.endurance.judging import in_time


def _socket(place: Path) -> None:
    # An address holds no more than some hundred characters.
    with chdir(place.parent), closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(place.name)


MISPLACED: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a device": lambda place: place.symlink_to("/dev/null"),
    "a folder": Path.mkdir,
    "a socket": _socket,
    "a link that leads nowhere": lambda place: place.symlink_to(place.name),
}


@pytest.mark.parametrize("end", ["", "-wal", "-journal"])
@pytest.mark.parametrize("what", MISPLACED)
def test_what_lies_in_the_place_of_the_warehouse_is_told_and_not_taken_for_a_full_disk(
    tmp_path, what, end
):
    wrong = tmp_path / f"warehouse.db{end}"
    MISPLACED[what](wrong)
    with in_time(), pytest.raises(OutageError, match=f"{re.escape(str(wrong))} is {what},") as told:
        Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}").versions(65)
    assert "move that away" in str(told.value)


HISTORY = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


@pytest.mark.parametrize("name", HISTORY)
@pytest.mark.parametrize("what", MISPLACED)
def test_what_lies_in_the_place_of_dagsters_history_is_told_by_name(
    tmp_path, monkeypatch, what, name
):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = Settings(home=tmp_path)
    wrong = settings.dagster_home / name
    wrong.parent.mkdir(parents=True)
    MISPLACED[what](wrong)
    with in_time(), pytest.raises(OutageError, match=f"{re.escape(str(wrong))} is {what},"):
        dagster_environment(settings)


def test_a_history_of_runs_that_is_no_database_is_told_with_a_way_out(tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = Settings(home=tmp_path)
    wrong = settings.dagster_home / HISTORY[0]
    wrong.parent.mkdir(parents=True)
    wrong.write_text("not a database")
    with pytest.raises(OutageError, match=re.escape(str(wrong))) as told:
        dagster_environment(settings)
    # No backup holds it.
    assert "restore" not in str(told.value)
    assert "a new one is made" in str(told.value)


@pytest.mark.parametrize("spoilt", [b"CREATE TABL\xff", b"\xff" * 12])
def test_a_history_of_runs_that_is_damaged_is_told_with_a_way_out(tmp_path, monkeypatch, spoilt):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = Settings(home=tmp_path)
    wrong = settings.dagster_home / HISTORY[0]
    wrong.parent.mkdir(parents=True)
    with closing(sqlite3.connect(wrong)) as database:
        database.execute("CREATE TABLE runs (id INTEGER)")
    wrong.write_bytes(wrong.read_bytes().replace(b"CREATE TABLE", spoilt))
    with pytest.raises(OutageError, match=f"{re.escape(str(wrong))} is damaged") as told:
        dagster_environment(settings)
    assert "a new one is made" in str(told.value)


def test_a_pipe_in_the_place_of_a_landed_file_is_not_waited_for(tmp_path):
    landing = Landing(tmp_path / "landing", Warehouse(f"sqlite:///{tmp_path / 'w.db'}"))
    sent = Delivery("tushare", "daily.csv", b"rows", "daily", {"day": "20260227"})
    landing.store(sent)
    place = landing.folder / sent.sha256[:2] / sent.sha256
    place.unlink()
    os.mkfifo(place)
    with in_time():
        landing.store(sent)
    assert place.read_bytes() == b"rows"


def test_a_pipe_in_the_place_of_former_results_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "raw.json")
    with in_time():
        assert _former(tmp_path / "raw.json") == []


@pytest.mark.parametrize("name", ["", "report.pdf", "manifest.json"])
def test_what_lies_in_the_place_of_a_report_is_named_and_left_alone(tmp_path, name):
    wrong = tmp_path / "issue-065" / name
    if name:
        wrong.mkdir(parents=True)
    else:
        wrong.write_text("a note")
    for _ in range(2):
        with pytest.raises(OutageError, match=re.escape(f"{wrong} cannot be made")), explained():
            artifacts.finish(tmp_path / "issue-065", b"{}")
    assert wrong.exists()
