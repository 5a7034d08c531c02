"""Checks of the document and of the finished files, which are read back."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bj_pipeline.quality.check import CRITICAL, Evidence, check
from bj_pipeline.report.document import Document, FactRef, Words
from bj_pipeline.warehouse import tables

REPORT_PDF = "report_pdf"
REPORT_HTML = "report_html"
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_FAULT = "A fault of the code: report it with the rows below."


def numbers(evidence: Evidence) -> pd.DataFrame:
    """Every number that the house prints, and whether it is a fact whose origin is stored.

    Rows are references to facts (in text, tables and charts) and numbers that stand in the house's
    own wording or in titles. Numbers in names, in data and in the analyst's text are not the
    house's.
    """
    document = evidence.document
    stored = set(evidence.table(tables.FACTS)["fact"])
    rows = [
        (place, fact, fact in document.facts and fact in stored)
        for place, fact in _references(document)
    ]
    printed = {fact.text.lstrip("+-") for fact in document.facts.values()}
    known = printed | _given(document)
    rows += [
        (place, number, number.lstrip("+-") in known)
        for place, text in _stated(document)
        for number in _NUMBER.findall(text)
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


def _stated(document: Document) -> Iterator[tuple[str, str]]:
    for place, line, is_analysts in document.lines():
        for inline in line:
            if isinstance(inline, Words) and not inline.name and not is_analysts:
                yield place, inline.text
    for exhibit in document.exhibits():
        yield exhibit.title, exhibit.title


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
    """Every character of the document, and whether the report's font draws it."""
    from bj_pipeline.report.fonts import missing_glyphs  # noqa: PLC0415 - reads a large font

    text = "".join(_all_text(evidence.document))
    missing = set(missing_glyphs(text))
    rows = [
        (character, f"U+{ord(character):04X}", character not in missing)
        for character in sorted(set(text))
        if character.isprintable()
    ]
    return pd.DataFrame(rows, columns=["character", "code_point", "is_drawn"])


def _all_text(document: Document) -> Iterator[str]:
    yield document.title
    yield document.subtitle
    for _, line, _ in document.lines():
        yield document.text(line)
    for exhibit in document.exhibits():
        yield exhibit.title + exhibit.source + exhibit.note
    for figure in document.figures():
        yield from figure.chart.categories


def pdf_facts(evidence: Evidence) -> pd.DataFrame:
    """Every fact that a sentence or a table prints, and whether the PDF, read back, holds it."""
    return _printed(evidence.document, _pdf_text(evidence))


def html_facts(evidence: Evidence) -> pd.DataFrame:
    """Every fact that a sentence or a table prints, and whether the page, read back, holds it."""
    markup = evidence.artifact("report.html").read_text(encoding="utf-8")
    body = markup.split("<body", 1)[-1]
    return _printed(evidence.document, _squeezed(re.sub(r"<[^>]+>", "", body)))


def _pdf_text(evidence: Evidence) -> str:
    import pypdfium2  # noqa: PLC0415 - only this check reads PDFs

    with pypdfium2.PdfDocument(evidence.artifact("report.pdf")) as pdf:
        pages = [page.get_textpage().get_text_bounded() for page in pdf]
    return _squeezed("".join(pages))


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _printed(document: Document, text: str) -> pd.DataFrame:
    rows = []
    for place, line, _ in document.lines():
        for inline in line:
            if isinstance(inline, FactRef):
                fact = document.facts[inline.fact]
                shown = fact.printed if inline.with_unit else fact.text
                rows.append((place, fact.id, shown, _squeezed(shown) in text))
    for point in document.front_page.key_points.items:
        sentence = document.text(point)
        rows.append(("front page", "", sentence, _squeezed(sentence) in text))
    return pd.DataFrame(rows, columns=["place", "fact", "shown", "is_printed"])


@check(
    asset=tables.REPORT_DOCUMENT,
    severity=CRITICAL,
    remedy=_FAULT,
    frame=numbers,
    reads=(tables.REPORT_DOCUMENT, tables.FACTS),
)
def every_number_is_a_fact(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Is every number a fact whose origin is stored, and none typed into the wording?"""
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
