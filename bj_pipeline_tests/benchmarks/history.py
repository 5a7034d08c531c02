"""Many issues: a backfill in two processes, from the UI, and the memory that one takes."""

import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bj_pipeline_tests.benchmarks.figures import Bench, Outcome
from bj_pipeline_tests.benchmarks.measuring import (
    Sample,
    child,
    environment,
    program,
    worker,
)

_LAST = 65
_LAST_QUICK = 6
_MEMORY_ROUNDS = 5
_ONCE = (
    "Measured once, since each side is long by itself: what disturbs it averages out over its "
    "issues."
)


def two_processes(bench: Bench) -> list[Outcome]:
    """``bj-pipeline backfill 1-65`` with two jobs and with one."""
    last = _LAST_QUICK if bench.quick else _LAST
    two, one = _backfill(last, 2), _backfill(last, 1)
    return [Outcome([two], [one], note=f"Issues 1 to {last}. {_ONCE}")]


def memory(bench: Bench) -> list[Outcome]:
    """The peak of one process that builds 65 issues, and of one that builds one."""
    last = _LAST_QUICK if bench.quick else _LAST
    one = [
        child(
            program("run", "--issue", last),
            environment(bench.folder / "one"),
            bench.folder / "one.log",
        )
        for _ in range(bench.rounds(_MEMORY_ROUNDS))
    ]
    many = _backfill(last, 1)
    note = f"Issues 1 to {last}, once; the one issue is built {len(one)} times."
    return [Outcome([many] * len(one), one, unit="MB", note=note)]


@cache
def _backfill(last: int, jobs: int) -> Sample:
    """The command line's, from its start to its end, which several figures look at."""
    with TemporaryDirectory(prefix="bj-bench-backfill-") as folder:
        return child(
            program("backfill", f"1-{last}", "--jobs", jobs),
            environment(Path(folder) / "home"),
            Path(folder) / "backfill.log",
        )


def from_the_ui(bench: Bench) -> list[Outcome]:
    """A backfill that is launched as the UI's button does it, from the click to its last run."""
    last = _LAST_QUICK if bench.quick else _LAST
    with worker("history:clicker", environment(bench.folder), bench.folder) as click:
        answer = click.ask(last)
    note = (
        f"Issues 1 to {last}. The UI's programs are up before the click, their daemon looks for "
        f"backfills and at their end every 30 seconds, and what else it does counts. {_ONCE}"
    )
    return [Outcome([Sample(answer["seconds"], answer["result"])], [_backfill(last, 2)], note=note)]


# --- what runs in the worker


def clicker() -> Callable[[int], float]:
    """Starts ``bj-pipeline dev``, and launches backfills there; told the CPU time of all of it."""
    import atexit

    from bj_pipeline_tests.benchmarks.ui import graphql
    from bj_pipeline_tests.end_to_end.dev_server import dev_server

    closing = ExitStack()
    atexit.register(closing.close)
    address = closing.enter_context(dev_server(Path.cwd()))

    def click(last: int) -> float:
        before = _cpu_of_children()
        launched = graphql(address, "launch", {"issues": [str(n) for n in range(1, last + 1)]})
        backfill = launched["launchPartitionBackfill"]["backfillId"]
        while True:
            state: dict[str, Any] = graphql(address, "state", {"id": backfill})
            found = state["partitionBackfillOrError"]
            if found["status"].startswith("COMPLETED"):
                break
            if found["status"] in {"FAILED", "CANCELED", "REQUESTED_FAILED"}:
                raise RuntimeError(json.dumps(found))
            time.sleep(0.5)
        if found["status"] != "COMPLETED_SUCCESS":
            raise RuntimeError(json.dumps(found))
        return _cpu_of_children() - before

    return click


def _cpu_of_children() -> float:
    """Seconds that the sessions of this process's children took so far; 0 where Linux is not."""
    ticks: dict[int, int] = {}
    parents, sessions = {}, {}
    for told in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # After the name in brackets: state, parent, group, session, …; see proc(5).
            fields = told.read_text().rpartition(")")[2].split()
            process = int(told.parent.name)
            parents[process], sessions[process] = int(fields[1]), int(fields[3])
            ticks[process] = sum(map(int, fields[11:15]))
    ours = {sessions[process] for process, parent in parents.items() if parent == os.getpid()}
    spent = sum(ticks[process] for process in ticks if sessions[process] in ours)
    return spent / os.sysconf("SC_CLK_TCK")
