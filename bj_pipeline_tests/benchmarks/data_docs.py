"""The Data Docs of an issue, against the checks whose results they show."""

from collections.abc import Callable

from bj_pipeline_tests.benchmarks.figures import Bench, Outcome
from bj_pipeline_tests.benchmarks.measuring import child, environment, in_turn, program, worker

_ISSUE = 65
_ROUNDS = 15
_CHECK, _SHOW = "check", "show"


def pages(bench: Bench) -> list[Outcome]:
    """Every stage of an issue, in a process that has built one before."""
    variables = environment(bench.folder / "home")
    child(program("run", "--issue", _ISSUE), variables, bench.folder / "run.log")
    with worker("data_docs:checker", variables, bench.folder) as do:
        for _ in range(2):
            do(_CHECK)
            do(_SHOW)
        mine, theirs = in_turn(bench.rounds(_ROUNDS), lambda _: do(_SHOW), lambda _: do(_CHECK))
    return [Outcome(mine, theirs)]


# --- what runs in the worker


def checker() -> Callable[[str], None]:
    """Checks every stage of the issue, or writes the pages of what it has found the last time."""
    from bj_pipeline.assets.resources import PipelineResource
    from bj_pipeline.issues import by_number
    from bj_pipeline.quality.data_docs import DataDocs
    from bj_pipeline.quality.stages import STAGES
    from bj_pipeline.quality.validate import run_checks
    from bj_pipeline.settings import load_settings

    settings, issue = load_settings(), by_number(_ISSUE)
    pipeline = PipelineResource(source=settings.source, input="")
    docs = DataDocs(settings.data_docs)
    found = {}

    def check() -> None:
        for stage, checks in STAGES.items():
            found[stage] = run_checks(checks, pipeline.evidence(_ISSUE))

    def show() -> None:
        for stage, outcomes in found.items():
            docs.publish(pipeline.warehouse, issue, stage, outcomes)

    actions = {_CHECK: check, _SHOW: show}
    return lambda action: actions[action]()
