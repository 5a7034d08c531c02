"""How anything is measured: programs from start to end, and calls inside a program that stays up.

What belongs here: clocks, memory, and taking turns. What does not: what is measured. Nothing heavy
is imported: the peak memory of a child begins with that of the process that started it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

PROJECT = Path(__file__).parents[2]
_KIB = 1024


class BenchmarkError(Exception):
    """A program that was to be measured has failed: its figure would mean nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement.

    Attributes:
        seconds: By the clock on the wall.
        cpu: Seconds of user and system time, with those of processes that ended meanwhile.
        peak: Bytes of memory at most; 0 where it was not looked at.
    """

    seconds: float
    cpu: float
    peak: int = 0


def ratio(ours: Sequence[float], floor: Sequence[float]) -> float:
    """The median of the ratios of measurements that were taken one right after the other."""
    return median(mine / theirs for mine, theirs in zip(ours, floor, strict=True))


def environment(home: Path, **further: str) -> dict[str, str]:
    """Variables for a program of the pipeline in a home of its own, and for Dagster under it."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BJ_", "DAGSTER_"))}
    return inherited | {"BJ_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "true"} | further


def program(*arguments: object) -> list[str]:
    """The pipeline's command line."""
    return [str(Path(sys.executable).parent / "bj-pipeline"), *map(str, arguments)]


def python(*arguments: object) -> list[str]:
    """This Python, without this environment's habits."""
    return [sys.executable, *map(str, arguments)]


def child(command: Sequence[str], variables: Mapping[str, str], log: Path) -> Sample:
    """Run a program from start to end.

    Raises:
        BenchmarkError: It failed; shows the end of what it said.
    """
    started = perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=variables, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchmarkError(f"{' '.join(command)}:\n{log.read_text(errors='replace')[-3000:]}")
    return Sample(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KIB)


class Worker:
    """A program that stays up and is measured call by call, so that imports are not counted."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process, self._log = process, log

    def __call__(self, argument: object = None) -> Sample:
        """Measure one call.

        Raises:
            BenchmarkError: It raised.
        """
        answer = self.ask(argument)
        return Sample(answer["seconds"], answer["cpu"], answer["peak"])

    def ask(self, argument: object = None) -> dict[str, Any]:
        """One call's measurement together with what it returned."""
        sending, receiving = self._process.stdin, self._process.stdout
        if sending is None or receiving is None or self._process.poll() is not None:
            raise BenchmarkError(self._log.read_text(errors="replace")[-3000:])
        sending.write(json.dumps(argument) + "\n")
        sending.flush()
        line = receiving.readline()
        if not line:
            raise BenchmarkError(self._log.read_text(errors="replace")[-3000:])
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def worker(
    name: str, variables: Mapping[str, str], folder: Path, *arguments: object
) -> Iterator[Worker]:
    """Start ``module:function`` of this package as a worker; ready when this returns.

    Args:
        name: Its function takes the arguments as texts, and returns what is to be measured.
        variables: Its environment.
        folder: Where it works and keeps its log.
        arguments: For the function.
    """
    log = folder / f"{name.replace(':', '-')}-{os.urandom(4).hex()}.log"
    with log.open("wb") as output, ExitStack() as closing:
        process = closing.enter_context(
            subprocess.Popen(
                python("-m", f"{__package__}.worker", name, *arguments),
                env=dict(variables) | {"PYTHONPATH": str(PROJECT)},
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        )
        try:
            ready = Worker(process, log)
            if process.stdout is None or not process.stdout.readline():
                raise BenchmarkError(log.read_text(errors="replace")[-3000:])
            yield ready
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait()


def in_turn(
    rounds: int, ours: Callable[[int], Sample], floor: Callable[[int], Sample]
) -> tuple[list[Sample], list[Sample]]:
    """Measure both sides in turn, so that what else the machine does meets both.

    Who goes first alternates: what the one leaves behind (a warm disk, a busy one) meets both too.

    Args:
        rounds: How often each.
        ours: Told the round, from 0.
        floor: Likewise.
    """
    mine, theirs = [], []
    for number in range(rounds):
        sides = [(mine, ours), (theirs, floor)]
        for samples, measure in sides if number % 2 == 0 else reversed(sides):
            samples.append(measure(number))
    return mine, theirs
