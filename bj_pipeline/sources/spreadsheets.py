"""From the bytes of a file to rows of cells: CSV, .xlsx and .xls.

What belongs here: encodings, file formats, and the refusal of files that are damaged or dangerous
to open. What does not: what a row or a cell means.
"""

import csv
import datetime as dt
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import python_calamine

from bj_pipeline.errors import DataError

if TYPE_CHECKING:
    from xlrd.sheet import Cell as OldCell

Cell = str | int | float | bool | dt.date | dt.datetime | dt.time | dt.timedelta
Row = Sequence[Cell]

BYTES_LIMIT = 64 * 1024**2
"""A file larger than this is not a vendor's table of this exchange (all of 2025 fits in 20 MB)."""
UNPACKED_LIMIT = 256 * 1024**2
CELLS_LIMIT = 8_000_000

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml|head|body|table|meta|error)", re.IGNORECASE)
_ENTITY = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_REFERENCE = re.compile(rb'<c [^>]*?r="([A-Z]{1,3})(\d{1,7})"')
_FAILED = re.compile(rb'<c [^>]*?r="([A-Z]+\d+)"[^>]*t="e"[^>]*>.*?<v>(#(?!N/A)[^<]*)</v>')
_NOT_AVAILABLE = "#N/A"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""Whatever the standard library raises over a damaged archive."""
_SAVE_AGAIN = "Export or save the file again."
_LAST_OF_TWO_BYTES = "\u07ff"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of cells.

    Attributes:
        name: Name of the worksheet; empty for CSV.
        rows: Rows that hold anything, as the file has them: text in CSV, typed in a workbook.
        lines: Line (or row number in the workbook) of each row.
    """

    name: str
    rows: Sequence[Row]
    lines: Sequence[int]


@lru_cache(maxsize=16)
def sheets(name: str, content: bytes) -> tuple[Sheet, ...]:
    """Every sheet of a file that holds anything.

    Args:
        name: File name, for messages only: the format is told by the content.
        content: The bytes.

    Raises:
        DataError: It is empty, no table, damaged, too large or not decodable.
    """
    if not content.strip():
        raise DataError(name, "the file holds a table", _SAVE_AGAIN, found="an empty file")
    if len(content) > BYTES_LIMIT:
        rule = f"a file has at most {BYTES_LIMIT // 1024**2} MB"
        raise DataError(name, rule, "Export fewer days or columns.", found=f"{len(content)} bytes")
    if content.startswith(_ZIP):
        _inspect_archive(name, content)
        found = tuple(_new_workbook(name, content))
    elif content.startswith(_OLE):
        found = tuple(_old_workbook(name, content))
    elif _MARKUP.match(content.removeprefix(b"\xef\xbb\xbf")):
        rule = "the file is a CSV or a workbook"
        remedy = "An error page may have been saved in its place: fetch or export it again."
        raise DataError(name, rule, remedy, found="HTML or XML")
    else:
        found = _separated(name, content)
    if not found:
        raise DataError(name, "the file holds a table", _SAVE_AGAIN, found="no filled cell")
    return found


def is_filled(row: Row) -> bool:
    """Whether a row holds anything."""
    return any(cell.strip() if isinstance(cell, str) else True for cell in row)


def _filled(name: str, rows: Sequence[Row], lines: Sequence[int]) -> Iterator[Sheet]:
    """The sheet without its blank rows, if anything is left."""
    kept = [(row, line) for row, line in zip(rows, lines, strict=True) if is_filled(row)]
    if kept:
        yield Sheet(name, [row for row, _ in kept], [line for _, line in kept])


def _separated(name: str, content: bytes) -> tuple[Sheet, ...]:
    """The one sheet of a CSV file."""
    reader = csv.reader(io.StringIO(_decoded(name, content), newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    begins = 1
    try:
        for row in reader:
            rows.append(row)
            lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        rule = "quoted cells are closed and cells are separated by commas"
        raise DataError(name, rule, _SAVE_AGAIN, begins, str(error)) from error
    return tuple(_filled("", rows, lines))


def _decoded(name: str, content: bytes) -> str:
    """The text of a CSV file in UTF-8 (with or without mark) or GB18030."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = _decoded_as_chinese(name, content, error)
    control = _CONTROL.search(text)
    if control is not None or content.startswith(_UTF16):
        rule = "the file is a CSV in UTF-8 or GB18030, or a workbook"
        line = None if control is None else text.count("\n", 0, control.start()) + 1
        remedy = "Save it as CSV UTF-8 or .xlsx."
        raise DataError(name, rule, remedy, line, "binary content")
    return text


def _decoded_as_chinese(name: str, content: bytes, error: UnicodeDecodeError) -> str:
    """GB18030, unless the bytes are UTF-8 with a few damaged ones.

    GB18030 accepts almost anything, so damaged UTF-8 would pass as wrong characters.
    """
    lenient = content.decode("utf-8", errors="replace")
    damaged = lenient.count("\ufffd")
    # Pairs of GB18030 bytes often look like two-byte UTF-8, hardly ever like three-byte.
    chinese = sum(character > _LAST_OF_TWO_BYTES for character in lenient) - damaged
    is_utf8 = content.startswith(b"\xef\xbb\xbf") or chinese > damaged
    try:
        if not is_utf8:
            return content.decode("gb18030")
    except UnicodeDecodeError as other:
        error = other
    line = content.count(b"\n", 0, error.start) + 1
    rule = "the text is UTF-8 or GB18030"
    found = f"the byte 0x{content[error.start]:02x}"
    raise DataError(name, rule, "Save it as CSV UTF-8.", line, found) from error


def _inspect_archive(name: str, content: bytes) -> None:
    """Refuse a workbook that is damaged, a bomb, or declares entities, before it is parsed."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGED as error:
        raise _unreadable(name, error) from error
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > UNPACKED_LIMIT:
        rule = f"a workbook unpacks to at most {UNPACKED_LIMIT // 1024**2} MB"
        raise DataError(name, rule, "Export fewer days or columns.", found=f"{unpacked} bytes")
    for member in archive.namelist():
        try:
            data = archive.read(member)
        except _DAMAGED as error:
            raise _unreadable(name, error) from error
        _inspect_member(name, member, data)


def _inspect_member(name: str, member: str, data: bytes) -> None:
    """Refuse entities, and a sheet whose far corner would need a table of billions of cells."""
    if not member.endswith((".xml", ".rels")):
        return
    if _ENTITY.search(data):
        rule = "a workbook declares no XML document types or entities"
        raise DataError(name, rule, "Do not open it; ask where it came from.", found=member)
    if member.startswith("xl/worksheets/"):
        references = set(_REFERENCE.findall(data))
        width = max((_column_number(letters) for letters, _ in references), default=0)
        height = max((int(digits) for _, digits in references), default=0)
        _limit_cells(name, width * height)
        failed = _FAILED.search(data)
        if failed is not None:
            raise _failed_formula(name, f"{failed[2].decode()} in {failed[1].decode()}")


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _limit_cells(name: str, cells: int) -> None:
    if cells > CELLS_LIMIT:
        rule = f"a sheet has at most {CELLS_LIMIT} cells"
        remedy = "Delete the far cells that were filled by mistake, or export less."
        raise DataError(name, rule, remedy, found=f"{cells} cells")


def _new_workbook(name: str, content: bytes) -> Iterator[Sheet]:
    """The visible, filled sheets of an .xlsx workbook."""
    try:
        with python_calamine.load_workbook(io.BytesIO(content)) as book:
            for number, about in enumerate(book.sheets_metadata):
                visible = about.visible == python_calamine.SheetVisibleEnum.Visible
                if visible and about.typ == python_calamine.SheetTypeEnum.WorkSheet:
                    sheet = book.get_sheet_by_index(number)
                    rows = sheet.to_python(skip_empty_area=False)
                    yield from _filled(about.name, rows, range(1, len(rows) + 1))
    except (python_calamine.CalamineError, *_DAMAGED) as error:
        raise _unreadable(name, error) from error


def _old_workbook(name: str, content: bytes) -> Iterator[Sheet]:
    """The visible, filled sheets of an .xls workbook.

    Read in Python: the library for .xlsx reads .xls too, but panics where a file is damaged.
    """
    import xlrd  # noqa: PLC0415 - a format that few files still have

    try:
        book = xlrd.open_workbook(file_contents=content, logfile=io.StringIO(), ragged_rows=True)
        for sheet in book.sheets():
            if sheet.visibility == 0:
                width = max(map(sheet.row_len, range(sheet.nrows)), default=0)
                _limit_cells(name, width * sheet.nrows)
                rows = [_old_row(name, book.datemode, row, width) for row in sheet.get_rows()]
                yield from _filled(sheet.name, rows, range(1, len(rows) + 1))
    except DataError:
        raise
    except Exception as error:
        # Its parser raises whatever it stumbles over, assertions and missing keys included.
        raise _unreadable(name, error) from error


def _old_row(name: str, datemode: Literal[0, 1], row: "Sequence[OldCell]", width: int) -> Row:
    """Cells of an .xls row, typed as in other workbooks and filled up to the sheet's width."""
    import xlrd  # noqa: PLC0415 - as above

    cells: list[Cell] = []
    for cell in row:
        if cell.ctype == xlrd.XL_CELL_DATE:
            moment = xlrd.xldate.xldate_as_datetime(float(cell.value), datemode)
            cells.append(moment if moment.time() != dt.time() else moment.date())
        elif cell.ctype == xlrd.XL_CELL_BOOLEAN:
            cells.append(bool(cell.value))
        elif cell.ctype == xlrd.XL_CELL_ERROR:
            text = xlrd.error_text_from_code.get(int(cell.value), "#?")
            if text != _NOT_AVAILABLE:
                raise _failed_formula(name, text)
            cells.append("")
        else:
            cells.append(cell.value)
    return [*cells, *[""] * (width - len(cells))]


def _failed_formula(name: str, found: str) -> DataError:
    rule = "cells hold values, not failed formulas"
    remedy = "Let the vendor's plug-in fill the sheet, then save it as values."
    return DataError(name, rule, remedy, found=found)


def _unreadable(name: str, error: Exception) -> DataError:
    rule = "the workbook can be read"
    return DataError(name, rule, _SAVE_AGAIN, found=str(error) or type(error).__name__)
