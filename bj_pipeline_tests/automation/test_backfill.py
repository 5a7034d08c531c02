"""Rebuilding history from the command line."""

import shutil

import pytest

from bj_pipeline.automation.backfill import Summary, parse_numbers
from bj_pipeline.errors import CalendarError, ConfigurationError
from bj_pipeline.settings import PACKAGE


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
        "2 built, 1 were there already, 1 failed.",
        "  2: pool.csv, line 3: wrong",
    ]


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
    assert "2 built, 0 were there already, 1 failed." in first.stdout
    assert "  65: 065/topic.md, line 1: " in first.stdout
    assert "Traceback" not in first.stdout + first.stderr


def test_only_the_failed_issue_is_built_again(backfilled):
    command_line, _, second = backfilled
    assert second.returncode == 0, second.stderr
    assert "1 built, 0 were there already, 0 failed." in second.stdout
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
    assert "0 built, 3 were there already, 0 failed." in again.stdout
