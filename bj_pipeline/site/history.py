"""The series as it stands in the warehouse: what every page of the site is made from.

What belongs here: all reading, a few queries for all issues together. What does not: wording,
rounding and layout. Rows keep the names and units of :mod:`bj_pipeline.warehouse.tables`; a blank
is None.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


class KeyPoint(NamedTuple):
    """A point of a report's front page."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Edition:
    """One issue of the site.

    Attributes:
        subtitle: Topic of the week; empty without one, or without a report.
        is_sample: Made from sample data.
        market: ``market_metrics``: value by metric.
        movers: The pool's largest changes, largest first.
        forms: Finished files by name.
    """

    issue: Issue
    subtitle: str
    is_sample: bool
    market: Mapping[str, float | None]
    movers: tuple[Row, ...]
    forms: Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class History:
    """Everything that the site shows.

    Attributes:
        editions: The issues, oldest first; at least one.
        calendar: Every issue from the first to the last, there or not: the axis of all charts.
        companies: By code: ``company_metrics`` with ``is_st`` and, where the company is in the AI
            chain, ``segment`` and ``description``.
        sectors: ``sector_metrics`` by sector, in the order of the report.
        segments: By AI-chain segment, in the order of the report: ``companies``, ``market_cap``.
        chain: By issue: ``ai_chain_metrics``.
        key_points: The newest issue's front page; empty without a report.
        indices: The indices that the pool is compared with.
        old_codes: Six digits that a company had before the switch of 2025-10-09, by code.
        labels: The words that frame it.
    """

    editions: tuple[Edition, ...]
    calendar: tuple[Issue, ...]
    companies: Mapping[str, Weeks]
    sectors: Mapping[str, Weeks]
    segments: Mapping[str, Weeks]
    chain: Mapping[int, tuple[Row, ...]]
    key_points: tuple[KeyPoint, ...]
    indices: tuple[Index, ...]
    old_codes: Mapping[str, str]
    labels: Labels

    @property
    def newest(self) -> Edition:
        """The issue that a reader sees first."""
        return self.editions[-1]


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
    reader = _Reader(warehouse, frozenset(numbers), kept.read(warehouse, revisions or {}))
    chain = reader.by_issue(tables.AI_CHAIN_METRICS)
    documents = reader.documents()
    return History(
        editions=tuple(_editions(reader, reports, documents, numbers)),
        calendar=tuple(one for one in all_issues() if numbers[0] <= one.number <= numbers[-1]),
        companies=_companies(reader),
        sectors=_ordered(_weeks(reader.rows(tables.SECTOR_METRICS), "sector"), reference.sectors),
        segments=_ordered(_segments(chain), reference.segments),
        chain=chain,
        key_points=_key_points(documents.get(numbers[-1]), numbers[-1]),
        indices=reference.indices,
        old_codes={f"{new}.BJ": old for old, new in mapping().items()},
        labels=labels,
    )


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


@dataclass(frozen=True, slots=True)
class _Reader:
    """Tables of the issues that are shown; each is read once, for all of them."""

    warehouse: Warehouse
    issues: frozenset[int]
    approved: Mapping[str, Mapping[int, kept.Rows]]

    def rows(self, table: str) -> kept.Rows:
        approved = self.approved.get(table, {})
        frame = self.warehouse.read(table)
        rows = kept.records(frame[frame["issue"].isin(self.issues - approved.keys())])
        rows += [row for issue in self.issues & approved.keys() for row in approved[issue]]
        return sorted(rows, key=lambda row: row["issue"])

    def by_issue(self, table: str) -> dict[int, tuple[Row, ...]]:
        grouped: defaultdict[int, list[Row]] = defaultdict(list)
        for row in self.rows(table):
            grouped[row["issue"]].append(row)
        return {issue: tuple(rows) for issue, rows in grouped.items()}

    def documents(self) -> dict[int, str]:
        return {row["issue"]: row["document"] for row in self.rows(tables.REPORT_DOCUMENT)}


def _editions(
    reader: _Reader, reports: Place, documents: Mapping[int, str], numbers: Sequence[int]
) -> Iterator[Edition]:
    market = reader.by_issue(tables.MARKET_METRICS)
    movers = reader.by_issue(tables.MOVERS)
    inputs = reader.by_issue(tables.INPUT_FILES)
    for number in numbers:
        issue = by_number(number)
        document = json.loads(documents.get(number, "{}"))
        from_sample = any(row["vendor"] == SAMPLE for row in inputs.get(number, ()))
        ready = artifacts.finished(reports / issue.folder)
        yield Edition(
            issue=issue,
            subtitle=document.get("subtitle", ""),
            is_sample=from_sample or bool(document.get("is_sample", False)),
            market={row["metric"]: row["value"] for row in market.get(number, ())},
            movers=tuple(row for row in movers.get(number, ()) if row["sector"] == WHOLE_POOL),
            forms={name: ready[name] for name in FORMS if name in ready},
        )


def _companies(reader: _Reader) -> dict[str, Weeks]:
    special = {
        (row["issue"], row["code"]): row["is_st"] for row in reader.rows(tables.COMPANY_UNIVERSE)
    }
    links = {
        (row["issue"], row["code"]): row for row in reader.rows(tables.AI_CHAIN_CLASSIFICATION)
    }
    nowhere: Row = {"segment": None, "description": None}
    companies = reader.rows(tables.COMPANY_METRICS)
    for row in companies:
        key = (row["issue"], row["code"])
        link = links.get(key, nowhere)
        row["is_st"] = bool(special.get(key, False))
        row["segment"], row["description"] = link["segment"], link["description"]
    return dict(sorted(_weeks(companies, "code").items()))


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
    """Groups in the order of the report; those that it no longer knows at the end, by name."""
    place = {name: at for at, name in enumerate(order)}
    names = sorted(groups, key=lambda name: (place.get(name, len(place)), name))
    return {name: groups[name] for name in names}


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
