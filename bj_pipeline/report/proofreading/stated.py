"""What the analyst states: the topic's texts, and the values of its figures that they speak of.

What belongs here: reading both out of the document. What does not: judging one by the other
(:mod:`.analyst`). Values count as stated, to the last printed digit.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bj_pipeline.report.document import (
    Bullets,
    Chart,
    Document,
    Fact,
    FactRef,
    Figure,
    FigureRow,
    Line,
    Paragraph,
    Table,
    Words,
)
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.quantities import Quantity, is_same
from bj_pipeline.report.topic import TOPIC_TABLE

_TIME = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Stated:
    """A value of a figure of the topic."""

    value: Decimal
    unit: str
    category: str
    series: str
    exhibit: str

    @property
    def year(self) -> int | None:
        """The year that its category names."""
        match = re.match(r"(\d{4})(?!\d)", self.category)
        return int(match[1]) if match else None


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, title or note of the analyst's, and the exhibits that it speaks of."""

    whole: str
    values: tuple[Stated, ...]
    is_exhibits: bool = False


def topic_texts(document: Document) -> list[Text]:
    """All texts of the topic, and its key point."""
    values = _values(document)
    texts = []
    for section in document.sections:
        for block in section.blocks:
            lines: tuple[Line, ...] = (
                (block.line,)
                if isinstance(block, Paragraph)
                else block.items
                if isinstance(block, Bullets)
                else ()
            )
            if getattr(block, "analyst", False):
                texts += [Text(document.text(line), values) for line in lines]
    if texts:
        point = document.front_page.key_points.items[0]
        if all(isinstance(part, Words) for part in point):
            texts.insert(0, Text(document.text(point), values))
    for exhibit in topic_exhibits(document):
        own = tuple(one for one in values if one.exhibit == exhibit.id)
        texts += [
            Text(text, own, is_exhibits=True) for text in (exhibit.title, exhibit.note) if text
        ]
    return texts


def topic_exhibits(document: Document) -> list[Figure | Table]:
    """Figures and tables that show values of the analyst's."""
    return [
        one
        for block in document.blocks()
        for one in (block.figures if isinstance(block, FigureRow) else (block,))
        if isinstance(one, Figure | Table) and _facts(document, one)
    ]


def _facts(document: Document, exhibit: Figure | Table) -> list[tuple[Fact, str, str]]:
    """The analyst's facts of an exhibit, with series and category, series by series."""
    if isinstance(exhibit, Figure):
        chart: Chart = exhibit.chart
        cells = [
            (name, series.name, category)
            for series in chart.series
            for name, category in zip(series.facts, chart.categories, strict=False)
        ]
    else:
        cells = [
            (part.fact, exhibit.columns[at].label, document.text(row[0].line))
            for at in range(len(exhibit.columns))
            for row in exhibit.rows
            for part in row[at].line
            if isinstance(part, FactRef)
        ]
    facts = [
        (document.facts[name], series, category)
        for name, series, category in cells
        if name in document.facts
    ]
    return [one for one in facts if one[0].table == TOPIC_TABLE and one[0].value is not None]


def _values(document: Document) -> tuple[Stated, ...]:
    return tuple(
        Stated(Decimal(fact.text), fact.unit, category, series, exhibit.id)
        for exhibit in topic_exhibits(document)
        for fact, series, category in _facts(document, exhibit)
    )


def series_with(values: Sequence[Stated], quantity: Quantity) -> list[tuple[list[Stated], int]]:
    """Series over time that hold a value, and where in them."""
    lines: dict[tuple[str, str], list[Stated]] = {}
    for one in values:
        lines.setdefault((one.exhibit, one.series), []).append(one)
    return [
        (line, at)
        for line in lines.values()
        if all(_TIME.match(one.category) for one in line)
        for at in range(len(line))
        if quantity.unit and is_stated(quantity, line[at : at + 1])
    ]


def is_stated(quantity: Quantity, values: Sequence[Stated]) -> bool:
    """Whether a quantity is one of these values, in whatever magnitude."""
    return any(is_same(quantity.value, quantity.unit, one.value, one.unit) for one in values)


def analysts_finding(rule: str, sentence: str, found: str, expected: str) -> Finding:
    """A slip of the analyst's, which warns and does not block."""
    return Finding(rule, "", "", sentence, found, expected, is_analysts=True)
