"""What the document says should stand in each form, piece by piece.

What belongs here: the pieces in reading order, as text without blanks. What does not: looking for
them in a form (:mod:`.comparison`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bj_pipeline.report.document import (
    Block,
    Bullets,
    Document,
    Figure,
    FigureRow,
    Paragraph,
    Table,
)
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.proofreading.form import Form
from bj_pipeline.report.rounding import MISSING

Kind = Literal["frame", "text", "heading", "caption", "head", "row", "values", "source"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that a form must hold as a whole.

    Attributes:
        kind: What it is.
        text: As printed, with blanks.
        exhibit: Id of its exhibit, if it belongs to one.
        is_analysts: Whether an analyst wrote it.
    """

    kind: Kind
    text: str
    exhibit: str = ""
    is_analysts: bool = False


def pieces(document: Document, form: Form) -> Iterator[Piece]:
    """Every piece that a form must hold, in reading order."""
    yield from _frame(document)
    front = document.front_page
    for item in front.key_points.items:
        yield Piece("text", document.text(item))
    yield from exhibit_pieces(document, front.sectors, form)
    for figure in front.overview.figures:
        yield from exhibit_pieces(document, figure, form)
    for notice in document.notices:
        yield Piece("text", document.text(notice))
    for section in document.sections:
        if form.prints:
            yield Piece("heading", section.title)
        for block in section.blocks:
            yield from _block(document, block, form)


def _frame(document: Document) -> Iterator[Piece]:
    """Title and dates."""
    yield Piece("frame", document.title)
    if document.subtitle:
        yield Piece("frame", document.subtitle)
    labels = document.labels
    week = labels.span(document.first_session, document.close_date)
    yield Piece("frame", labels["period"] + week)
    yield Piece("frame", labels["base"] + labels.day(document.base_date))
    yield Piece("frame", labels["published"] + labels.day(document.publication_date))


def furniture(document: Document) -> tuple[str, ...]:
    """Texts without blanks that may stand in a form any number of times."""
    labels = document.labels
    return (
        document.edition,
        labels.fill("edition", issue=document.issue),
        labels.day(document.publication_date),
        document.house.name,
        document.house.department,
        document.house.contact,
        *document.house.authors,
    )


def _block(document: Document, block: Block, form: Form) -> Iterator[Piece]:
    match block:
        case Paragraph() if form.prints:
            yield Piece("text", document.text(block.line), is_analysts=block.analyst)
        case Bullets() if form.prints:
            for item in block.items:
                yield Piece("text", document.text(item), is_analysts=block.analyst)
        case Table() | Figure():
            yield from exhibit_pieces(document, block, form)
        case FigureRow():
            for part in _LEVELS if form.pairs_figures else ():
                for figure in block.figures:
                    yield from (
                        piece
                        for piece in exhibit_pieces(document, figure, form)
                        if piece.kind in part
                    )
            for figure in () if form.pairs_figures else block.figures:
                yield from exhibit_pieces(document, figure, form)


_LEVELS: tuple[tuple[Kind, ...], ...] = (("caption",), ("head", "values"), ("source",))


def caption(labels: Labels, exhibit: Figure | Table) -> str:
    """An exhibit's caption as every form prints it."""
    number = exhibit.number
    return f"{labels.exhibit(number)} {exhibit.title}" if number else exhibit.title


def exhibit_pieces(document: Document, exhibit: Figure | Table, form: Form) -> Iterator[Piece]:
    """Caption, contents and source of one exhibit."""
    labels = document.labels
    yield Piece("caption", caption(labels, exhibit), exhibit.id)
    if isinstance(exhibit, Table):
        heads = (labels.with_unit(one.label, one.unit) for one in exhibit.columns)
        yield Piece("head", "\n".join(heads), exhibit.id)
        for row in exhibit.rows:
            cells = (document.text(cell.line) for cell in row)
            yield Piece("row", "\n".join(cells), exhibit.id)
    elif form.name.endswith((".html", ".xlsx")):
        chart = exhibit.chart
        if form.name.endswith(".html"):
            yield Piece("values", labels.fill("values_of", title=exhibit.title), exhibit.id)
        heads = (labels.with_unit(one.name, chart.unit) for one in chart.series)
        yield Piece("head", "\n".join(heads), exhibit.id)
        for at, category in enumerate(chart.categories):
            values = [one.labels[at] for one in chart.series]
            if form.name.endswith(".xlsx"):
                values = [_in_cell(value) for value in values]
            yield Piece("values", "\n".join([category, *values]), exhibit.id)
    # The note first: a source as short as IDC may stand in it too.
    if exhibit.note:
        yield Piece("source", labels.fill("note", text=exhibit.note), exhibit.id)
    if exhibit.source:
        yield Piece("source", exhibit.source, exhibit.id)


def _in_cell(label: str) -> str:
    """A chart's value in a workbook, where a gap is an empty cell."""
    return "" if label == MISSING else label
