"""The partitions: one object for every asset. Keys are issue numbers, and only ever appended."""

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from bj_pipeline.errors import IssueNotClosedError
from bj_pipeline.issues import Issue, all_issues, by_number, trailing

SHANGHAI = ZoneInfo("Asia/Shanghai")
DATA_HOUR = 18
"""From this hour (Shanghai) on, vendors have the day's closes."""
TREND_ISSUES = 13

ISSUES = dg.StaticPartitionsDefinition([issue.key for issue in all_issues()])


def trailing_issues() -> dg.StaticPartitionMapping:
    """Each issue feeds its own trend and those of the twelve issues after it."""
    feeds: dict[str, list[str]] = {issue.key: [] for issue in all_issues()}
    for issue in all_issues():
        for earlier in trailing(issue, TREND_ISSUES):
            feeds[earlier.key].append(issue.key)
    return dg.StaticPartitionMapping(feeds)


def is_closed(issue: Issue, now: datetime) -> bool:
    """Whether the close of the issue's last session can be had at that moment."""
    local = now.astimezone(SHANGHAI)
    return local.date() > issue.close_date or (
        local.date() == issue.close_date and local.hour >= DATA_HOUR
    )


def closed_issue(key: str, now: datetime | None = None) -> Issue:
    """The issue of a partition key.

    Raises:
        IssueNotClosedError: Its week has not closed: there is nothing to report yet.
    """
    issue = by_number(key)
    if not is_closed(issue, now or datetime.now(SHANGHAI)):
        raise IssueNotClosedError(
            f"Issue {issue.number} reports on the week to {issue.close_date}, which has not "
            f"closed. Run it from {issue.close_date} {DATA_HOUR}:00 (Shanghai) on."
        )
    return issue
