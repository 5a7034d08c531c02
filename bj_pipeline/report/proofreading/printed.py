"""What the document says should stand in each form, piece by piece.

What belongs here: the pieces in reading order, as text without blanks. What does not: looking for
them in a form (:mod:`.comparison`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
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
from bj_pipeline.report.office import chinese_day
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
    yield from _frame(document, form)
    front = document.front_page
    for item in front.key_points.items:
        yield Piece("text", document.text(item))
    yield from exhibit_pieces(document, front.sectors, form)
    yield from exhibit_pieces(document, front.overview, form)
    for notice in document.notices:
        yield Piece("text", document.text(notice))
    for section in document.sections:
        if form.prints:
            yield Piece("heading", section.title)
        for block in section.blocks:
            yield from _block(document, block, form)


def _frame(document: Document, form: Form) -> Iterator[Piece]:
    """Title and dates."""
    yield Piece("frame", document.title)
    if document.subtitle:
        yield Piece("frame", document.subtitle)
    first, last = chinese_day(document.first_session), chinese_day(document.close_date)
    base, published = chinese_day(document.base_date), chinese_day(document.publication_date)
    is_page = form.name.endswith(".html")
    yield Piece("frame", f"{'本周' if is_page else '统计区间'}{first}至{last}")
    yield Piece("frame", f"{'对比基准' if is_page else '比较基准'}{base}")
    yield Piece("frame", f"{'发布' if is_page else '发布日期'}{published}")


def furniture(document: Document) -> tuple[str, ...]:
    """Texts without blanks that may stand in a form any number of times."""
    days: tuple[date, ...] = (document.publication_date,)
    return (
        document.edition,
        f"第{document.issue}期",
        *(chinese_day(day) for day in days),
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


def caption(exhibit: Figure | Table) -> str:
    """An exhibit's caption as every form prints it."""
    return f"图表 {exhibit.number} {exhibit.title}" if exhibit.number else exhibit.title


def exhibit_pieces(document: Document, exhibit: Figure | Table, form: Form) -> Iterator[Piece]:
    """Caption, contents and source of one exhibit."""
    yield Piece("caption", caption(exhibit), exhibit.id)
    if isinstance(exhibit, Table):
        heads = (f"{one.label}（{one.unit}）" if one.unit else one.label for one in exhibit.columns)
        yield Piece("head", "\n".join(heads), exhibit.id)
        for row in exhibit.rows:
            cells = (document.text(cell.line) for cell in row)
            yield Piece("row", "\n".join(cells), exhibit.id)
    elif form.name.endswith((".html", ".xlsx")):
        chart = exhibit.chart
        if form.name.endswith(".html"):
            yield Piece("values", f"数值：{exhibit.title}", exhibit.id)
        heads = (f"{one.name}（{chart.unit}）" if chart.unit else one.name for one in chart.series)
        yield Piece("head", "\n".join(heads), exhibit.id)
        for at, category in enumerate(chart.categories):
            labels = [one.labels[at] for one in chart.series]
            if form.name.endswith(".xlsx"):
                labels = [_in_cell(label) for label in labels]
            yield Piece("values", "\n".join([category, *labels]), exhibit.id)
    # The note first: a source as short as IDC may stand in it too.
    if exhibit.note:
        yield Piece("source", f"注：{exhibit.note}", exhibit.id)
    if exhibit.source:
        yield Piece("source", exhibit.source, exhibit.id)


def _in_cell(label: str) -> str:
    """A chart's value in a workbook, where a gap is an empty cell."""
    return "" if label == MISSING else label
