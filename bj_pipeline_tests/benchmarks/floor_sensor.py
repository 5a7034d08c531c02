"""The floor under a sensor tick: a code location with a sensor that does nothing."""

import dagster as dg


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job
def no_job() -> None:
    """Nothing to start."""
    nothing()


@dg.sensor(job=no_job, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def empty() -> dg.SkipReason:
    """Find nothing."""
    return dg.SkipReason("Nothing new.")


defs = dg.Definitions(jobs=[no_job], sensors=[empty])
