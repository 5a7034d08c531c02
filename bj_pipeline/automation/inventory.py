"""What is wrong now: issues that are damaged, missing, failed, stale or blocked, and what to do.

What belongs here: judging what is stored. What does not: Dagster's assets, checks and schedule
(:mod:`bj_pipeline.assets.inventory`), and telling anybody (:mod:`.alert_sensors`).

It is asked every hour, so it reads each table once for all issues, however many there are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any

import dagster as dg
import pandas as pd

from bj_pipeline.assets.partitions import SHANGHAI, is_closed
from bj_pipeline.automation.abandoned import close_abandoned_runs
from bj_pipeline.automation.deadlines import due_at, newest_due
from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.automation.signoff import damaged, take_back_killed
from bj_pipeline.automation.state import BLOCKED, MISSING
from bj_pipeline.automation.waiting import waiting_issues
from bj_pipeline.counted import counted
from bj_pipeline.errors import CalendarError
from bj_pipeline.issues import Issue, all_issues, by_date
from bj_pipeline.metrics.trends import sector_trends
from bj_pipeline.quality.check import CRITICAL
from bj_pipeline.quality.stages import ALL, blocking
from bj_pipeline.report import artifacts
from bj_pipeline.settings import Settings
from bj_pipeline.storage import ObjectPath, Place, sizes
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

FAILED = "failed"
STALE = "stale"
DAMAGED = "damaged"
STATES = (DAMAGED, BLOCKED, FAILED, MISSING, STALE)
"""The most urgent first."""
COLUMNS = ("issue", "week", "close_date", "state", "reason", "remedy")
SAMPLE = 20
"""Rows that are shown; counts and commands are of all."""
_CHECKS = {one.name: one for one in ALL}
_TREND_FIGURES = ("pe_ttm_median", "total_market_cap")
_ERROR_LENGTH = 300

_INTERRUPTIONS = {dg.DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__}

Versions = Mapping[str, str]
"""Data versions by table."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of an issue, if it failed or has not ended.

    Attributes:
        run_id: Dagster's id of it.
        failed: Whether it failed; else it waits or is under way.
    """

    run_id: str
    failed: bool


@dataclass(frozen=True)
class Stored:
    """What is stored of every issue; each table is read once.

    Attributes:
        settings: The installation's settings.
    """

    settings: Settings

    @cached_property
    def _warehouse(self) -> Warehouse:
        return Warehouse(self.settings.warehouse_url)

    @cached_property
    def checks(self) -> pd.DataFrame:
        """Results of the checks that ship, of all issues."""
        results = self._warehouse.read(tables.CHECK_RESULTS)
        return results[results["check"].isin(list(_CHECKS))]

    @cached_property
    def versions(self) -> dict[int, dict[str, str]]:
        """Data versions as they are now, by issue."""
        partitions = self._warehouse.read(tables.PARTITIONS)
        return {
            _number(issue): dict(zip(rows["table"], rows["data_version"], strict=True))
            for issue, rows in partitions.groupby("issue")
        }

    @cached_property
    def blocked(self) -> dict[int, pd.DataFrame]:
        """Results of the blocking checks that failed, by issue."""
        checks = self.checks
        failed = checks[~checks["passed"] & (checks["severity"] == CRITICAL)]
        return {_number(issue): rows for issue, rows in failed.groupby("issue")}

    @cached_property
    def built(self) -> set[int]:
        """Issues with a finished report that no check blocks by now."""
        return {
            issue.number
            for issue in all_issues()
            if tables.REPORT_DOCUMENT in self.versions.get(issue.number, ())
            and issue.number not in self.blocked
            and issue.folder in self._manifests
        }

    @cached_property
    def unseen(self) -> dict[int, list[str]]:
        """Checks whose stored result speaks of other data than what is there now, by issue."""
        found: dict[int, list[str]] = {}
        for row in self.checks.to_dict("records"):
            now = self.versions.get(row["issue"], {})
            seen = dict(part.partition("=")[::2] for part in row["data_version"].split(", "))
            if any(version != now.get(table, "none") for table, version in seen.items()):
                found.setdefault(row["issue"], []).append(row["check"])
        return found

    @cached_property
    def damaged(self) -> dict[int, list[str]]:
        """Published files that are not what was approved, by issue."""
        return damaged(self._warehouse, self.settings.published)

    @cached_property
    def outdated_trends(self) -> dict[int, list[int]]:
        """Issues that a trend shows with other figures than are there now, by the trend's issue."""
        trends = self._warehouse.read(tables.SECTOR_TRENDS)
        if trends.empty:
            return {}
        figures = self._warehouse.read(tables.SECTOR_METRICS)
        usable = figures[figures["issue"].isin(list(self._usable()))]
        now = sector_trends(usable, all_issues(), list(dict.fromkeys(trends["sector"])))
        both = trends.merge(now, on=["trend_issue", "sector"], suffixes=("", "_now"))
        differs = pd.Series(data=False, index=both.index)
        for name in _TREND_FIGURES:
            shown, there = both[name], both[f"{name}_now"]
            differs |= (shown != there) & ~(shown.isna() & there.isna())
        return {
            _number(issue): sorted(set(rows["trend_issue"]))
            for issue, rows in both[differs].groupby("issue")
        }

    def _usable(self) -> set[int]:
        """Issues whose sector figures passed their blocking checks on the present data."""
        names = {one.name for one in blocking(tables.SECTOR_METRICS)}
        passed = self.checks[self.checks["passed"] & self.checks["check"].isin(list(names))]
        return {
            _number(issue)
            for issue, rows in passed.groupby("issue")
            if set(rows["check"]) - set(self.unseen.get(_number(issue), ())) == names
        }

    @cached_property
    def _manifests(self) -> dict[str, bytes]:
        """The records of finished reports, by the issue's folder."""
        known = [each.folder for each in all_issues() if each.number in self.versions]
        return artifacts.manifests(self.settings.artifacts, known)

    @cached_property
    def _files(self) -> dict[Place, int]:
        """Bytes of the finished files of all issues."""
        found = sizes(self.settings.artifacts)
        return {self.settings.artifacts / name: size for name, size in found.items()}

    def made_from(self, issue: Issue) -> Versions | None:
        """What a finished report was made from; None if its record cannot be read."""
        return artifacts.data_versions(self._manifests[issue.folder])

    def lost_files(self, issue: Issue) -> list[str]:
        """Finished files that are no longer beside their record."""
        return [name for name, size in self._found(issue).items() if size is None]

    def changed_files(self, issue: Issue) -> list[str]:
        """Finished files that are there and are not what their record says.

        Of an object store, which sees to it itself that what it keeps stays as it is, only lengths
        are compared: to fetch everything takes too long here.
        """
        there = {name: size for name, size in self._found(issue).items() if size is not None}
        folder = self.settings.artifacts / issue.folder
        if isinstance(folder, ObjectPath):
            lengths = artifacts.lengths(self._manifests[issue.folder])
            return [name for name, size in there.items() if size != lengths.get(name)]
        as_written = artifacts.build_in(folder).forms
        return [name for name in there if name not in as_written]

    def _found(self, issue: Issue) -> dict[str, int | None]:
        """Bytes of each form of an issue; None for one that is not there."""
        folder = self.settings.artifacts / issue.folder
        digests = artifacts.digests(self._manifests[issue.folder])
        places = {
            name: artifacts.place_of(folder, name, digests.get(name, ""))
            for name in artifacts.FORMS
        }
        return {name: self._files.get(place) for name, place in places.items()}


def inventory(stored: Stored, runs: Mapping[int, LastRun], now: datetime) -> pd.DataFrame:
    """Every issue with which something is wrong, one row each: by state, the newest first.

    An issue is missing once it is late, not already while it is being built; issues before
    ``BJ_FIRST_ISSUE`` are not missing at all.

    Args:
        stored: What is stored of every issue.
        runs: Newest runs that failed or have not ended, by issue.
        now: The moment that is asked about.

    Returns:
        Columns as in :data:`COLUMNS`; ``state`` is one of :data:`STATES`.
    """
    settings = stored.settings
    late = newest_due(now, settings.alert_deadline)
    rows = []
    for issue in all_issues():
        if issue.number < settings.first_issue or not is_closed(issue, now):
            continue
        run = runs.get(issue.number)
        is_late = late is not None and issue.number <= late.number
        found = _wrong(stored, issue, run, is_late=is_late)
        if found is not None:
            state, reason, remedy = found
            if run is not None and not run.failed:
                # What is being built is wrong as yet, but there is nothing to do.
                remedy = f"Wait for the run {run.run_id[:8]}, which has not ended."
            rows.append((issue.number, issue.week, issue.close_date, state, reason, remedy))
    rows.sort(key=lambda row: (STATES.index(row[3]), -row[0]))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _wrong(
    stored: Stored, issue: Issue, run: LastRun | None, *, is_late: bool
) -> tuple[str, str, str] | None:
    """State, reason and remedy; None if all is well."""
    number = issue.number
    again = f"`bj-pipeline run --issue {number}`, or in the UI the job `issue`, partition {number}"
    if number in stored.damaged:
        folder = stored.settings.published / issue.folder
        return (
            DAMAGED,
            f"published files that are not as approved: {', '.join(stored.damaged[number])}",
            f"Restore {folder} from a backup, or `bj-pipeline withdraw {number}`.",
        )
    if number in stored.blocked:
        failed = stored.blocked[number].to_dict("records")
        remedies = dict.fromkeys(_CHECKS[row["check"]].remedy for row in failed)
        return (
            BLOCKED,
            " ".join(f"{row['check']} ({row['asset']}): {row['summary']}" for row in failed),
            f"{' '.join(remedies)} Then {again}.",
        )
    if run is not None and run.failed:
        kept = " Its former report is still there." if number in stored.built else ""
        return (
            FAILED,
            f"The newest run, {run.run_id[:8]}, failed.{kept}",
            f"Read the run's failed step, correct what it names, then {again}.",
        )
    if number in stored.built:
        reasons = _outdated(stored, issue)
        landed = f"From what was landed: `bj-pipeline run --issue {number} --source landing`."
        return (STALE, "; ".join(reasons), landed) if reasons else None
    if not is_late:
        return None
    is_partial = tables.SECTOR_METRICS in stored.versions.get(number, ())
    what = "Only its figures were built" if is_partial else "It was never built"
    return MISSING, f"{what}; it was due {due_at(issue):%Y-%m-%d %H:%M}.", f"Run {again}."


def _outdated(stored: Stored, issue: Issue) -> list[str]:
    """Why a finished report is out of date; empty if it is not."""
    number, before = issue.number, stored.made_from(issue)
    now, unseen = stored.versions[number], stored.unseen.get(number)
    reasons = []
    if before is None:
        reasons.append("its manifest cannot be read")
    elif moved := [table for table in before if before[table] != now.get(table)]:
        reasons.append(f"changed since the report was made: {', '.join(moved)}")
    if lost := stored.lost_files(issue):
        reasons.append(f"files that are gone: {', '.join(lost)}")
    if before is not None and (changed := stored.changed_files(issue)):
        reasons.append(f"files that are not as they were made: {', '.join(changed)}")
    if unseen:
        reasons.append(f"checks that have not seen the present data: {', '.join(unseen)}")
    if trend := stored.outdated_trends.get(number):
        reasons.append(f"its trends show other figures than are there of issue {_ranges(trend)}")
    return reasons


def what_to_run(wrong: pd.DataFrame) -> list[str]:
    """One line a state: how many issues, and the command that sees to all of them."""
    commands = {
        DAMAGED: "restore what was published of {} from a backup, or withdraw it",
        BLOCKED: "correct what the checks name, then `bj-pipeline backfill {}`",
        FAILED: "correct what the runs name, then `bj-pipeline backfill {} --again`",
        MISSING: "`bj-pipeline backfill {}`",
        STALE: "`bj-pipeline backfill {} --again --source landing`",
    }
    lines = []
    for state in STATES:
        numbers = [int(number) for number in wrong.loc[wrong["state"] == state, "issue"]]
        if numbers:
            lines.append(f"{len(numbers)} {state}: {commands[state].format(_ranges(numbers))}")
    return lines


def _ranges(numbers: Iterable[int]) -> str:
    """``[1, 2, 3, 7]`` as ``1-3,7``, which the command line understands."""
    return ",".join(_runs(numbers))


def _runs(numbers: Iterable[int]) -> Iterator[str]:
    for _, group in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        yield str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"


def told(settings: Settings) -> str:
    """The inventory for the terminal: each issue, then what to run."""
    home = dagster_environment(settings)["DAGSTER_HOME"]
    taken_back = take_back_killed(settings)
    with dg.DagsterInstance.from_config(home) as instance:
        close_abandoned_runs(instance, Warehouse(settings.warehouse_url))
        now = datetime.now(SHANGHAI)
        runs = last_runs(instance, waiting_issues(instance, settings, now))
        wrong = inventory(Stored(settings), runs, now)
        wrong = with_errors(wrong, runs, instance)
    if wrong.empty:
        return "\n".join([*taken_back, f"Nothing {'else ' if taken_back else ''}is wrong."])
    # Of each state, so that hundreds of one kind do not hide the others.
    shown = wrong.groupby("state", sort=False).head(SAMPLE)
    lines = [
        f"{row['issue']:>4}  {row['state']}: {row['reason']}\n      {row['remedy']}"
        for row in shown.to_dict("records")
    ]
    if len(shown) < len(wrong):
        lines.append(f"   …  {counted(len(wrong) - len(shown), 'more issue')}, counted below")
    return "\n".join((*taken_back, *lines, "", *what_to_run(wrong)))


def lateness(stored: Stored, now: datetime) -> str:
    """Why the latest issue is late; empty if it is on time.

    The calendar says which issue has to be there. So an older one that is built today changes
    nothing, and a week without sessions asks for nothing.
    """
    grace = stored.settings.alert_deadline
    try:
        by_date(now.astimezone(SHANGHAI).date())
    except CalendarError as error:
        # Beyond the list of issues the newest one that it knows would be on time for ever.
        return str(error)
    issue = newest_due(now, grace)
    if issue is None or any(number >= issue.number for number in stored.built):
        return ""
    state = "blocked by a check" if issue.number in stored.blocked else "not built"
    return (
        f"Issue {issue.number}, of the week to {issue.close_date}, is {state}; it had to be there "
        f"by {due_at(issue) + grace:%Y-%m-%d %H:%M} (Shanghai)."
    )


def last_runs(instance: dg.DagsterInstance, waiting: Collection[int] = ()) -> dict[int, LastRun]:
    """The newest run of each issue, where it failed or has not ended: one query.

    Args:
        instance: Knows the runs.
        waiting: Issues whose failed run is no failure as yet: their vendor is late.
    """
    return {
        int(run.partition): LastRun(run.run_id, failed=run.status == dg.DagsterRunStatus.FAILURE)
        for run in instance.get_run_partition_data(dg.RunsFilter())
        if run.partition.isdigit()
        and int(run.partition) not in waiting
        and run.status not in {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED}
    }


def with_errors(
    wrong: pd.DataFrame, runs: Mapping[int, LastRun], instance: dg.DagsterInstance
) -> pd.DataFrame:
    """The inventory, in which the first failed issues say what their runs say."""
    found = wrong.copy()
    # One look-up a run: only for as many as anybody reads.
    for index, row in found[found["state"] == FAILED].head(SAMPLE).iterrows():
        error = first_error(instance, runs[row["issue"]].run_id)
        if error:
            found.loc[index, "reason"] = f"{row['reason']} {error}"
    return found


def first_error(instance: dg.DagsterInstance, run_id: str) -> str:
    """The step that failed first in a run, and why; empty if nothing is recorded."""
    records = instance.get_records_for_run(
        run_id, of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}, limit=1
    ).records
    for record in records:
        event = record.event_log_entry.get_dagster_event()
        if was_interrupted(event):
            return f"{event.step_key or 'The run'} was stopped, with Ctrl+C or by the machine."
        data = event.event_specific_data
        error = getattr(data, "error", None)
        while error is not None and error.cause is not None:
            error = error.cause
        text = error.message if error is not None else event.message or ""
        return f"{event.step_key or 'The run'}: {text.strip().splitlines()[0][:_ERROR_LENGTH]}"
    return ""


def was_interrupted(event: dg.DagsterEvent) -> bool:
    """Whether a step or a run failed because somebody stopped its program."""
    data: Any = event.event_specific_data if event.is_failure else None
    error = getattr(data, "error", None)
    return error is not None and error.cls_name in _INTERRUPTIONS


def _number(key: Any) -> int:
    """An issue number out of a frame."""
    return int(key)
