"""The weekly schedule."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd
import pytest

from bj_pipeline.automation.schedule import requests, weekly_issue
from bj_pipeline.definitions import defs
from bj_pipeline.issues import all_issues, by_number
from bj_pipeline.settings import Settings
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(autouse=True)
def settings(tmp_path, monkeypatch):
    """A home of its own in which nothing is built."""
    monkeypatch.setenv("BJ_HOME", str(tmp_path))
    monkeypatch.delenv("BJ_DATABASE_URL", raising=False)
    return Settings()


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.local_temp() as instance:
        yield instance


@pytest.fixture
def tick(instance):
    """A tick at a moment."""

    def ticked(*moment):
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime(*moment, tzinfo=SHANGHAI),
            repository_def=defs.get_repository_def(),
        )
        return weekly_issue.evaluate_tick(context)

    return ticked


def finish(settings, number):
    """Leave behind what a finished run leaves: a document, and a manifest beside the report."""
    document = pd.DataFrame({"document": ["{}"]})
    Warehouse(settings.warehouse_url).replace(number, {tables.REPORT_DOCUMENT: document})
    folder = settings.artifacts / by_number(number).folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text("{}")


def fridays(first, last):
    day = datetime(*first, 18, tzinfo=SHANGHAI)
    while day <= datetime(*last, 18, tzinfo=SHANGHAI):
        yield day
        day += timedelta(days=7)


def test_it_ticks_on_friday_at_six_in_shanghai():
    assert weekly_issue.cron_schedule == "0 18 * * 5"
    assert weekly_issue.execution_timezone == "Asia/Shanghai"


def test_it_asks_for_the_issue_of_the_week(tick):
    (request,) = tick(2026, 2, 27, 18).run_requests
    assert request.partition_key == "65"


def test_a_week_without_sessions_is_skipped_with_the_reason(tick):
    data = tick(2026, 2, 20, 18)
    assert not data.run_requests
    assert "no session" in data.skip_message


@pytest.mark.parametrize(
    ("moment", "number"), [((2025, 10, 10, 18), "46"), ((2025, 1, 31, 18), "10")]
)
def test_a_week_that_closed_before_friday_is_asked_for_on_friday(tick, moment, number):
    (request,) = tick(*moment).run_requests
    assert request.partition_key == number


def test_a_year_of_ticks_asks_for_each_issue_exactly_once(tick, settings):
    asked, skipped = [], []
    for friday in fridays((2025, 1, 3), (2026, 2, 27)):
        data = tick(friday.year, friday.month, friday.day, 18)
        asked += [int(request.partition_key) for request in data.run_requests]
        if not data.run_requests:
            skipped.append(friday.date().isoformat())
            assert "no session" in data.skip_message
        for request in data.run_requests:
            finish(settings, int(request.partition_key))
    assert asked == list(range(6, 66))
    assert skipped == ["2026-02-20"]


def test_a_downtime_heals_at_the_next_tick(tick, settings):
    finish(settings, 60)
    data = tick(2026, 2, 13, 18)
    assert [request.partition_key for request in data.run_requests] == ["61", "62", "63", "64"]


def test_a_missed_friday_heals_in_a_week_without_sessions(tick, settings):
    finish(settings, 63)
    (request,) = tick(2026, 2, 20, 18).run_requests
    assert request.partition_key == "64"


def test_a_failed_issue_is_asked_for_again_at_the_next_tick_and_a_tick_asks_once():
    first, again = datetime(2026, 2, 13, 18, tzinfo=SHANGHAI), datetime(
        2026, 2, 27, 18, tzinfo=SHANGHAI
    )  # fmt: skip
    keys = [request.run_key for request in requests(first, [63])]
    assert keys == [request.run_key for request in requests(first, [63])]
    later = [request.run_key for request in requests(again, [63])]
    assert [key.split("-")[1] for key in later] == ["64", "65"]
    assert not set(keys) & set(later)


def test_an_issue_whose_run_still_waits_is_not_asked_for_again_by_a_clock_that_was_set_back(
    settings, instance, tick
):
    (asked,) = requests(datetime(2026, 2, 13, 18, tzinfo=SHANGHAI), [63])
    tags = {**asked.tags, "dagster/partition": "64", "dagster/run_key": asked.run_key}
    waiting = dg.DagsterRun("issue", status=dg.DagsterRunStatus.STARTING, tags=tags)
    instance.add_run(waiting)
    finish(settings, 63)
    assert "under way" in tick(2026, 2, 20, 18).skip_message
    assert [one.partition_key for one in tick(2026, 2, 27, 18).run_requests] == ["65"]
    # Its own tick repeats itself if it was killed before the run was handed over.
    assert [one.run_key for one in tick(2026, 2, 13, 18).run_requests] == [asked.run_key]
    instance.report_run_canceled(waiting)
    assert [one.partition_key for one in tick(2026, 2, 20, 18).run_requests] == ["64"]


def test_older_gaps_are_left_to_a_backfill(tick, settings):
    finish(settings, 64)
    assert [request.partition_key for request in tick(2026, 2, 27, 18).run_requests] == ["65"]


def test_a_built_week_is_skipped_with_the_reason(tick, settings):
    finish(settings, 65)
    data = tick(2026, 2, 27, 18)
    assert not data.run_requests
    assert "65" in data.skip_message


def test_before_the_close_nothing_is_asked_for(tick, settings):
    finish(settings, 64)
    data = tick(2026, 2, 27, 17)
    assert not data.run_requests
    assert "too early" in data.skip_message


def test_no_issue_is_ever_asked_for_before_it_has_closed():
    for issue in all_issues():
        moment = datetime.combine(issue.close_date, datetime.min.time(), SHANGHAI)
        asked = requests(moment + timedelta(hours=17, minutes=59), [issue.number - 1])
        assert isinstance(asked, dg.SkipReason)
