"""The weekly schedule: Friday 18:00 in Shanghai, when vendors have the week's last closes."""

from datetime import datetime

import dagster as dg

from bj_pipeline.assets.partitions import SHANGHAI, is_closed
from bj_pipeline.automation.jobs import issue_job
from bj_pipeline.issues import by_date


@dg.schedule(
    job=issue_job,
    cron_schedule="0 18 * * 5",
    execution_timezone="Asia/Shanghai",
    description="Friday 18:00 Asia/Shanghai: the issue of the week that closes; skips a week "
    "without sessions.",
)
def weekly_issue(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for the issue of the tick's week."""
    now = context.scheduled_execution_time.astimezone(SHANGHAI)
    return request(now)


def request(now: datetime) -> dg.RunRequest | dg.SkipReason:
    """The run that a moment calls for, or why there is none."""
    issue = by_date(now.date())
    if issue is None:
        return dg.SkipReason(f"The week of {now.date()} has no session: no issue.")
    if not is_closed(issue, now):
        return dg.SkipReason(f"Issue {issue.number} closes on {issue.close_date}: too early.")
    return dg.RunRequest(
        run_key=f"weekly-{issue.key}", partition_key=issue.key, tags={"bj/asked_by": "schedule"}
    )
