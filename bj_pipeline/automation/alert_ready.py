"""Alerts about an issue that is ready: its front page, once for each manifest.

What belongs here: which runs finished a report that nobody was told of.
"""

import dagster as dg

from bj_pipeline import errors
from bj_pipeline.automation import alerts
from bj_pipeline.automation.alert_tick import (
    RunMemory,
    Surroundings,
    ended_runs,
    issue_of,
    look_again,
    unread,
)
from bj_pipeline.automation.alerts import Alert
from bj_pipeline.automation.jobs import ASKED_BY
from bj_pipeline.automation.notify import Parcel
from bj_pipeline.report.artifacts import FORMS, finished
from bj_pipeline.warehouse import tables

_MANIFEST = dg.AssetKey("issue_manifest")
_BACKFILL = "dagster/backfill"


class ReadyMemory(RunMemory[str]):
    """Told of: SHA-256 of the manifest that was announced, by issue."""


def look(around: Surroundings, memory: ReadyMemory) -> list[str]:
    """Note the runs that finished what nobody was told of."""
    told: list[str] = []
    for record in ended_runs(around, memory):
        run = record.dagster_run
        issue = issue_of(run)
        if run.status != dg.DagsterRunStatus.SUCCESS or issue is None or _is_backfill(run):
            continue
        try:
            sha256 = _manifest_sha256(around, run)
        except Exception as error:  # noqa: BLE001 - a run that cannot be read may be no report's
            told.append(look_again(memory, run, error))
            continue
        if not sha256:
            continue
        if memory.told.get(issue.key) == sha256:
            told.append(f"Issue {issue.number} was rebuilt and is the same; no new alert.")
            continue
        again = "更新" if issue.key in memory.told else "就绪"
        memory.told[issue.key] = sha256
        memory.outbox[run.run_id] = Parcel(
            title=f"【{again}】第 {issue.number} 期", about=[issue.key]
        )
    return told


def _is_backfill(run: dg.DagsterRun) -> bool:
    return _BACKFILL in run.tags or run.tags.get(ASKED_BY) == "backfill"


def _manifest_sha256(around: Surroundings, run: dg.DagsterRun) -> str:
    """Hash of the manifest that a run wrote; empty if it wrote none."""
    records = around.instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    for record in records:
        event = record.event_log_entry.asset_materialization
        if event is not None and event.asset_key == _MANIFEST:
            return str(event.metadata["sha256"].value)
    return ""


def write(around: Surroundings, memory: ReadyMemory, run_id: str) -> Alert:
    """The alert about a finished issue."""
    from bj_pipeline.report.document import Document  # noqa: PLC0415 - only where used
    from bj_pipeline.warehouse.store import Warehouse  # noqa: PLC0415

    run = around.instance.get_run_by_id(run_id)
    issue = issue_of(run) if run else None
    if issue is None:
        raise errors.MissingDataError("The run is gone.")
    document: Document | None = None
    remarks: tuple[str, ...] = ()
    try:
        stored = Warehouse(around.settings.warehouse_url).read(tables.REPORT_DOCUMENT, issue.number)
        document = Document.model_validate_json(stored["document"].iloc[0])
    except Exception as error:  # noqa: BLE001 - what is known goes out all the same
        remarks = (unread(error),)
    ready = finished(around.settings.artifacts / issue.folder)
    return alerts.ready(
        alerts.Finished(
            issue=issue,
            document=document,
            files=tuple(ready[name] for name in FORMS if name in ready),
            run_url=around.run_url(run_id),
            ui_url=around.ui_url,
            revised=memory.outbox[run_id].title.startswith("【更新】"),
            remarks=remarks,
        )
    )
