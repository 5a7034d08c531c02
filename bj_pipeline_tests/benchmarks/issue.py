"""One issue, in a new process and in one that has built others before.

What belongs here: the pipeline's side, and the plan that tells the floor how large an issue is.
What does not: the floor's own work (:mod:`.floor_issue`).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bj_pipeline_tests.benchmarks.figures import Bench, Outcome
from bj_pipeline_tests.benchmarks.measuring import (
    PROJECT,
    Worker,
    child,
    environment,
    in_turn,
    program,
    python,
    worker,
)

ISSUE = 65
FIRST_WARM = 53
WARM_UP = 2
"""Issues that a process builds before it counts as warm."""
_ROUNDS = 5


def cold(bench: Bench) -> list[Outcome]:
    """A process that builds one issue, from its start to its end, in a home that is in use."""
    home, plan = bench.folder / "home", bench.folder / "plan.json"
    variables = environment(home)
    child(program("run", "--issue", ISSUE - 1), variables, bench.folder / "first.log")
    write_plan(bench.folder, home, plan)
    floor_home = prepared_floor(bench.folder)
    floor_command = python("-m", f"{__package__}.floor_issue", plan, ISSUE)
    floor_variables = floor_environment(floor_home)
    child(floor_command, floor_variables, bench.folder / "floor-first.log")
    ours, floor = in_turn(
        bench.rounds(_ROUNDS),
        lambda _: child(program("run", "--issue", ISSUE), variables, bench.folder / "run.log"),
        lambda _: child(floor_command, floor_variables, bench.folder / "floor.log"),
    )
    return [Outcome(ours, floor, note="In a home in which issue 64 was built before.")]


def warm(bench: Bench) -> list[Outcome]:
    """Each further issue of a backfill, all forms, each with its own trailing issues there."""
    home, plan = bench.folder / "home", bench.folder / "plan.json"
    rounds = bench.rounds(ISSUE - FIRST_WARM - WARM_UP + 1)
    with warm_builder(bench.folder, home) as build:
        for number in range(FIRST_WARM, FIRST_WARM + WARM_UP):
            build(number)
        write_plan(bench.folder, home, plan, FIRST_WARM)
        floor_variables = floor_environment(prepared_floor(bench.folder))
        with worker("floor_issue:prepare", floor_variables, bench.folder, plan) as floor:
            for number in range(WARM_UP):
                floor(str(number + 1))
            start = FIRST_WARM + WARM_UP
            mine, theirs = in_turn(
                rounds,
                lambda at: build(start + at),
                lambda at: floor(str(start + at)),
            )
    return [Outcome(mine, theirs)]


def prepared_floor(folder: Path) -> Path:
    """A Dagster home for the floor, with telemetry off as in the pipeline's."""
    home = folder / "floor-home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return home


def floor_environment(home: Path) -> dict[str, str]:
    """Variables for the floor."""
    return environment(home, DAGSTER_HOME=str(home), PYTHONPATH=str(PROJECT))


@contextmanager
def warm_builder(folder: Path, home: Path, *arguments: object) -> Iterator[Worker]:
    """A process of the pipeline that builds the issues that it is told."""
    with worker("issue:builder", environment(home), folder, *arguments) as build:
        yield build


def write_plan(folder: Path, home: Path, target: Path, issue: int = ISSUE - 1) -> None:
    """Describe an issue that was built in a home, for the floor."""
    with worker("issue:describer", environment(home), folder) as describe:
        plan = describe.ask(issue)["result"]
    target.write_text(json.dumps(plan), encoding="utf-8")


# --- what runs in the workers


def builder() -> Callable[[int], None]:
    """Builds one issue from the sample, as a backfill does."""
    from bj_pipeline.automation.local import Runner
    from bj_pipeline.settings import load_settings

    runner = Runner(load_settings(), "sample", None)
    return runner.build_quietly


def describer() -> Callable[[int], dict[str, Any]]:
    """Tells how large the pipeline's graph and an issue of it are."""
    import os

    import pypdfium2

    from bj_pipeline.automation.home import dagster_environment
    from bj_pipeline.automation.jobs import ISSUE_JOB
    from bj_pipeline.issues import all_issues, by_number
    from bj_pipeline.quality.stages import STAGES
    from bj_pipeline.report import artifacts, fonts
    from bj_pipeline.settings import load_settings
    from bj_pipeline.warehouse import tables
    from bj_pipeline.warehouse.store import Warehouse

    settings = load_settings()
    os.environ.update(dagster_environment(settings))
    from bj_pipeline.definitions import build

    graph = build(settings).resolve_job_def(ISSUE_JOB).asset_layer.asset_graph
    chosen = {key.path[-1] for key in graph.executable_asset_keys}

    def describe(number: int) -> dict[str, Any]:
        finished = artifacts.finished(settings.artifacts / by_number(number).folder)
        with pypdfium2.PdfDocument(finished["report.pdf"].read_bytes()) as pdf:
            pages = len(pdf)
        figures = Warehouse(settings.warehouse_url).read(tables.REPORT_FIGURES, number)
        return {
            "partitions": [issue.key for issue in all_issues()],
            "assets": {
                key.path[-1]: sorted(
                    {above.path[-1] for above in graph.get(key).parent_keys} & chosen
                )
                for key in graph.toposorted_asset_keys
                if key.path[-1] in chosen
            },
            "stages": {
                f"{name}_checks": [
                    {
                        "name": check.name,
                        "asset": check.asset,
                        "blocking": check.blocks,
                        "additional_deps": sorted((set(check.reads) & chosen) - {check.asset}),
                    }
                    for check in checks
                ]
                for name, checks in STAGES.items()
            },
            "charts": len(figures),
            "pages": pages,
            "font": str(fonts.font_file()),
        }

    return describe
