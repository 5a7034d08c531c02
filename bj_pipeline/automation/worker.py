"""The Celery app of the machines that build issues; ``bj-pipeline worker`` runs it.

What belongs here: how a worker takes runs from the broker. What does not: the queue of runs, their
limits and their retries, which are Dagster's (``deploy/dagster.celery.yaml``), and how Dagster
hands runs over and notices that one is lost (:mod:`bj_pipeline.automation.launcher`).
"""

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from bj_pipeline.settings import load_settings

_VISIBILITY_SECONDS = 120
"""After how long Redis hands out again what a worker took and never began. Less than the 180 s that
Dagster allows a run to start in, more than any worker needs to begin with what it took."""

_broker = load_settings().celery_broker.get_secret_value()
app = make_app(  # type: ignore[no-untyped-call]
    {
        "broker": _broker,
        "backend": _broker,
        "config_source": {
            # Dagster keeps the account of runs, Celery only hands them out. A run that was begun
            # and lost its worker is found by the daemon, which begins it again as a run of its own,
            # once and on record. Late acknowledgement would deliver it a second time besides:
            # Dagster ignores that delivery, and Celery then takes the lost run for one that ended.
            "task_acks_late": False,
            "task_reject_on_worker_lost": False,
            # Without these a worker holds a second run back while it builds the first one.
            "worker_disable_prefetch": True,
            "worker_prefetch_multiplier": 1,
            "broker_transport_options": {"visibility_timeout": _VISIBILITY_SECONDS},
            # Workers wait for a broker that is away, at the start and later.
            "broker_connection_retry_on_startup": True,
            "broker_connection_max_retries": None,
            # Dagster captures what a step prints, by file descriptor.
            "worker_redirect_stdouts": False,
        },
    }
)
execute_job = create_execute_job_task(app)
resume_job = create_resume_job_task(app)
