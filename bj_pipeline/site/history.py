"""The series as it stands in the warehouse: what every page of the site is made from.

What belongs here: all reading, a few queries for all issues together, or for one company. What does
not: wording, rounding and layout. Rows keep the names and units of
:mod:`bj_pipeline.warehouse.tables`; a blank is None.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pydantic import ValidationError

from bj_pipeline.errors import MissingDataError
from bj_pipeline.issues import Issue, all_issues, by_number
from bj_pipeline.metrics import arithmetic
from bj_pipeline.metrics.rankings import WHOLE_POOL
from bj_pipeline.reference import Index, Reference
from bj_pipeline.report import artifacts
from bj_pipeline.report.document import Document
from bj_pipeline.report.labels import Labels
from bj_pipeline.site import kept
from bj_pipeline.sources.codes import mapping
from bj_pipeline.storage import Place
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse

Row = Mapping[str, Any]
"""A row of a table, or of several joined, by column."""
Weeks = Mapping[int, Row]
"""Rows by issue number, oldest first; an issue without a row is a gap."""

FORMS = artifacts.FORMS
"""Finished files of an issue that the site offers, where they exist."""
SAMPLE = "sample"
RECENT = 65
"""Issues on a company's page: a year and a quarter of weeks, as many as its charts can tell apart.

A longer past has a page of its own, so that pages stay light however long the series grows.
"""


class KeyPoint(NamedTuple):
    """A point of a report's front page."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Edition:
    """What the front page says of one issue.

    Attributes:
        subtitle: Topic of the week; empty without one, or without a report.
        market: ``market_metrics``: value by metric.
        movers: The pool's largest changes, largest first.
        forms: Finished files by name.
    """

    issue: Issue
    subtitle: str
    market: Mapping[str, float | None]
    movers: tuple[Row, ...]
    forms: Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Series:
    """Some issues of the site, and whose pages there are: what every page needs.

    Attributes:
        issues: Those that the site holds, oldest first; at least one.
        calendar: Every issue from the first to the last, there or not: the axis of all charts.
        samples: Numbers of issues that are made from sample data.
        newest: The site's newest issue, whether it is among these or not.
        sectors: Names of all sectors that have a page, in the order of the report.
        old_codes: Six digits that a company had before the switch of 2025-10-09, by code.
        labels: The words that frame it.
    """

    issues: tuple[Issue, ...]
    calendar: tuple[Issue, ...]
    samples: frozenset[int]
    newest: int
    sectors: tuple[str, ...]
    old_codes: Mapping[str, str]
    labels: Labels

    def only(self, numbers: Collection[int]) -> "Series":
        """The same about some of the issues."""
        return replace(
            self,
            issues=tuple(one for one in self.issues if one.number in numbers),
            calendar=_calendar(min(numbers), max(numbers)),
            samples=self.samples & set(numbers),
        )


@dataclass(frozen=True, slots=True)
class Company:
    """One company over some issues: what a page about it shows.

    Attributes:
        series: The issues.
        code: Its code.
        covered: First and last issue of the site that cover it, among these or not.
        weeks: ``company_metrics`` with ``is_st`` and, where the company is in the AI chain,
            ``segment`` and ``description``.
    """

    series: Series
    code: str
    covered: tuple[int, int]
    weeks: Weeks

    @property
    def goes_back(self) -> bool:
        """Whether issues before these cover it."""
        return self.covered[0] < self.series.issues[0].number


@dataclass(frozen=True, slots=True)
class History:
    """Everything that the site shows.

    Attributes:
        series: All its issues.
        editions: The same, with what the front page says of them.
        companies: By code: as in :class:`Company`.
        sectors: ``sector_metrics`` by sector, in the order of the report.
        segments: By AI-chain segment, in the order of the report: ``companies``, ``market_cap``.
        chain: By issue: ``ai_chain_metrics``.
        key_points: The newest issue's front page; empty without a report.
        indices: The indices that the pool is compared with.
    """

    series: Series
    editions: tuple[Edition, ...]
    companies: Mapping[str, Weeks]
    sectors: Mapping[str, Weeks]
    segments: Mapping[str, Weeks]
    chain: Mapping[int, tuple[Row, ...]]
    key_points: tuple[KeyPoint, ...]
    indices: tuple[Index, ...]

    @property
    def labels(self) -> Labels:
        """The words that frame it."""
        return self.series.labels

    @property
    def newest(self) -> Edition:
        """The issue that a reader sees first."""
        return self.editions[-1]

    def company(self, code: str) -> Company:
        """A company over the issues that its page shows."""
        whole = self.whole_company(code)
        numbers = [one.number for one in self.series.issues]
        shown = set(_shown(numbers, whole.covered[1]))
        weeks = {number: row for number, row in whole.weeks.items() if number in shown}
        return replace(whole, series=self.series.only(shown), weeks=weeks)

    def whole_company(self, code: str) -> Company:
        """A company over all issues."""
        weeks = self.companies[code]
        return Company(self.series, code, (min(weeks), max(weeks)), weeks)


def read(
    warehouse: Warehouse,
    reports: Place,
    reference: Reference,
    labels: Labels,
    issues: Collection[int] | None = None,
    revisions: Mapping[int, int] | None = None,
) -> History:
    """Read the series.

    Args:
        warehouse: Holds the issues.
        reports: Folder of the finished files, one folder an issue.
        labels: The words that frame the pages.
        reference: Gives sectors and segments their order, and the indices their names.
        issues: Issues that may be shown; None for all whose companies' figures are there.
        revisions: Approved revisions, by issue, to show instead of what was built last.

    Raises:
        MissingDataError: An issue that was asked for is not in the warehouse, or there is none.
    """
    numbers = _numbers(warehouse, issues)
    reader = _Reader(warehouse, revisions or {})
    chain = _by_issue(reader.rows(tables.AI_CHAIN_METRICS, numbers))
    stored = reader.documents(numbers)
    documents = {number: json.loads(document) for number, document in stored.items()}
    sectors = _weeks(reader.rows(tables.SECTOR_METRICS, numbers), "sector")
    return History(
        series=_series(reader, numbers, _in_order(sectors, reference.sectors), labels, documents),
        editions=tuple(_editions(reader, reports, documents, numbers)),
        companies=dict(sorted(_companies(reader, numbers).items())),
        sectors=_ordered(sectors, reference.sectors),
        segments=_ordered(_segments(chain), reference.segments),
        chain=chain,
        key_points=_key_points(stored.get(numbers[-1]), numbers[-1]),
        indices=reference.indices,
    )


def read_company(
    warehouse: Warehouse,
    reference: Reference,
    labels: Labels,
    code: str,
    issues: Collection[int] | None = None,
    revisions: Mapping[int, int] | None = None,
) -> Company:
    """Read what the page of one company shows, and nothing else.

    Args:
        warehouse: Holds the issues.
        reference: Gives sectors their order.
        labels: The words that frame the page.
        code: The company.
        issues: As for :func:`read`.
        revisions: Likewise.

    Raises:
        MissingDataError: No issue covers the company.
    """
    numbers = _numbers(warehouse, issues)
    reader = _Reader(warehouse, revisions or {})
    first = _met_first(reader, numbers, code)
    last = _met_first(reader, numbers[::-1], code)
    if first is None or last is None:
        raise MissingDataError(f"No issue of the site covers {code}. `bj-pipeline site` lists all.")
    shown = _shown(numbers, last)
    sectors = _in_order(reader.values(tables.SECTOR_METRICS, "sector", numbers), reference.sectors)
    series = _series(reader, shown, sectors, labels)
    return Company(
        series=replace(series, newest=numbers[-1]),
        code=code,
        covered=(first, last),
        weeks=_companies(reader, shown, code=code)[code],
    )


def _met_first(reader: "_Reader", numbers: Sequence[int], code: str) -> int | None:
    """The first of these issues, in their order, that covers a company.

    Looked for piece by piece: most companies are met at once, however long the series is.
    """
    for at in range(0, len(numbers), RECENT):
        some = numbers[at : at + RECENT]
        there = set(reader.values(tables.COMPANY_METRICS, "issue", some, code=code))
        if there:
            return next(number for number in some if number in there)
    return None


def _numbers(warehouse: Warehouse, wanted: Collection[int] | None) -> list[int]:
    there = warehouse.issues(tables.COMPANY_METRICS)
    numbers = sorted(there if wanted is None else set(wanted))
    if missing := sorted(set(numbers) - set(there)):
        raise MissingDataError(
            f"The warehouse holds no companies' figures of issue "
            f"{', '.join(str(number) for number in missing)}. "
            f"Build it with `bj-pipeline run --issue {missing[0]}`."
        )
    if not numbers:
        raise MissingDataError(
            "There is no issue to show. Build one with `bj-pipeline run --issue N`."
        )
    return numbers


def _shown(numbers: Sequence[int], last: int) -> list[int]:
    """Issues on the page of a company that an issue covered last."""
    recent = list(numbers[-RECENT:])
    return recent if last in recent else [number for number in numbers if number <= last][-RECENT:]


def _calendar(first: int, last: int) -> tuple[Issue, ...]:
    return tuple(one for one in all_issues() if first <= one.number <= last)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Rows of issues: as approved where a revision is to be shown, else as built last."""

    warehouse: Warehouse
    revisions: Mapping[int, int]

    def rows(self, table: str, numbers: Collection[int], **equal: str) -> kept.Rows:
        """Rows of a table, oldest issue first."""
        approved = self._approved(table, numbers, equal)
        built = [number for number in numbers if number not in approved]
        rows = kept.records(self.warehouse.read_issues(table, built, **equal)) if built else []
        rows += [row for found in approved.values() for row in found]
        return sorted(rows, key=lambda row: row["issue"])

    def values(self, table: str, column: str, numbers: Collection[int], **equal: str) -> list[Any]:
        """The different values of a column, in order."""
        approved = self._approved(table, numbers, equal)
        built = [number for number in numbers if number not in approved]
        found = set(self.warehouse.values(table, column, built, **equal)) if built else set()
        return sorted(found | {row[column] for rows in approved.values() for row in rows})

    def documents(self, numbers: Collection[int]) -> dict[int, str]:
        """Documents as stored, by issue."""
        rows = self.rows(tables.REPORT_DOCUMENT, numbers)
        return {row["issue"]: row["document"] for row in rows}

    def _approved(
        self, table: str, numbers: Collection[int], equal: Mapping[str, str]
    ) -> dict[int, kept.Rows]:
        wanted = {number: self.revisions[number] for number in numbers if number in self.revisions}
        return {
            number: [row for row in rows if all(row[name] == equal[name] for name in equal)]
            for number, rows in kept.read(self.warehouse, wanted, table).items()
        }


def _by_issue(rows: Iterable[Row]) -> dict[int, tuple[Row, ...]]:
    grouped: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["issue"]].append(row)
    return {issue: tuple(found) for issue, found in grouped.items()}


def _series(
    reader: _Reader,
    numbers: Sequence[int],
    sectors: tuple[str, ...],
    labels: Labels,
    documents: Mapping[int, Mapping[str, Any]] | None = None,
) -> Series:
    return Series(
        issues=tuple(by_number(number) for number in numbers),
        calendar=_calendar(numbers[0], numbers[-1]),
        samples=_samples(reader, numbers, documents),
        newest=numbers[-1],
        sectors=sectors,
        old_codes={f"{new}.BJ": old for old, new in mapping().items()},
        labels=labels,
    )


def _samples(
    reader: _Reader,
    numbers: Sequence[int],
    documents: Mapping[int, Mapping[str, Any]] | None,
) -> frozenset[int]:
    """Issues whose inputs or whose report are of the sample."""
    samples = set(reader.values(tables.INPUT_FILES, "issue", numbers, vendor=SAMPLE))
    if documents is None:
        rest = [number for number in numbers if number not in samples]
        documents = {one: json.loads(text) for one, text in reader.documents(rest).items()}
    return frozenset(
        samples | {number for number, one in documents.items() if one.get("is_sample", False)}
    )


def _editions(
    reader: _Reader,
    reports: Place,
    documents: Mapping[int, Mapping[str, Any]],
    numbers: Sequence[int],
) -> Iterator[Edition]:
    market = _by_issue(reader.rows(tables.MARKET_METRICS, numbers))
    movers = _by_issue(reader.rows(tables.MOVERS, numbers, sector=WHOLE_POOL))
    for number in numbers:
        issue = by_number(number)
        ready = artifacts.finished(reports / issue.folder)
        yield Edition(
            issue=issue,
            subtitle=documents.get(number, {}).get("subtitle", ""),
            market={row["metric"]: row["value"] for row in market.get(number, ())},
            movers=movers.get(number, ()),
            forms={name: ready[name] for name in FORMS if name in ready},
        )


def _companies(reader: _Reader, numbers: Collection[int], **equal: str) -> dict[str, Weeks]:
    special = {
        (row["issue"], row["code"]): row["is_st"]
        for row in reader.rows(tables.COMPANY_UNIVERSE, numbers, **equal)
    }
    links = {
        (row["issue"], row["code"]): row
        for row in reader.rows(tables.AI_CHAIN_CLASSIFICATION, numbers, **equal)
    }
    nowhere: Row = {"segment": None, "description": None}
    companies = reader.rows(tables.COMPANY_METRICS, numbers, **equal)
    for row in companies:
        key = (row["issue"], row["code"])
        link = links.get(key, nowhere)
        row["is_st"] = bool(special.get(key, False))
        row["segment"], row["description"] = link["segment"], link["description"]
    return _weeks(companies, "code")


def _weeks(rows: Iterable[Row], key: str) -> dict[str, Weeks]:
    """Rows by that column, then by issue."""
    grouped: defaultdict[str, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        grouped[row[key]][row["issue"]] = row
    return dict(grouped)


def _segments(chain: Mapping[int, Sequence[Row]]) -> dict[str, Weeks]:
    """Companies and total market cap (yuan) of each segment, from the AI-chain table."""
    members: defaultdict[tuple[str, int], list[float | None]] = defaultdict(list)
    for issue, rows in chain.items():
        for row in rows:
            members[row["segment"], issue].append(row["market_cap"])
    return _weeks(
        (
            {
                "segment": segment,
                "issue": issue,
                "companies": len(caps),
                "market_cap": total(caps),
            }
            for (segment, issue), caps in members.items()
        ),
        "segment",
    )


def total(caps: Iterable[float | None]) -> float | None:
    """Sum of the known ones; None if none is known, because 0 would read as a figure."""
    known = [cap for cap in caps if cap is not None]
    return arithmetic.total(known) if known else None


def _ordered(groups: Mapping[str, Weeks], order: Sequence[str]) -> dict[str, Weeks]:
    return {name: groups[name] for name in _in_order(groups, order)}


def _in_order(names: Iterable[str], order: Sequence[str]) -> tuple[str, ...]:
    """Names in the order of the report; those that it no longer knows at the end, by name."""
    place = {name: at for at, name in enumerate(order)}
    return tuple(sorted(names, key=lambda name: (place.get(name, len(place)), name)))


def _key_points(stored: str | None, number: int) -> tuple[KeyPoint, ...]:
    if stored is None:
        return ()
    try:
        document = Document.model_validate_json(stored)
    except ValidationError as error:
        raise MissingDataError(
            f"The report of issue {number} was written by another version of this program. "
            f"Build it again with `bj-pipeline run --issue {number}`."
        ) from error
    points = document.front_page.key_points
    labels = points.labels or ("",) * len(points.items)
    return tuple(
        KeyPoint(label, document.text(line))
        for label, line in zip(labels, points.items, strict=True)
    )
