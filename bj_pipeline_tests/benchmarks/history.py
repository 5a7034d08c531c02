"""Many issues: a backfill in two processes, from the UI, and the memory that one takes."""

import json
import time
from collections.abc import Callable
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
_UI_LAST = 12
_UI_LAST_QUICK = 4
_MEMORY_ROUNDS = 5
_ONCE = (
    "Measured once, since each side is long by itself: what disturbs it averages out over its "
    "issues."
)


def two_processes(bench: Bench) -> list[Outcome]:
    """``bj-pipeline backfill 1-65`` with two jobs and with one."""
    last = _LAST_QUICK if bench.quick else _LAST
    two, one = _backfill(bench.folder, last, 2), _in_one_process(last)
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
    many = _in_one_process(last)
    note = f"Issues 1 to {last}, once; the one issue is built {len(one)} times."
    return [Outcome([many] * len(one), one, unit="MB", note=note)]


@cache
def _in_one_process(last: int) -> Sample:
    """The long one, of which one figure looks at the time and another one at the memory."""
    with TemporaryDirectory(prefix="bj-bench-backfill-") as folder:
        return _backfill(Path(folder), last, 1)


def _backfill(folder: Path, last: int, jobs: int) -> Sample:
    home = folder / f"home-{jobs}"
    return child(
        program("backfill", f"1-{last}", "--jobs", jobs),
        environment(home),
        folder / f"backfill-{jobs}.log",
    )


def from_the_ui(bench: Bench) -> list[Outcome]:
    """A backfill that is launched as the UI's button does it, from the click to its last run."""
    last = _UI_LAST_QUICK if bench.quick else _UI_LAST
    command_line = _backfill(bench.folder, last, 2)
    home = bench.folder / "ui"
    with worker("history:clicker", environment(home), bench.folder) as click:
        ui = click(last)
    return [Outcome([ui], [command_line], note=f"Issues 1 to {last}. {_ONCE}")]


# --- what runs in the worker


def clicker() -> Callable[[int], None]:
    """Starts ``bj-pipeline dev``, and launches backfills there."""
    import atexit
    import os
    from contextlib import ExitStack

    from bj_pipeline_tests.benchmarks.ui import dev_server, graphql

    closing = ExitStack()
    atexit.register(closing.close)
    address = closing.enter_context(dev_server(Path.cwd(), Path(os.environ["BJ_HOME"])))

    def click(last: int) -> None:
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

    return click
