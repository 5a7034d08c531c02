"""Alerts about runs that failed and checks that failed.

What belongs here: what a run's events tell, and telling new causes from known ones.

The run is what an alert is about, so failed runs and failed checks are found together, in runs that
have ended: what a check has stopped is one alert and not two, and a check that only warns, in a run
that ends well, is not missed. Two things are left to :mod:`.alert_late`: a run that found its
vendor late before the deadline, and what the checks of the inventory say, which only sum up.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import dagster as dg

from bj_pipeline import errors
from bj_pipeline.assets.inventory import EVERY_DUE_ISSUE_IS_BUILT, LATEST_ISSUE_IS_ON_TIME
from bj_pipeline.automation import alerts
from bj_pipeline.automation.alert_tick import (
    RunMemory,
    Surroundings,
    ended_runs,
    issue_of,
    label_of,
    look_again,
    unread,
)
from bj_pipeline.automation.alerts import Alert, FailedCheck, FailedStep
from bj_pipeline.automation.deadlines import deadline
from bj_pipeline.automation.inventory import was_interrupted
from bj_pipeline.automation.notify import Parcel
from bj_pipeline.automation.waiting import missing_at_vendor
from bj_pipeline.issues import Issue
from bj_pipeline.quality.asset_checks import BROKEN_RULES

_CAUSES_KEPT = 1000
_ROWS_SHOWN = 3
_TELLING = ("code", "name", "date", "sector", "vendor", "source_file")
"""Columns that tell a reader which row is meant."""
_SUMMARIES = {EVERY_DUE_ISSUE_IS_BUILT, LATEST_ISSUE_IS_ON_TIME}
"""Checks that sum up what is told one by one, by the issue."""
_WILL_RETRY = "dagster/will_retry"
_STOPPED_BY_CHECK = "DagsterAssetCheckFailedError"


class TroubleMemory(RunMemory[int]):
    """Told of: how often each cause was seen since it was last well."""


@dataclass
class _Story:
    """What a run's events tell.

    Attributes:
        label: The issue's number, or the job: the beginning of every cause.
        checks: Checks that failed, by cause.
        step: The first step that failed by itself, and its cause; not one that a check failed.
        well: Beginnings of causes that have shown to be well.
        step_failed: Whether any step failed.
        may_wait: Whether a late vendor is no trouble as yet.
        waits_for: What the vendor does not have yet, if it may be waited for.
    """

    label: str
    checks: dict[str, FailedCheck] = field(default_factory=dict)
    step: tuple[str, FailedStep] | None = None
    well: list[str] = field(default_factory=list)
    step_failed: bool = False
    may_wait: bool = False
    waits_for: str = ""

    @property
    def causes(self) -> list[str]:
        """Everything that went wrong."""
        return [*self.checks, *([self.step[0]] if self.step else [])]


_TELLING_EVENTS = {
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.RUN_FAILURE,
}


def _story(around: Surroundings, run: dg.DagsterRun) -> _Story:
    story = _Story(label_of(run), may_wait=_may_wait(around, issue_of(run)))
    if run.status == dg.DagsterRunStatus.SUCCESS:
        story.well.append(f"{story.label}/run/")
    was_cancelled = run.status == dg.DagsterRunStatus.CANCELED
    records = around.instance.get_records_for_run(run.run_id, of_type=_TELLING_EVENTS).records
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is not None and not (was_cancelled and was_interrupted(event)):
            _hear(around, story, event)
    if run.status == dg.DagsterRunStatus.FAILURE and not story.causes and not story.waits_for:
        story.step = _broken_off(story.label, "运行没有留下原因。")
    return story


def _may_wait(around: Surroundings, issue: Issue | None) -> bool:
    """Whether an alert about the issue's deadline is to come, or has just been sent."""
    settings = around.settings
    return issue is not None and around.now < deadline(issue, settings) + settings.retry_interval


def _hear(around: Surroundings, story: _Story, event: dg.DagsterEvent) -> None:
    kinds = dg.DagsterEventType
    step, data = event.step_key or "", cast("Any", event.event_specific_data)
    if event.event_type == kinds.ASSET_CHECK_EVALUATION:
        if data.check_name not in _SUMMARIES:
            _add_check(around, story, data)
    elif event.event_type == kinds.STEP_SUCCESS:
        story.well.append(f"{story.label}/step/{step}/")
    elif event.event_type == kinds.STEP_FAILURE:
        story.step_failed = True
        missing = missing_at_vendor(data.error) if story.may_wait else ""
        if missing:
            story.waits_for = story.waits_for or missing
            return
        error = _root(data.error)
        if story.step is None and error.cls_name != _STOPPED_BY_CHECK:
            story.step = _step(story.label, step, error, around.owner(step))
    elif not story.step_failed:
        story.step = _broken_off(story.label, event.message or "")


def _broken_off(label: str, told: str) -> tuple[str, FailedStep]:
    return f"{label}/run/broken off", FailedStep("", "RunFailure", told)


def _root(error: Any) -> Any:
    """The error that the pipeline itself raised, or else the innermost one."""
    chain = [error]
    while chain[-1].cause is not None:
        chain.append(chain[-1].cause)
    own = {kind.__name__ for kind in _kinds(errors.PipelineError)}
    return next((one for one in chain if one.cls_name in own), chain[-1])


def _kinds(kind: type[errors.PipelineError]) -> Iterator[type[errors.PipelineError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


_MAY_SAY_ANYTHING = {"SourceError", "NotYetAvailableError"}
"""Pipeline errors whose messages differ each time though the cause is the same."""


def _step(label: str, step: str, error: Any, owner: str) -> tuple[str, FailedStep]:
    """The step's cause: for the pipeline's own errors the message belongs to it.

    Another row of another file is another cause; the messages of other libraries hold addresses
    and times, and would make every attempt a new one.
    """
    kind = str(error.cls_name)
    told = str(error.message).partition(": ")[2].strip() or str(error.message).strip()
    own = {one.__name__ for one in _kinds(errors.PipelineError)} - _MAY_SAY_ANYTHING
    mark = _digest(told) if kind in own else ""
    return f"{label}/step/{step}/{kind}/{mark}", FailedStep(step, kind, told, owner)


def _add_check(around: Surroundings, story: _Story, data: Any) -> None:
    asset = data.asset_key.to_user_string()
    critical = data.severity == dg.AssetCheckSeverity.ERROR
    begin = f"{story.label}/check/{asset}:{data.check_name}/"
    if data.passed:
        story.well.append(begin)
        return
    wrong = _text(data.metadata.get(BROKEN_RULES)) or data.description or "未说明"
    rows = _rows(data.metadata.get("rows"))
    cause = begin + ("critical/" if critical else "warning/") + _digest(wrong, *rows)
    story.checks[cause] = FailedCheck(
        name=data.check_name,
        asset=asset,
        critical=critical,
        blocks=critical and bool(data.blocking),
        wrong=wrong,
        rows=rows[:_ROWS_SHOWN],
        remedy=_text(data.metadata.get("remedy")),
        owner=around.owner("__".join(data.asset_key.path)),
    )


def _text(value: Any) -> str:
    return str(value.value) if value is not None else ""


def _rows(table: Any) -> tuple[str, ...]:
    """Rows of a check's table as text, what tells them apart first; blanks are left out."""
    if not isinstance(table, dg.TableMetadataValue):
        return ()
    return tuple(
        "，".join(
            f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in sorted(row.data.items(), key=_place)
            if value != ""
        )
        for row in table.records
    )


def _place(cell: tuple[str, Any]) -> int:
    return _TELLING.index(cell[0]) if cell[0] in _TELLING else len(_TELLING)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def look(around: Surroundings, memory: TroubleMemory) -> list[str]:
    """Note the runs whose causes nobody was told of; say what is not told again."""
    told: list[str] = []
    for record in ended_runs(around, memory):
        run = record.dagster_run
        issue = issue_of(run)
        title = (
            f"【失败】{f'第 {issue.number} 期' if issue else run.job_name}：运行未成功或检查未通过"
        )
        try:
            story = _story(around, run)
        except Exception as error:  # noqa: BLE001 - that it failed is known, and told
            if run.status == dg.DagsterRunStatus.FAILURE:
                memory.outbox[run.run_id] = Parcel(title=title)
            else:
                told.append(look_again(memory, run, error))
            continue
        for cause in [c for c in memory.told if c.startswith(tuple(story.well))]:
            del memory.told[cause]
        causes = [_same(memory, cause, story) for cause in story.causes]
        fresh = [cause for cause in causes if cause not in memory.told]
        for cause in causes:
            memory.told[cause] = memory.told.pop(cause, 0) + 1
        memory.told = dict(list(memory.told.items())[-_CAUSES_KEPT:])
        if fresh:
            memory.outbox[run.run_id] = Parcel(title=title, about=causes)
        elif story.waits_for:
            told.append(f"{story.label} waits for its vendor: {story.waits_for}")
        elif causes:
            times = max(memory.told[cause] for cause in causes)
            told.append(f"{label_of(run)}: told before, now {times} times; no new alert.")
    return told


def _same(memory: TroubleMemory, cause: str, story: _Story) -> str:
    """The cause under which this one is known already, or itself.

    What an earlier run's check stops in a later run is the same cause: the error names the check.
    """
    if story.step is None or cause != story.step[0] or story.step[1].error != "CheckFailedError":
        return cause
    label = cause.partition("/")[0]
    words = story.step[1].told.split()
    checks = (known for known in memory.told if known.startswith(f"{label}/check/"))
    return next(
        (
            known
            for known in checks
            if "/critical/" in known and known.split("/")[2].rpartition(":")[2] in words
        ),
        cause,
    )


def write(around: Surroundings, memory: TroubleMemory, run_id: str) -> Alert:
    """The alert about a run."""
    run = around.instance.get_run_by_id(run_id)
    url = around.run_url(run_id)
    if run is None:
        return Alert(memory.outbox[run_id].title, ("运行记录已不在。",), (f"运行：{url}",))
    succeeded = run.status != dg.DagsterRunStatus.FAILURE
    plain = alerts.Trouble(issue_of(run), run.job_name, url, succeeded)
    retried = ("Dagster 将自动重试。",) if run.tags.get(_WILL_RETRY) == "true" else ()
    try:
        story = _story(around, run)
    except Exception as error:  # noqa: BLE001 - what is known goes out all the same
        return alerts.trouble(replace(plain, remarks=(unread(error), *retried)))
    checks = [
        replace(check, times=memory.told.get(cause, 1)) for cause, check in story.checks.items()
    ]
    step = story.step and replace(story.step[1], times=memory.told.get(story.step[0], 1))
    return alerts.trouble(replace(plain, step=step, checks=tuple(checks), remarks=retried))
