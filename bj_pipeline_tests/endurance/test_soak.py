"""Issue after issue in one process: what it holds is level, what it stores grows in a line."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from statistics import mean, median

import pytest

from bj_pipeline_tests.command_line import PROJECT

WARM = 3
"""Runs until everything is imported that an issue needs, and every pool is filled."""


@pytest.fixture(scope="module")
def held(tmp_path_factory, thorough):
    """What the process held after each run, see ``soaking.Held``."""
    folder = tmp_path_factory.mktemp("soak")
    (folder / "tmp").mkdir()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BJ_", "DAGSTER_"))}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bj_pipeline_tests.endurance.soaking",
            "500" if thorough else "5",
        ],
        env=inherited | {"BJ_HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def series(held, name):
    return [one[name] for one in held]


def new_issues(held):
    """The runs that built an issue for the first time."""
    return [one for at, one in enumerate(held) if one["issues"] == at + 1]


@pytest.mark.parametrize("name", ["handles", "threads", "temporary"])
def test_handles_threads_and_temporary_files_are_level(held, name):
    counts = series(held, name)[WARM - 1 :]
    # A connection may be open or back in its pool, but no run adds one.
    assert max(counts) <= counts[0] + 2
    assert mean(counts[-2:]) <= counts[0] + 1


def test_memory_is_level(held, thorough):
    # The more issues there are, the more of them a page or a trend speaks of: asked when all are.
    level = held[len(new_issues(held)) :] if thorough else held[WARM - 1 :]
    resident = series(level, "resident_bytes")
    fifth = max(1, len(resident) // 5)
    assert median(resident[-fifth:]) <= 1.05 * median(resident[:fifth])


def test_each_further_issue_takes_little_memory(held):
    filling = series(new_issues(held)[WARM - 1 :], "resident_bytes")
    tenth = max(1, len(filling) // 10)
    grown = median(filling[-tenth:]) - median(filling[:tenth])
    assert grown <= 8e6 + 0.5e6 * len(filling)


def test_no_run_leaves_objects_behind(held):
    objects = series(held, "objects")[WARM - 1 :]
    # What is kept of an issue is kept once, so that many runs leave no more than a few. One leaked
    # figure or document, or one object of each run, would exceed it.
    issues = len(new_issues(held))
    assert objects[-1] - objects[0] <= 1500 + 60 * issues


def test_the_database_grows_in_a_line(held, thorough):
    first = new_issues(held)[WARM - 1 :]
    # Journals of SQLite come and go by the megabyte, which only many runs even out.
    for name, slack in (("warehouse_rows", 0.1), ("dagster_bytes", 0.1 if thorough else 0.4)):
        steps = [after - before for before, after in pairwise(series(first, name))]
        half = len(steps) // 2
        assert mean(steps[-half:]) == pytest.approx(mean(steps[:half]), rel=slack), name
    stored = [one["warehouse_bytes"] / one["warehouse_rows"] for one in first[-2:]]
    assert stored[-1] < 1000  # bytes a row, indices included


def test_an_issue_that_is_built_again_takes_no_more_room(held, thorough):
    if not thorough:
        pytest.skip("the everyday soak builds no issue twice: `make endurance` does")
    rounds = {}
    for one in held[len(new_issues(held)) :]:
        rounds.setdefault(one["issue"], []).append(one)
    for again in rounds.values():
        rows = series(again, "warehouse_rows")
        assert max(rows) == min(rows)
        assert len(set(series(again, "artifact_files"))) == 1


def test_a_run_late_in_a_long_life_takes_as_long_as_an_early_one(held):
    seconds = series(held, "seconds")[1:]
    third = max(2, len(seconds) // 3)
    assert median(seconds[-third:]) <= 3 * median(seconds[:third])
