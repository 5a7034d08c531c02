"""Rebuilding history from the command line."""

import shutil
from datetime import datetime

import dagster as dg
import pytest

from bj_pipeline.assets.partitions import SHANGHAI
from bj_pipeline.automation.backfill import Summary, _first_error, choose, parse_numbers
from bj_pipeline.automation.trends import BELOW_TRENDS, incomplete, trends_after_backfill
from bj_pipeline.definitions import defs
from bj_pipeline.errors import CalendarError, CheckFailedError, ConfigurationError, DataError
from bj_pipeline.settings import PACKAGE, Settings
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("65", [65]),
        ("1-3", [1, 2, 3]),
        ("4,1-2", [4, 1, 2]),
        ("1-3,2-4", [1, 2, 3, 4]),
    ],
)
def test_issues_are_named_by_numbers_and_ranges(text, numbers):
    assert parse_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "a", "1-", "1..3", "-3", "1, 2"])
def test_anything_else_is_refused(text):
    with pytest.raises(ConfigurationError, match="no list of issues"):
        parse_numbers(text)


def test_a_range_that_runs_backwards_is_refused():
    with pytest.raises(ConfigurationError, match="backwards"):
        parse_numbers("5-3")


def test_a_number_past_the_calendar_is_refused():
    with pytest.raises(CalendarError, match="horizon"):
        parse_numbers("60-999")


def test_the_summary_names_the_failed_ones_with_their_first_error():
    summary = Summary(built=[1, 3], skipped=[4], failed={2: "pool.csv, line 3: wrong"})
    assert summary.text().splitlines() == [
        "2 built, 1 there already, 1 failed.",
        "  2: pool.csv, line 3: wrong",
    ]


def test_a_week_that_has_not_closed_is_not_said_to_be_there(tmp_path):
    settings, noon = Settings(home=tmp_path), datetime(2026, 2, 27, 12, tzinfo=SHANGHAI)
    wanted, summary = choose(settings, [64, 65, 66], only_failed=False, again=False, now=noon)
    assert wanted == [64]
    assert summary.text() == "0 built, 0 there already, 2 not closed yet, 0 failed."


@pytest.fixture(scope="module")
def backfilled(tmp_path_factory):
    """Issues 64 to 66 in two processes, of which 65 fails for its topic page."""
    from bj_pipeline_tests.command_line import CommandLine

    folder = tmp_path_factory.mktemp("backfill")
    content = folder / "content"
    shutil.copytree(PACKAGE / "content", content)
    topic = content / "issues" / "065" / "topic.md"
    text = topic.read_text(encoding="utf-8")
    topic.write_text("no front matter\n", encoding="utf-8")
    command_line = CommandLine(folder / "home")
    first = command_line("backfill", "64-66", "--jobs", 2, BJ_CONTENT=str(content))
    topic.write_text(text, encoding="utf-8")
    second = command_line("backfill", "64-66", "--only-failed", BJ_CONTENT=str(content))
    return command_line, first, second


def test_a_bad_week_fails_alone_and_is_named(backfilled):
    _, first, _ = backfilled
    assert first.returncode == 1
    assert "2 built, 0 there already, 1 failed." in first.stdout
    assert "  65: 065/topic.md, line 1: " in first.stdout
    assert "Traceback" not in first.stdout + first.stderr


def test_only_the_failed_issue_is_built_again(backfilled):
    command_line, _, second = backfilled
    assert second.returncode == 0, second.stderr
    assert "1 built, 0 there already, 0 failed." in second.stdout
    for number in (64, 65, 66):
        assert command_line.artifact(number, "manifest.json").is_file()


def test_trends_are_complete_at_the_end_whatever_the_order(backfilled):
    command_line, _, _ = backfilled
    of_65 = command_line.table("sector_metrics", 65).set_index("sector")["pe_ttm_median"]
    trend = command_line.table("sector_trends", 66)
    shown = trend[trend["trend_issue"] == 65].set_index("sector")["pe_ttm_median"]
    assert shown.to_dict() == of_65.to_dict()


def test_a_backfill_goes_on_where_it_stopped(backfilled):
    command_line, _, _ = backfilled
    again = command_line("backfill", "64-66")
    assert again.returncode == 0
    assert "0 built, 3 there already, 0 failed." in again.stdout


def test_a_backfill_in_the_ui_is_followed_by_the_reports_whose_trends_it_left_incomplete(
    backfilled, monkeypatch
):
    """Issue 65 has other figures than the reports of 66 and of its own show."""
    command_line, _, _ = backfilled
    monkeypatch.setenv("BJ_HOME", str(command_line.home))
    settings = Settings()
    assert incomplete(settings, [65]) == []
    warehouse = Warehouse(settings.warehouse_url)
    trend = warehouse.read(tables.SECTOR_TRENDS, 66)
    gap = trend.assign(pe_ttm_median=trend["pe_ttm_median"].mask(trend["trend_issue"] == 65))
    warehouse.replace(66, {tables.SECTOR_TRENDS: gap})
    assert incomplete(settings, [64]) == [66]
    assert incomplete(settings, [67]) == []

    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"dagster/backfill": "abc", "dagster/partition": "65"}
        assert nothing.execute_in_process(instance=instance, tags=tags).success
        going_on = instance.create_run_for_job(nothing, tags=tags, status=STARTED)
        waiting = tick(instance)
        assert (waiting.run_requests, "end of abc" in waiting.skip_message) == ([], True)
        instance.report_run_canceled(going_on)
        (request,) = tick(instance, waiting.cursor).run_requests
        assert request.partition_key == "66"
        assert {key.to_user_string() for key in request.asset_selection} == set(BELOW_TRENDS)
        assert request.asset_check_keys
        again = tick(instance, tick(instance, waiting.cursor).cursor)
        assert (again.run_requests, again.skip_message) == ([], "No backfill has ended.")


@dg.job
def nothing():
    pass


STARTED = dg.DagsterRunStatus.STARTED


def tick(instance, cursor=None):
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=defs.get_repository_def()
    ) as context:
        return trends_after_backfill.evaluate_tick(context)


def test_an_issue_that_a_check_stopped_is_told_with_the_check():
    error = CheckFailedError("Issue 8 was stopped by a check.\n  is_warm (quotes): 3 rows. x")
    assert _first_error(error) == "is_warm (quotes): 3 rows. x"
    assert _first_error(DataError("a.csv", "is full", "Fill it.")) == "a.csv: is full. Fill it."
