"""A vendor that is late: a Friday evening of ticks over real runs, with a simulated clock."""

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from bj_pipeline.assets.partitions import SHANGHAI
from bj_pipeline.automation import alert_tick, dagster_storage, waiting
from bj_pipeline.automation.alert_sensors import late_alerts, trouble_alerts
from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.automation.inventory import Stored, inventory, last_runs
from bj_pipeline.automation.schedule import weekly_issue
from bj_pipeline.automation.waiting import late_vendors, waiting_issues
from bj_pipeline.definitions import build
from bj_pipeline.errors import NotYetAvailableError, SourceError
from bj_pipeline.settings import Settings
from bj_pipeline.sources import registry
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.vendor_server import VendorServer

pytestmark = pytest.mark.filterwarnings("ignore:Specifying a partitions_def", "ignore:.*imghdr")

QUARTER = timedelta(minutes=15)
SIX = datetime(2026, 2, 27, 18, tzinfo=SHANGHAI)
LATE = "2026-02-27 is not published yet"


class Vendor(SampleSource):
    """The sample, published after so many attempts, or in trouble of its own."""

    def __init__(self, attempts: int, error: type[Exception] = NotYetAvailableError) -> None:
        self.left, self.error = attempts, error

    def deliver(self, issue, table):
        if table == tables.RAW_QUOTES and self.left > 0:
            self.left -= 1
            raise self.error(LATE)
        return super().deliver(issue, table)


class Friday:
    """The daemon from six in the evening on: schedule, queue and sensors over one home."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch
        self.settings = Settings()
        self.home = dagster_environment(self.settings)["DAGSTER_HOME"]
        self.definitions = build(self.settings)
        self.runs = []
        # What follows from the quotes is not waited for, and left out unless a test wants it.
        self.assets = [dg.AssetKey(tables.RAW_QUOTES)]
        self.keys = set()
        self.start()

    def start(self):
        """The daemon starts; a new one knows what is stored, and nothing else."""
        self.instance = dagster_storage.instance(Path(self.home))
        self.cursors = {}

    def restart(self):
        self.instance.dispose()
        self.start()

    def at(self, moment):
        self.now = moment

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return moment.astimezone(tz)

        self.monkeypatch.setattr(alert_tick, "now", lambda: moment)
        self.monkeypatch.setattr(waiting, "datetime", Clock)

    def tick_schedule(self):
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=self.now,
            repository_def=self.definitions.get_repository_def(),
        )
        return self.queue(weekly_issue.evaluate_tick(context).run_requests)

    def tick(self, sensor):
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(sensor.name),
            repository_def=self.definitions.get_repository_def(),
        ) as context:
            data = sensor.evaluate_tick(context)
        self.cursors[sensor.name] = data.cursor
        return self.queue(data.run_requests)

    def queue(self, requests):
        """Run what is asked for, each key once."""
        fresh = [one for one in requests if one.run_key not in self.keys]
        for request in fresh:
            self.keys.add(request.run_key)
            quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            run = self.definitions.resolve_job_def("issue").execute_in_process(
                partition_key=request.partition_key,
                instance=self.instance,
                raise_on_error=False,
                asset_selection=self.assets,
                run_config=quiet | request.run_config,
                tags=request.tags,
            )
            self.runs.append((f"{self.now:%H:%M}", run.success))
        return len(fresh)

    def evening(self, until, *, restart_at=None):
        """Every quarter of an hour: ask again, then the alerts."""
        self.at(SIX)
        self.tick_schedule()
        while self.now <= until:
            if self.now == restart_at:
                self.restart()
            self.tick(trouble_alerts)
            self.tick(late_alerts)
            self.at(self.now + QUARTER)
            self.tick(late_vendors(QUARTER))


@pytest.fixture
def server(monkeypatch, tmp_path):
    for name in ("BJ_DATABASE_URL", "BJ_SOURCE", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BJ_HOME", str(tmp_path / "home"))
    with VendorServer() as server:
        monkeypatch.setenv("BJ_ALERT_URLS", f"json://{server.url.removeprefix('http://')}/hook")
        server.answer("/hook", "ok")
        yield server


@pytest.fixture
def friday(monkeypatch, server):  # noqa: ARG001 - the alerts' address
    friday = Friday(monkeypatch)
    yield friday
    friday.instance.dispose()


def publishes(monkeypatch, vendor):
    monkeypatch.setitem(registry.SOURCES, "sample", lambda _: vendor)


def titles(server):
    return [request.json["title"] for request in server.requests]


def test_a_late_vendor_is_asked_again_until_the_data_are_there_and_nobody_is_alarmed(
    monkeypatch, server, friday
):
    publishes(monkeypatch, Vendor(attempts=2))
    friday.assets = None
    friday.evening(SIX + timedelta(hours=3, minutes=15))
    assert friday.runs == [("18:00", False), ("18:15", False), ("18:30", True)]
    assert not [title for title in titles(server) if "失败" in title or "逾期" in title]


def test_a_vendor_that_stays_late_is_one_alert_at_the_deadline_which_names_the_cause(
    monkeypatch, server, friday
):
    monkeypatch.setenv("BJ_ALERT_DEADLINE", "00:45:00")
    publishes(monkeypatch, Vendor(attempts=1000))
    friday.evening(SIX + timedelta(minutes=30), restart_at=SIX + QUARTER)
    assert [moment for moment, _ in friday.runs] == ["18:00", "18:15", "18:30"]
    assert titles(server) == []
    now = SIX + timedelta(minutes=44)
    assert waiting_issues(friday.instance, Settings(), now) == {65}
    found = inventory(Stored(Settings()), last_runs(friday.instance, {65}), now)
    assert 65 not in set(found["issue"])

    friday.at(SIX + timedelta(minutes=45))
    for _ in range(3):
        for sensor in (late_vendors(QUARTER), trouble_alerts, late_alerts):
            friday.tick(sensor)
    assert titles(server) == ["【逾期】第 65 期：2026-02-27 18:45 仍未生成"]
    message = server.requests[0].json["message"]
    assert f"原因：供应商尚未发布：{LATE}" in message
    assert len(friday.runs) == 3


def test_a_vendor_that_cannot_be_reached_is_told_at_once_and_not_waited_for(
    monkeypatch, server, friday
):
    publishes(monkeypatch, Vendor(1000, SourceError))
    friday.evening(SIX)
    assert len(friday.runs) == 1
    assert titles(server) == ["【失败】第 65 期：运行失败"]


def test_quotes_that_arrive_in_the_inbox_end_the_waiting(monkeypatch, friday):
    publishes(monkeypatch, Vendor(1))
    friday.at(SIX)
    assert friday.tick_schedule() == 1
    files = [dg.RunRequest(run_key="inbox-65", partition_key="65")]
    assert friday.queue(files) == 1
    friday.at(SIX + QUARTER)
    assert friday.tick(late_vendors(QUARTER)) == 0
    assert friday.runs == [("18:00", False), ("18:00", True)]


def test_each_failed_run_is_followed_by_one_run_however_often_the_sensor_ticks(monkeypatch, friday):
    publishes(monkeypatch, Vendor(1000))
    friday.at(SIX)
    friday.tick_schedule()
    keys = set()
    for _ in range(3):
        friday.restart()
        found = waiting.tick(friday.instance, friday.settings, SIX + QUARTER)
        keys |= {request.run_key for request in found.requests}
    assert len(keys) == 1
    assert found.told == [f"Issue 65 is asked for again, until 21:00. {LATE}"]


def test_a_run_by_hand_is_asked_again_from_the_source_that_it_read(monkeypatch, friday):
    monkeypatch.setitem(registry.SOURCES, "akshare", lambda _: Vendor(1000))
    config = {"source": "akshare", "input": ""}
    friday.at(SIX)
    by_hand = {"resources": {"pipeline": {"config": config}}}
    friday.queue([dg.RunRequest(run_key="hand", partition_key="65", run_config=by_hand)])
    (request,) = waiting.tick(friday.instance, friday.settings, SIX).requests
    assert request.run_config == {"resources": {"pipeline": {"config": config}}}


def test_after_the_deadline_and_before_the_close_nothing_is_asked_again(monkeypatch, friday):
    publishes(monkeypatch, Vendor(1000))
    friday.at(SIX)
    friday.tick_schedule()
    for moment in (SIX - QUARTER, SIX + timedelta(hours=3)):
        assert not waiting.tick(friday.instance, friday.settings, moment).requests


def test_the_sensor_ships_on_and_ticks_as_often_as_the_setting_says(monkeypatch, tmp_path):
    monkeypatch.setenv("BJ_HOME", str(tmp_path))
    monkeypatch.setenv("BJ_RETRY_INTERVAL", "00:05:00")
    (sensor,) = (one for one in build(Settings()).sensors if one.name == "late_vendors")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 300
    assert "every 5 minutes" in sensor.description
