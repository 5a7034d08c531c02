"""The markup of a workbook's sheets: where cells stand, and what is written in them.

What belongs here: the refusal of XML that one reader takes for another figure, or for another
place, than the next one does. Programs that write workbooks write none of it, so that it tells of a
file that was damaged or made by hand. What does not: archives and sheets as rows (``spreadsheets``)
and number formats (``formats``).
"""

import re
from collections import Counter
from collections.abc import Iterator

from bj_pipeline.errors import DataError
from bj_pipeline.sources import formats
from bj_pipeline.sources.formats import PREFIX

CELLS_LIMIT = 8_000_000
SAVE_AGAIN = "Export or save the file again."

_TABLE = re.compile(rb"<" + PREFIX + rb"sheetData[\s/>]")
_SHEET_DATA = re.compile(rb"<(/?)" + PREFIX + rb"sheetData(?:\s[^<>]*?)?(/?)>")
_WHOLE = ([(b"", b""), (b"/", b"")], [(b"", b"/")])
_OTHER_ATTRIBUTE = rb"""\s+(?!r\s*=)[^\s<>/="']+\s*=\s*(?:"[^"<>&]*"|'[^'<>&]*')"""
_ROW_OR_CELL = re.compile(
    rb"<(?:(?P<end>/" + PREFIX + rb"row\s*>)|" + PREFIX + rb"(?P<kind>row|c)(?=[\s/>])(?P<rest>"
    rb"(?:" + _OTHER_ATTRIBUTE + rb")*+"
    rb"""(?:\s+r\s*=\s*(?P<quote>["'])(?P<reference>[^"'<>&]*)(?P=quote))?"""
    rb"(?:" + _OTHER_ATTRIBUTE + rb")*+"
    rb"\s*/?>)?)"
)
"""The end of a row, or the begin of a row or cell, whatever prefix, quotes and order of attributes
a program writes; and its rest, if that is plain."""
_ROW_NUMBER = re.compile(rb"[0-9]{1,7}")
_TEXT_NUMBER = re.compile(rb"[0-9]{1,9}")
_PLACE = re.compile(rb"([A-Za-z]{1,3})([0-9]{1,7})")
_CELL = re.compile(
    rb"<" + PREFIX + rb"c(?=[\s/>])([^<>]*)>"
    rb"([^<]*(?:<(?!" + PREFIX + rb"c[\s/>])[^<]*)*)"
)  # fmt: skip
_CELL_END = re.compile(rb"</" + PREFIX + rb"c\s*>")
_INLINE = b"inlineStr"
_VALUE = re.compile(rb"<" + PREFIX + rb"v(?:\s[^>]*)?>([^<]*)<")
_LAST_OF_ITS_CELL = re.compile(
    rb"<" + PREFIX + rb"v(?=[\s/>])(?P<rest>"
    rb"(?:\s[^<>]*)?(?:/>|>[^<]*</" + PREFIX + rb"v\s*>)\s*</" + PREFIX + rb"c\s*>)?"
)
"""A value: text alone, behind which the cell ends; the rest is missing where it is not so."""
_T = rb"<" + PREFIX + rb"t(?:\s[^<>]*)?(?:/>|>[^<]*</" + PREFIX + rb"t\s*>)"
_LOOKS = (
    rb"<" + PREFIX + rb"rPr(?:\s[^<>]*)?(?:/>|>(?:[^<]|<(?!/?" + PREFIX + rb"rPr[\s>]))*+<[^<]*>)"
)
_RUN = (
    rb"<" + PREFIX + rb"r(?:\s[^<>]*)?>\s*(?:" + _LOOKS + rb")?\s*(?:" + _T + rb")?\s*"
    rb"</" + PREFIX + rb"r\s*>\s*"
)  # fmt: skip
_TEXTS = (
    rb"\s*(?:" + _T + rb"\s*|(?:" + _RUN + rb")++)?"
    rb"(?:<" + PREFIX + rb"rPh\s[^<>]*>\s*" + _T + rb"\s*</" + PREFIX + rb"rPh\s*>\s*)*+"
    rb"(?:<" + PREFIX + rb"phoneticPr(?:\s[^<>]*)?/>\s*)?"
)  # fmt: skip
"""A text, whole or in parts that each look otherwise, then how it is spoken."""
_INLINE_TEXT = re.compile(
    rb"(?P<begin><" + PREFIX + rb"c(?=\s)[^<>]*>\s*)?<" + PREFIX + rb"is(?=[\s/>])(?P<rest>"
    rb"(?:\s[^<>]*)?(?:/>|>" + _TEXTS + rb"</" + PREFIX + rb"is\s*>)\s*</" + PREFIX + rb"c\s*>)?"
)
"""A text that is all that its cell holds; what is not so is missing."""
_SHARED_TEXTS = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?[^<>]*\?>\s*)?<"
    + PREFIX
    + rb"sst(?P<about>\s[^<>]*)?(?:/>|>\s*(?:"
    rb"<" + PREFIX + rb"si(?:\s[^<>]*)?(?:/>|>" + _TEXTS + rb"</" + PREFIX + rb"si\s*>)\s*)*+"
    rb"(?:<" + PREFIX + rb"extLst[\s>].*)?</" + PREFIX + rb"sst\s*>)\s*",
    re.DOTALL,
)
_HOW_MANY = re.compile(rb"""\suniqueCount\s*=\s*["']([0-9]+)["']""")
_REFERENCE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")


def is_sheet(data: bytes) -> bool:
    """Whether a part of a workbook holds a table of cells; a text may speak of one."""
    return _TABLE.search(data) is not None


def spanned(name: str, part: str, data: bytes) -> int:
    """Cells of the table that a sheet spans: a lone cell in its far corner makes it huge.

    Args:
        name: File name, for messages.
        part: Name of the sheet's part, for messages.
        data: Its markup.

    Raises:
        DataError: The sheet is too large, or says of a cell twice or not clearly where it
            stands or what it holds.
    """
    if _SHEET_DATA.findall(data) not in _WHOLE:
        raise _odd(name, f"{part}: more than one table of cells")
    _refuse_unclear_values(name, part, data)
    row = width = 0
    for row, column in _places(name, part, data):
        width = max(width, column)
        limit_cells(name, width * row)
    return width * row


def _places(name: str, part: str, data: bytes) -> Iterator[tuple[int, int]]:
    """Row and column of each cell from 1, as they follow each other."""
    row = column = 0
    is_within = False
    for tag in _ROW_OR_CELL.finditer(data):
        if tag["end"]:
            is_within = False
        elif tag["rest"] is None or is_within == (tag["kind"] == b"row"):
            raise _odd(name, f"{part}: {_told(data[tag.start() : tag.start() + 80])}")
        elif tag["kind"] == b"row":
            row, column = _next_row(name, part, tag["reference"], row), 0
            is_within = not tag["rest"].endswith(b"/>")
        else:
            column = _next_column(name, part, tag["reference"], row, column)
            yield row, column


def _next_row(name: str, part: str, reference: bytes | None, last: int) -> int:
    if reference is None:
        return last + 1
    number = int(reference) if _ROW_NUMBER.fullmatch(reference) else 0
    if number <= last:
        raise _odd(name, f"{part}: row {_told(reference)} behind row {last}")
    return number


def _next_column(name: str, part: str, reference: bytes | None, row: int, last: int) -> int:
    if reference is None:
        return last + 1
    place = _PLACE.fullmatch(reference)
    number = 0 if place is None or int(place[2]) != row else _column_number(place[1].upper())
    if number <= last:
        raise _odd(name, f"{part}: {_told(reference)} in row {row}, behind column {last}")
    return number


def _refuse_unclear_values(name: str, part: str, data: bytes) -> None:
    for value in _LAST_OF_ITS_CELL.finditer(data):
        if value["rest"] is None:
            found = data[value.start() : value.start() + 80]
            raise _odd(name, f"{part}: {_told(found)}")
    for text in _INLINE_TEXT.finditer(data):
        kind = formats.KIND.search(text["begin"] or b"")
        if text["rest"] is None or kind is None or kind[1] != _INLINE:
            found = data[text.start() : text.start() + 80]
            raise _odd(name, f"{part}: {_told(found)}")


def limit_cells(name: str, cells: int) -> None:
    """Refuse so many cells.

    Raises:
        DataError: There are too many.
    """
    if cells > CELLS_LIMIT:
        rule = f"a sheet has at most {CELLS_LIMIT} cells"
        remedy = "Delete the far cells that were filled by mistake, or export less."
        raise DataError(name, rule, remedy, found=f"{cells} cells")


def refuse_unclear_texts(name: str, data: bytes, texts: int) -> None:
    """Refuse shared texts of which one reader finds more, or others, than the next one does.

    Args:
        name: File name, for messages.
        data: The markup of the shared texts; none if there are none.
        texts: How many there are.

    Raises:
        DataError: It holds something else than texts, or more or fewer than it says.
    """
    rule = "a workbook holds as many shared texts as it says, and nothing between them"
    plain = _SHARED_TEXTS.fullmatch(data) if data else None
    if data and plain is None:
        raise DataError(name, rule, SAVE_AGAIN, found="other markup")
    said = _HOW_MANY.search(plain["about"] or b"") if plain else None
    if said and int(said[1]) != texts:
        raise DataError(name, rule, SAVE_AGAIN, found=f"{texts} in place of {int(said[1])}")


def shared_texts(name: str, data: bytes, texts: int, *, was_computed: bool) -> Counter[bytes]:
    """How often each of the workbook's shared texts stands in a sheet, by number.

    Args:
        name: File name, for messages.
        data: The sheet's markup.
        texts: How many shared texts there are.
        was_computed: Whether the workbook's formulas were computed before it was saved.

    Raises:
        DataError: A formula failed or has no result, or a cell names a text that is not there or a
            number by way of its characters' codes.
    """
    used: Counter[bytes] = Counter()
    has_formulas = formats.FORMULA.search(data) is not None
    has_codes = b"&" in data
    for cell in _CELL.finditer(data):
        attributes = cell[1]
        kind = formats.KIND.search(attributes)
        type_ = kind[1] if kind else b"n"
        is_plain = type_ not in {b"s", b"e", _INLINE} and not has_formulas and not has_codes
        if attributes.endswith(b"/") or is_plain:
            continue
        inside = _CELL_END.split(cell[2], 1)[0]
        found = _VALUE.search(inside)
        value = found[1].strip() if found else b""
        if type_ == b"s":
            value = found[1] if found else b""
            if value and not (_TEXT_NUMBER.fullmatch(value) and int(value) < texts):
                raise _odd(name, f"a text of number {_told(value)} in {_place(attributes)}")
            used[value] += 1
        elif type_ == _INLINE and found:
            raise _odd(name, f"{_told(value)} beside a text in {_place(attributes)}")
        elif type_ != b"str" and b"&" in value:
            raise _odd(name, f"{_told(value)} in {_place(attributes)}")
        elif type_ == b"e" and value != formats.NOT_AVAILABLE.encode():
            raise failed_formula(name, f"{_told(value)} in {_place(attributes)}")
        elif formats.FORMULA.search(inside):
            # Excel keeps a result beside each formula; a program that writes none may write 0.
            is_missing = type_ != b"str" and not value
            if is_missing or (value == b"0" and not was_computed):
                raise failed_formula(name, f"a formula without a result in {_place(attributes)}")
    return used


def failed_formula(name: str, found: str) -> DataError:
    """The error for a formula that has no value."""
    rule = "cells hold values, not failed formulas"
    remedy = "Let the vendor's plug-in fill the sheet, then save it as values."
    return DataError(name, rule, remedy, found=found)


def _odd(name: str, found: str) -> DataError:
    rule = "a sheet says of each cell once, and in order, where it stands and what it holds"
    return DataError(name, rule, SAVE_AGAIN, found=found)


def _told(markup: bytes) -> str:
    return markup.decode(errors="replace")


def _place(attributes: bytes) -> str:
    found = _REFERENCE.search(attributes)
    return "a cell" if found is None else (found[1] + found[2]).decode()


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
