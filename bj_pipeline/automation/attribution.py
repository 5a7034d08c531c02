"""Who asked for a run: the person that the proxy in front of the UI let in.

What belongs here: writing the name down. What does not: finding out who it is, which is the
proxy's (``deploy/nginx.conf``); the header is only worth something where nobody gets past it.

A single run is submitted while the person's request is being answered, so Dagster's queue sees the
header. The runs of a backfill are submitted later, by the daemon, and bear the tags of the
backfill. Dagster has no setting that puts a name among those (its issue 20522), and its chart for
Kubernetes allows no webserver but its own; so the two places are wrapped through which a backfill
comes in: the request, and its record.
"""

from contextvars import ContextVar
from functools import wraps
from typing import Any

import dagster as dg
from dagster import QueuedRunCoordinator, SubmitRunContext
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext

from bj_pipeline.automation.jobs import ASKED_BY

USER_HEADER = "X-Forwarded-User"
_asking: ContextVar[str] = ContextVar("asking", default="")
"""Whose request is being answered here; empty for nobody's."""


class AttributingCoordinator(QueuedRunCoordinator):
    """Dagster's queue of runs, which notes who put a run or a backfill into it from the UI.

    What is started again bears the name of whoever started it again. A webserver makes its queue
    for the first page that it shows: each of them says whether the daemon is well, which depends on
    the queue.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        _attribute_backfills()

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Tag the run, if a person asked for it, and put it into the queue."""
        user = context.get_request_header(USER_HEADER)
        if user:
            self._instance.add_run_tags(context.dagster_run.run_id, {ASKED_BY: user})
        return super().submit_run(context)


def _attribute_backfills() -> None:
    """Let every backfill that this process takes bear the name of whoever asked for it."""
    if hasattr(dg.DagsterInstance.add_backfill, "__wrapped__"):
        return
    answer, add = WorkspaceProcessContext.create_request_context, dg.DagsterInstance.add_backfill

    @wraps(answer)
    def create_request_context(
        process: WorkspaceProcessContext, source: object | None = None
    ) -> WorkspaceRequestContext:
        _asking.set(getattr(source, "headers", {}).get(USER_HEADER, ""))
        return answer(process, source)

    @wraps(add)
    def add_backfill(instance: dg.DagsterInstance, partition_backfill: PartitionBackfill) -> None:
        user = _asking.get()
        name = {ASKED_BY: user} if user else {}
        add(instance, partition_backfill._replace(tags={**partition_backfill.tags, **name}))

    WorkspaceProcessContext.create_request_context = create_request_context  # type: ignore[assignment, method-assign]
    dg.DagsterInstance.add_backfill = add_backfill  # type: ignore[assignment, method-assign]
