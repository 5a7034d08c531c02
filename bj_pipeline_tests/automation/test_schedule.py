"""The weekly schedule."""

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from bj_pipeline.automation.schedule import weekly_issue
from bj_pipeline.definitions import defs

SHANGHAI = ZoneInfo("Asia/Shanghai")


def tick(*moment):
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime(*moment, tzinfo=SHANGHAI),
            repository_def=defs.get_repository_def(),
        )
        return weekly_issue.evaluate_tick(context)


def test_it_ticks_on_friday_at_six_in_shanghai():
    assert weekly_issue.cron_schedule == "0 18 * * 5"
    assert weekly_issue.execution_timezone == "Asia/Shanghai"


def test_it_asks_for_the_issue_of_the_week():
    (request,) = tick(2026, 2, 27, 18).run_requests
    assert request.partition_key == "65"


def test_a_week_without_sessions_is_skipped_with_the_reason():
    data = tick(2026, 2, 20, 18)
    assert not data.run_requests
    assert "no session" in data.skip_message


@pytest.mark.parametrize(("moment", "number"), [((2025, 10, 10, 18), "46"), ((2025, 1, 31, 18), "10")])
def test_a_week_that_closed_before_friday_is_asked_for_on_friday(moment, number):
    (request,) = tick(*moment).run_requests
    assert request.partition_key == number
