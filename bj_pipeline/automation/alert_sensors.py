"""When alerts are sent: a run or a check failed, an issue is late, an issue is ready.

What belongs here: finding what has happened since the last tick, telling new causes from known
ones. What does not: the words (:mod:`.alerts`), and sending them until they have gone out
(:mod:`.notify`).

The run is what an alert is about, so failed runs and failed checks are found by the same sensor, in
runs that have ended: what a check has stopped is one alert and not two, and a check that only
warns, in a run that ends well, is not missed. Everything that a sensor has to remember is its
cursor. Dagster keeps that when the tick is over, so a daemon that is killed before sends the same
alert once more, and loses none. Nothing here raises because of an alert: a tick that fails would
keep its old cursor, and send all over again.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import dagster as dg
from pydantic import BaseModel, Field, ValidationError

from bj_pipeline import errors
from bj_pipeline.assets.inventory import EVERY_DUE_ISSUE_IS_BUILT, LATEST_ISSUE_IS_ON_TIME
from bj_pipeline.assets.partitions import SHANGHAI
from bj_pipeline.automation import alerts, notify
from bj_pipeline.automation.alerts import Alert, FailedCheck, FailedStep
from bj_pipeline.automation.inventory import Stored, due_at
from bj_pipeline.automation.notify import Parcel
from bj_pipeline.issues import Issue, all_issues, by_date
from bj_pipeline.report.manifest import ARTIFACTS
from bj_pipeline.settings import Settings, load_settings
from bj_pipeline.warehouse import tables

INTERVAL_SECONDS = 60
_FIRST_LOOK = timedelta(hours=1)
"""How far the first tick looks back: alerts are often switched on because something failed."""
_LONGEST_LOOK = timedelta(days=7)
"""How far a tick looks back after a downtime."""
_OVERLAP_SECONDS = 300.0
"""Runs may be recorded a little out of order; this much is looked at again."""
_RUNS_A_TICK = 50
_CAUSES_KEPT = 1000
_ROWS_SHOWN = 3
_TELLING = ("code", "name", "date", "sector", "vendor", "source_file")
"""Columns that tell a reader which row is meant."""
_MANIFEST = dg.AssetKey("issue_manifest")
_PARTITION = "dagster/partition"
_BACKFILL = "dagster/backfill"
_ASKED_BY = "bj/asked_by"
_WILL_RETRY = "dagster/will_retry"
_STOPPED_BY_CHECK = "DagsterAssetCheckFailedError"
_NO_TARGETS = "BJ_ALERT_URLS is not set: no alerts are sent."

_SUMMARIES = {EVERY_DUE_ISSUE_IS_BUILT, LATEST_ISSUE_IS_ON_TIME}
"""Checks that sum up what is told one by one, by the issue."""
_HORIZON = "horizon"
_RUN_STATES = {
    dg.DagsterRunStatus.SUCCESS: "成功",
    dg.DagsterRunStatus.FAILURE: "失败",
    dg.DagsterRunStatus.CANCELED: "已取消",
    dg.DagsterRunStatus.QUEUED: "排队中",
}
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


# --- what a sensor remembers


class Memory(BaseModel):
    """What every sensor remembers: alerts on their way, by run or by issue."""

    outbox: dict[str, Parcel] = Field(default_factory=dict)

    def forget(self, parcel: Parcel) -> None:
        """Nobody was told: tell of it anew, should it happen again."""


class RunMemory(Memory):
    """What a sensor remembers that looks at runs.

    Attributes:
        since: When the newest run ended that has been looked at, in seconds since 1970.
        seen: Runs that were looked at and lie within the overlap, with their end.
    """

    since: float = 0
    seen: dict[str, float] = Field(default_factory=dict)


class TroubleMemory(RunMemory):
    """Attributes: causes: How often each cause was seen since it was last well."""

    causes: dict[str, int] = Field(default_factory=dict)

    def forget(self, parcel: Parcel) -> None:
        """Nobody was told of these causes: the next time they are new."""
        for cause in parcel.about:
            self.causes.pop(cause, None)


class ReadyMemory(RunMemory):
    """Attributes: announced: SHA-256 of the manifest that was announced, by issue."""

    announced: dict[str, str] = Field(default_factory=dict)

    def forget(self, parcel: Parcel) -> None:
        """Nobody was told that the issue is ready: the next run of it is told."""
        for issue in parcel.about:
            self.announced.pop(issue, None)


class LateMemory(Memory):
    """Attributes: settled: Issues that were built in time, or told to be late."""

    settled: list[str] = Field(default_factory=list)


M = TypeVar("M", bound=Memory)


def _recalled(kind: type[M], cursor: str | None) -> M:
    """The memory that Dagster kept; a cursor that cannot be read is a new start."""
    try:
        return kind.model_validate_json(cursor) if cursor else kind()
    except ValidationError:
        return kind()


# --- the sensors


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts when a run fails or a check fails, a warning too: one alert a run, and one "
    "a cause until it is well again. Needs BJ_ALERT_URLS.",
)
def trouble_alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Tell of runs and checks that failed."""
    return _tick(context, TroubleMemory, _look_for_trouble, _write_trouble)


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts once when an issue is not built by Friday 18:00 (Shanghai) and "
    "BJ_ALERT_DEADLINE. Needs BJ_ALERT_URLS.",
)
def late_alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Tell of an issue that is late."""
    return _tick(context, LateMemory, _look_for_late, _write_late)


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells that an issue is ready, with its front page; again only if it has changed, "
    "and not in a backfill. Needs BJ_ALERT_URLS.",
)
def ready_alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Tell of an issue that is ready."""
    return _tick(context, ReadyMemory, _look_for_ready, _write_ready)


ALERT_SENSORS = [trouble_alerts, late_alerts, ready_alerts]


@dataclass(frozen=True)
class Surroundings:
    """What a tick looks at."""

    context: dg.SensorEvaluationContext
    settings: Settings
    now: datetime
    ui_url: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ui_url", self.settings.ui_url.rstrip("/"))

    @property
    def instance(self) -> dg.DagsterInstance:
        """Dagster's storage."""
        return self.context.instance

    def run_url(self, run_id: str) -> str:
        """Where a run is shown."""
        return f"{self.ui_url}/runs/{run_id}"

    def owner(self, asset: str) -> str:
        """Who owns an asset; nothing if that is not known."""
        repository = self.context.repository_def
        if repository is None:
            return ""
        graph = repository.asset_graph
        key = dg.AssetKey(asset.split("__"))
        return ", ".join(graph.get(key).owners) if graph.has(key) else ""


Look = Callable[[Surroundings, M], list[str]]
Write = Callable[[Surroundings, M, str], Alert]


def _tick(
    context: dg.SensorEvaluationContext, kind: type[M], look: Look[M], write: Write[M]
) -> dg.SensorResult | dg.SkipReason:
    settings = load_settings()
    try:
        receivers = notify.targets(settings)
        secrets = notify.known_secrets(settings)
    except errors.ConfigurationError as error:
        context.log.warning(str(error))
        return dg.SkipReason(str(error))
    if not receivers:
        return dg.SkipReason(_NO_TARGETS)
    around = Surroundings(context, settings, now())
    memory = _recalled(kind, context.cursor)
    told = look(around, memory)

    def written(key: str) -> Alert:
        try:
            alert = write(around, memory, key)
        except Exception as error:  # noqa: BLE001 - what is known goes out all the same
            alert = Alert(memory.outbox[key].title, (_unread(error),), (f"界面：{around.ui_url}",))
        return alert.mapped(lambda text: notify.redact(text, secrets))

    said, given_up = notify.deliver(memory.outbox, written, receivers, around.ui_url)
    for parcel in given_up:
        memory.forget(parcel)
    told += said
    for line in told:
        context.log.info(line)
    return dg.SensorResult(
        skip_reason="\n".join(told) or "Nothing to tell.", cursor=memory.model_dump_json()
    )


def now() -> datetime:
    """This moment."""
    return datetime.now(SHANGHAI)


def _unread(error: Exception) -> str:
    """That a look-up failed; its message may hold anything, so only its type is told."""
    return f"明细无法读取（{type(error).__name__}），请看运行。"


# --- runs


def _ended_runs(around: Surroundings, memory: RunMemory) -> list[dg.RunRecord]:
    """Runs that ended since the last tick, the oldest first; each once."""
    moment = around.now.timestamp()
    if not memory.since:
        memory.since = moment - _FIRST_LOOK.total_seconds()
    memory.since = max(memory.since, moment - _LONGEST_LOOK.total_seconds())
    start = memory.since - _OVERLAP_SECONDS
    records = around.instance.get_run_records(
        dg.RunsFilter(statuses=_ENDED, updated_after=datetime.fromtimestamp(start, UTC)),
        order_by="update_timestamp",
        ascending=True,
    )
    # A run whose tags are changed counts as updated, though it ended long ago.
    fresh = [
        record
        for record in records
        if (record.end_time or 0) > start and record.dagster_run.run_id not in memory.seen
    ][:_RUNS_A_TICK]
    for record in fresh:
        memory.seen[record.dagster_run.run_id] = record.end_time or 0
        memory.since = max(memory.since, record.end_time or 0)
    oldest = memory.since - _OVERLAP_SECONDS
    memory.seen = {run: end for run, end in memory.seen.items() if end > oldest}
    return fresh


def _look_again(memory: RunMemory, run: dg.DagsterRun, error: Exception) -> str:
    """Let the next ticks look at a run that could not be read, as long as the overlap lasts."""
    memory.seen.pop(run.run_id, None)
    return f"Run {run.run_id} cannot be read now ({type(error).__name__})."


def _issue_of(run: dg.DagsterRun) -> Issue | None:
    key = run.tags.get(_PARTITION, "")
    return next((issue for issue in all_issues() if issue.key == key), None)


def _label(run: dg.DagsterRun) -> str:
    """The issue's number, or the job where a run is of no issue."""
    issue = _issue_of(run)
    return issue.key if issue else run.tags.get(_PARTITION, run.job_name)


@dataclass
class _Story:
    """What a run's events tell.

    Attributes:
        label: The issue's number, or the job: the beginning of every cause.
        checks: Checks that failed, by cause.
        step: The first step that failed by itself, and its cause; not one that a check failed.
        well: Beginnings of causes that have shown to be well.
        step_failed: Whether any step failed.
    """

    label: str
    checks: dict[str, FailedCheck] = field(default_factory=dict)
    step: tuple[str, FailedStep] | None = None
    well: list[str] = field(default_factory=list)
    step_failed: bool = False

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
    story = _Story(_label(run))
    if run.status == dg.DagsterRunStatus.SUCCESS:
        story.well.append(f"{story.label}/run/")
    records = around.instance.get_records_for_run(run.run_id, of_type=_TELLING_EVENTS).records
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is not None:
            _hear(around, story, event)
    if run.status == dg.DagsterRunStatus.FAILURE and not story.causes:
        story.step = _broken_off(story.label, "运行没有留下原因。")
    return story


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
    wrong = _text(data.metadata.get("what is wrong")) or data.description or "未说明"
    rows = _rows(data.metadata.get("rows"))
    cause = begin + ("critical/" if critical else "warning/") + _digest(wrong, *rows)
    story.checks[cause] = FailedCheck(
        name=data.check_name,
        asset=asset,
        critical=critical,
        blocks=critical and bool(data.blocking),
        wrong="；".join(line.removeprefix("- ") for line in wrong.splitlines()),
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


# --- trouble


def _look_for_trouble(around: Surroundings, memory: TroubleMemory) -> list[str]:
    told: list[str] = []
    for record in _ended_runs(around, memory):
        run = record.dagster_run
        issue = _issue_of(run)
        title = (
            f"【失败】{f'第 {issue.number} 期' if issue else run.job_name}：运行未成功或检查未通过"
        )
        try:
            story = _story(around, run)
        except Exception as error:  # noqa: BLE001 - that it failed is known, and told
            if run.status == dg.DagsterRunStatus.FAILURE:
                memory.outbox[run.run_id] = Parcel(title=title)
            else:
                told.append(_look_again(memory, run, error))
            continue
        for cause in [c for c in memory.causes if c.startswith(tuple(story.well))]:
            del memory.causes[cause]
        causes = [_same(memory, cause, story) for cause in story.causes]
        fresh = [cause for cause in causes if cause not in memory.causes]
        for cause in causes:
            memory.causes[cause] = memory.causes.pop(cause, 0) + 1
        memory.causes = dict(list(memory.causes.items())[-_CAUSES_KEPT:])
        if fresh:
            memory.outbox[run.run_id] = Parcel(title=title, about=causes)
        elif causes:
            times = max(memory.causes[cause] for cause in causes)
            told.append(f"{_label(run)}: told before, now {times} times; no new alert.")
    return told


def _same(memory: TroubleMemory, cause: str, story: _Story) -> str:
    """The cause under which this one is known already, or itself.

    What an earlier run's check stops in a later run is the same cause: the error names the check.
    """
    if story.step is None or cause != story.step[0] or story.step[1].error != "CheckFailedError":
        return cause
    label = cause.partition("/")[0]
    words = story.step[1].told.split()
    checks = (known for known in memory.causes if known.startswith(f"{label}/check/"))
    return next(
        (
            known
            for known in checks
            if "/critical/" in known and known.split("/")[2].rpartition(":")[2] in words
        ),
        cause,
    )


def _write_trouble(around: Surroundings, memory: TroubleMemory, run_id: str) -> Alert:
    run = around.instance.get_run_by_id(run_id)
    url = around.run_url(run_id)
    if run is None:
        return Alert(memory.outbox[run_id].title, ("运行记录已不在。",), (f"运行：{url}",))
    succeeded = run.status != dg.DagsterRunStatus.FAILURE
    plain = alerts.Trouble(_issue_of(run), run.job_name, url, succeeded)
    retried = ("Dagster 将自动重试。",) if run.tags.get(_WILL_RETRY) == "true" else ()
    try:
        story = _story(around, run)
    except Exception as error:  # noqa: BLE001 - what is known goes out all the same
        return alerts.trouble(replace(plain, remarks=(_unread(error), *retried)))
    checks = [
        replace(check, times=memory.causes.get(cause, 1)) for cause, check in story.checks.items()
    ]
    step = story.step and replace(story.step[1], times=memory.causes.get(story.step[0], 1))
    return alerts.trouble(replace(plain, step=step, checks=tuple(checks), remarks=retried))


# --- late


def deadline(issue: Issue, settings: Settings) -> datetime:
    """From when on an issue that is not there is late."""
    return due_at(issue) + settings.alert_deadline


def _look_for_late(around: Surroundings, memory: LateMemory) -> list[str]:
    """Issues whose deadline has passed in the last days; older ones are a matter of backfills."""
    passed = [
        issue
        for issue in all_issues()
        if timedelta(0) <= around.now - deadline(issue, around.settings) < _LONGEST_LOOK
    ]
    recent = {issue.key for issue in passed} | {_HORIZON}
    memory.settled = [key for key in memory.settled if key in recent]
    told: list[str] = []
    for issue in passed:
        if issue.key in memory.settled:
            continue
        memory.settled.append(issue.key)
        try:
            if issue.number in Stored(around.settings).built:
                continue
        except Exception as error:  # noqa: BLE001 - an issue that cannot be seen may be late
            told.append(f"The state of issue {issue.number} is not known ({type(error).__name__}).")
        memory.outbox[issue.key] = Parcel(title=f"【逾期】第 {issue.number} 期仍未生成")
    if _HORIZON not in memory.settled and _beyond_horizon(around.now):
        memory.settled.append(_HORIZON)
        memory.outbox[_HORIZON] = Parcel(title="【逾期】期次表已用完")
    return told


def _beyond_horizon(moment: datetime) -> str:
    """Why no issue can be late any more; empty while the list of issues goes on."""
    try:
        by_date(moment.astimezone(SHANGHAI).date())
    except errors.CalendarError as error:
        return str(error)
    return ""


def _write_late(around: Surroundings, memory: LateMemory, key: str) -> Alert:
    if key == _HORIZON:
        lines = (alerts.first_sentence(_beyond_horizon(around.now)), "处理：按上面所说补齐期次表。")
        return Alert(memory.outbox[key].title, lines, (f"界面：{around.ui_url}",))
    issue = next(one for one in all_issues() if one.key == key)
    moment = f"{deadline(issue, around.settings):%Y-%m-%d %H:%M}"
    try:
        state = _state(Stored(around.settings), issue.number)
    except Exception as error:  # noqa: BLE001 - what is known goes out all the same
        state = _unread(error)
    try:
        run = _newest_run(around, issue)
    except Exception as error:  # noqa: BLE001 - likewise
        run = _unread(error)
    return alerts.late(issue, moment, state, run, around.ui_url)


def _state(stored: Stored, number: int) -> str:
    if number in stored.built:
        return "逾期之后已生成"
    if number in stored.blocked:
        return f"被检查拦下：{'、'.join(stored.blocked[number]['check'])}"
    figures = tables.SECTOR_METRICS in stored.versions.get(number, ())
    return "只有行业数据，没有报告" if figures else "尚未生成"


def _newest_run(around: Surroundings, issue: Issue) -> str:
    records = around.instance.get_run_records(dg.RunsFilter(tags={_PARTITION: issue.key}), limit=1)
    if not records:
        return "最近运行：没有；请看计划 weekly_issue 是否已开启。"
    run = records[0].dagster_run
    state = _RUN_STATES.get(run.status, "进行中")
    return f"最近运行：{state}，{around.run_url(run.run_id)}"


# --- ready


def _look_for_ready(around: Surroundings, memory: ReadyMemory) -> list[str]:
    told: list[str] = []
    for record in _ended_runs(around, memory):
        run = record.dagster_run
        issue = _issue_of(run)
        if run.status != dg.DagsterRunStatus.SUCCESS or issue is None or _is_backfill(run):
            continue
        try:
            sha256 = _manifest_sha256(around, run)
        except Exception as error:  # noqa: BLE001 - a run that cannot be read may be no report's
            told.append(_look_again(memory, run, error))
            continue
        if not sha256:
            continue
        if memory.announced.get(issue.key) == sha256:
            told.append(f"Issue {issue.number} was rebuilt and is the same; no new alert.")
            continue
        again = "更新" if issue.key in memory.announced else "就绪"
        memory.announced[issue.key] = sha256
        memory.outbox[run.run_id] = Parcel(
            title=f"【{again}】第 {issue.number} 期", about=[issue.key]
        )
    return told


def _is_backfill(run: dg.DagsterRun) -> bool:
    return _BACKFILL in run.tags or run.tags.get(_ASKED_BY) == "backfill"


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


def _write_ready(around: Surroundings, memory: ReadyMemory, run_id: str) -> Alert:
    from bj_pipeline.report.document import Document  # noqa: PLC0415 - only where used
    from bj_pipeline.warehouse.store import Warehouse  # noqa: PLC0415

    run = around.instance.get_run_by_id(run_id)
    issue = _issue_of(run) if run else None
    if issue is None:
        raise errors.MissingDataError("The run is gone.")
    document: Document | None = None
    remarks: tuple[str, ...] = ()
    try:
        stored = Warehouse(around.settings.warehouse_url).read(tables.REPORT_DOCUMENT, issue.number)
        document = Document.model_validate_json(stored["document"].iloc[0])
    except Exception as error:  # noqa: BLE001 - what is known goes out all the same
        remarks = (_unread(error),)
    folder = around.settings.artifacts / issue.folder
    return alerts.ready(
        alerts.Finished(
            issue=issue,
            document=document,
            files=tuple(folder / name for name in ARTIFACTS if (folder / name).is_file()),
            run_url=around.run_url(run_id),
            ui_url=around.ui_url,
            revised=memory.outbox[run_id].title.startswith("【更新】"),
            remarks=remarks,
        )
    )
