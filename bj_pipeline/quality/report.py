"""Checks of the document, and the proofreading of the finished files, which are read back."""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from bj_pipeline.quality.check import CRITICAL, WARNING, Evidence, check
from bj_pipeline.report.document import Document, Fact, FactRef, Words
from bj_pipeline.report.proofreading import (
    FORMS,
    Finding,
    Form,
    Known,
    form_findings,
    read_form,
    text_findings,
)
from bj_pipeline.report.proofreading.comparison import compare
from bj_pipeline.warehouse import tables

REPORT_PDF = "report_pdf"
REPORT_DOCX = "report_docx"
REPORT_XLSX = "report_xlsx"
REPORT_HTML = "report_html"
_READ = "file_is_read"
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


def proofread(evidence: Evidence) -> pd.DataFrame:
    """The finished files, read back: a row a file, and a row a finding.

    ``slip`` tells what is wrong with the house's own words and figures, ``doubt`` what the analyst
    has to look at again; both are empty where all is well.
    """
    document = evidence.document
    known = Known.of(
        evidence.issue,
        evidence.table(tables.COMPANY_UNIVERSE),
        evidence.table(tables.COMPANY_METRICS),
        evidence.reference.indices,
    )
    forms = {name: read_form(evidence.artifact(name), document.labels) for name in FORMS}
    rows = [_read(document, form) for form in forms.values()]
    stored = evidence.table(tables.REPORT_FIGURES)
    drawings = {
        name: svg.encode() for name, svg in zip(stored["figure"], stored["svg"], strict=True)
    }
    findings = [
        *form_findings(document, forms, drawings),
        *text_findings(document, known, forms, drawings),
    ]
    frame = pd.DataFrame([asdict(one) for one in (*rows, *findings)])
    told = [None] * len(rows) + [_told(one) for one in findings]
    frame["slip"] = pd.Series(told).where(~frame["is_analysts"], None)
    frame["doubt"] = pd.Series(told).where(frame["is_analysts"], None)
    frame.loc[(frame["rule"] == _READ) & (frame["found"] == "0"), "slip"] = "no table was found"
    return frame


def _read(document: Document, form: Form) -> Finding:
    rows = sum(piece.kind == "row" for piece, _ in compare(document, form).found)
    return Finding(_READ, form.name, "", "", str(rows), "")


def _told(finding: Finding) -> str:
    page = f"page {finding.page}" if finding.page.isdigit() else finding.page
    place = ", ".join(part for part in (finding.form, page) if part)
    return (
        f"{place}: {finding.rule}: {finding.sentence!r} has {finding.found!r}, "
        f"expected {finding.expected!r}"
    )


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


_PROOFREAD = (
    tables.REPORT_DOCUMENT,
    tables.REPORT_FIGURES,
    tables.COMPANY_UNIVERSE,
    tables.COMPANY_METRICS,
    REPORT_PDF,
    REPORT_DOCX,
    REPORT_XLSX,
    REPORT_HTML,
)


@check(
    asset=REPORT_PDF,
    severity=CRITICAL,
    remedy="The rows name file, page, sentence and what should stand there: correct the curated "
    "data or the topic that it comes from; if it comes from neither, it is a fault of the code.",
    frame=proofread,
    reads=_PROOFREAD,
)
def finished_files_hold_no_slip(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Do all four files, read back, print the same right figures, names, units and contents?"""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=len(FORMS)),
        gxe.ExpectColumnValuesToBeNull(column="slip"),
    ]


@check(
    asset=REPORT_PDF,
    severity=WARNING,
    remedy="Correct the sentence or the figure of the topic, or tell where the number comes from.",
    frame=proofread,
    reads=_PROOFREAD,
)
def analysts_numbers_follow_from_the_figures(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Do the topic's numbers stand in its figures, and its growth rates follow from them?"""
    return [gxe.ExpectColumnValuesToBeNull(column="doubt")]


CHECKS = (
    every_number_is_a_fact,
    every_glyph_is_in_the_font,
)
PROOFREADING = (
    finished_files_hold_no_slip,
    analysts_numbers_follow_from_the_figures,
)
