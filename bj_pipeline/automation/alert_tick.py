"""A tick of an alert sensor: what it remembers, what it looks at, and how alerts get out.

What belongs here: what all alert sensors share. What does not: finding what has happened (a module
a cause: :mod:`.alert_trouble`, :mod:`.alert_late`, :mod:`.alert_ready`), the words
(:mod:`.alerts`), and sending them until they have gone out (:mod:`.notify`).

Everything that a sensor has to remember is its cursor. Dagster keeps that when the tick is over, so
a daemon that is killed before sends the same alert once more, and loses none. Nothing here raises
because of an alert: a tick that fails would keep its old cursor, and send all over again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import dagster as dg
from pydantic import BaseModel, Field, ValidationError

from bj_pipeline import errors
from bj_pipeline.assets.partitions import SHANGHAI
from bj_pipeline.automation import notify
from bj_pipeline.automation.alerts import Alert
from bj_pipeline.automation.notify import Parcel
from bj_pipeline.issues import Issue, all_issues
from bj_pipeline.settings import Settings, load_settings

PARTITION = "dagster/partition"
LONGEST_LOOK = timedelta(days=7)
"""How far a tick looks back after a downtime."""
_FIRST_LOOK = timedelta(hours=1)
"""How far the first tick looks back: alerts are often switched on because something failed."""
_OVERLAP_SECONDS = 300.0
"""Runs may be recorded a little out of order; this much is looked at again."""
_RUNS_A_TICK = 50
_NO_TARGETS = "BJ_ALERT_URLS is not set: no alerts are sent."
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


T = TypeVar("T")


class Memory(BaseModel):
    """What every sensor remembers: alerts on their way, by run or by issue."""

    outbox: dict[str, Parcel] = Field(default_factory=dict)

    def forget(self, parcel: Parcel) -> None:
        """An alert was given up: tell of it anew, should it happen again."""


class RunMemory(Memory, Generic[T]):
    """What a sensor remembers that looks at runs.

    Attributes:
        since: When the newest run ended that has been looked at, in seconds since 1970.
        seen: Runs that were looked at and lie within the overlap, with their end.
        told: What people were told of, by what parcels are about.
    """

    since: float = 0
    seen: dict[str, float] = Field(default_factory=dict)
    told: dict[str, T] = Field(default_factory=dict)

    def forget(self, parcel: Parcel) -> None:
        """Nobody was told: the next time it is news."""
        for what in parcel.about:
            self.told.pop(what, None)


M = TypeVar("M", bound=Memory)


def recalled(kind: type[M], cursor: str | None) -> M:
    """The memory that Dagster kept; a cursor that cannot be read is a new start."""
    try:
        return kind.model_validate_json(cursor) if cursor else kind()
    except ValidationError:
        return kind()


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


def tick(
    context: dg.SensorEvaluationContext, kind: type[M], look: Look[M], write: Write[M]
) -> dg.SensorResult | dg.SkipReason:
    """Note what has happened, and send what has to be told.

    Args:
        context: Of Dagster's tick.
        kind: What the sensor remembers.
        look: Puts alerts into the outbox; returns what to log.
        write: Writes the alert of a key of the outbox.
    """
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
    memory = recalled(kind, context.cursor)
    told = look(around, memory)

    def written(key: str) -> Alert:
        try:
            alert = write(around, memory, key)
        except Exception as error:  # noqa: BLE001 - what is known goes out all the same
            alert = Alert(memory.outbox[key].title, (unread(error),), (f"界面：{around.ui_url}",))
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


def unread(error: Exception) -> str:
    """That a look-up failed; its message may hold anything, so only its type is told."""
    return f"明细无法读取（{type(error).__name__}），请看运行。"


def ended_runs(around: Surroundings, memory: RunMemory[Any]) -> list[dg.RunRecord]:
    """Runs that ended since the last tick, the oldest first; each once."""
    moment = around.now.timestamp()
    if not memory.since:
        memory.since = moment - _FIRST_LOOK.total_seconds()
    memory.since = max(memory.since, moment - LONGEST_LOOK.total_seconds())
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


def look_again(memory: RunMemory[Any], run: dg.DagsterRun, error: Exception) -> str:
    """Let the next ticks look at a run that could not be read, as long as the overlap lasts."""
    memory.seen.pop(run.run_id, None)
    return f"Run {run.run_id} cannot be read now ({type(error).__name__})."


def issue_of(run: dg.DagsterRun) -> Issue | None:
    """The issue that a run builds."""
    key = run.tags.get(PARTITION, "")
    return next((issue for issue in all_issues() if issue.key == key), None)


def label_of(run: dg.DagsterRun) -> str:
    """The issue's number, or the job where a run is of no issue."""
    issue = issue_of(run)
    return issue.key if issue else run.tags.get(PARTITION, run.job_name)
