"""A process that builds one issue after the other and says what it holds on to after each.

What belongs here: building and measuring. What does not: what may grow (``test_soak``). It is a
program of its own, so that a test's own memory and handles do not blur what is measured.

Usage: ``python -m bj_pipeline_tests.endurance.soaking COUNT``, in an environment with ``BJ_HOME``
and a ``TMPDIR`` of its own; prints one JSON object a run.
"""

import gc
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter

from sqlalchemy import func, select

from bj_pipeline.assets.partitions import SHANGHAI, is_closed
from bj_pipeline.automation.local import Runner
from bj_pipeline.issues import all_issues
from bj_pipeline.settings import Settings, load_settings
from bj_pipeline.warehouse import tables


@dataclass(frozen=True)
class Held:
    """What the process and its home hold after a run.

    Attributes:
        issue: Issue that was built.
        seconds: How long that took.
        resident_bytes: Memory of the process that is not swapped out, after a collection.
        objects: Objects that Python's collector tracks.
        handles: Open file descriptors.
        threads: Threads, Python's and others.
        temporary: Files and folders in the folder of temporary files.
        issues: Issues that the warehouse holds.
        warehouse_rows: Rows of all tables.
        warehouse_bytes: Size of the database's file; its journal is apart.
        journal_bytes: Size of the database's journal.
        dagster_bytes: Size of everything under Dagster's home.
        artifact_files: Files under the folder of artifacts.
    """

    issue: int
    seconds: float
    resident_bytes: int
    objects: int
    handles: int
    threads: int
    temporary: int
    issues: int
    warehouse_rows: int
    warehouse_bytes: int
    journal_bytes: int
    dagster_bytes: int
    artifact_files: int


def runs(settings: Settings, count: int) -> Iterator[Held]:
    """Build ``count`` issues, every closed one in turn, then again from the first."""
    now = datetime.now(SHANGHAI)
    closed = [issue.number for issue in all_issues() if is_closed(issue, now)]
    runner = Runner(settings, "sample", None)
    for number in islice(cycle(closed), count):
        started = perf_counter()
        runner.build_quietly(number)
        yield _held(runner, number, perf_counter() - started)


def _held(runner: Runner, number: int, seconds: float) -> Held:
    gc.collect()
    settings = runner.settings
    database = settings.home / "warehouse.db"
    return Held(
        issue=number,
        seconds=seconds,
        resident_bytes=_resident_bytes(),
        # What the first issue left is frozen; what it is replaced by is not.
        objects=gc.get_freeze_count() + len(gc.get_objects()),
        handles=_entries("/proc/self/fd"),
        threads=_entries("/proc/self/task"),
        temporary=sum(1 for _ in Path(tempfile.gettempdir()).rglob("*")),
        issues=len(runner.warehouse.issues(tables.SECTOR_METRICS)),
        warehouse_rows=_rows(runner),
        warehouse_bytes=database.stat().st_size,
        journal_bytes=sum(path.stat().st_size for path in settings.home.glob("warehouse.db-wal")),
        dagster_bytes=_size(settings.dagster_home),
        artifact_files=sum(path.is_file() for path in settings.artifacts.rglob("*")),
    )


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _rows(runner: Runner) -> int:
    with runner.warehouse.engine.connect() as connection:
        return sum(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables.METADATA.sorted_tables
        )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    for held in runs(load_settings(), int(sys.argv[1])):
        sys.stdout.write(json.dumps(asdict(held)) + "\n")
        sys.stdout.flush()
