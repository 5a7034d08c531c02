"""Data Docs: the results of the checks of every issue as static web pages.

What belongs here: pages, their words and their files. What does not: running checks
(:mod:`.validate`), and the link in Dagster's UI (:mod:`.asset_checks`).

Great Expectations has pages of its own. They take about as long as the checks themselves, come one
a suite without an index by issue, and log errors on NumPy's floats; these show the same results
under the report's own look. The same results give the same bytes: there is no time on a page.

A folder an issue holds a page a stage; beside it lie the same results as JSON, so that a run of one
check replaces that check and leaves its neighbours.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bj_pipeline import given
from bj_pipeline.assets.metadata import plain, plain_rows
from bj_pipeline.issues import Issue, all_issues
from bj_pipeline.quality.check import Outcome, Rule
from bj_pipeline.quality.stages import STAGES
from bj_pipeline.report import artifacts, fonts
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import CheckCounts, Warehouse

INDEX = "index.html"
STYLE = "style.css"
_VALUES_NAMED = 12
_WHOLE = 1.0
_STAGE_OF = {one.name: stage for stage, checks in STAGES.items() for one in checks}

Result = dict[str, Any]
"""What a page tells of a check, as JSON."""

_WORDS = {
    "expect_table_columns_to_match_set": "the columns are {column_set}",
    "expect_table_row_count_to_be_between": "the number of rows is {range}",
    "expect_table_row_count_to_equal": "the number of rows is exactly {value}",
    "expect_column_values_to_not_be_null": "{column} is given",
    "expect_column_values_to_be_null": "{column} is empty",
    "expect_column_values_to_be_between": "{column} is {range}",
    "expect_column_values_to_be_in_set": "{column} is one of {value_set}",
    "expect_column_values_to_not_be_in_set": "{column} is none of {value_set}",
    "expect_column_values_to_match_regex": "{column} matches {regex}",
    "expect_column_values_to_be_unique": "no two rows have the same {column}",
    "expect_compound_columns_to_be_unique": "no two rows have the same {column_list}",
    "expect_column_value_lengths_to_be_between": "the length of {column} is {range}",
}


@dataclass(frozen=True)
class DataDocs:
    """The pages of one installation.

    Attributes:
        folder: Where they lie.
        url: Under which address a web server shows them; empty if none does.
    """

    folder: Path
    url: str = ""

    def publish(
        self, warehouse: Warehouse, issue: Issue, stage: str, outcomes: Iterable[Outcome]
    ) -> None:
        """Write what checks of a stage have found, and bring the overviews up to date.

        Args:
            warehouse: Where the results were recorded before.
            issue: The issue that was checked.
            stage: A stage of :data:`STAGES`.
            outcomes: What was found; checks that were not run keep their former result.
        """
        record = self.folder / issue.folder / f"{stage}.json"
        found = [result(outcome) for outcome in outcomes]
        # One writer at a time: the overview that is written last has seen every result.
        with warehouse.writing():
            results = _merged(stage, _former(record), found)
            text = json.dumps(results, ensure_ascii=False, indent=1) + "\n"
            artifacts.write(record, text.encode())
            artifacts.write(self.page(issue, stage), stage_page(issue, stage, results))
            own = warehouse.read(tables.CHECK_RESULTS, issue.number)
            counts = warehouse.count_checks(_STAGE_OF)
            there = {one.name for one in self.folder.iterdir()}
            pages = {name for name in STAGES if self.page(issue, name).is_file()}
            artifacts.write(self.folder / issue.folder / INDEX, issue_page(issue, own, pages))
            artifacts.write(self.folder / INDEX, overview_page(counts, there))
            _write_if_changed(self.folder / STYLE, _style().encode())

    def page(self, issue: Issue, stage: str) -> Path:
        """The page of a stage."""
        return self.folder / issue.folder / f"{stage}.html"

    def link(self, issue: Issue, check: str) -> str:
        """Address of a check's result; empty without a web server."""
        if not self.url:
            return ""
        return f"{self.url.rstrip('/')}/{issue.folder}/{_STAGE_OF[check]}.html#{check}"


def result(outcome: Outcome) -> Result:
    """What a page tells of a check, as plain values."""
    one = outcome.check
    return {
        "check": one.name,
        "asset": one.asset,
        "severity": one.severity,
        "question": one.question,
        "remedy": one.remedy,
        "suite": outcome.suite,
        "passed": outcome.passed,
        "broken": list(outcome.broken),
        "rules": [_rule(rule) for rule in outcome.rules],
    }


def _rule(rule: Rule) -> Result:
    rows = plain_rows(rule.rows) if len(rule.rows) else []
    return {
        "expectation": rule.expectation,
        "arguments": {name: _plain(value) for name, value in rule.arguments.items()},
        "words": words(rule),
        "held": rule.held,
        "observed": rule.observed,
        "count": rule.count,
        "columns": [str(name) for name in rule.rows.columns] if rows else [],
        "rows": [list(row.values()) for row in rows],
    }


def _plain(value: Any) -> Any:
    return [plain(one) for one in value] if isinstance(value, list | tuple | set) else plain(value)


def words(rule: Rule) -> str:
    """What a rule expects, in words."""
    told = {name: _told(value) for name, value in rule.arguments.items()}
    template = _WORDS.get(rule.expectation)
    if template is None:
        given = ", ".join(f"{name} {text}" for name, text in told.items())
        return f"{rule.expectation.replace('_', ' ')}: {given}"
    text = template.format_map(told | {"range": _range(rule.arguments)})
    mostly = float(rule.arguments.get("mostly", _WHOLE))
    return text if mostly == _WHOLE else f"{text}, in at least {mostly:.0%} of the rows"


def _told(value: Any) -> str:
    if not isinstance(value, list | tuple | set):
        return str(plain(value))
    shown = [str(plain(one)) for one in list(value)[:_VALUES_NAMED]]
    more = len(value) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _range(arguments: Mapping[str, Any]) -> str:
    ends = []
    if "min_value" in arguments:
        ends.append(f"{'above' if arguments.get('strict_min') else 'at least'} {{min_value}}")
    if "max_value" in arguments:
        ends.append(f"{'below' if arguments.get('strict_max') else 'at most'} {{max_value}}")
    told = {name: _told(value) for name, value in arguments.items()}
    return " and ".join(ends).format_map(told)


def _former(record: Path) -> list[Result]:
    """What was found before; nothing if it cannot be read: the next whole run writes it anew."""
    try:
        return list(json.loads(given.content(record)))
    except (OSError, ValueError):
        return []


def _merged(stage: str, former: Sequence[Result], now: Sequence[Result]) -> list[Result]:
    """The newest result of each check that ships, in the order of the stage."""
    newest = {one["check"]: one for one in (*former, *now)}
    return [newest[one.name] for one in STAGES[stage] if one.name in newest]


def stage_page(issue: Issue, stage: str, results: Sequence[Result]) -> bytes:
    """The page of a stage: each check with its rules, what was observed and the offending rows."""
    return _render("stage", issue=issue, stage=stage, results=results, root="../")


def issue_page(issue: Issue, recorded: pd.DataFrame, pages: Iterable[str]) -> bytes:
    """The page of an issue: its checks by stage.

    Args:
        issue: The issue.
        recorded: Its rows of ``check_results``.
        pages: Stages that have a page.
    """
    found = {row["check"]: row for row in recorded.to_dict("records")}
    stages = {
        stage: [(one, found[one.name]) for one in checks if one.name in found]
        for stage, checks in STAGES.items()
    }
    return _render("issue", issue=issue, stages=stages, pages=set(pages), root="../")


def overview_page(counts: Mapping[tuple[int, str], CheckCounts], folders: Iterable[str]) -> bytes:
    """The first page: all issues, the newest first, with their failed checks by stage.

    Args:
        counts: How the checks have ended, by issue and stage.
        folders: Folders of issues that have pages.
    """
    numbers, there = {number for number, _ in counts}, set(folders)
    rows = [
        _overview_row(
            issue,
            tuple(counts.get((issue.number, stage)) for stage in STAGES),
            has_pages=issue.folder in there,
        )
        for issue in reversed(all_issues())
        if issue.number in numbers
    ]
    return _render("overview", rows=rows, root="")


@lru_cache(maxsize=2048)
def _overview_row(
    issue: Issue, cells: tuple[CheckCounts | None, ...], *, has_pages: bool
) -> Markup:
    """One issue's line: of hundreds, one changes when a stage has been checked."""
    line = _template("data_docs_row.html.j2")
    return Markup(line.render(issue=issue, cells=cells, has_pages=has_pages))  # noqa: S704 - ours


def _render(kind: str, **parts: Any) -> bytes:
    page = _template("data_docs.html.j2")
    return str(page.render(kind=kind, all_stages=list(STAGES), **parts)).encode()


@cache
def _template(name: str) -> Any:
    environment = Environment(
        autoescape=True,
        loader=PackageLoader("bj_pipeline.quality"),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(name)


@cache
def _style() -> str:
    """The report's style sheet, then what these pages add; fonts are those of the machine."""
    families = ", ".join(f'"{name}"' for name in fonts.FALLBACKS)
    texts = [
        files(package).joinpath("templates", name).read_text(encoding="utf-8")
        for package, name in (
            ("bj_pipeline.report", "report.css"),
            ("bj_pipeline.quality", "data_docs.css"),
        )
    ]
    return "".join((f":root {{ --family: {families}, sans-serif; }}\n", *texts))


def _write_if_changed(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        artifacts.write(path, content)
