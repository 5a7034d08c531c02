"""An analyst's way to the same issue, against the pipeline's.

What belongs here: getting the week's vendor files ready for the script, and both sides. What does
not: the script itself (:mod:`.analyst_script`), which is written as an analyst would.
"""

from collections.abc import Callable

from bj_pipeline_tests.benchmarks.figures import Bench, Outcome
from bj_pipeline_tests.benchmarks.issue import FIRST_WARM, WARM_UP, warm_builder
from bj_pipeline_tests.benchmarks.measuring import environment, in_turn, worker

_ROUNDS = 7


def script(bench: Bench) -> list[Outcome]:
    """The pipeline builds issues; the script makes tables and charts of the same ones."""
    home = bench.folder / "home"
    with (
        warm_builder(bench.folder, home) as build,
        worker("analyst:analyst", environment(home), bench.folder) as work,
    ):
        for number in range(FIRST_WARM, FIRST_WARM + WARM_UP):
            build(number)
            work(number)
        start = FIRST_WARM + WARM_UP
        ours, floor = in_turn(
            bench.rounds(_ROUNDS), lambda at: build(start + at), lambda at: work(start + at)
        )
    note = (
        "The script computes the same tables, draws as many charts of its kind, and writes a "
        "workbook and a Word file; it checks nothing, reads nothing back, keeps no history, and "
        "makes no PDF and no web page."
    )
    return [Outcome(ours, floor, note=note)]


def analyst() -> Callable[[int], None]:
    """Runs the script on an issue's files; the files are written before the first call."""
    from pathlib import Path

    from bj_pipeline.issues import all_issues, by_number
    from bj_pipeline.sources.sample import SampleSource
    from bj_pipeline.warehouse import tables
    from bj_pipeline_tests.benchmarks import analyst_script

    source = SampleSource()
    folder = Path.cwd() / "vendor-files"
    raw = (
        tables.RAW_QUOTES,
        tables.RAW_VALUATIONS,
        tables.RAW_INDEX_QUOTES,
        tables.RAW_FINANCIALS,
        tables.RAW_ANNOUNCEMENTS,
    )
    last = FIRST_WARM + WARM_UP + _ROUNDS
    for issue in all_issues():
        if FIRST_WARM <= issue.number <= last:
            (folder / issue.folder).mkdir(parents=True)
            for table in raw:
                for sent in source.deliver(issue, table):
                    (folder / issue.folder / f"{table}.csv").write_bytes(sent.content)

    def work(number: int) -> None:
        issue = by_number(number)
        analyst_script.make(
            folder / issue.folder,
            str(source.pool_file),
            str(issue.base_date),
            str(issue.close_date),
        )

    return work
