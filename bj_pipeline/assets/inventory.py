"""What operations look at: the inventory of what is wrong, and the latest issue.

What belongs here: the two assets, their checks, and the job and schedule that keep them fresh. What
does not: judging (:mod:`bj_pipeline.automation.inventory`).

They have no partitions, and no policy of Dagster's on when an issue was last built: such a policy
looks at the newest materialization of any issue, so that a backfill of history makes a late issue
look fresh, and it does not know the weeks without sessions. Whether an issue is late is computed
from the calendar. The policy that they do have says how old the answer may be.
"""

from datetime import datetime, timedelta

import dagster as dg
import pandas as pd

from bj_pipeline.assets.metadata import preview
from bj_pipeline.assets.partitions import SHANGHAI
from bj_pipeline.assets.resources import PipelineResource
from bj_pipeline.automation import inventory as judged
from bj_pipeline.automation.deadlines import due_at, newest_due
from bj_pipeline.automation.waiting import waiting_issues
from bj_pipeline.issues import Issue, all_issues

GROUP = "operations"
INVENTORY_JOB = "inventory"
ISSUE_INVENTORY = "issue_inventory"
LATEST_ISSUE = "latest_issue"
EVERY_DUE_ISSUE_IS_BUILT = "every_due_issue_is_built"
LATEST_ISSUE_IS_ON_TIME = "latest_issue_is_on_time"
_OWNERS = ["team:operations"]
_LOOKED_AT = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3))
_MANIFEST = dg.AssetKey("issue_manifest")


@dg.asset(
    name=ISSUE_INVENTORY,
    description="Every closed issue that is damaged, missing, failed, stale or blocked by a check, "
    "why, and what to do about it.",
    group_name=GROUP,
    owners=_OWNERS,
    kinds={"pandas", "sql"},
    freshness_policy=_LOOKED_AT,
    check_specs=[
        dg.AssetCheckSpec(
            EVERY_DUE_ISSUE_IS_BUILT,
            asset=ISSUE_INVENTORY,
            description="Is every issue built that is due, from the data that is there now?\n\n"
            "If it fails: each row of the asset says what to run.",
        )
    ],
)
def issue_inventory(
    context: dg.AssetExecutionContext, pipeline: PipelineResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """What is wrong now."""
    now, settings = datetime.now(SHANGHAI), pipeline.settings
    runs = judged.last_runs(context.instance, waiting_issues(context.instance, settings, now))
    wrong = judged.inventory(judged.Stored(settings), runs, now)
    metadata = _inventory_metadata(judged.with_errors(wrong, runs, context.instance))
    return dg.MaterializeResult(
        metadata=metadata,
        check_results=[
            dg.AssetCheckResult(
                check_name=EVERY_DUE_ISSUE_IS_BUILT,
                passed=wrong.empty,
                severity=dg.AssetCheckSeverity.WARN,
                metadata=metadata,
            )
        ],
    )


def _inventory_metadata(wrong: pd.DataFrame) -> dict[str, dg.MetadataValue]:
    """Exact counts, what to run, and the first rows."""
    by_state = wrong["state"].value_counts()
    metadata: dict[str, dg.MetadataValue] = {"dagster/row_count": dg.MetadataValue.int(len(wrong))}
    for state in judged.STATES:
        metadata[state] = dg.MetadataValue.int(int(by_state.get(state, 0)))
    if not wrong.empty:
        lines = "\n".join(f"- {line}" for line in judged.what_to_run(wrong))
        metadata["what to do"] = dg.MetadataValue.md(lines)
        shown = min(judged.SAMPLE, len(wrong))
        metadata[f"first {shown} of {len(wrong)}"] = preview(wrong, judged.SAMPLE)
    return metadata


@dg.asset(
    name=LATEST_ISSUE,
    description="The newest issue that is due: its week, when it was due, when it was built.",
    group_name=GROUP,
    owners=_OWNERS,
    kinds={"sql"},
    freshness_policy=_LOOKED_AT,
    check_specs=[
        dg.AssetCheckSpec(
            LATEST_ISSUE_IS_ON_TIME,
            asset=LATEST_ISSUE,
            description="Is the newest issue there whose deadline has passed?\n\n"
            "If it fails: look at the newest run of that issue, then at the inventory.",
        )
    ],
)
def latest_issue(
    context: dg.AssetExecutionContext, pipeline: PipelineResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The newest issue that is due."""
    now = datetime.now(SHANGHAI)
    stored = judged.Stored(pipeline.settings)
    why_late = judged.lateness(stored, now)
    return dg.MaterializeResult(
        metadata=_latest_metadata(context.instance, stored, newest_due(now)),
        check_results=[
            dg.AssetCheckResult(
                check_name=LATEST_ISSUE_IS_ON_TIME,
                passed=not why_late,
                metadata={"why": why_late or "on time"},
            )
        ],
    )


def _latest_metadata(
    instance: dg.DagsterInstance, stored: judged.Stored, issue: Issue | None
) -> dict[str, str | int | bool]:
    horizon = f"issue {all_issues()[-1].number} ({all_issues()[-1].close_date})"
    if issue is None:
        return {"list of issues ends with": horizon}
    is_built = issue.number in stored.built
    return {
        "issue": issue.number,
        "week": issue.week,
        "close date": str(issue.close_date),
        "due": f"{due_at(issue):%Y-%m-%d %H:%M}",
        "built": is_built,
        "built at": (_built_at(instance, issue) or "unknown") if is_built else "not yet",
        "list of issues ends with": horizon,
    }


def _built_at(instance: dg.DagsterInstance, issue: Issue) -> str:
    """When the issue's record was last written, in Shanghai; empty if no run is known to have."""
    wanted = dg.AssetRecordsFilter(asset_key=_MANIFEST, asset_partitions=[issue.key])
    records = instance.fetch_materializations(wanted, limit=1).records
    if not records:
        return ""
    return f"{datetime.fromtimestamp(records[0].timestamp, SHANGHAI):%Y-%m-%d %H:%M}"


inventory_job = dg.define_asset_job(
    INVENTORY_JOB,
    selection=dg.AssetSelection.groups(GROUP),
    # Ahead of the queue: a backfill must not hide what is wrong.
    # Killed, it would keep its place in the queue for ever: it holds no issue's turn to tell by.
    tags={"dagster/priority": "1", "dagster/max_runtime_seconds": "900"},
    description="What is wrong now, and whether the latest issue is on time.",
)
hourly_inventory = dg.ScheduleDefinition(
    name="hourly_inventory",
    job=inventory_job,
    cron_schedule="1 * * * *",
    execution_timezone="Asia/Shanghai",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="A minute past every hour, so that a deadline on the hour has passed. On by "
    "default: it only looks.",
)

INVENTORY_ASSETS = [issue_inventory, latest_issue]
