"""Runs whose program was killed: they could not say that they ended, so somebody else must.

What belongs here: telling such runs from living ones, and closing them; asking again for those that
Dagster meant to start again and did not; when that is looked at, and with it what killed approvals
left. What does not: building an issue again whose assets failed, which is a fact about its data.

Left alone they would stay *started* for ever: Dagster's own launcher does not ask whether a run's
process is alive, and two such runs would take all the places of the queue. Whoever builds an issue
holds its turn (:mod:`bj_pipeline.warehouse.turns`), so a run whose turn is free is not alive.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES

from bj_pipeline.automation import signoff
from bj_pipeline.automation.jobs import ASKED_BY, figures_job, issue_job
from bj_pipeline.automation.ticks import Tick
from bj_pipeline.counted import counted
from bj_pipeline.settings import load_settings
from bj_pipeline.storage import StorageError
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline.warehouse.turns import turn_if_free

_TOLD = (
    "The program that built this issue was ended from outside (killed, or the machine went down) "
    "and could not say so. Nothing has to be cleaned up: build the issue again."
)
_STOPPED = (
    "Stopped, with Ctrl+C or by the machine. Nothing has to be cleaned up: build the issue again."
)
_PARTITION = "dagster/partition"
_BACKFILL = "dagster/backfill"
_WILL_RETRY = "dagster/will_retry"
_RETRIED_AS = "dagster/auto_retry_run_id"
_PARENT, _ROOT = "dagster/parent_run_id", "dagster/root_run_id"
_REMEMBERED = timedelta(days=7)
"""How long a run that was not started again is worth starting: as long as a week of downtime."""
_INTERVAL_SECONDS = 60
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_WELL_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED}


def cancel(instance: dg.DagsterInstance, run_id: str) -> None:
    """Let a run end as cancelled: whoever started it has stopped it."""
    run = instance.get_run_by_id(run_id)
    if run is not None and run.status not in _WELL_ENDED:
        instance.report_run_canceled(run, _STOPPED)


def cancel_stopped_runs(
    instance: dg.DagsterInstance, warehouse: Warehouse, issues: Collection[int]
) -> None:
    """Let the runs of these issues end as cancelled whose command lines were stopped.

    Args:
        instance: Knows the runs.
        warehouse: Knows the turns; an issue that somebody else builds by now is left alone.
        issues: Numbers of the issues that the caller was building.
    """
    for issue, runs in _unfinished(instance).items():
        if issue in issues:
            with turn_if_free(warehouse.engine, issue) as is_free:
                for run in filter(_is_of_command_line, runs) if is_free else ():
                    cancel(instance, run.run_id)


def close_former_runs(instance: dg.DagsterInstance, issue: int) -> None:
    """Close what earlier command lines left of an issue whose turn the caller holds."""
    wanted = dg.RunsFilter(statuses=_UNFINISHED, tags={_PARTITION: str(issue)})
    _close(instance, (run for run in instance.get_runs(wanted) if _is_of_command_line(run)))


def close_abandoned_runs(
    instance: dg.DagsterInstance, warehouse: Warehouse, suspects: Collection[str] = ()
) -> list[str]:
    """Close every run that nobody is at any more.

    A command line takes the turn before it makes its run and keeps it until that has ended. A
    server's run takes it a moment after it has started, so it must look dead twice.

    Args:
        instance: Knows the runs.
        warehouse: Knows the turns; asked only if there are unfinished runs.
        suspects: Ids of servers' runs that looked dead the last time.

    Returns:
        Ids of servers' runs that look dead for the first time.
    """
    fresh: list[str] = []
    for issue, runs in _unfinished(instance).items():
        with turn_if_free(warehouse.engine, issue) as is_free:
            if is_free:
                dead = [r for r in runs if _is_of_command_line(r) or r.run_id in suspects]
                _close(instance, dead)
                fresh += [r.run_id for r in runs if r not in dead and _is_started(r)]
    return fresh


def _unfinished(instance: dg.DagsterInstance) -> dict[int, list[dg.DagsterRun]]:
    """Runs that have not ended, by issue."""
    found: defaultdict[int, list[dg.DagsterRun]] = defaultdict(list)
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        if run.tags.get(_PARTITION, "").isdigit():
            found[int(run.tags[_PARTITION])].append(run)
    return found


def _close(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> None:
    for run in runs:
        # Asked again: it may have ended before its turn was free.
        now = instance.get_run_by_id(run.run_id)
        if now is not None and not now.is_finished:
            instance.report_run_failed(now, _TOLD)


def _is_of_command_line(run: dg.DagsterRun) -> bool:
    """Whether it was made by the process that built it; a server's run has an origin."""
    return run.remote_job_origin is None


def _is_started(run: dg.DagsterRun) -> bool:
    return run.status == dg.DagsterRunStatus.STARTED


def not_started_again(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs of a job that were lost, and that Dagster meant to start again and did not.

    Dagster starts a lost run again a few seconds after it has failed, unless the run's backfill has
    ended by then; and a job's backfill ends with its last run, whether or not that is to be started
    again (``_daemon/auto_run_reexecution`` and ``_core/execution/job_backfill``, 1.13). So a lost
    run that is the last of its backfill stays lost, or not, by chance.

    Returns:
        Those of the last seven days after which nobody has begun to build the issue again. A run
        that was started again and is lost again is none: the machine is at fault.
    """
    lost = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE],
        tags={_WILL_RETRY: "true"},
        updated_after=datetime.now(UTC) - _REMEMBERED,
    )
    return [run for run in instance.get_runs(lost) if _is_left_lying(instance, run)]


def _is_left_lying(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    backfill = instance.get_backfill(run.tags[_BACKFILL]) if _BACKFILL in run.tags else None
    if (
        backfill is None
        or backfill.status not in BULK_ACTION_TERMINAL_STATUSES
        or run.job_name not in {issue_job.name, figures_job.name}
        or _RETRIED_AS in run.tags
        or _PARENT in run.tags
        or _is_of_command_line(run)
    ):
        return False
    of_issue = dg.RunsFilter(tags={_PARTITION: run.tags.get(_PARTITION, "")})
    (newest,) = instance.get_runs(of_issue, limit=1)
    return newest.run_id == run.run_id


def _asked_again(run: dg.DagsterRun) -> dg.RunRequest:
    """The same run once more, for whoever asked for it, and shown with the same backfill."""
    kept = {name: run.tags[name] for name in (ASKED_BY, _BACKFILL) if name in run.tags}
    return dg.RunRequest(
        run_key=f"lost-{run.run_id}",
        job_name=run.job_name,
        partition_key=run.tags[_PARTITION],
        run_config=dict(run.run_config),
        tags={**kept, _PARENT: run.run_id, _ROOT: run.run_id},
    )


@dg.sensor(
    jobs=[issue_job, figures_job],
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A run whose process was killed is marked as failed, so that it neither takes a "
    "place in the queue nor looks as if it went on; a lost run of a backfill that had ended before "
    "Dagster started the run again is asked for once more; what an approval published that was "
    "killed before it was on record is taken back. On by default.",
)
def abandoned_runs(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Close runs that nobody is at any more, ask again for lost ones, take back what is half."""
    settings = load_settings()
    warehouse = Warehouse(settings.warehouse_url)
    suspects = close_abandoned_runs(context.instance, warehouse, json.loads(context.cursor or "[]"))
    told = [f"Looks abandoned: {counted(len(suspects), 'run')}."] if suspects else []
    try:
        told += signoff.take_back_killed(settings)
    except StorageError as error:
        # The next tick must know the suspects, whether or not the store is away.
        told.append(str(error))
    requests = [_asked_again(run) for run in not_started_again(context.instance)]
    return Tick(requests, json.dumps(suspects), told).result(context, "No run was abandoned.")
