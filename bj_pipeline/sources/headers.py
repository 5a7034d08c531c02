r"""What one header cell of an analyst's spreadsheet says: label, day, period and unit.

What belongs here: taking a cell such as ``总市值\n[交易日期] 2026-02-27\n[单位] 亿元`` apart by a
vendor's grammar. What does not: which table a label feeds.
"""

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass, field

from bj_pipeline.sources import cells
from bj_pipeline.sources.mappings import Grammar
from bj_pipeline.sources.spreadsheets import Cell

_BRACKET = re.compile(r"\[([^\]\n]*)\][ \t]*:?[ \t]*([^\[\n]*)")
_PAREN = re.compile(r"\(([^()]*)\)")
_DAY = re.compile(
    r"(?<!\d)(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日|(?:19|20)\d{6})(?!\d)"
)
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d{2})(?:年年报|年报|年度|年|A(?![A-Z]))(?!\d)")
_MIDNIGHT = re.compile(r"(?<=\d)[T ]0?0:00(?::00(?:\.0+)?)?")
_BARE_YEAR = re.compile(r"(?:19|20)\d{2}")
_LONGEST = 500
"""Characters of a header cell; what is longer is text, and not taken apart."""
_SEPARATORS = re.compile(r"[\s,;]+")
_BRACKETS = str.maketrans("【】〔〕", "[][]", "↑↓▲▼")


@dataclass(slots=True)
class Header:
    """One header cell.

    Attributes:
        text: The cell as written, on one line.
        label: What is measured, by its letters, figures and Chinese characters only.
        day: The day it speaks of.
        year: The full year it speaks of.
        unit: The unit it names.
        unclear: A day or period that cannot be read, such as 最新收盘日 or two days at once.
    """

    text: str
    label: str = ""
    day: dt.date | None = None
    year: int | None = None
    unit: str | None = None
    unclear: str | None = None
    _pieces: list[str] = field(default_factory=list)


def key(label: str) -> str:
    """A label as it is compared: NFKC, in capitals, without blanks and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", label)).upper()


def written(cell: Cell) -> str:
    """A header cell as text; a typed day is written out."""
    if isinstance(cell, int | float | dt.date) and not isinstance(cell, bool):
        try:
            return cells.day(cell).isoformat()
        except ValueError:
            return cells.words(cell)
    return cell.strip() if isinstance(cell, str) else cells.words(cell)


def parse(text: str, grammar: Grammar) -> Header:
    """Take a header cell apart.

    Args:
        text: The cell, with its line breaks.
        grammar: The vendor's words.
    """
    if len(text) > _LONGEST:
        return Header(f"{text[:_LONGEST]}…", key(text))
    rest = _MIDNIGHT.sub("", unicodedata.normalize("NFKC", text).translate(_BRACKETS))
    header = Header(" ".join(rest.split()))
    qualifiers = _BRACKET.findall(rest)
    rest = _BRACKET.sub("\n", rest)
    for inner in _PAREN.findall(rest):
        pieces = _SEPARATORS.split(inner.strip())
        if all(_is_understood(piece, grammar) for piece in pieces):
            rest = rest.replace(f"({inner})", f"\n{' '.join(pieces)}\n", 1)
    for piece in _SEPARATORS.split(rest):
        _take(header, piece, grammar)
    for name, value in qualifiers:
        if value.strip():
            _qualify(header, name.strip(), value.strip(), grammar)
        elif name not in grammar.unit_words and name not in grammar.date_words:
            _take(header, name.strip(), grammar)
    header.label = key("".join(header._pieces))  # noqa: SLF001 - built here, piece by piece
    return header


def title_day(text: str, grammar: Grammar) -> dt.date | None:
    """The day that a title row states for the whole sheet; an export date is none."""
    rest = _title(text)
    names = "|".join(map(re.escape, grammar.date_words))
    match = re.search(rf"(?<!\w)(?:{names})[\])]?\s*:?\s*{_DAY.pattern}", rest)
    return None if match is None else _day(match[1])


def title_units(text: str, grammar: Grammar) -> tuple[str, ...]:
    """The units that a title row states for the whole sheet, such as ``单位：万元、万股``.

    Whatever stands in their place is returned, known or not: an unknown one must not be overlooked.
    """
    names = "|".join(map(re.escape, grammar.unit_words))
    match = re.search(rf"(?<!\w)(?:{names})[\])]?\s*[:为]\s*([^\s()\[\];。]+)", _title(text))
    stated = re.split("[、,和]", match[1]) if match and names else []
    return tuple(unit.removeprefix("人民币") or unit for unit in stated)


def _title(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:_LONGEST]).translate(_BRACKETS)


def _is_understood(piece: str, grammar: Grammar) -> bool:
    probe = Header(piece)
    _take(probe, piece, grammar)
    return not probe._pieces  # noqa: SLF001


def _take(header: Header, piece: str, grammar: Grammar) -> None:
    """Add one piece of a cell to what is known of it."""
    name, colon, value = piece.partition(":")
    if colon and (name in grammar.unit_words or name in grammar.date_words):
        _qualify(header, name, value, grammar)
    elif _is_unit(piece, grammar):
        _set_unit(header, piece)
    elif _BARE_YEAR.fullmatch(piece):
        _set_year(header, int(piece))
    else:
        for match in _DAY.finditer(piece):
            _set_day(header, match[1])
        piece = _DAY.sub("", piece)
        for match in _YEAR.finditer(piece):
            _set_year(header, int(match[1]))
        piece = _YEAR.sub("", piece)
        if key(piece) and (piece not in grammar.date_words or not _is_dated(header)):
            header._pieces.append(piece)  # noqa: SLF001


def _qualify(header: Header, name: str, value: str, grammar: Grammar) -> None:
    """Add a qualifier, such as ``[单位] 亿元`` or ``[复权方式] 后复权``."""
    if name in grammar.unit_words:
        _set_unit(header, value)
    elif _day(value) is not None:
        _set_day(header, value)
    elif (year := _YEAR.fullmatch(value)) is not None:
        _set_year(header, int(year[1]))
    elif name in grammar.date_words:
        if _BARE_YEAR.fullmatch(value):
            _set_year(header, int(value))
        else:
            header.unclear = value
    elif value and value not in grammar.plain:
        header._pieces.append(value)  # noqa: SLF001


def _day(text: str) -> dt.date | None:
    try:
        return cells.day(text)
    except ValueError:
        return None


def _is_dated(header: Header) -> bool:
    return header.day is not None or header.year is not None


def _is_unit(word: str, grammar: Grammar) -> bool:
    return any(word in family for family in grammar.units.values())


def _set_unit(header: Header, unit: str) -> None:
    header.unit = unit if header.unit in {None, unit} else f"{header.unit}, {unit}"


def _set_day(header: Header, text: str) -> None:
    day = _day(text)
    if day is None or header.day not in {None, day}:
        header.unclear = text
    header.day = day


def _set_year(header: Header, year: int) -> None:
    if header.year not in {None, year}:
        header.unclear = str(year)
    header.year = year
