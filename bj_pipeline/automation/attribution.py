"""Who asked for a run: the person that the proxy in front of the UI let in.

What belongs here: writing the name down. What does not: finding out who it is, which is the
proxy's (``deploy/nginx.conf``); the header is only worth something where nobody gets past it.
"""

import dagster as dg
from dagster import QueuedRunCoordinator, SubmitRunContext

ASKED_BY = "bj/asked_by"
"""Tag of runs: a person's name, or what else asked for the run."""
USER_HEADER = "X-Forwarded-User"


class AttributingCoordinator(QueuedRunCoordinator):
    """Dagster's queue of runs, which notes who put a run into it from the UI.

    A run that is started again bears the name of whoever started it again.
    """

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Tag the run, if a person asked for it, and put it into the queue."""
        user = context.get_request_header(USER_HEADER)
        if user:
            self._instance.add_run_tags(context.dagster_run.run_id, {ASKED_BY: user})
        return super().submit_run(context)
