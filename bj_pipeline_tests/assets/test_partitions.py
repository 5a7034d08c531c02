"""Weeks that have not closed: the UI offers their partitions, and their runs must do no harm."""

from datetime import datetime

import dagster as dg
import pytest
from click.testing import CliRunner

from bj_pipeline.assets import partitions
from bj_pipeline.assets.partitions import SHANGHAI
from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.automation.inventory import first_error
from bj_pipeline.cli import main
from bj_pipeline.definitions import build
from bj_pipeline.errors import IssueNotClosedError
from bj_pipeline.settings import Settings
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

pytestmark = pytest.mark.filterwarnings("ignore:Specifying a partitions_def", "ignore:.*imghdr")

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
FRIDAY_NOON = datetime(2026, 2, 27, 12, tzinfo=SHANGHAI)


@pytest.fixture
def friday_noon(monkeypatch):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return FRIDAY_NOON.astimezone(tz)

    monkeypatch.setattr(partitions, "datetime", Clock)


@pytest.mark.usefixtures("friday_noon")
def test_the_command_line_tells_from_when_on_a_week_can_be_built(tmp_path, monkeypatch):
    for name, value in dagster_environment(Settings(home=tmp_path / "home")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BJ_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(main, ["run", "--issue", "65"])
    assert done.exit_code == IssueNotClosedError.exit_code == 3
    assert "has not closed. Run it from 2026-02-27 18:00 (Shanghai) on." in done.stderr


@pytest.mark.usefixtures("friday_noon")
def test_a_run_of_a_week_that_has_not_closed_says_so_and_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("BJ_HOME", str(tmp_path / "home"))
    with dg.DagsterInstance.ephemeral() as instance:
        job = build(Settings()).resolve_job_def("issue")
        run = job.execute_in_process(
            partition_key="65", instance=instance, raise_on_error=False, run_config=QUIET
        )
        assert not run.success
        assert first_error(instance, run.run_id).endswith(
            "Issue 65 reports on the week to 2026-02-27, which has not closed. "
            "Run it from 2026-02-27 18:00 (Shanghai) on."
        )
    failed = {event.step_key for event in run.all_events if event.is_step_failure}
    assert failed == set(tables.RAW_TABLES)
    settings = Settings()
    warehouse = Warehouse(settings.warehouse_url)
    assert warehouse.issues(tables.RAW_QUOTES) == []
    assert warehouse.read(tables.CHECK_RESULTS).empty
    assert not settings.landing.exists()
    assert not (settings.artifacts / "issue-065").exists()
