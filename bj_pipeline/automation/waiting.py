"""A vendor that is late: its issue is asked for again until it is there or the deadline has passed.

What belongs here: telling runs that failed because their data is not published yet, and asking
again. What does not: who asked first (the schedule, the inbox or a person), and the alert at the
deadline (:mod:`.alert_late`).

A run that waited would hold one of the few places in the queue for hours, and end with its process.
So a run that finds no data fails at once and says so, and this sensor asks again. What it knows is
what is recorded of runs; a daemon that was down goes on where it stopped.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import dagster as dg

from bj_pipeline.assets.partitions import SHANGHAI, is_closed
from bj_pipeline.automation.deadlines import deadline
from bj_pipeline.automation.jobs import ASKED_BY, issue_job
from bj_pipeline.automation.ticks import Tick
from bj_pipeline.errors import NotYetAvailableError
from bj_pipeline.issues import Issue, all_issues
from bj_pipeline.settings import Settings, load_settings

_PARTITION = "dagster/partition"
_SOURCE = "pipeline"


def missing_at_vendor(error: Any) -> str:
    """What the vendor does not have yet, as a recorded error says; empty if it is another error."""
    while error is not None:
        if error.cls_name == NotYetAvailableError.__name__:
            return str(error.message).partition(": ")[2].strip()
        error = error.cause
    return ""


def waits_for(instance: dg.DagsterInstance, run_id: str) -> str:
    """What a failed run found not to be published yet; empty if it failed for other reasons."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    for record in records:
        data: Any = record.event_log_entry.get_dagster_event().event_specific_data
        if told := missing_at_vendor(data.error):
            return told
    return ""


def tick(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> Tick:
    """Runs to ask for again, and what to tell of each issue whose vendor is late.

    Args:
        instance: Knows the runs.
        settings: The deadline.
        now: This moment.
    """
    requests, told = [], []
    for issue, run, cause in _waiting(instance, settings, now):
        requests.append(_again(run, issue))
        until = deadline(issue, settings)
        told.append(f"Issue {issue.number} is asked for again, until {until:%H:%M}. {cause}")
    return Tick(requests, None, told)


def waiting_issues(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> set[int]:
    """Numbers of the issues whose vendor is late, but which are not late themselves as yet."""
    return {issue.number for issue, _, _ in _waiting(instance, settings, now)}


def _waiting(
    instance: dg.DagsterInstance, settings: Settings, now: datetime
) -> Iterator[tuple[Issue, dg.DagsterRun, str]]:
    """Closed issues before their deadline, the run that failed, and what it missed."""
    for issue in all_issues():
        if not is_closed(issue, now) or now >= deadline(issue, settings):
            continue
        runs = instance.get_runs(dg.RunsFilter(tags={_PARTITION: issue.key}), limit=1)
        if runs and runs[0].status == dg.DagsterRunStatus.FAILURE:
            cause = waits_for(instance, runs[0].run_id)
            if cause:
                yield issue, runs[0], cause


def _again(run: dg.DagsterRun, issue: Issue) -> dg.RunRequest:
    """The whole issue from the source that the failed run read; once for each failed run."""
    resources: Any = run.run_config.get("resources", {})
    chosen = {_SOURCE: resources[_SOURCE]} if _SOURCE in resources else {}
    return dg.RunRequest(
        run_key=f"again-{run.run_id}",
        partition_key=issue.key,
        run_config={"resources": chosen} if chosen else None,
        tags={ASKED_BY: "late vendor"},
    )


def late_vendors(interval: timedelta) -> dg.SensorDefinition:
    """The sensor that asks again, at most once an interval."""

    @dg.sensor(
        job=issue_job,
        minimum_interval_seconds=ceil(interval.total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="An issue whose run failed because its vendor has not published the data yet "
        f"is asked for again every {_told(interval)} (BJ_RETRY_INTERVAL), until it is built or "
        "BJ_ALERT_DEADLINE has passed; then `late_alerts` tells, and not before. On by default: "
        "it only repeats what somebody has asked for.",
    )
    def late_vendors(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Ask again for issues whose vendor is late."""
        found = tick(context.instance, load_settings(), datetime.now(SHANGHAI))
        return found.result(context, "No issue waits for its vendor.")

    return late_vendors


def _told(interval: timedelta) -> str:
    minutes = interval.total_seconds() / 60
    return f"{minutes:g} minutes" if minutes != 1 else "minute"
