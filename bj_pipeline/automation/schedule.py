"""The weekly schedule: Friday 18:00 in Shanghai, when vendors have the week's last closes.

What belongs here: which issues are due at a moment. What does not: waiting for a vendor that is
late (:mod:`.waiting`), and alerts.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType

import dagster as dg

from bj_pipeline.assets.partitions import SHANGHAI, is_closed
from bj_pipeline.automation.jobs import ASKED_BY, issue_job
from bj_pipeline.automation.state import BUILT, issue_states
from bj_pipeline.issues import Issue, all_issues, by_date
from bj_pipeline.settings import load_settings

_SCHEDULE = "schedule"
_PARTITION, _RUN_KEY = "dagster/partition", "dagster/run_key"
_NOT_ENDED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dg.schedule(
    job=issue_job,
    cron_schedule="0 18 * * 5",
    execution_timezone="Asia/Shanghai",
    description="Friday 18:00 Asia/Shanghai: every closed issue after the newest one that is "
    "built, so that a missed tick, a downtime or a failure heals a week later; skips a week "
    "without sessions. Off by default: it starts by itself what costs a vendor's calls, so each "
    "installation switches it on once.",
)
def weekly_issue(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """Ask for the issues that are due."""
    now = context.scheduled_execution_time.astimezone(SHANGHAI)
    states = issue_states(load_settings(), now)
    built = states.loc[states["state"] == BUILT, "number"]
    return requests(now, [int(number) for number in built], _under_way(context.instance))


def requests(
    now: datetime, built: Collection[int], under_way: Mapping[str, str] = _NOTHING
) -> list[dg.RunRequest] | dg.SkipReason:
    """The runs that a moment calls for, or why there are none.

    Args:
        now: The moment, with its zone.
        built: Numbers of the issues that are built.
        under_way: Keys of the runs that were asked for before and have not ended, by the issue's.
    """
    issues = due(now, built)
    if not issues:
        return dg.SkipReason(_reason(now))
    day = now.astimezone(SHANGHAI).date()
    # The day is the attempt: a tick asks once, and the next one again if the run has failed.
    asked = [
        dg.RunRequest(
            run_key=f"weekly-{issue.key}-{day}",
            partition_key=issue.key,
            tags={ASKED_BY: _SCHEDULE},
        )
        for issue in issues
    ]
    # This tick's own requests are repeated: it may have been killed before it handed a run over.
    fresh = [
        one for one in asked if under_way.get(str(one.partition_key), one.run_key) == one.run_key
    ]
    return fresh or dg.SkipReason("A run of every issue that is due waits or is under way.")


def _under_way(instance: dg.DagsterInstance) -> dict[str, str]:
    """Keys of the schedule's runs that have not ended, by the issue's.

    There are some at a tick after downtime or of a clock that was set back.
    """
    ours = dg.RunsFilter(statuses=_NOT_ENDED, tags={ASKED_BY: _SCHEDULE})
    return {
        run.tags[_PARTITION]: run.tags[_RUN_KEY]
        for run in instance.get_runs(ours)
        if _PARTITION in run.tags and _RUN_KEY in run.tags
    }


def due(now: datetime, built: Collection[int]) -> list[Issue]:
    """Closed issues after the newest one that is built; history is filled in by a backfill.

    Where nothing is built yet, only the issue of the moment's own week: the first tick of a new
    installation does not fetch years.
    """
    closed = [issue for issue in all_issues() if is_closed(issue, now)]
    if built:
        return [issue for issue in closed if issue.number > max(built)]
    own = by_date(now.astimezone(SHANGHAI).date())
    return [issue for issue in closed if issue == own]


def _reason(now: datetime) -> str:
    day = now.astimezone(SHANGHAI).date()
    issue = by_date(day)
    if issue is None:
        return f"The week of {day} has no session: no issue."
    if not is_closed(issue, now):
        return f"Issue {issue.number} closes on {issue.close_date}: too early."
    return f"Every issue up to {issue.number} ({issue.close_date}) is built."
