"""More of everything: all A-shares instead of 150 companies, ten times the history."""

import csv
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from bj_pipeline_tests.benchmarks.figures import Bench, Outcome
from bj_pipeline_tests.benchmarks.measuring import Worker, environment, in_turn, worker

if TYPE_CHECKING:
    from bj_pipeline.warehouse.store import Warehouse

_ROUNDS = 5
_WARM_UP = 2
_FIRST = 57
_COMPANIES = 5_400
_CODES = 920_000
_HISTORY, _LONG_HISTORY = 65, 650
_ISSUE = 65
_PARTS = {"one issue": 7, "a trend": 15, "a company's page": 31}
"""How often each is measured: the shorter, the more often."""


def companies(bench: Bench) -> list[Outcome]:
    """An issue of the sample as it is, and of one in which each company stands 36 times."""
    with (
        worker("scale:grown", environment(bench.folder / "many"), bench.folder, _COMPANIES) as many,
        worker("issue:builder", environment(bench.folder / "few"), bench.folder) as few,
    ):
        for number in range(_FIRST, _FIRST + _WARM_UP):
            many(number)
            few(number)
        start = _FIRST + _WARM_UP
        ours, floor = in_turn(
            bench.rounds(_ROUNDS),
            lambda at: many(start + at),
            lambda at: few(start + at),
        )
    return [Outcome(ours, floor)]


def issues(bench: Bench) -> list[Outcome]:
    """The same work in a warehouse that holds 65 issues, and in one that holds 650."""
    outcomes = []
    with (
        _long(bench, _LONG_HISTORY) as many,
        _long(bench, _HISTORY) as few,
    ):
        for part, rounds in _PARTS.items():
            many(part)
            few(part)
            ours, floor = in_turn(
                bench.rounds(rounds), lambda _, p=part: many(p), lambda _, p=part: few(p)
            )
            outcomes.append(Outcome(ours, floor, part=part))
    return outcomes


def _long(bench: Bench, count: int) -> AbstractContextManager[Worker]:
    home = bench.folder / str(count)
    return worker("scale:long", environment(home), bench.folder, count)


# --- what runs in the workers


def grown(count: str) -> Callable[[int], None]:
    """Builds issues of a sample with so many companies: copies with codes of their own."""
    from bj_pipeline.sources import sample
    from bj_pipeline_tests.benchmarks.issue import builder

    folder = Path.cwd() / f"sample-{count}"
    shutil.copytree(sample.DATA, folder)
    for name in ("companies.csv", "pool.csv"):
        _multiply(folder / name, int(count))
    sample.DATA = folder
    sample.SampleSource.pool_file = folder / "pool.csv"
    return builder()


def _multiply(path: Path, count: int) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    taken = {row["code"] for row in rows}
    free = (f"{number}.BJ" for number in range(_CODES, _CODES + 10_000))
    codes = (code for code in free if code not in taken)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
        for at in range(count - len(rows)):
            row = rows[at % len(rows)]
            name = f"{row['name']}{at // len(rows) + 2}"
            writer.writerow(row | {"code": next(codes), "name": name})


def long(count: str) -> Callable[[str], None]:
    """Works in a warehouse whose issues are copies of one, under the numbers that it needs."""
    from bj_pipeline_tests.benchmarks.weeks import know_issues

    know_issues(_LONG_HISTORY)  # before the partitions are made of the list
    from bj_pipeline.automation.local import Runner
    from bj_pipeline.reference import load_reference
    from bj_pipeline.report.house import load_house
    from bj_pipeline.settings import load_settings
    from bj_pipeline.site import history, views
    from bj_pipeline.site.render import Renderer
    from bj_pipeline.warehouse import tables

    settings = load_settings()
    runner = Runner(settings, "sample", None)
    runner.build_quietly(_ISSUE)
    _copy(runner.warehouse, [n for n in range(1, int(count) + 1) if n != _ISSUE])
    house = load_house(settings.content / "house.yaml")
    code = str(runner.warehouse.read(tables.COMPANY_METRICS, _ISSUE)["code"].iloc[0])

    def company_page() -> None:
        reference = load_reference(settings.reference)
        company = history.read_company(runner.warehouse, reference, house.labels, code)
        Renderer(house).page(views.company_page(company, house))

    work: dict[str, Callable[[], object]] = {
        "one issue": lambda: runner.build_quietly(_ISSUE),
        "a trend": lambda: runner.build_quietly(_ISSUE, (tables.SECTOR_TRENDS,)),
        "a company's page": company_page,
    }

    def do(part: str) -> None:
        work[part]()

    return do


def _copy(warehouse: "Warehouse", numbers: list[int]) -> None:
    """Give issues the rows of the one that is there, as they are."""
    from sqlalchemy import insert, literal, select

    from bj_pipeline.warehouse import tables

    with warehouse.writing() as connection:
        for table in tables.METADATA.tables.values():
            if "issue" not in table.columns:
                continue
            for number in numbers:
                columns = [
                    literal(number).label("issue") if column.name == "issue" else column
                    for column in table.columns
                ]
                rows = select(*columns).where(table.c.issue == _ISSUE)
                connection.execute(insert(table).from_select(table.columns.keys(), rows))
