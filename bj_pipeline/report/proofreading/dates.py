"""Dates: the issue's own, those of the week, and those in the analyst's text."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from bj_pipeline.issues import by_number
from bj_pipeline.report.document import Document, FactRef, Figure, Table
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.form import sentences
from bj_pipeline.report.proofreading.known import Known
from bj_pipeline.report.topic import TOPIC_TABLE

_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_SHORT = re.compile(r"(?<!\d)(\d{2})-(\d{2})(?!\d)")
_CHINESE = re.compile(
    r"(?:(\d{4})\s*年\s*)?(?<!\d)(\d{1,2})\s*月\s*(\d{1,2})\s*(?:[—–~-]\s*\d{1,2}\s*)?日"
)
_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")
_RESULT = re.compile(r"\w+/(\d{6}\.[A-Z]{2})/(?:revenue|net_profit)")
_TREND_ISSUE = re.compile(r"\btrend_issue=(\d+)")
_AHEAD = re.compile("预计|预期|将|计划|拟|预测|截止|E")


def dates(document: Document, known: Known) -> Iterator[Finding]:
    """The issue's dates are those of its calendar; dates in it lie in its week."""
    issue = known.issue
    own = {
        "issue": (document.issue, issue.number),
        "week": (document.week, issue.week),
        "first session": (document.first_session, issue.first_session),
        "close date": (document.close_date, issue.close_date),
        "base date": (document.base_date, issue.base_date),
        "publication date": (document.publication_date, issue.publication_date),
    }
    for name, (stands, wanted) in own.items():
        if stands != wanted:
            yield Finding(
                "date_is_wrong", "", "", f"{document.title}: {name}", str(stands), str(wanted)
            )
    for _, line, is_analysts in document.lines():
        text = document.text(line)
        for sentence in sentences(text):
            yield from _in_text(sentence, known, is_analysts=is_analysts)
    for table in document.exhibits():
        if isinstance(table, Table):
            yield from _column(document, table, known)
            yield from _full_years(table, known)
    for figure in document.figures():
        yield from _axis(document, figure, known)
    for exhibit in document.exhibits():
        yield from _source(exhibit, known)


def _source(exhibit: Figure | Table, known: Known) -> Iterator[Finding]:
    """No source is of a year that has not come."""
    last = known.issue.publication_date.year
    for match in _YEAR.finditer(exhibit.source):
        if int(match[0]) > last:
            is_analysts = exhibit.id.startswith(f"{TOPIC_TABLE}-")
            expected = f"no year after {last}"
            yield Finding("date_is_wrong", "", "", exhibit.source, match[0], expected, is_analysts)


def _full_years(table: Table, known: Known) -> Iterator[Finding]:
    """A result stands under its full year, or the note tells of which year it is."""
    for at, column in enumerate(table.columns):
        head = _YEAR.search(column.label)
        for row in table.rows if head else ():
            for part in row[at].line:
                match = _RESULT.fullmatch(part.fact) if isinstance(part, FactRef) else None
                year = known.years.get(match[1]) if match else None
                if match is None or head is None or year in {None, int(head[0])}:
                    continue
                name = known.names.get(match[1], match[1])
                if name not in table.note or f"{year}" not in table.note:
                    yield Finding(
                        "date_is_wrong", "", "", table.title, f"{name} {column.label}", f"{year}"
                    )


def _axis(document: Document, figure: Figure, known: Known) -> Iterator[Finding]:
    """A trend's values stand at the close dates of their issues."""
    for series in figure.chart.series if figure.chart.kind == "lines" else ():
        for category, name in zip(figure.chart.categories, series.facts, strict=False):
            fact = document.facts.get(name)
            if fact is None or not _SHORT.fullmatch(category):
                continue
            trailing = _TREND_ISSUE.search(fact.row)
            issue = by_number(int(trailing[1])) if trailing else known.issue
            wanted = f"{issue.close_date:%m-%d}"
            if category != wanted:
                yield Finding("date_is_wrong", "", "", figure.title, category, wanted)


def _week(known: Known) -> tuple[date, date]:
    monday = known.issue.first_session - timedelta(days=known.issue.first_session.weekday())
    return monday, monday + timedelta(days=6)


def _is_of_issue(day: date, known: Known) -> bool:
    monday, sunday = _week(known)
    return monday <= day <= sunday or day in {known.issue.base_date, known.issue.publication_date}


def _in_text(sentence: str, known: Known, *, is_analysts: bool) -> Iterator[Finding]:
    issue = known.issue
    for pattern in (_ISO, _CHINESE):
        for match in pattern.finditer(sentence):
            year, month, day = (
                int(part) if part else issue.close_date.year for part in match.groups()
            )
            try:
                found = date(year, month, day)
            except ValueError:
                yield Finding(
                    "date_is_wrong",
                    "",
                    "",
                    sentence,
                    match[0],
                    "a day of the calendar",
                    is_analysts,
                )
                continue
            monday, sunday = _week(known)
            says_week = sentence[: match.start()].rstrip("（(至到— ").endswith("本周")
            is_late = (
                found > issue.publication_date
                and match[1] is not None
                and not _AHEAD.search(sentence)
            )
            if says_week and not monday <= found <= sunday:
                yield Finding(
                    "date_is_wrong",
                    "",
                    "",
                    sentence,
                    match[0],
                    f"{monday} to {sunday}",
                    is_analysts,
                )
            elif is_analysts and is_late:
                yield Finding(
                    "date_is_wrong",
                    "",
                    "",
                    sentence,
                    match[0],
                    f"no day after {issue.publication_date}",
                    is_analysts,
                )
            elif not is_analysts and pattern is _ISO and not _is_of_issue(found, known):
                yield Finding(
                    "date_is_wrong",
                    "",
                    "",
                    sentence,
                    match[0],
                    f"{monday} to {sunday}",
                    is_analysts,
                )


def _column(document: Document, table: Table, known: Known) -> Iterator[Finding]:
    head = document.labels["date"]
    at = next((at for at, column in enumerate(table.columns) if column.label == head), None)
    if at is None:
        return
    monday, sunday = _week(known)
    days = {f"{monday + timedelta(days=one):%m-%d}" for one in range(7)}
    for row in table.rows:
        text = document.text(row[at].line)
        match = _SHORT.search(text)
        if match and match[0] not in days:
            sentence = " ".join(document.text(cell.line) for cell in row)
            yield Finding(
                "date_is_wrong", "", "", sentence, text, f"{monday:%m-%d} to {sunday:%m-%d}"
            )
