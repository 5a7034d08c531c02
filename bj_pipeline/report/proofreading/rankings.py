"""Rankings: what is said to lead has the largest figure, and lists of leaders are whole and sorted.

What does not belong here: whose figure stands beside a name (:mod:`.subjects`).
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from bj_pipeline.report.document import Document, FactRef, Figure, Line, Section, Table
from bj_pipeline.report.proofreading.comparison import NUMBER
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.form import squeezed
from bj_pipeline.report.proofreading.known import Known
from bj_pipeline.report.topic import TOPIC_TABLE
from bj_pipeline.warehouse import tables

_PLACES = {"三": 3, "五": 5, "十": 10, "二十": 20}
_LISTING = re.compile("(?P<what>涨幅|涨跌幅)居?前(?P<places>三|五|十|二十)?")
_LARGEST_MOVE = "变动最大"
_CHANGE = re.compile(rf"{tables.COMPANY_METRICS}/(\d{{6}}\.[A-Z]{{2}})/change")


def rankings(document: Document, known: Known) -> Iterator[Finding]:
    """Leaders in titles and sentences lead, and lists of leaders hold them in order."""
    for figure in document.figures():
        yield from _leader(figure)
    for title, facts, sector in _listings(document):
        yield from _listing(known, title, facts, sector)
    yield from _largest_move(document)


def _leader(figure: Figure) -> Iterator[Finding]:
    """A title that names one of several with its value names the largest."""
    chart = figure.chart
    finding = squeezed(figure.title.partition("：")[2])
    if figure.id.startswith(f"{TOPIC_TABLE}-") or not chart.series:
        return
    if chart.kind == "lines":
        last = [(one.name, one.labels[-1]) for one in chart.series if one.labels]
    else:
        last = list(zip(chart.categories, chart.series[-1].labels, strict=True))
    values = {name: Decimal(label) for name, label in last if NUMBER.fullmatch(label)}
    named = [
        name
        for name, label in last
        if name in values
        and finding.startswith(squeezed(name))
        and f"{label}{chart.unit}" in finding
    ]
    highest = max(values, key=lambda name: values[name], default="")
    if named and all(values[name] < values[highest] for name in named):
        yield Finding(
            "ranking_is_wrong",
            "",
            "",
            figure.title,
            named[0],
            f"{highest} {dict(last)[highest]}{chart.unit}",
        )


def _listings(document: Document) -> Iterator[tuple[str, Sequence[str], str]]:
    """Texts that promise leaders, with the facts behind them and the sector they are of."""
    for section in document.sections:
        sector = _sector(document, section)
        for block in section.blocks:
            if block.kind == "paragraph" and not block.analyst:
                yield document.text(block.line), _changes(block.line), sector
            elif isinstance(block, Table):
                cells = (cell for row in block.rows for cell in row)
                facts = [fact for cell in cells for fact in _changes(cell.line)]
                yield block.title, facts, sector
            for figure in block.figures if block.kind == "figure_row" else ():
                yield (
                    figure.title,
                    [fact for series in figure.chart.series for fact in series.facts],
                    sector,
                )


def _changes(line: Line) -> list[str]:
    """Facts of a line that are a company's change."""
    return [
        part.fact for part in line if isinstance(part, FactRef) and _CHANGE.fullmatch(part.fact)
    ]


def _sector(document: Document, section: Section) -> str:
    """The sector that a section is about; empty for the whole pool."""
    is_sector = f"{tables.SECTOR_METRICS}/{section.title}/companies" in document.facts
    return section.title if is_sector else ""


def _listing(known: Known, title: str, facts: Sequence[str], sector: str) -> Iterator[Finding]:
    promised = _LISTING.search(title)
    codes = [match[1] for fact in facts if (match := _CHANGE.fullmatch(fact))]
    if promised is None or not codes or not known.changes:
        return
    ranked = sorted(
        (change for code, change in known.changes.items() if sector in {"", known.sectors[code]}),
        reverse=True,
    )
    places = min(_PLACES.get(promised["places"] or "", len(codes)), len(ranked))
    if len(codes) != places or len(set(codes)) != places:
        yield Finding("ranking_is_wrong", "", "", title, f"{len(set(codes))} 家", f"{places} 家")
        return
    stated = [known.changes.get(code, float("-inf")) for code in codes]
    fallen = next((code for code, change in zip(codes, stated, strict=True) if change < 0), None)
    if promised["what"] == "涨幅" and fallen:
        found = f"{known.names.get(fallen, fallen)} {known.changes.get(fallen, 0):+.2%}"
        yield Finding("direction_is_wrong", "", "", title, found, "涨跌幅")
    for at, (listed, wanted) in enumerate(zip(stated, ranked, strict=False)):
        if listed != wanted:
            holder = next(
                known.names.get(code, code)
                for code, change in known.changes.items()
                if change == wanted and sector in {"", known.sectors[code]}
            )
            yield Finding(
                "ranking_is_wrong",
                "",
                "",
                title,
                f"{at + 1}. {known.names.get(codes[at], codes[at])}",
                f"{at + 1}. {holder}",
            )
            return


def _largest_move(document: Document) -> Iterator[Finding]:
    """The sector whose figure is said to have moved most did."""
    for _, line, is_analysts in document.lines():
        text = document.text(line)
        moved = [
            part.fact
            for part in line
            if isinstance(part, FactRef) and part.fact.endswith("_change")
        ]
        if is_analysts or _LARGEST_MOVE not in text or not moved:
            continue
        prefix, _, column = moved[0].rpartition("/")
        table = prefix.partition("/")[0]
        sizes = {
            name: abs(after / before - 1)
            for name, fact in document.facts.items()
            if name.startswith(f"{table}/") and name.endswith(f"/{column.removesuffix('_change')}")
            if (after := fact.value) is not None
            and (base := document.facts.get(f"{name}_base"))
            and (before := base.value)
        }
        own = f"{prefix}/{column.removesuffix('_change')}"
        largest = max(sizes, key=lambda name: sizes[name], default=own)
        if own in sizes and sizes[own] < sizes[largest]:
            expected = f"{largest.split('/')[1]}（{sizes[largest]:.2%}）"
            yield Finding("ranking_is_wrong", "", "", text, own.split("/")[1], expected)
