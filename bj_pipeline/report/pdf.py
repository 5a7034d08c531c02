"""The report as a PDF, typeset by ``templates/report.typ``.

What belongs here: the document as the template wants it, every line resolved to text. What does
not: how anything looks (the template), and how a chart is drawn (:mod:`bj_pipeline.report.charts`).
"""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from bj_pipeline.report import chart_pixels, fonts, logo, palette
from bj_pipeline.report.document import (
    Block,
    Bullets,
    Document,
    FactRef,
    Figure,
    FigureRow,
    Inline,
    Line,
    Link,
    Paragraph,
    Section,
    Table,
    Words,
)
from bj_pipeline.report.typesetting import typeset

Json = dict[str, Any]


def render(document: Document, pictures: Mapping[str, bytes]) -> bytes:
    """The PDF; the same document and pictures give the same bytes.

    Args:
        document: The issue.
        pictures: SVG by figure id, drawn by :func:`bj_pipeline.report.charts.pictures`.

    Raises:
        DataError: The font lacks a character that would be printed.
    """
    data = _Printed(document, pictures).whole()
    fonts.require_glyphs(json.dumps(data, ensure_ascii=False), f"issue {document.issue}")
    return typeset("report.typ", data, "pdf")


class _Printed:
    """A document's parts as JSON values, in which every fact is the text that is printed."""

    def __init__(self, document: Document, pictures: Mapping[str, bytes]) -> None:
        self.document = document
        self.pictures = pictures

    def whole(self) -> Json:
        document, front = self.document, self.document.front_page
        return {
            "title": document.title,
            "subtitle": document.subtitle,
            "edition": document.edition,
            "date": _numbers(document.publication_date),
            "dates": {
                "week": document.labels.span(document.first_session, document.close_date),
                "base": document.labels.day(document.base_date),
                "publication": document.labels.day(document.publication_date),
            },
            "is_sample": document.is_sample,
            "house": document.house.model_dump(
                include={"name", "series", "department", "authors", "contact"}
            ),
            "authors": document.labels.listed(document.house.authors),
            "logo": logo.for_template(document.house.logo) if document.house.logo else None,
            "colours": document.house.model_dump(include={"accent", "up", "down"})
            | {"ink": palette.INK, "grey": palette.GREY, "rule": palette.RULE},
            "labels": document.labels.root,
            "notices": [self.line(notice) for notice in document.notices],
            "key_points": self.block(front.key_points),
            "sectors": self.block(front.sectors),
            "overview": self.block(front.overview),
            "exhibits": [
                {"number": exhibit.number, "title": exhibit.title}
                for exhibit in document.exhibits()
            ],
            "sections": [self.section(section) for section in document.sections],
        }

    def section(self, section: Section) -> Json:
        blocks = [self.block(block) for block in section.blocks]
        return {"title": section.title, "level": section.level, "blocks": blocks}

    def block(self, block: Block) -> Json:
        match block:
            case Paragraph():
                return {"kind": block.kind, "style": block.style, "line": self.line(block.line)}
            case Bullets():
                items = [self.line(item) for item in block.items]
                return {"kind": block.kind, "labels": block.labels, "items": items}
            case Table():
                return self.table(block)
            case Figure():
                return self.figure(block)
            case FigureRow():
                figures = [self.figure(figure) for figure in block.figures]
                return {"kind": block.kind, "figures": figures}

    def table(self, table: Table) -> Json:
        printed = table.model_dump(include={"kind", "number", "title", "source", "note", "columns"})
        printed["rows"] = [
            [{"line": self.line(cell.line), "tone": cell.tone} for cell in row]
            for row in table.rows
        ]
        return printed

    def figure(self, figure: Figure) -> Json:
        printed = figure.model_dump(include={"kind", "number", "title", "source", "note"})
        printed["alt"] = figure.alt or figure.title
        printed["chart"] = chart_pixels.layers(self.pictures[figure.id])
        return printed

    def line(self, line: Line) -> list[Json]:
        return [self.inline(inline) for inline in line]

    def inline(self, inline: Inline) -> Json:
        match inline:
            case FactRef():
                fact = self.document.facts[inline.fact]
                return {"text": fact.printed if inline.with_unit else fact.text}
            case Link() if urlsplit(inline.url).scheme in {"http", "https"}:
                return {"text": inline.text, "url": inline.url}
            case Words(strong=True):
                return {"text": inline.text, "strong": True}
            case _:
                return {"text": inline.text}


def _numbers(day: date) -> Json:
    return {"year": day.year, "month": day.month, "day": day.day}
