"""Reading the workbook back: what its cells show, by value and number format."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from html import unescape
from io import BytesIO
from pathlib import PurePosixPath
from typing import NamedTuple
from xml.etree import ElementTree as ET

from bj_pipeline.report.labels import Labels
from bj_pipeline.report.proofreading.form import Entry, Form, Passage, Tied, squeezed
from bj_pipeline.report.workbook_frames import SHEETS, name_of, sheet_name
from bj_pipeline.storage import Place

_SPACE = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_MAIN = f"{{{_SPACE.decode()}}}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_DRAWN = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}cNvPr"
_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_TEXT = "{http://schemas.openxmlformats.org/drawingml/2006/main}t"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_CELLS = re.compile(r"'?(?P<sheet>.+?)'?!\$([A-Z]+)\$(\d+)(?::\$([A-Z]+)\$(\d+))?")
_FIELD = re.compile(r"&[A-Z]")
_FIRST_DAY = date(1899, 12, 30)
_NUMBER_PART = re.compile(r"[+-]?#?,?#*0(?:\.0+)?")
_ROW = re.compile(rb'<row r="(\d+)"[^>]*?(?:/>|>.*?</row>)', re.DOTALL)
_KEY = 2
_HEADER_ROW = 3
Grid = list[list[str]]


def read_workbook(path: Place, labels: Labels) -> Form:
    """The workbook as a form; places are named by the sheet."""
    passages: list[Passage] = []
    contents: list[Entry] = []
    tied: list[Tied] = []
    data: dict[str, _Data] = {}
    grids: dict[str, Grid] = {}
    tables = {sheet_name(labels, table): table for table in SHEETS}
    with zipfile.ZipFile(BytesIO(path.read_bytes())) as archive:
        for name, sheet in _sheets(archive):
            if name in tables:
                data[tables[name]] = _data(sheet, name_of(labels, "code"))
                continue
            grid = grids[name] = sheet.grid()
            passages += [Passage(name, text) for text in sheet.furniture()]
            if name == labels["facts"]:
                tied += [Tied(row[0], row[1], name) for row in grid[_HEADER_ROW + 1 :] if row[0]]
                tied += [
                    Tied(row[0], row[1] + row[2], name, origin=tuple(row))
                    for row in grid[_HEADER_ROW + 1 :]
                ]
            elif name == labels["contents"]:
                contents, about = _contents(grid, labels)
                passages += [Passage(name, "\n".join(row)) for row in about]
            else:
                passages += [Passage(name, "\n".join(row)) for row in grid if any(row)]
        alternatives = tuple(_descriptions(archive))
        drawings = tuple(_charts(archive, grids))
        title = _xml(archive.read("docProps/core.xml")).findtext(_TITLE, "")
    return Form(
        name=path.name,
        passages=tuple(passages),
        contents=tuple(contents),
        tied=tuple(tied),
        alternatives=alternatives,
        drawings=drawings,
        title=title,
        columns=_Columns(data),
        prints=False,
    )


def shown(value: float, form: str) -> str:
    """A number as a spreadsheet shows it, for the formats that our workbooks use."""
    sections = _sections(form)
    at = 0 if value > 0 or len(sections) < _KEY else 1 if value < 0 else -1
    section = sections[at]
    if section.text == "General":
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    if "yy" in section.text:
        return str(_FIRST_DAY + timedelta(days=value))
    if section.digits is None:
        return f"{value:g}"
    exact = Decimal(repr(abs(value) if len(sections) > 1 else value))
    number = exact.quantize(section.digits, rounding=ROUND_HALF_UP)
    number = number or abs(number)
    text = f"{number:,f}" if section.groups else f"{number:f}"
    return f"{section.before}{text}{section.after}"


class _Section(NamedTuple):
    """What a format does with one kind of number: positive ones, negative ones, nought.

    Attributes:
        text: As written.
        digits: The least number that it tells from nought; None if it shows no number.
        groups: Whether thousands are parted.
        before: What stands before the digits, the sign that it writes among it.
        after: What stands behind them.
    """

    text: str
    digits: Decimal | None = None
    groups: bool = False
    before: str = ""
    after: str = ""


@lru_cache(maxsize=4096)
def _sections(form: str) -> tuple[_Section, ...]:
    return tuple(map(_section, form.split(";")))


def _section(text: str) -> _Section:
    plain = re.sub(r"\\(.)", "\x00", text)
    number = _NUMBER_PART.search(plain)
    if number is None:
        return _Section(text)
    literals = iter(re.findall(r"\\(.)", text))
    before, after = (
        "".join(next(literals) if one == "\x00" else one for one in part)
        for part in (plain[: number.start()], plain[number.end() :])
    )
    sign = number[0][0] if number[0][0] in "+-" else ""
    return _Section(
        text=text,
        digits=Decimal(1).scaleb(-len(number[0].partition(".")[2])),
        groups="," in number[0],
        before=before + sign,
        after=after,
    )


def _xml(content: bytes) -> ET.Element:
    return ET.fromstring(content)  # noqa: S314 - a file of our own making


def _sheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, "_Sheet"]]:
    root = _xml(archive.read("xl/workbook.xml"))
    targets = _targets(archive, "xl/workbook.xml")
    strings = _strings(archive)
    formats = _formats(archive)
    for sheet in root.iter(f"{_MAIN}sheet"):
        content = archive.read(targets[str(sheet.get(_RELATION))])
        yield str(sheet.get("name")), _Sheet(content, strings, formats)


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


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet as it lies in the file, with the texts and formats that its cells refer to."""

    content: bytes
    strings: list[str]
    formats: list[str]

    def grid(self) -> Grid:
        """What every cell shows."""
        rows: dict[int, dict[int, str]] = {}
        for cell in _xml(self.content).iter(f"{_MAIN}c"):
            column, row = _place(str(cell.get("r")))
            rows.setdefault(row, {})[column] = self.shown(cell)
        width = max((column for row in rows.values() for column in row), default=-1) + 1
        return [
            [rows.get(row, {}).get(column, "") for column in range(width)]
            for row in range(max(rows, default=-1) + 1)
        ]

    def furniture(self) -> Iterator[str]:
        """What stands in the print's header and footer, but for fields such as the page."""
        for part in ("oddHeader", "oddFooter"):
            found = re.search(rf"<{part}>(.*?)</{part}>".encode(), self.content, re.DOTALL)
            if found:
                yield from filter(None, _FIELD.split(unescape(found[1].decode())))

    def shown(self, cell: ET.Element) -> str:
        """What a cell shows."""
        kind, value = cell.get("t", "n"), cell.findtext(f"{_MAIN}v")
        if kind == "s":
            return self.strings[int(value or 0)]
        if kind in {"str", "inlineStr", "b", "e"}:
            return value or "".join(text.text or "" for text in cell.iter(f"{_MAIN}t"))
        if value is None:
            return ""
        return shown(float(value), self.formats[int(cell.get("s", "0"))])


@lru_cache(maxsize=65536)
def _place(reference: str) -> tuple[int, int]:
    """Column and row of ``B5``, counted from 0."""
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = 26 * column + ord(letter) - 64
    return column - 1, int(reference[len(letters) :]) - 1


@dataclass(frozen=True, slots=True)
class _Data:
    """A data sheet, of which few cells are looked at: it is not parsed as a whole.

    Attributes:
        sheet: As it lies in the file.
        heads: Letters of a column, by header.
        rows: A row as it lies in the file, by code.
    """

    sheet: _Sheet
    heads: Mapping[str, str]
    rows: Mapping[str, bytes]

    def shown(self, code: str, head: str) -> str:
        """What the cell in that row and column shows; nothing if there is no such cell."""
        return _cells(self.sheet, self.rows[code], self.heads[head]).get(self.heads[head], "")


def _data(sheet: _Sheet, code: str) -> _Data:
    rows = {int(row[1]): row[0] for row in _ROW.finditer(sheet.content)}
    heads = {head: at for at, head in _cells(sheet, rows.get(_HEADER_ROW + 1, b"")).items()}
    key = heads.pop(code, None)
    if key is None:
        return _Data(sheet, {}, {})
    below = (row for number, row in rows.items() if number > _HEADER_ROW + 1)
    return _Data(sheet, heads, {_cells(sheet, row, key).get(key, ""): row for row in below})


def _cells(sheet: _Sheet, row: bytes, column: str = "[A-Z]+") -> dict[str, str]:
    """What cells of a row show, by the letters of their column; all of them, or one column's."""
    pattern = rf'<c r="({column})\d+"[^>]*?(?:/>|>.*?</c>)'.encode()
    return {
        found[1].decode(): sheet.shown(_xml(b'<row xmlns="%b">%b</row>' % (_SPACE, found[0]))[0])
        for found in re.finditer(pattern, row, re.DOTALL)
    }


@dataclass(frozen=True, slots=True)
class _Columns(Mapping[tuple[str, str, str], str]):
    """Cells of data sheets by table, code and header, read when they are asked for."""

    data: Mapping[str, _Data]

    def __getitem__(self, place: tuple[str, str, str]) -> str:
        table, code, head = place
        return self.data[table].shown(code, head)

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        return (
            (table, code, head)
            for table, data in self.data.items()
            for code in data.rows
            for head in data.heads
        )

    def __len__(self) -> int:
        return sum(len(data.rows) * len(data.heads) for data in self.data.values())


def _contents(grid: Grid, labels: Labels) -> tuple[list[Entry], Grid]:
    """Titles that the contents sheet lists, and what stands above the list."""
    heads = [labels["sheet"], labels["text"]]
    top = next(at for at, row in enumerate(grid) if row[:2] == heads)
    listed = [Entry(squeezed(row[1]), row[0]) for row in grid[top + 1 :] if row[1]]
    return listed, [row for row in grid[:top] if any(row)]


def _charts(archive: zipfile.ZipFile, grids: Mapping[str, Grid]) -> Iterator[tuple[str, ...]]:
    """What each native chart says: its own words, and the cells that it is drawn from."""
    names = [name for name in archive.namelist() if name.startswith("xl/charts/chart")]
    for name in sorted(names, key=lambda one: int(re.sub(r"\D", "", one))):
        root = _xml(archive.read(name))
        words = [one.text or "" for one in root.iter(_TEXT)]
        for cells in dict.fromkeys(one.text or "" for one in root.iter(f"{_CHART}f")):
            words += _referred(cells, grids)
        yield tuple(squeezed(word) for word in words if word.strip())


def _referred(cells: str, grids: Mapping[str, Grid]) -> list[str]:
    """What the cells show that a chart names: ``'图表 01'!$B$5:$B$9``."""
    found = _CELLS.fullmatch(cells)
    grid = grids.get(found["sheet"].replace("''", "'")) if found else None
    if found is None or grid is None:
        return [cells]
    left, top = _place(found[2] + found[3])
    right, bottom = _place((found[4] or found[2]) + (found[5] or found[3]))
    return [cell for row in grid[top : bottom + 1] for cell in row[left : right + 1]]


def _descriptions(archive: zipfile.ZipFile) -> Iterator[str]:
    names = [name for name in archive.namelist() if name.startswith("xl/drawings/drawing")]
    for name in sorted(names, key=lambda one: int(re.sub(r"\D", "", one) or 0)):
        root = _xml(archive.read(name))
        for one in root.iter(_DRAWN):
            yield str(one.get("descr", ""))
