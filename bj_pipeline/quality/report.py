"""Checks of the document and of the finished files, which are read back."""

import html
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bj_pipeline.quality.check import CRITICAL, Evidence, check
from bj_pipeline.report.document import Document, Fact, FactRef, Line, Table, Words
from bj_pipeline.warehouse import tables

REPORT_PDF = "report_pdf"
REPORT_HTML = "report_html"
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_FAULT = "A fault of the code: report it with the rows below."
_METRICS = (
    tables.AI_CHAIN_METRICS,
    tables.BUCKET_COUNTS,
    tables.COMPANY_METRICS,
    tables.MARKET_METRICS,
    tables.SECTOR_METRICS,
    tables.SECTOR_TRENDS,
)
_SNIPPET = 40


def numbers(evidence: Evidence) -> pd.DataFrame:
    """Every number that the house prints, and whether it is a fact that its table still holds.

    Rows are references to facts (in text, tables and charts), numbers that stand in the house's own
    wording or in titles, and the facts themselves. Numbers in names, in data and in the analyst's
    text are not the house's; a title may repeat a fact, a sentence must refer to it.
    """
    document = evidence.document
    stored = set(evidence.table(tables.FACTS)["fact"])
    rows = [
        (place, fact, fact in document.facts and fact in stored)
        for place, fact in _references(document)
    ]
    rows += [
        (figure.title, label, label == document.facts[fact].text)
        for figure in document.figures()
        for series in figure.chart.series
        for label, fact in zip(series.labels, series.facts, strict=False)
        if fact in document.facts
    ]
    rows += [(place, number, False) for place, number in _typed(document)]
    known = {fact.text.lstrip("+-") for fact in document.facts.values()} | _given(document)
    rows += [
        (exhibit.title, number, number.lstrip("+-") in known)
        for exhibit in document.exhibits()
        for number in _NUMBER.findall(exhibit.title)
    ]
    metrics = {name: _rows(evidence, name) for name in _METRICS}
    rows += [
        (f"{fact.table}: {fact.row}", f"{fact.id} {fact.text}", _agrees(fact, metrics))
        for fact in document.facts.values()
    ]
    return pd.DataFrame(rows, columns=["place", "number", "is_fact"])


def _references(document: Document) -> Iterator[tuple[str, str]]:
    for place, line, _ in document.lines():
        for inline in line:
            if isinstance(inline, FactRef):
                yield place, inline.fact
    for figure in document.figures():
        for series in figure.chart.series:
            for fact in series.facts:
                if fact:
                    yield figure.title, fact


def _typed(document: Document) -> Iterator[tuple[str, str]]:
    """Numbers that stand in the house's own wording."""
    for place, line, is_analysts in document.lines():
        for inline in line:
            if isinstance(inline, Words) and not inline.name and not is_analysts:
                for number in _NUMBER.findall(inline.text):
                    yield place, number


_Rows = dict[str, dict[Hashable, Any]]


def _rows(evidence: Evidence, table: str) -> _Rows:
    """Rows of a table by their key as facts write it: ``issue=65, sector=汽车``."""
    keys = tables.key(table)
    return {
        ", ".join((f"issue={evidence.issue.key}", *(f"{key}={row[key]}" for key in keys))): row
        for row in evidence.table(table).to_dict("records")
    }


def _agrees(fact: Fact, metrics: Mapping[str, _Rows]) -> bool:
    """Whether a fact is what its cell holds; a fact of several cells is not judged."""
    cell = metrics.get(fact.table, {}).get(fact.row, {}).get(fact.column, fact.value)
    return fact.value is None if pd.isna(cell) else bool(fact.value == cell)


def _given(document: Document) -> set[str]:
    """Numbers that stand in names of things: years, bucket edges, indices."""
    texts = [
        text
        for figure in document.figures()
        for text in (*figure.chart.categories, figure.chart.unit)
    ]
    texts += [
        column.label
        for table in document.exhibits()
        if table.kind == "table"
        for column in table.columns
    ]
    texts += [document.subtitle]
    return {number.lstrip("+-") for text in texts for number in _NUMBER.findall(text)}


def glyphs(evidence: Evidence) -> pd.DataFrame:
    """Every character of the document, where it first stands, and whether the font draws it."""
    from bj_pipeline.report.fonts import missing_glyphs  # noqa: PLC0415 - reads a large font

    first: dict[str, str] = {}
    for text in _texts(evidence.document.model_dump()):
        for character in text:
            first.setdefault(character, text[:_SNIPPET])
    missing = set(missing_glyphs("".join(first)))
    rows = [
        (character, f"U+{ord(character):04X}", first[character], character not in missing)
        for character in sorted(first)
        if character.isprintable()
    ]
    return pd.DataFrame(rows, columns=["character", "code_point", "text", "is_drawn"])


def _texts(part: Any) -> Iterator[str]:
    """Every text of a document or a part of it."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _texts(value)
    elif isinstance(part, Sequence):
        for value in part:
            yield from _texts(value)


def pdf_facts(evidence: Evidence) -> pd.DataFrame:
    """What the PDF must hold, and whether it does, read back."""
    return _printed(evidence.document, _pdf_text(evidence))


def html_facts(evidence: Evidence) -> pd.DataFrame:
    """What the page must hold, and whether it does, read back."""
    markup = evidence.artifact("report.html").read_text(encoding="utf-8")
    body = markup.split("<body", 1)[-1]
    return _printed(evidence.document, _squeezed(html.unescape(re.sub(r"<[^>]+>", "", body))))


def _pdf_text(evidence: Evidence) -> str:
    import pypdfium2  # noqa: PLC0415 - only this check reads PDFs

    with pypdfium2.PdfDocument(evidence.artifact("report.pdf")) as pdf:
        pages = [page.get_textpage().get_text_bounded() for page in pdf]
    return _squeezed("".join(pages))


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _printed(document: Document, text: str) -> pd.DataFrame:
    """Key points and rows of tables as a whole, every fact of other sentences by itself.

    A short number stands somewhere by chance, a row of a table does not. A paragraph may be cut by
    the end of a page.
    """
    rows = []
    for place, line in _wholes(document):
        shown = document.text(line)
        facts = [inline.fact for inline in line if isinstance(inline, FactRef)]
        rows.append((place, ", ".join(facts), shown, _squeezed(shown) in text))
    for place, line, _ in document.lines():
        for inline in line:
            if isinstance(inline, FactRef) and inline.with_unit:
                shown = document.facts[inline.fact].printed
                rows.append((place, inline.fact, shown, _squeezed(shown) in text))
    return pd.DataFrame(rows, columns=["place", "fact", "shown", "is_printed"])


def _wholes(document: Document) -> Iterator[tuple[str, Line]]:
    for point in document.front_page.key_points.items:
        yield "front page", point
    for table in (document.front_page.sectors, *document.blocks()):
        if isinstance(table, Table):
            for row in table.rows:
                yield table.title, tuple(inline for cell in row for inline in cell.line)


@check(
    asset=tables.REPORT_DOCUMENT,
    severity=CRITICAL,
    remedy=_FAULT,
    frame=numbers,
    reads=(tables.REPORT_DOCUMENT, tables.FACTS, *_METRICS),
)
def every_number_is_a_fact(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Is every number a fact that its table still holds, and none typed into the wording?"""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectColumnValuesToBeInSet(column="is_fact", value_set=[True]),
    ]


@check(
    asset=tables.REPORT_DOCUMENT,
    severity=CRITICAL,
    remedy="Replace the named characters in the topic, the names or the announcements.",
    frame=glyphs,
)
def every_glyph_is_in_the_font(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Can the report's font draw every character?"""
    return [gxe.ExpectColumnValuesToBeInSet(column="is_drawn", value_set=[True])]


@check(
    asset=REPORT_PDF,
    severity=CRITICAL,
    remedy=_FAULT,
    frame=pdf_facts,
    reads=(tables.REPORT_DOCUMENT,),
)
def pdf_prints_every_figure(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Does the PDF, read back, hold every key point and every figure of sentences and tables?"""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectColumnValuesToBeInSet(column="is_printed", value_set=[True]),
    ]


@check(
    asset=REPORT_HTML,
    severity=CRITICAL,
    remedy=_FAULT,
    frame=html_facts,
    reads=(tables.REPORT_DOCUMENT,),
)
def page_prints_every_figure(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Does the web page, read back, hold every key point and every figure?"""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectColumnValuesToBeInSet(column="is_printed", value_set=[True]),
    ]


CHECKS = (
    every_number_is_a_fact,
    every_glyph_is_in_the_font,
    pdf_prints_every_figure,
    page_prints_every_figure,
)
