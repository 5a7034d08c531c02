"""When alerts are sent: a run or a check failed, an issue is late, an issue is ready.

What belongs here: the sensors as Dagster knows them. What does not: a tick (:mod:`.alert_tick`),
and what each one finds (a module a cause).
"""

import dagster as dg

from bj_pipeline.automation import alert_late, alert_ready, alert_trouble
from bj_pipeline.automation.alert_tick import tick

INTERVAL_SECONDS = 60


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts when a run fails or a check fails, a warning too: one alert a run, and one "
    "a cause until it is well again. Needs BJ_ALERT_URLS.",
)
def trouble_alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Tell of runs and checks that failed."""
    return tick(context, alert_trouble.TroubleMemory, alert_trouble.look, alert_trouble.write)


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts once when an issue is not built by Friday 18:00 (Shanghai) and "
    "BJ_ALERT_DEADLINE. Needs BJ_ALERT_URLS.",
)
def late_alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Tell of an issue that is late."""
    return tick(context, alert_late.LateMemory, alert_late.look, alert_late.write)


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells that an issue is ready, with its front page; again only if it has changed, "
    "and not in a backfill. Needs BJ_ALERT_URLS.",
)
def ready_alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Tell of an issue that is ready."""
    return tick(context, alert_ready.ReadyMemory, alert_ready.look, alert_ready.write)


ALERT_SENSORS = [trouble_alerts, late_alerts, ready_alerts]
