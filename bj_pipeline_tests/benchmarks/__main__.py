"""Measures every figure, or those that are named; prints the table and writes ``benchmarks.md``."""

import argparse
import math
import os
import platform
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from bj_pipeline_tests.benchmarks import analyst, data_docs, history, issue, pages, scale, starting
from bj_pipeline_tests.benchmarks.figures import COLUMNS, Bench, Figure, Goal, Line
from bj_pipeline_tests.benchmarks.measuring import PROJECT

FIGURES = (
    Figure(
        "cold",
        "One issue, cold: `bj-pipeline run --issue 65`",
        "importing dagster, great_expectations, pandas, matplotlib; a Dagster graph of the same "
        "shape that does nothing; as many plain charts; a PDF of as many plain pages",
        Goal(1.25),
        issue.cold,
    ),
    Figure(
        "warm",
        "One issue, warm: each further issue of a backfill, all forms",
        "the same without imports",
        Goal(1.5),
        issue.warm,
    ),
    Figure(
        "backfill",
        "Backfill 1 to 65, all forms, two processes",
        "one process",
        Goal(1.8, faster=True),
        history.two_processes,
    ),
    Figure(
        "ui",
        "Backfill 1 to 65 from the UI, all forms",
        "the command line's, two at a time as well",
        Goal(3),
        history.from_the_ui,
    ),
    Figure(
        "pdf",
        "PDF of an issue",
        "the same pages from HTML by WeasyPrint",
        Goal(20, faster=True),
        pages.pdf,
    ),
    Figure(
        "companies",
        "Pool of 5,400 companies, an issue, warm",
        "150 companies",
        Goal(2),
        scale.companies,
    ),
    Figure(
        "issues",
        "650 issues in the warehouse",
        "65 issues",
        Goal(1.2),
        scale.issues,
    ),
    Figure(
        "memory",
        "Peak memory of a 65-issue backfill",
        "one issue",
        Goal(1.3),
        history.memory,
    ),
    Figure("docs", "Data Docs of an issue", "the checks they show", Goal(1), data_docs.pages),
    Figure("tick", "A sensor tick with nothing new", "an empty sensor", Goal(1.2), starting.tick),
    Figure(
        "help", "`bj-pipeline --help`", '`python -c "import click"`', Goal(3), starting.help_page
    ),
    Figure(
        "analyst",
        "The pipeline, warm: an issue in all forms",
        "an analyst's pandas, matplotlib, openpyxl and python-docx script of the same exhibits",
        Goal(1),
        analyst.script,
    ),
)


_HOW = """\
Each figure is the median of the ratios of its rounds; in every round both sides are measured one \
after the other, each of them first in every second round, by the clock on the wall. The ratio by \
CPU time stands beside it for machines that do something else as well. Floors are the same \
libraries doing only the unavoidable; they stand in `bj_pipeline_tests/benchmarks/`."""


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    names = [figure.name for figure in FIGURES]
    parser.add_argument("names", nargs="*", help=f"figures: {', '.join(names)}; all if not given")
    parser.add_argument("--quick", action="store_true", help="few rounds; writes no file")
    parser.add_argument("--output", type=Path, default=PROJECT / "benchmarks.md")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(names)
    if unknown:
        parser.error(f"there is no figure {', '.join(sorted(unknown))}: choose {', '.join(names)}")
    chosen = [one for one in FIGURES if not arguments.names or one.name in arguments.names]
    started = perf_counter()
    lines: list[Line] = []
    failed: dict[str, str] = {}
    for figure in chosen:
        _say(f"{figure.name} …")
        try:
            found = list(_measured(figure, quick=arguments.quick))
        except Exception as error:  # noqa: BLE001 - the other figures are measured all the same
            traceback.print_exc()
            failed[figure.title] = str(error).strip().rpartition("\n")[2] or type(error).__name__
            continue
        lines += found
        for line in found:
            _say("  " + " | ".join(line.cells()))
    text = _report(lines, failed, perf_counter() - started)
    print(text)  # noqa: T201 - what the command is for
    if not (arguments.quick or arguments.names):
        arguments.output.write_text(text, encoding="utf-8")
    return int(bool(failed))


def _measured(figure: Figure, *, quick: bool) -> Iterator[Line]:
    folder = Path(tempfile.mkdtemp(prefix=f"bj-bench-{figure.name}-"))
    try:
        for outcome in figure.measure(Bench(folder, quick)):
            yield Line(figure, outcome)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - how far it is


def _report(lines: Sequence[Line], failed: Mapping[str, str], seconds: float) -> str:
    met, minutes = sum(line.is_met for line in lines), math.ceil(seconds / 60)
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    notes = [
        f"- {line.figure.title}{f': {line.outcome.part}' if line.outcome.part else ''}: "
        f"{line.outcome.note}"
        for line in lines
        if line.outcome.note
    ]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Written by `make bench` on {now} in {minutes} minutes.",
            f"{met} of {len(lines)} goals are met.",
            "",
            _HOW,
            "",
            _row(COLUMNS),
            _row(["---"] * len(COLUMNS)),
            *(_row(line.cells()) for line in lines),
            "",
            *(["Of single figures:", "", *notes, ""] if notes else []),
            *(f"Not measured: {title}: {reason}" for title, reason in failed.items()),
            "## The machine",
            "",
            *(f"- {text}" for text in _machine()),
            "",
        ]
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _machine() -> Iterator[str]:
    yield f"{os.cpu_count()} cores, {_of_linux('/proc/cpuinfo', 'model name') or 'unknown model'}"
    yield f"memory: {_of_linux('/proc/meminfo', 'MemTotal') or 'unknown'}"
    yield f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield f"{platform.python_implementation()} {platform.python_version()}"
    yield f"load before the last figure: {', '.join(f'{load:.1f}' for load in os.getloadavg())}"


def _of_linux(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(key))
    return next(found, "")


if __name__ == "__main__":
    sys.exit(main())
