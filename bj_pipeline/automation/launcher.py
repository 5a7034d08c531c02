"""Handing runs over to Celery, and noticing that one was lost.

What belongs here: what Dagster's own launcher for Celery leaves open. What does not: the workers
(:mod:`bj_pipeline.automation.worker`), and starting a lost run again, which is the daemon's
(``run_monitoring`` and ``run_retries`` in ``deploy/dagster.celery.yaml``).
"""

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

_ANSWER_SECONDS = 10.0
"""How long a worker may take to answer; on a busy machine its answer takes a second or two."""
_TRIES = 3


class WorkerLauncher(CeleryRunLauncher):
    """Dagster's launcher for Celery, which also sees through two states that Celery keeps for ever.

    Celery says STARTED of a run whose whole worker was killed, or whose machine is gone. It says
    SUCCESS of one that could not write down how it ended, because the database was away. Dagster
    would wait for either without end.
    """

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether somebody is at work on a run that, by the database, goes on.

        The daemon reads the run's state again before it believes that a run is lost, so one that
        ends just now is safe.
        """
        told = super().check_run_worker_health(run)
        if told.status is WorkerStatus.SUCCESS:
            return CheckRunHealthResult(
                WorkerStatus.FAILED, "The worker is done with the run, which has no end on record."
            )
        if told.status is WorkerStatus.RUNNING:
            return self._ask_worker(run.tags[DAGSTER_CELERY_TASK_ID_TAG]) or told
        return told

    def _ask_worker(self, task_id: str) -> CheckRunHealthResult | None:
        """What is wrong with a task that was begun; None if its worker says that it is at it."""
        result = self.celery.AsyncResult(task_id)
        if result.state != "STARTED":
            return None
        worker = result.info["hostname"]
        for _ in range(_TRIES):
            inspect = self.celery.control.inspect([worker], timeout=_ANSWER_SECONDS, limit=1)
            answers = inspect.query_task(task_id)
            if answers is not None:
                if task_id in answers.get(worker, {}):
                    return None
                return CheckRunHealthResult(
                    WorkerStatus.FAILED, f"The worker {worker} knows nothing of the run any more."
                )
        return CheckRunHealthResult(
            WorkerStatus.FAILED, f"The worker {worker} does not answer any more."
        )
