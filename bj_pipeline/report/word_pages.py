"""On which page of the Word file each bookmark will stand.

A Word file holds no pages; Word makes them when it opens it, but updates its contents list only
when asked. So that the list shows numbers before that, they are worked out here, from the exact
line heights of :mod:`.word_styles` and the widths of the report's font. What belongs here: this
reckoning. What does not: anything that changes the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import uharfbuzz as hb
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement

from bj_pipeline.report import fonts
from bj_pipeline.report.word_styles import (
    CELL_SIDE,
    CELL_TOP,
    HEIGHT,
    TABLE,
    TEXT_STYLES,
    WIDTH,
    TextStyle,
)

_EMU = 12700
_PICTURE_LINE = 2.4
"""What a line adds to the height of the picture in it, in points."""
_BREAKS_AFTER = frozenset(" -")


@dataclass
class _Piece:
    """What moves to another page as a whole, or line by line.

    Attributes:
        lines: Number of lines (1 for a row of a table).
        line: Height of a line.
        before: Distance above, dropped at the top of a page that was not asked for.
        after: Distance below; Word takes the larger of two that meet.
        keeps_next: Stays on the page of what follows.
        breaks: Begins a page.
        bookmarks: Names of bookmarks in it.
        repeated: Height of the header that is repeated where a table goes on.
    """

    lines: int
    line: float
    before: float
    after: float
    keeps_next: bool
    breaks: bool
    bookmarks: tuple[str, ...]
    repeated: float = 0

    @property
    def height(self) -> float:
        return self.lines * self.line


def page_numbers(body: BaseOxmlElement) -> tuple[Mapping[str, int], int]:
    """Page of each bookmark, counted from 1, and the number of pages.

    Args:
        body: The file's body.
    """
    page, used, gap = 1, 0.0, 0.0
    result: dict[str, int] = {}
    pieces = list(_pieces(body))
    for at, piece in enumerate(pieces):
        starts_chain = at == 0 or not pieces[at - 1].keeps_next
        needed = _chain_height(pieces, at) if starts_chain else _first_lines(piece)
        if piece.breaks:
            page, used = page + 1, piece.before
        elif used and used + max(gap, piece.before) + needed > HEIGHT:
            page, used = page + 1, piece.repeated
        elif used:
            used += max(gap, piece.before)
        gap = piece.after
        for bookmark in piece.bookmarks:
            result[bookmark] = page
        if used + piece.height <= HEIGHT:
            used += piece.height
            continue
        fitting = max(1, int((HEIGHT - used) // piece.line))
        if piece.lines - fitting == 1:
            fitting -= 1  # no last line alone on a page
        page, used = page + 1, (piece.lines - fitting) * piece.line
    return result, page


def _chain_height(pieces: list[_Piece], start: int) -> float:
    """Height of what must stand together, from this piece to the first lines of the last."""
    height, gap = 0.0, 0.0
    for at in range(start, len(pieces)):
        piece = pieces[at]
        height += max(gap, piece.before) if at > start else 0
        # What begins a page by itself is never kept on the page before it.
        if not piece.keeps_next or (at + 1 < len(pieces) and pieces[at + 1].breaks):
            return height + _first_lines(piece)
        height += piece.height
        gap = piece.after
    return height


def _first_lines(piece: _Piece) -> float:
    # Neither a first line nor a last one stands alone.
    return piece.line * (piece.lines if piece.lines <= 3 else 2)  # noqa: PLR2004


def _pieces(body: BaseOxmlElement) -> Iterator[_Piece]:
    for child in body:
        if child.tag == qn("w:tbl"):
            yield from _rows(child)
        elif child.tag == qn("w:p"):
            yield _paragraph(child, WIDTH)


def _rows(table: BaseOxmlElement) -> Iterator[_Piece]:
    style = table.find(f"./{qn('w:tblPr')}/{qn('w:tblStyle')}")
    is_ruled = style is not None and style.get(qn("w:val")) == TABLE
    side, top = (CELL_SIDE, CELL_TOP) if is_ruled else (0.0, 0.0)
    header = 0.0
    for row in table.findall(qn("w:tr")):
        heights, keeps = [], False
        for cell in row.findall(qn("w:tc")):
            width = float(cell.find(f".//{qn('w:tcW')}").get(qn("w:w"))) / 20
            margins = cell.find(f".//{qn('w:tcMar')}")
            own = (
                sum(float(one.get(qn("w:w"))) / 20 for one in margins if one.tag in _SIDES)
                if margins is not None
                else 2 * side
            )
            parts = [_paragraph(one, width - own) for one in cell.findall(qn("w:p"))]
            heights.append(sum(one.before + one.height + one.after for one in parts))
            keeps = keeps or any(one.keeps_next for one in parts)
        height = max(heights, default=0.0) + 2 * top + (0.5 if is_ruled else 0)
        names = tuple(_bookmarks(row))
        is_header = row.find(f".//{qn('w:tblHeader')}") is not None
        yield _Piece(1, height, 0, 0, keeps, breaks=False, bookmarks=names, repeated=header)
        header += height if is_header else 0


_SIDES = (qn("w:left"), qn("w:right"))


def _paragraph(paragraph: BaseOxmlElement, width: float) -> _Piece:
    look = paragraph.find(qn("w:pPr"))
    style = _style(look)
    pictures = [
        float(one.get("cy")) / _EMU + _PICTURE_LINE
        for one in paragraph.iter(
            "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}extent"
        )
    ]
    right = style.indent if style.border == "band" else 0
    room = width - style.indent - right
    # Content that is set as lines: breaks begin new ones.
    texts = _text(paragraph).split("\n")
    lines = sum(_lines(text, style, room, is_first=at == 0) for at, text in enumerate(texts))
    border = {"bottom": 4.0, "band": 0.0}.get(style.border, 0.0)
    if pictures:
        lines, line = 1, sum(pictures)
    else:
        line = style.line
    return _Piece(
        lines,
        line,
        _spacing(look, "before", style.before),
        _spacing(look, "after", style.after) + border,
        keeps_next=style.keeps_next
        or (look is not None and look.find(qn("w:keepNext")) is not None),
        breaks=look is not None and look.find(qn("w:pageBreakBefore")) is not None,
        bookmarks=tuple(_bookmarks(paragraph)),
    )


def _style(look: BaseOxmlElement | None) -> TextStyle:
    named = look.find(qn("w:pStyle")) if look is not None else None
    return TEXT_STYLES[named.get(qn("w:val")) if named is not None else "Normal"]


def _spacing(look: BaseOxmlElement | None, side: str, otherwise: float) -> float:
    own = look.find(qn("w:spacing")) if look is not None else None
    value = own.get(qn(f"w:{side}")) if own is not None else None
    return otherwise if value is None else float(value) / 20


def _bookmarks(inside: BaseOxmlElement) -> Iterator[str]:
    for one in inside.iter(qn("w:bookmarkStart")):
        yield one.get(qn("w:name"))


def _text(paragraph: BaseOxmlElement) -> str:
    parts = []
    for one in paragraph.iter(qn("w:t"), qn("w:tab"), qn("w:br")):
        if one.tag == qn("w:t"):
            parts.append(one.text or "")
        elif one.tag == qn("w:br"):
            parts.append("\n")
    return "".join(parts)


def _lines(text: str, style: TextStyle, width: float, *, is_first: bool) -> int:
    """Lines that the text takes: Chinese breaks anywhere, other words at blanks."""
    lines, used = 1, max(0.0, -style.hanging) if is_first else 0.0
    for word, length in _words(text, style):
        if used + length > width and used:
            lines, used = lines + 1, 0.0
        used += length
        while used > width:  # a word longer than a line
            lines, used = lines + 1, used - width
        if word == " " and used == length and lines > 1:
            used = 0.0
    return lines


def _words(text: str, style: TextStyle) -> Iterator[tuple[str, float]]:
    word, length, previous = "", 0.0, ""
    for character in text:
        advance = _advance(character) * style.size
        is_wide = _is_wide(character)
        if (
            style.spaced
            and previous
            and is_wide != _is_wide(previous)
            and " " not in (character, previous)
        ):
            advance += style.size / 4 if _is_letter(character, previous) else 0
        no_break = character in "，。、；：？！）】》”’%" and word
        if word and not no_break and (is_wide or _is_wide(previous) or previous in _BREAKS_AFTER):
            yield word, length
            word, length = "", 0.0
        word, length, previous = word + character, length + advance, character
    if word:
        yield word, length


def _is_letter(*characters: str) -> bool:
    return all(one.isalnum() for one in characters)


def _is_wide(character: str) -> bool:
    return character >= "\u2e80"


@cache
def _advance(character: str) -> float:
    """Width of a character in the report's font at regular weight, by its size."""
    regular = _regular()
    glyph = regular.get_nominal_glyph(ord(character))
    if glyph is None:
        return 1.0 if _is_wide(character) else 0.55
    advance: float = regular.get_glyph_h_advance(glyph) / regular.face.upem
    return advance


@cache
def _regular() -> hb.Font:
    font = hb.Font(fonts.face())
    font.set_variations({"wght": 400})
    return font
