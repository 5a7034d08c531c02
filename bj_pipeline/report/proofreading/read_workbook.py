"""Reading the workbook back: what its cells show, by value and number format."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from io import BytesIO
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

from bj_pipeline.report.labels import Labels
from bj_pipeline.report.proofreading.form import Entry, Form, Passage, Tied, squeezed
from bj_pipeline.report.workbook_frames import SHEETS, name_of, sheet_name
from bj_pipeline.storage import Place

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_DRAWN = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}cNvPr"
_FIRST_DAY = date(1899, 12, 30)
_NUMBER_PART = re.compile(r"[+-]?#?,?#*0(?:\.0+)?")
_KEY = 2
_HEADER_ROW = 3
Grid = list[list[str]]


def read_workbook(path: Place, labels: Labels) -> Form:
    """The workbook as a form; places are named by the sheet."""
    passages: list[Passage] = []
    contents: list[Entry] = []
    tied: list[Tied] = []
    columns: dict[tuple[str, str, str], str] = {}
    sheets = {sheet_name(labels, table): table for table in SHEETS}
    with zipfile.ZipFile(BytesIO(path.read_bytes())) as archive:
        for name, grid in _sheets(archive):
            if name == labels["facts"]:
                tied += [Tied(row[0], row[1], name) for row in grid[_HEADER_ROW + 1 :] if row[0]]
                tied += [Tied(row[0], row[1] + row[2], name) for row in grid[_HEADER_ROW + 1 :]]
            elif name in sheets:
                columns |= _columns(sheets[name], grid, name_of(labels, "code"))
            elif name == labels["contents"]:
                contents, about = _contents(grid, labels)
                passages += [Passage(name, "\n".join(row)) for row in about]
            else:
                passages += [Passage(name, "\n".join(row)) for row in grid if any(row)]
        alternatives = tuple(_descriptions(archive))
    return Form(
        name=path.name,
        passages=tuple(passages),
        contents=tuple(contents),
        tied=tuple(tied),
        alternatives=alternatives,
        columns=columns,
        prints=False,
    )


def shown(value: float, form: str) -> str:
    """A number as a spreadsheet shows it, for the formats that our workbooks use."""
    sections = form.split(";")
    at = 0 if value > 0 or len(sections) < _KEY else 1 if value < 0 else -1
    section = sections[at]
    if section == "General":
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    if "yy" in section:
        return str(_FIRST_DAY + timedelta(days=value))
    plain = re.sub(r"\\(.)", "\x00", section)
    number = _NUMBER_PART.search(plain)
    if number is None:
        return f"{value:g}"
    digits = len(number[0].partition(".")[2])
    exact = Decimal(repr(abs(value) if len(sections) > 1 else value))
    rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    text = f"{rounded or abs(rounded):,f}" if "," in number[0] else f"{rounded or abs(rounded):f}"
    sign = number[0][0] if number[0][0] in "+-" else ""
    literals = iter(re.findall(r"\\(.)", section))
    around = plain[: number.start()] + "\x01" + plain[number.end() :]
    filled = "".join(next(literals) if one == "\x00" else one for one in around)
    return filled.replace("\x01", sign + text)


def _xml(content: bytes) -> ET.Element:
    return ET.fromstring(content)  # noqa: S314 - a file of our own making


def _sheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, Grid]]:
    root = _xml(archive.read("xl/workbook.xml"))
    targets = _targets(archive, "xl/workbook.xml")
    strings = _strings(archive)
    formats = _formats(archive)
    for sheet in root.iter(f"{_MAIN}sheet"):
        part = targets[str(sheet.get(_RELATION))]
        yield str(sheet.get("name")), _grid(archive.read(part), strings, formats)


def _targets(archive: zipfile.ZipFile, part: str) -> dict[str, str]:
    path = PurePosixPath(part)
    relations = str(path.parent / "_rels" / f"{path.name}.rels")
    root = _xml(archive.read(relations))
    return {str(one.get("Id")): str(path.parent / str(one.get("Target"))) for one in root}


def _strings(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    root = _xml(archive.read("xl/sharedStrings.xml"))
    return ["".join(text.text or "" for text in one.iter(f"{_MAIN}t")) for one in root]


def _formats(archive: zipfile.ZipFile) -> list[str]:
    """Number format of each cell style."""
    root = _xml(archive.read("xl/styles.xml"))
    built_in = {"0": "General", "1": "0", "2": "0.00", "3": "#,##0", "4": "#,##0.00"}
    named = built_in | {
        str(one.get("numFmtId")): str(one.get("formatCode")) for one in root.iter(f"{_MAIN}numFmt")
    }
    styles = root.find(f"{_MAIN}cellXfs")
    return [named.get(str(one.get("numFmtId")), "General") for one in styles or ()]


def _grid(content: bytes, strings: list[str], formats: list[str]) -> Grid:
    root = _xml(content)
    rows: dict[int, dict[int, str]] = {}
    for cell in root.iter(f"{_MAIN}c"):
        column, row = _place(str(cell.get("r")))
        rows.setdefault(row, {})[column] = _shown_cell(cell, strings, formats)
    width = max((column for row in rows.values() for column in row), default=-1) + 1
    return [
        [rows.get(row, {}).get(column, "") for column in range(width)]
        for row in range(max(rows, default=-1) + 1)
    ]


def _shown_cell(cell: ET.Element, strings: list[str], formats: list[str]) -> str:
    kind, value = cell.get("t", "n"), cell.findtext(f"{_MAIN}v")
    if kind == "s":
        return strings[int(value or 0)]
    if kind in {"str", "inlineStr", "b", "e"}:
        return value or "".join(text.text or "" for text in cell.iter(f"{_MAIN}t"))
    if value is None:
        return ""
    return shown(float(value), formats[int(cell.get("s", "0"))])


@lru_cache(maxsize=65536)
def _place(reference: str) -> tuple[int, int]:
    """Column and row of ``B5``, counted from 0."""
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = 26 * column + ord(letter) - 64
    return column - 1, int(reference[len(letters) :]) - 1


def _columns(table: str, grid: Grid, code: str) -> Mapping[tuple[str, str, str], str]:
    """Cells of a data sheet by the code in their row and their column's header."""
    if len(grid) <= _HEADER_ROW or code not in grid[_HEADER_ROW]:
        return {}
    heads = grid[_HEADER_ROW]
    key = heads.index(code)
    return {
        (table, row[key], head): cell
        for row in grid[_HEADER_ROW + 1 :]
        for head, cell in zip(heads, row, strict=True)
        if head != code
    }


def _contents(grid: Grid, labels: Labels) -> tuple[list[Entry], Grid]:
    """Titles that the contents sheet lists, and what stands above the list."""
    heads = [labels["sheet"], labels["text"]]
    top = next(at for at, row in enumerate(grid) if row[:2] == heads)
    listed = [Entry(squeezed(row[1]), row[0]) for row in grid[top + 1 :] if row[1]]
    return listed, [row for row in grid[:top] if any(row)]


def _descriptions(archive: zipfile.ZipFile) -> Iterator[str]:
    names = [name for name in archive.namelist() if name.startswith("xl/drawings/drawing")]
    for name in sorted(names, key=lambda one: int(re.sub(r"\D", "", one) or 0)):
        root = _xml(archive.read(name))
        for one in root.iter(_DRAWN):
            yield str(one.get("descr", ""))
