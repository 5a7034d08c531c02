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
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.parsers import expat

import python_calamine

from bj_pipeline.errors import DataError
from bj_pipeline.sources import formats, sheet_markup
from bj_pipeline.sources.formats import PREFIX
from bj_pipeline.sources.sheet_markup import SAVE_AGAIN, failed_formula, limit_cells

if TYPE_CHECKING:
    from xlrd.book import Book
    from xlrd.sheet import Cell as OldCell

Cell = str | int | float | bool | dt.date | dt.datetime | dt.time | dt.timedelta
Row = Sequence[Cell]

BYTES_LIMIT = 64 * 1024**2
"""A file larger than this is not a vendor's table of this exchange (all of 2025 fits in 20 MB)."""
UNPACKED_LIMIT = 256 * 1024**2
COLUMNS_LIMIT = 16_384
"""As many as the columns of a workbook."""

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml|head|body|table|meta|error)", re.IGNORECASE)
_DELIMITERS = ",\t;"
_SAMPLED = 100_000
"""Characters of a CSV file by which the delimiter is told."""
_LINE_ENDS = (b"\n", b"\r")
_WITH_PASSWORD = "EncryptedPackage".encode("utf-16-le")

_WORKBOOK, _STRINGS = "xl/workbook.xml", "xl/sharedstrings.xml"
_STYLES = "xl/styles.xml"
_PARTS = re.compile(r"(\[content_types\]\.xml|_rels/.*|xl/(?!(media|drawings|charts)/).*)")
"""What a workbook's cells are made of: pictures and macros are not even unpacked."""
_ENTITY = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_STRING = re.compile(rb"<" + PREFIX + rb"si[\s/>]")
_NEVER_COMPUTED = re.compile(rb"""\sfullCalcOnLoad\s*=\s*["'](1|true)["']""")
_SINCE_1904 = re.compile(rb"""\sdate1904\s*=\s*["'](1|true)["']""")
_CODED = re.compile(r"_x(?![dD][89a-fA-F])([0-9a-fA-F]{4})_")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What the standard library raises over a damaged archive, or one packed in an unknown way."""
_LAST_OF_TWO_BYTES = "\u07ff"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of cells.

    Attributes:
        name: Name of the worksheet; empty for CSV.
        rows: Rows that hold anything, as the file has them: text in CSV, typed in a workbook.
        lines: Line (or row number in the workbook) of each row.
        merged: First and last row number of each cell that was merged over several rows.
    """

    name: str
    rows: Sequence[Row]
    lines: Sequence[int]
    merged: Sequence[tuple[int, int]] = ()


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
        raise DataError(name, "the file holds a table", SAVE_AGAIN, found="an empty file")
    if len(content) > BYTES_LIMIT:
        rule = f"a file has at most {BYTES_LIMIT // 1024**2} MB"
        raise DataError(name, rule, "Export fewer days or columns.", found=f"{len(content)} bytes")
    if content.startswith(_ZIP):
        found = tuple(_new_workbook(name, _inspected(name, content)))
    elif content.startswith(_OLE):
        found = tuple(_old_workbook(name, content))
    elif _MARKUP.match(content.removeprefix(b"\xef\xbb\xbf")):
        rule = "the file is a CSV or a workbook"
        remedy = "An error page may have been saved in its place: fetch or export it again."
        raise DataError(name, rule, remedy, found="HTML or XML")
    else:
        found = _separated(name, content)
    if not found:
        raise DataError(name, "the file holds a table", SAVE_AGAIN, found="no filled cell")
    return found


def is_filled(row: Row) -> bool:
    """Whether a row holds anything."""
    return any(not isinstance(cell, str) or cell.strip() for cell in row)


def _filled(
    name: str, rows: Sequence[Row], lines: Sequence[int], merged: Sequence[tuple[int, int]] = ()
) -> Iterator[Sheet]:
    """The sheet without its blank rows, if anything is left."""
    # Almost every row begins with a filled cell, which is asked first for want of time.
    kept = [
        (row, line)
        for row, line in zip(rows, lines, strict=True)
        if (row and type(row[0]) is str and row[0].strip()) or is_filled(row)
    ]
    if kept:
        over_rows = [(first, last) for first, last in merged if first < last]
        yield Sheet(name, [row for row, _ in kept], [line for _, line in kept], over_rows)


def _separated(name: str, content: bytes) -> tuple[Sheet, ...]:
    """The one sheet of a CSV file."""
    text = _decoded(name, content)
    delimiter = _delimiter(text)
    limit_cells(name, text.count(delimiter) + text.count("\n"))
    if not content.endswith(_LINE_ENDS):
        # A file that was cut in its last number would pass for a whole one.
        rule = "the last line is ended, as every line of a whole file is"
        remedy = "Export or fetch it again; if it is whole, add a line break at its end."
        line = content.count(b"\n") + 1
        raise DataError(name, rule, remedy, line, "an end in the middle of a line")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    begins = 1
    try:
        for row in reader:
            if len(row) > COLUMNS_LIMIT:
                rule = f"a row has at most {COLUMNS_LIMIT} cells"
                raise DataError(name, rule, "Export less.", begins, f"{len(row)} cells")
            rows.append(row)
            lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        rule = "quoted cells are closed and cells are separated by commas, tabs or semicolons"
        raise DataError(name, rule, SAVE_AGAIN, begins, str(error)) from error
    return tuple(_filled("", rows, lines))


def _delimiter(text: str) -> str:
    """What separates the cells: the mark that most lines hold equally often, else the comma.

    A terminal's export may be separated by tabs and write thousands with commas; its header then
    holds tabs only.
    """
    lines = re.sub(r'"[^"]*"', "", text[:_SAMPLED]).splitlines()

    def alike(mark: str) -> int:
        return max(Counter(line.count(mark) for line in lines if mark in line).values(), default=0)

    return max(_DELIMITERS, key=alike)


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


def _inspected(name: str, content: bytes) -> bytes:
    """The workbook with no part but those that its cells are made of, each of them looked at.

    It is packed anew, so that what was looked at is what is parsed, whatever else an archive says
    of itself.

    Raises:
        DataError: It is damaged, a bomb, declares entities, or was never computed.
    """
    parts = _unpacked(name, content)
    by_name = {part.lower(): data for part, data in parts.items()}
    if _WORKBOOK not in by_name:
        rule = "the workbook can be read"
        raise DataError(name, rule, "Save it as .xlsx.", found=f"an archive without {_WORKBOOK}")
    _refuse_1904(name, is_1904=_SINCE_1904.search(by_name[_WORKBOOK]) is not None)
    styles = formats.misleading(by_name.get(_STYLES, b""))
    was_computed = not _NEVER_COMPUTED.search(by_name[_WORKBOOK])
    cells = 0
    used: Counter[bytes] = Counter()
    texts = _text_sizes(by_name.get(_STRINGS, b""))
    for part, data in parts.items():
        if data[:2] in _UTF16 or b"\0" in data[:4]:
            rule = "the parts of a workbook are in UTF-8"
            raise DataError(name, rule, SAVE_AGAIN, found=f"another encoding in {part}")
        if _ENTITY.search(data):
            rule = "a workbook declares no XML document types or entities"
            raise DataError(name, rule, "Do not open it; ask where it came from.", found=part)
        _refuse_malformed(name, part, data)
        if sheet_markup.is_sheet(data):
            cells += sheet_markup.spanned(name, part, data)
            limit_cells(name, cells)
            used += sheet_markup.shared_texts(name, data, len(texts), was_computed=was_computed)
            parts[part] = formats.told(data, styles)
    sheet_markup.refuse_unclear_texts(name, by_name.get(_STRINGS, b""), len(texts))
    _limit_text(name, texts, used)
    return _packed(parts)


def _unpacked(name: str, content: bytes) -> dict[str, bytes]:
    """The parts of a workbook, by name."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGED as error:
        raise _unreadable(name, error) from error
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    if unpacked > UNPACKED_LIMIT:
        rule = f"a workbook unpacks to at most {UNPACKED_LIMIT // 1024**2} MB"
        raise DataError(name, rule, "Export fewer days or columns.", found=f"{unpacked} bytes")
    parts: dict[str, bytes] = {}
    for member in members:
        part = member.filename.replace("\\", "/").removeprefix("/")
        if not _PARTS.fullmatch(part.lower()) or not part.lower().endswith((".xml", ".rels")):
            continue
        if part.lower() in map(str.lower, parts):
            rule = "a workbook holds each of its parts once"
            raise DataError(name, rule, "Do not open it; ask where it came from.", found=part)
        try:
            parts[part] = archive.read(member)
        except _DAMAGED as error:
            raise _unreadable(name, error) from error
    return parts


def _refuse_malformed(name: str, part: str, data: bytes) -> None:
    """Refuse what is no XML: whatever reads cells passes over it, and over cells with it."""
    try:
        expat.ParserCreate().Parse(data, True)  # noqa: FBT003 - takes no keyword
    except expat.ExpatError as error:
        raise _unreadable(name, ValueError(f"{part}: {error}")) from error


def _packed(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
    return target.getvalue()


def _text_sizes(strings: bytes) -> list[int]:
    """Bytes of markup of each of the workbook's shared texts."""
    starts = [match.start() for match in _STRING.finditer(strings)]
    return [after - at for at, after in pairwise([*starts, len(strings)])]


def _limit_text(name: str, sizes: Sequence[int], used: Counter[bytes]) -> None:
    """Refuse a workbook whose few long texts stand in very many cells."""
    if max(sizes, default=0) * used.total() <= UNPACKED_LIMIT:
        return
    total = sum(sizes[int(number)] * count for number, count in used.items() if number)
    if total > UNPACKED_LIMIT:
        rule = f"a workbook holds at most {UNPACKED_LIMIT // 1024**2} MB of text"
        raise DataError(name, rule, "Export fewer days or columns.", found=f"{total} bytes")


def _new_workbook(name: str, content: bytes) -> Iterator[Sheet]:
    """The visible, filled sheets of an .xlsx workbook, as :func:`_inspected` packed it."""
    try:
        with python_calamine.load_workbook(io.BytesIO(content)) as book:
            for number, about in enumerate(book.sheets_metadata):
                visible = about.visible == python_calamine.SheetVisibleEnum.Visible
                if visible and about.typ == python_calamine.SheetTypeEnum.WorkSheet:
                    sheet = book.get_sheet_by_index(number)
                    rows = _written_out(content, sheet.to_python(skip_empty_area=False))
                    ranges = sheet.merged_cell_ranges or ()
                    merged = [(start[0] + 1, end[0] + 1) for start, end in ranges]
                    yield from _filled(about.name, rows, range(1, len(rows) + 1), merged)
    except (python_calamine.CalamineError, *_DAMAGED) as error:
        raise _unreadable(name, error) from error


def _written_out(content: bytes, rows: list[list[Cell]]) -> list[list[Cell]]:
    """Cells with the characters that a workbook writes as their codes, such as ``_x000D_``.

    Excel writes so a line end that came from a database, and shows it as one.
    """
    if b"_x" not in content:
        return rows
    return [
        [
            _CODED.sub(lambda code: chr(int(code[1], 16)), cell) if isinstance(cell, str) else cell
            for cell in row
        ]
        for row in rows
    ]


def _old_workbook(name: str, content: bytes) -> Iterator[Sheet]:
    """The visible, filled sheets of an .xls workbook.

    Read in Python: the library for .xlsx reads .xls too, but panics where a file is damaged.
    """
    import xlrd  # noqa: PLC0415 - a format that few files still have

    if _WITH_PASSWORD in content:
        rule = "the workbook opens without a password"
        raise DataError(name, rule, "Save it without one.", found="a workbook with a password")
    try:
        # Without its formats a book does not say which cells are merged.
        book = xlrd.open_workbook(
            file_contents=content, logfile=io.StringIO(), ragged_rows=True, formatting_info=True
        )
        _refuse_1904(name, is_1904=book.datemode == 1)
        for sheet in book.sheets():
            if sheet.visibility == 0:
                width = max(map(sheet.row_len, range(sheet.nrows)), default=0)
                limit_cells(name, width * sheet.nrows)
                rows = [_old_row(name, book, row, width) for row in sheet.get_rows()]
                merged = [(first + 1, end) for first, end, _, _ in sheet.merged_cells]
                yield from _filled(sheet.name, rows, range(1, len(rows) + 1), merged)
    except DataError:
        raise
    except Exception as error:
        # Its parser raises whatever it stumbles over, assertions and missing keys included.
        raise _unreadable(name, error) from error


def _old_row(name: str, book: "Book", row: "Sequence[OldCell]", width: int) -> Row:
    """Cells of an .xls row, typed as in other workbooks and filled up to the sheet's width."""
    import xlrd  # noqa: PLC0415 - as above

    cells: list[Cell] = []
    for cell in row:
        if cell.ctype == xlrd.XL_CELL_DATE:
            moment = xlrd.xldate.xldate_as_datetime(float(cell.value), book.datemode)
            cells.append(moment if moment.time() != dt.time() else moment.date())
        elif cell.ctype == xlrd.XL_CELL_BOOLEAN:
            cells.append(bool(cell.value))
        elif cell.ctype == xlrd.XL_CELL_ERROR:
            text = xlrd.error_text_from_code.get(int(cell.value), "#?")
            if text != formats.NOT_AVAILABLE:
                raise failed_formula(name, text)
            # Unlike .xlsx it does not say whether the error was typed or computed.
            cells.append(formats.NO_RESULT)
        elif cell.ctype == xlrd.XL_CELL_NUMBER:
            code = book.format_map[book.xf_list[cell.xf_index or 0].format_key].format_str
            cells.append(formats.shown(f"{cell.value:.15g}", code) or cell.value)
        else:
            cells.append(cell.value)
    return [*cells, *[""] * (width - len(cells))]


def _refuse_1904(name: str, *, is_1904: bool) -> None:
    """Refuse a workbook in which a day that stands as a number would be four years off."""
    if is_1904:
        rule = "a workbook counts its days from 1900"
        remedy = "Save it as CSV UTF-8, with days written out."
        raise DataError(name, rule, remedy, found="days counted from 1904")


def _unreadable(name: str, error: Exception) -> DataError:
    rule = "the workbook can be read"
    return DataError(name, rule, SAVE_AGAIN, found=str(error) or type(error).__name__)
