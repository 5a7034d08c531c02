"""Whose figure it is: what stands beside a figure names the company, sector, … that it is of.

What belongs here: the house's figures beside the words of their sentence, row, axis or legend, and
last week's figures beside this week's; that a column is of one measure and a list of
sectors whole. What does not: whether codes and names exist
(:mod:`.companies`), and which figure is the largest (:mod:`.rankings`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from bj_pipeline.report.document import (
    Bullets,
    Cell,
    Document,
    Fact,
    FactRef,
    Figure,
    FigureRow,
    Line,
    Paragraph,
    Section,
    Table,
    Words,
)
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.known import Known
from bj_pipeline.report.topic import TOPIC_TABLE
from bj_pipeline.warehouse import tables

_KINDS = ("sector", "segment", "bucket", "name")
_BASE = "_base"
_DISTRIBUTION = "distribution/"
_INDEX = f"{tables.MARKET_METRICS}/index_change_"
Named = Mapping[str, str]


@cache
def _keys(row: str) -> dict[str, str]:
    """``issue=65, sector=汽车`` as a mapping."""
    return dict(part.split("=", 1) for part in row.split(", ") if "=" in part)


def _subjects(fact: Fact, known: Known) -> Named:
    """What a fact speaks of, by kind: ``sector``, ``segment``, ``bucket`` or ``name``."""
    if fact.table == TOPIC_TABLE:
        return {}
    keys = _keys(fact.row)
    found = {kind: keys[kind] for kind in _KINDS if kind in keys}
    code = fact.id.removeprefix(_INDEX) if fact.id.startswith(_INDEX) else keys.get("code", "")
    if code in known.names:
        found["name"] = known.names[code]
    if code in known.sectors:
        found["sector"] = known.sectors[code]
    if fact.id.startswith(_DISTRIBUTION):
        found["bucket"] = fact.id.removeprefix(_DISTRIBUTION)
    return found


def subjects(document: Document, known: Known) -> Iterator[Finding]:
    """Figures stand beside what they are of, and last week's under last week's heading."""
    told = {name: _subjects(fact, known) for name, fact in document.facts.items()}
    names: defaultdict[str, set[str]] = defaultdict(set)
    for one in told.values():
        for kind, name in one.items():
            names[kind].add(name)
    reader = _Reader(document, told, names)
    for _, line, is_analysts in document.lines():
        if not is_analysts:
            yield from reader.line(line)
    for table in (document.front_page.sectors, *document.exhibits()):
        if isinstance(table, Table):
            yield from reader.table(table)
    for figure in document.figures():
        yield from reader.figure(figure)
    for section in document.sections:
        yield from reader.section(section)


class _Reader:
    """Compares words with the subjects of the facts beside them.

    A word counts as a subject only if it is one of its kind in this document: 北证50 is an index
    and 20~30X区间 is nothing.
    """

    def __init__(
        self, document: Document, told: Mapping[str, Named], names: Mapping[str, set[str]]
    ) -> None:
        self.document, self.told, self.names = document, told, names

    def wrong(self, fact: str, words: Sequence[str], name_of: str = "") -> tuple[str, str] | None:
        """The word that is not the fact's subject, and the subject.

        ``name_of`` stands where a company's name does, whether or not it is one that is known.
        """
        for kind, name in self.told.get(fact, {}).items():
            others = [word for word in words if word in self.names[kind]]
            if kind == "name" and name_of:
                others = [name_of]
            if others and name not in others:
                return others[0], name
        return None

    def line(self, line: Line) -> Iterator[Finding]:
        """A figure in a sentence belongs to the name before it."""
        last = ""
        for part in line:
            if isinstance(part, Words) and part.name:
                last = part.text
            elif isinstance(part, FactRef):
                wrong = self.wrong(part.fact, (last,), last) if part.with_unit else None
                if wrong:
                    yield _finding(self.document.text(line), *wrong)
                last = ""

    def table(self, table: Table) -> Iterator[Finding]:
        """A row's figures belong to the words of the row, a column's to its week."""
        document = self.document
        for row in table.rows:
            words = [document.text(cell.line) for cell in row]
            for fact in _facts(row):
                wrong = self.wrong(fact, words)
                if wrong:
                    yield _finding(" ".join(words), *wrong)
                    break
        for at, column in enumerate(table.columns):
            facts = _facts([row[at] for row in table.rows])
            yield from _week(document.labels, table.title, column.label, facts)

    def figure(self, figure: Figure) -> Iterator[Finding]:
        """A value belongs to its category and to its series."""
        chart = figure.chart
        for series in chart.series:
            for category, fact in zip(chart.categories, series.facts, strict=False):
                wrong = self.wrong(fact, (category, series.name), category)
                if wrong:
                    yield _finding(figure.title, *wrong)
            yield from _week(self.document.labels, figure.title, series.name, series.facts)

    def section(self, section: Section) -> Iterator[Finding]:
        """A sector's section holds figures of that sector."""
        if section.title not in self.names["sector"]:
            return
        for block in section.blocks:
            for figure in block.figures if isinstance(block, FigureRow) else ():
                yield from self.of_sector(
                    section.title,
                    figure.title,
                    (fact for series in figure.chart.series for fact in series.facts),
                )
            lines = (
                (block.line,)
                if isinstance(block, Paragraph)
                else block.items
                if isinstance(block, Bullets)
                else ()
            )
            for line in lines:
                facts = (part.fact for part in line if isinstance(part, FactRef))
                yield from self.of_sector(section.title, self.document.text(line), facts)

    def of_sector(self, sector: str, sentence: str, facts: Iterable[str]) -> Iterator[Finding]:
        """The first figure among facts that is of another sector."""
        wrong = (self.wrong(fact, (sector,)) for fact in facts)
        first = next((one for one in wrong if one), None)
        if first:
            yield _finding(sentence, *first)


def measures(document: Document) -> Iterator[Finding]:
    """A column of a table, and a series of a chart, holds one measure only."""
    for table in (document.front_page.sectors, *document.exhibits()):
        if isinstance(table, Table):
            for at, column in enumerate(table.columns):
                facts = _facts([row[at] for row in table.rows])
                yield from _measure(document, f"{table.title}：{column.label}", facts)
    for figure in document.figures():
        for series in figure.chart.series:
            yield from _measure(document, figure.title, series.facts)


def _measure(document: Document, place: str, names: Sequence[str]) -> Iterator[Finding]:
    facts = [document.facts[name] for name in names if name in document.facts]
    usual = Counter(fact.column for fact in facts).most_common(1)
    for fact in facts:
        if fact.column != usual[0][0]:
            found = f"{fact.printed}（{fact.column}）"
            yield Finding("measure_is_wrong", "", "", place, found, usual[0][0])
            return


def all_sectors(document: Document, known: Known) -> Iterator[Finding]:
    """What lists sectors, a row or a bar or a line each, lists all that the pool has."""
    lists: list[tuple[str, Sequence[str]]] = [
        (table.title, [document.text(row[0].line) for row in table.rows])
        for table in (document.front_page.sectors, *document.exhibits())
        if isinstance(table, Table)
    ]
    for figure in document.figures():
        lists.append((figure.title, figure.chart.categories))
        lists.append((figure.title, [series.name for series in figure.chart.series]))
    sectors = dict.fromkeys(known.sectors.values())
    for title, names in lists:
        missing = [sector for sector in sectors if sector not in names]
        if missing and len(names) > 1 and len(set(names)) == len(names) and {*names} < {*sectors}:
            expected = "、".join(missing)
            yield Finding("sector_is_missing", "", "", title, "、".join(names), expected)


def _facts(cells: Sequence[Cell]) -> list[str]:
    return [part.fact for cell in cells for part in cell.line if isinstance(part, FactRef)]


def _finding(sentence: str, found: str, expected: str) -> Finding:
    return Finding("name_does_not_match", "", "", sentence, found, expected)


def _week(labels: Labels, title: str, label: str, facts: Sequence[str]) -> Iterator[Finding]:
    """Figures under last week's heading are those of the base date."""
    weeks = {
        week: (labels[week], *labels.fill(of_week, label="\0").split("\0"))
        for week, of_week in (("last_week", "of_last_week"), ("this_week", "of_this_week"))
    }
    for week, (alone, before, behind) in weeks.items():
        says = label == alone or (
            len(label) > len(before + behind)
            and label.startswith(before)
            and label.endswith(behind)
        )
        other = "this_week" if week == "last_week" else "last_week"
        if says and any(fact.endswith(_BASE) != (week == "last_week") for fact in facts if fact):
            yield Finding("week_is_wrong", "", "", title, label, labels[other])
