"""When an issue is due, and when it is late.

What belongs here: moments. What does not: whether an issue is there (:mod:`.inventory`).
"""

from datetime import datetime, time, timedelta

from bj_pipeline.assets.partitions import DATA_HOUR, SHANGHAI
from bj_pipeline.issues import Issue, all_issues
from bj_pipeline.settings import Settings

_FROM_SUNDAY_TO_FRIDAY = timedelta(days=2)


def due_at(issue: Issue) -> datetime:
    """When an issue is asked for: Friday 18:00 in Shanghai of the week that it closes in.

    Not at its close: before a holiday a week closes early, and nobody asks for it until Friday.
    """
    friday = issue.issue_date - _FROM_SUNDAY_TO_FRIDAY
    return datetime.combine(friday, time(DATA_HOUR), SHANGHAI)


def deadline(issue: Issue, settings: Settings) -> datetime:
    """From when on an issue that is not there is late."""
    return due_at(issue) + settings.alert_deadline


def newest_due(now: datetime, grace: timedelta = timedelta(0)) -> Issue | None:
    """The newest issue that is due, or has been for so long."""
    due = [issue for issue in all_issues() if due_at(issue) + grace <= now]
    return due[-1] if due else None
