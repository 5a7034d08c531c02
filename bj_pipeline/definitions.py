"""The one place where everything is assembled."""

import dagster as dg

from bj_pipeline.assets.inventory import INVENTORY_ASSETS, hourly_inventory, inventory_job
from bj_pipeline.assets.metrics import METRICS_ASSETS
from bj_pipeline.assets.partitions import ISSUES
from bj_pipeline.assets.raw import RAW_ASSETS
from bj_pipeline.assets.report import REPORT_ASSETS
from bj_pipeline.assets.resources import PipelineResource
from bj_pipeline.assets.universe import UNIVERSE_ASSETS
from bj_pipeline.automation.abandoned import abandoned_runs
from bj_pipeline.automation.alert_sensors import ALERT_SENSORS
from bj_pipeline.automation.conditions import carry_changes_down
from bj_pipeline.automation.curated_sensor import curated_edits
from bj_pipeline.automation.inbox_sensor import inbox
from bj_pipeline.automation.jobs import figures_job, issue_job
from bj_pipeline.automation.progress import PROGRESS, progress_logger
from bj_pipeline.automation.schedule import weekly_issue
from bj_pipeline.automation.trends import trends_after_backfill
from bj_pipeline.automation.waiting import late_vendors
from bj_pipeline.quality.asset_checks import asset_checks
from bj_pipeline.settings import Settings, load_settings
from bj_pipeline.warehouse.io_manager import WarehouseIOManager
from bj_pipeline.warehouse.store import Warehouse


def build(settings: Settings) -> dg.Definitions:
    """Everything that Dagster knows of the pipeline, for one installation's settings."""
    return dg.Definitions(
        assets=[*RAW_ASSETS, *UNIVERSE_ASSETS, *METRICS_ASSETS, *REPORT_ASSETS, *INVENTORY_ASSETS],
        asset_checks=asset_checks(ISSUES),
        jobs=[issue_job, figures_job, inventory_job],
        schedules=[weekly_issue, hourly_inventory],
        sensors=[
            inbox,
            curated_edits,
            carry_changes_down,
            abandoned_runs,
            late_vendors(settings.retry_interval),
            trends_after_backfill,
            *ALERT_SENSORS,
        ],
        loggers={PROGRESS: progress_logger, "console": dg.colored_console_logger},
        resources={
            "pipeline": PipelineResource(source=settings.source, input=str(settings.input or "")),
            "io_manager": WarehouseIOManager(Warehouse(settings.warehouse_url)),
        },
        # A process per step costs about three seconds a step; an issue takes less than that.
        executor=dg.in_process_executor,
    )


defs = build(load_settings())
