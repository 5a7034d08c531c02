"""Rebuilding history from the command line: issue after issue inside few processes.

Each issue is a run of its own, with its own checks; a bad week fails alone. What a backfill of any
order leaves incomplete, the trends of issues that were built before their predecessors, is made
good at the end.
"""

import multiprocessing
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import perf_counter

import dagster as dg

from bj_pipeline.assets.partitions import TREND_ISSUES
from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.automation.jobs import ISSUE_JOB
from bj_pipeline.automation.local import Runner
from bj_pipeline.automation.state import BUILT, OPEN, issue_states
from bj_pipeline.errors import CheckFailedError, ConfigurationError, PipelineError
from bj_pipeline.issues import all_issues, by_number, trailing
from bj_pipeline.metrics.trends import sector_trends
from bj_pipeline.quality.stages import require_passed
from bj_pipeline.settings import Settings
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

_RANGES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


@dataclass(frozen=True, slots=True)
class Order:
    """What to build from.

    Attributes:
        settings: The installation's settings.
        source: A source's name, or the path of a profile.
        folder: Folder of vendor files, where one is read.
    """

    settings: Settings
    source: str
    folder: Path | None


@dataclass(frozen=True, slots=True)
class Built:
    """How one issue of a backfill ended; ``error`` is empty if it was built."""

    number: int
    seconds: float
    error: str = ""


@dataclass
class Summary:
    """How a backfill ended."""

    built: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)

    def text(self) -> str:
        """For the terminal: counts, and the failed issues with their first error."""
        built, skipped, failed = len(self.built), len(self.skipped), len(self.failed)
        lines = [f"{built} built, {skipped} were there already, {failed} failed."]
        lines += [f"  {number}: {error}" for number, error in sorted(self.failed.items())]
        return "\n".join(lines)


def parse_numbers(text: str) -> list[int]:
    """Issue numbers out of ``1-65`` or ``1,4,10-12``.

    Raises:
        ConfigurationError: The text is no list of numbers and ranges.
        CalendarError: A number is no issue.
    """
    if not _RANGES.fullmatch(text):
        raise ConfigurationError(f"{text!r} is no list of issues; write 1-65, or 1,4,10-12.")
    known = {issue.number for issue in all_issues()}
    numbers: dict[int, None] = {}
    for part in text.split(","):
        first, _, last = part.partition("-")
        ends = by_number(first).number, by_number(last or first).number
        if ends[0] > ends[1]:
            raise ConfigurationError(f"{part} runs backwards.")
        numbers |= dict.fromkeys(n for n in range(ends[0], ends[1] + 1) if n in known)
    return list(numbers)


def choose(
    settings: Settings, numbers: Sequence[int], *, only_failed: bool, again: bool
) -> tuple[list[int], list[int]]:
    """Issues to build, and issues that are left alone because they are built or not closed.

    Args:
        settings: The installation's settings.
        numbers: Issues asked for.
        only_failed: Only those whose newest run failed.
        again: Also those that are built.
    """
    states = issue_states(settings).set_index("number")["state"]
    if only_failed:
        failed = _failed(settings)
        return [number for number in numbers if number in failed], []
    done = {BUILT, OPEN} if not again else {OPEN}
    wanted = [number for number in numbers if states[number] not in done]
    return wanted, [number for number in numbers if number not in set(wanted)]


def _failed(settings: Settings) -> set[int]:
    """Issues whose newest run failed."""
    home = dagster_environment(settings)["DAGSTER_HOME"]
    newest: dict[str, bool] = {}
    with dg.DagsterInstance.from_config(home) as instance:
        for record in instance.get_run_records(dg.RunsFilter(job_name=ISSUE_JOB)):
            partition = record.dagster_run.tags.get("dagster/partition", "")
            newest.setdefault(partition, record.dagster_run.status == dg.DagsterRunStatus.FAILURE)
    return {int(partition) for partition, failed in newest.items() if failed and partition}


def run(order: Order, numbers: Sequence[int], jobs: int) -> Iterator[Built]:
    """Build issues in one or more processes, and tell of each as it ends."""
    if jobs == 1:
        yield from (_build(order, number) for number in numbers)
        return
    # A forked process would share the parent's database connections.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
        for future in as_completed([pool.submit(_build, order, number) for number in numbers]):
            yield future.result()


def complete_trends(order: Order, numbers: Iterable[int]) -> Iterator[Built]:
    """Render those issues again whose stored trends lack issues that are there by now.

    Args:
        order: What they were built from.
        numbers: Issues that were built just now; they and the issues after them are looked at.
    """
    warehouse = Warehouse(order.settings.warehouse_url)
    there = set(warehouse.issues(tables.SECTOR_TRENDS))
    touched = {after for number in numbers for after in _trends_with(number)}
    for number in sorted(touched & there):
        if _trend_is_outdated(warehouse, number):
            yield _build(order, number, tuple(_BELOW_TRENDS))


_BELOW_TRENDS = (
    tables.SECTOR_TRENDS,
    tables.REPORT_DOCUMENT,
    tables.REPORT_FIGURES,
    "report_html",
    "report_pdf",
    "report_docx",
    "report_xlsx",
    "issue_manifest",
)


def _trends_with(number: int) -> list[int]:
    return [
        issue.number
        for issue in all_issues()
        if number in {one.number for one in trailing(issue, TREND_ISSUES)}
    ]


def _trend_is_outdated(warehouse: Warehouse, number: int) -> bool:
    stored = warehouse.read(tables.SECTOR_TRENDS, number)
    issues = trailing(by_number(number), TREND_ISSUES)
    figures = warehouse.read(tables.SECTOR_METRICS)
    figures = figures[figures["issue"].isin([one.number for one in issues])]
    usable = [n for n in figures["issue"].unique() if _is_usable(warehouse, int(n))]
    fresh = sector_trends(
        figures[figures["issue"].isin(usable)], issues, list(dict.fromkeys(stored["sector"]))
    )
    key = list(tables.key(tables.SECTOR_TRENDS))
    merged = stored.merge(fresh, on=key, suffixes=("", "_fresh"))
    return any(
        not merged[name].equals(merged[f"{name}_fresh"])
        for name in ("pe_ttm_median", "total_market_cap")
    )


def _is_usable(warehouse: Warehouse, number: int) -> bool:
    try:
        require_passed(warehouse, number, tables.SECTOR_METRICS)
    except CheckFailedError:
        return False
    return True


@cache
def _runner(order: Order) -> Runner:
    return Runner(order.settings, order.source, order.folder)


def _build(order: Order, number: int, assets: tuple[str, ...] = ()) -> Built:
    started = perf_counter()
    try:
        _runner(order).build_quietly(number, assets)
    except PipelineError as error:
        return Built(number, perf_counter() - started, str(error).splitlines()[0])
    return Built(number, perf_counter() - started)
