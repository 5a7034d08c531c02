"""Trends that a backfill left incomplete: issues that were built before their predecessors.

What belongs here: which of them to render again, and asking for it after a backfill in the UI. What
does not: the command line's backfill, which builds them itself (:mod:`.backfill`).

A trend does not follow every change of the twelve issues before it (:mod:`.conditions` says why).
Only a backfill rebuilds history in any order, so what it leaves behind is made good at its end.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from bj_pipeline.assets.partitions import TREND_ISSUES
from bj_pipeline.automation.inventory import Stored
from bj_pipeline.automation.jobs import ASKED_BY, BUILDS
from bj_pipeline.automation.ticks import Tick, rebuild
from bj_pipeline.issues import all_issues, trailing
from bj_pipeline.settings import Settings, load_settings
from bj_pipeline.warehouse import tables

BELOW_TRENDS = (
    tables.SECTOR_TRENDS,
    tables.REPORT_DOCUMENT,
    tables.REPORT_FIGURES,
    "report_html",
    "report_pdf",
    "report_docx",
    "report_xlsx",
    "issue_manifest",
)
_BACKFILL = "dagster/backfill"
_PARTITION = "dagster/partition"
_FIRST_LOOK = timedelta(hours=1)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_UNFINISHED = [status for status in dg.DagsterRunStatus if status not in _ENDED]
_INTERVAL_SECONDS = 60


def incomplete(settings: Settings, numbers: Iterable[int]) -> list[int]:
    """Finished issues whose trends show other figures than are there of some issues.

    Args:
        settings: The installation's settings.
        numbers: Issues that were built; they and the issues that chart them are looked at.
    """
    stored = Stored(settings)
    rebuilt = set(numbers)
    return [
        issue.number
        for issue in all_issues()
        if rebuilt & {one.number for one in trailing(issue, TREND_ISSUES)}
        and issue.number in stored.outdated_trends
        and issue.number in stored.built
    ]


@dataclass
class _Cursor:
    """What the sensor remembers.

    Attributes:
        since: When the newest run ended that was looked at, in seconds since 1970.
        waiting: Backfill → issues that it has built so far.
    """

    since: float = 0
    waiting: dict[str, list[int]] = field(default_factory=dict)


@dg.sensor(
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="After a backfill of Dagster's: renders those reports again whose trends lack "
    "issues that are there by now, so that trends are complete whatever the order. On by default.",
)
def trends_after_backfill(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Ask for the reports that a backfill which has ended left incomplete."""
    cursor = _Cursor(**json.loads(context.cursor)) if context.cursor else _Cursor()
    _take_note(context.instance, cursor)
    ended = [one for one in cursor.waiting if not _goes_on(context.instance, one)]
    numbers = {number for one in ended for number in cursor.waiting.pop(one)}
    settings = load_settings()
    # Judging reads all trends: only if a backfill has ended.
    left = incomplete(settings, numbers) if numbers else []
    requests = [_request(settings, number) for number in left]
    told = "No backfill has ended."
    if numbers:
        told = "Every trend is complete."
    elif cursor.waiting:
        told = f"Waiting for the end of {', '.join(cursor.waiting)}."
    return Tick(requests, json.dumps(vars(cursor)), []).result(context, told)


def _take_note(instance: dg.DagsterInstance, cursor: _Cursor) -> None:
    """Add the issues that backfills have built since the last tick."""
    start = cursor.since or (datetime.now(UTC) - _FIRST_LOOK).timestamp()
    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.SUCCESS],
            updated_after=datetime.fromtimestamp(start, UTC),
        )
    )
    fresh = [one for one in records if one.update_timestamp.timestamp() > start]
    cursor.since = max([start, *(one.update_timestamp.timestamp() for one in fresh)])
    for record in fresh:
        tags = record.dagster_run.tags
        if _BACKFILL in tags and tags.get(_PARTITION, "").isdigit():
            built = cursor.waiting.setdefault(tags[_BACKFILL], [])
            built.append(int(tags[_PARTITION]))


def _goes_on(instance: dg.DagsterInstance, backfill: str) -> bool:
    filters = dg.RunsFilter(statuses=_UNFINISHED, tags={_BACKFILL: backfill})
    return bool(instance.get_runs(filters, limit=1))


def _request(settings: Settings, number: int) -> dg.RunRequest:
    """The reports' run; once for each state of the figures that its trend shows."""
    issue = next(one for one in all_issues() if one.number == number)
    versions = Stored(settings).versions
    shown = [
        f"{one.number} {versions.get(one.number, {}).get(tables.SECTOR_METRICS)}"
        for one in trailing(issue, TREND_ISSUES)
    ]
    content = hashlib.sha256("\n".join(shown).encode()).hexdigest()[:12]
    return rebuild(
        issue,
        BELOW_TRENDS,
        run_key=f"trends-{number}-{content}",
        tags={ASKED_BY: "end of a backfill", BUILDS: "trends"},
    )
