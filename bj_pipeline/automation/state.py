"""What state each issue is in."""

import json
from datetime import datetime

import pandas as pd

from bj_pipeline.assets.partitions import SHANGHAI, is_closed
from bj_pipeline.automation import signoff
from bj_pipeline.issues import Issue, all_issues
from bj_pipeline.report import artifacts
from bj_pipeline.settings import Settings
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

BUILT = "built"
BLOCKED = "blocked by a check"
PARTIAL = "figures only"
MISSING = "missing"
OPEN = "not closed"


def issue_states(settings: Settings, now: datetime | None = None) -> pd.DataFrame:
    """Every issue with its week and state.

    Returns:
        Columns ``number``, ``week``, ``sessions`` (count), ``first``, ``base_date``,
        ``close_date``, ``state`` and ``sign_off`` (empty for an issue that was never approved).
    """
    warehouse = Warehouse(settings.warehouse_url)
    checks = warehouse.read(tables.CHECK_RESULTS)
    failed = checks[~checks["passed"] & (checks["severity"] == "critical")]
    blocked = set(failed["issue"])
    documents = set(warehouse.issues(tables.REPORT_DOCUMENT))
    manifests = artifacts.manifests(settings.artifacts, [each.folder for each in all_issues()])
    figures = set(warehouse.issues(tables.SECTOR_METRICS))
    signed = signoff.latest(warehouse)
    moment = now or datetime.now(SHANGHAI)

    def state(issue: Issue) -> str:
        if not is_closed(issue, moment):
            return OPEN
        if issue.number in blocked:
            return BLOCKED
        if issue.number in documents and issue.folder in manifests:
            return BUILT
        return PARTIAL if issue.number in figures else MISSING

    def sign_off(issue: Issue) -> str:
        if issue.number not in signed:
            return ""
        return signoff.state_of(_revision(manifests.get(issue.folder)), signed[issue.number])

    return pd.DataFrame(
        [
            {
                "number": issue.number,
                "week": issue.week,
                "sessions": len(issue.sessions),
                "first": issue.first_session,
                "base_date": issue.base_date,
                "close_date": issue.close_date,
                "state": state(issue),
                "sign_off": sign_off(issue),
            }
            for issue in all_issues()
        ]
    )


def _revision(manifest: bytes | None) -> int | None:
    """Revision that a manifest names; None if there is none, or if it is not as it was written."""
    try:
        return int(json.loads(manifest or b"{}")["revision"])
    except (ValueError, KeyError, TypeError):
        return None
