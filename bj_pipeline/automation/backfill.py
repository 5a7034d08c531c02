"""Rebuilding history from the command line: issue after issue inside few processes.

Each issue is a run of its own, with its own checks; a bad week fails alone. What a backfill of any
order leaves incomplete, the trends of issues that were built before their predecessors, is made
good at the end.
"""

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from time import perf_counter

import dagster as dg

from bj_pipeline.automation.abandoned import cancel_stopped_runs, close_abandoned_runs
from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.automation.inventory import last_runs
from bj_pipeline.automation.local import Runner
from bj_pipeline.automation.state import BUILT, OPEN, issue_states
from bj_pipeline.automation.stopping import interrupts_noted
from bj_pipeline.automation.trends import BELOW_TRENDS, incomplete
from bj_pipeline.errors import CheckFailedError, ConfigurationError, PipelineError
from bj_pipeline.issues import all_issues, by_number
from bj_pipeline.settings import Settings
from bj_pipeline.warehouse.store import Warehouse

_ERROR_LENGTH = 300
_LOST = (
    "The process that was to build it was ended from outside (killed, or the memory was not enough "
    "for so many). Try --jobs 1."
)
_FRUITLESS_ROUNDS = 2
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
    """How a backfill ended.

    Attributes:
        built: Issues that it built.
        skipped: Issues that were there already.
        unclosed: Issues whose week has not closed.
        failed: First error of each issue that was not built.
    """

    built: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    unclosed: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)

    def text(self) -> str:
        """For the terminal: counts, and the failed issues with their first error."""
        built, skipped, failed = len(self.built), len(self.skipped), len(self.failed)
        unclosed = f"{len(self.unclosed)} not closed yet, " if self.unclosed else ""
        lines = [f"{built} built, {skipped} there already, {unclosed}{failed} failed."]
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
    settings: Settings,
    numbers: Sequence[int],
    *,
    only_failed: bool,
    again: bool,
    now: datetime | None = None,
) -> tuple[list[int], Summary]:
    """Issues to build, and the others: those that are built and those that are not closed.

    Args:
        settings: The installation's settings.
        numbers: Issues asked for.
        only_failed: Only those whose newest run failed.
        again: Also those that are built.
        now: The moment that is asked about; the present one if not given.
    """
    states = issue_states(settings, now).set_index("number")["state"]
    if only_failed:
        failed = _failed(settings)
        return [number for number in numbers if number in failed], Summary()
    closed = [number for number in numbers if states[number] != OPEN]
    skipped = [number for number in closed if states[number] == BUILT and not again]
    wanted = [number for number in closed if number not in set(skipped)]
    unclosed = [number for number in numbers if states[number] == OPEN]
    return wanted, Summary(skipped=skipped, unclosed=unclosed)


def _failed(settings: Settings) -> set[int]:
    """Issues whose newest run failed, whoever asked for it: a backfill in the UI too."""
    home = dagster_environment(settings)["DAGSTER_HOME"]
    with dg.DagsterInstance.from_config(home) as instance:
        close_abandoned_runs(instance, Warehouse(settings.warehouse_url))
        return {number for number, run in last_runs(instance).items() if run.failed}


def run(
    order: Order, numbers: Sequence[int], jobs: int, assets: tuple[str, ...] = ()
) -> Iterator[Built]:
    """Build issues, or some of their assets, in one or more processes; tell of each as it ends."""
    if jobs == 1 or len(numbers) == 1:
        with interrupts_noted() as were_noted:
            for number in numbers:
                yield _build(order, number, assets)
                if were_noted():
                    raise KeyboardInterrupt
        return
    left, fruitless = list(numbers), 0
    while left and fruitless < _FRUITLESS_ROUNDS:
        before = len(left)
        for done in _in_processes(order, left, jobs, assets):
            left.remove(done.number)
            yield done
        fruitless = fruitless + 1 if len(left) == before else 0
        # A process was lost. Whichever issue ends the next one too must not take others with it.
        left = [*left[jobs:], *left[:jobs]]
    yield from (Built(number, 0.0, _LOST) for number in left)


def _in_processes(
    order: Order, numbers: Sequence[int], jobs: int, assets: tuple[str, ...]
) -> Iterator[Built]:
    """Build issues until all are done or one of the processes is lost; tell of each as it ends."""
    # A forked process would share the parent's database connections.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_end_with_parent) as pool:
        with _without_interrupts():
            futures = [pool.submit(_build, order, number, assets) for number in numbers]
        try:
            for future in as_completed(futures):
                with suppress(BrokenProcessPool):
                    yield future.result()
        except BaseException:
            # An issue that is half built is never seen, so nobody has to wait for its end.
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.kill()
                process.join()
            _cancel_runs(order.settings, numbers)
            raise


def _cancel_runs(settings: Settings, numbers: Sequence[int]) -> None:
    """Let the runs of processes that were just killed end as cancelled."""
    home = dagster_environment(settings)["DAGSTER_HOME"]
    with dg.DagsterInstance.from_config(home) as instance:
        cancel_stopped_runs(instance, Warehouse(settings.warehouse_url), numbers)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that Ctrl+C does not reach: the terminal sends it to all, and one decides."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _end_with_parent() -> None:
    """Let a worker end with the command line: left alone it would wait for work for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            # At once, like the command line: an issue that is half built is never seen.
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def complete_trends(order: Order, numbers: Sequence[int], jobs: int) -> Iterator[Built]:
    """Render those issues again whose stored trends lack issues that are there by now.

    Args:
        order: What they were built from.
        numbers: Issues that were asked for, also those that an earlier backfill had built before
            it was stopped; they and the issues after them are looked at.
        jobs: Processes.
    """
    yield from run(order, incomplete(order.settings, numbers), jobs, BELOW_TRENDS)


@cache
def _runner(order: Order) -> Runner:
    return Runner(order.settings, order.source, order.folder)


def _build(order: Order, number: int, assets: tuple[str, ...] = ()) -> Built:
    started = perf_counter()
    try:
        _runner(order).build_quietly(number, assets)
    except PipelineError as error:
        return Built(number, perf_counter() - started, _first_error(error))
    return Built(number, perf_counter() - started)


def _first_error(error: PipelineError) -> str:
    """One line: the check that stopped an issue, or else what the error says first."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = lines[1] if isinstance(error, CheckFailedError) and len(lines) > 1 else lines[0]
    return told if len(told) <= _ERROR_LENGTH else f"{told[: _ERROR_LENGTH - 1]}…"
