"""The report as a workbook, for analysts who want its numbers and charts in their own hands.

What belongs here: the sheets, their order, and what stands in their cells. What does not: how a
number gets its format (:mod:`.workbook_numbers`), the warehouse's columns in words
(:mod:`.workbook_frames`), and the charts (:mod:`.workbook_charts`).

A contents sheet comes first, then a sheet per figure and table, the metrics that they were made
from, and every fact with its origin. Numbers are numbers, in the unit that the header gives and not
rounded; their format shows them as the report prints them. Text is always text: nothing that a name
holds becomes a formula or a link. What is missing reads ``—``, except below a chart, where only an
empty cell is drawn as a gap.
"""

import io
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from bj_pipeline.report import logo
from bj_pipeline.report.document import Document, Figure, Line, Table, Tone
from bj_pipeline.report.facts import Style
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.office import legal, made_on
from bj_pipeline.report.palette import GREY, INK, RULE
from bj_pipeline.report.rounding import LOSS, MISSING
from bj_pipeline.report.workbook_charts import FONT, Cells, native_chart
from bj_pipeline.report.workbook_frames import (
    LOSS_FLAG,
    SHEETS,
    header,
    sheet_name,
    sheet_title,
    style_of,
    words,
)
from bj_pipeline.report.workbook_numbers import (
    Number,
    cell_number,
    exact_format,
    exact_text,
    format_like,
    is_nought,
    nought_format,
    number_format,
    scaled,
)

_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_NAME_LENGTH = 31
_CELL_LENGTH = 32_767
_A4 = 9
_NAMES = {"code", "name"}  # columns that stay in sight
_HEADER_ROW = 3
_PRINTED, _VALUE = 1, 3  # columns of the facts
_NARROW, _WIDE = 9, 46
_LINE_POINTS = 16.5
_WHITE = "#FFFFFF"
_CONTENTS_WIDTHS = (13, 70, 8, 58)
_LOGO_HEIGHT = 36.0
_LOGO_DPI = 288


def render(document: Document, frames: Mapping[str, pd.DataFrame]) -> bytes:
    """The workbook; the same document and frames give the same bytes.

    Args:
        document: The issue.
        frames: Tables of the warehouse by name, such as ``company_metrics``, in stored units.

    Returns:
        An Excel file (xlsx).
    """
    target = io.BytesIO()
    with Workbook(target, _OPTIONS) as book:
        _Writer(book, document).write(frames)
    return target.getvalue()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the contents sheet."""

    sheet: str
    title: str
    kind: str
    source: str = ""


@dataclass
class _Writer:
    """A workbook under way."""

    book: Workbook
    document: Document
    formats: dict[tuple[tuple[str, Any], ...], Format] = field(default_factory=dict)

    def write(self, frames: Mapping[str, pd.DataFrame]) -> None:
        """Every sheet, in order."""
        document, house = self.document, self.document.house
        self.book.set_properties(
            {
                "title": legal(document.title),
                "subject": legal(document.subtitle),
                "author": legal(house.name),
                "company": legal(house.name),
                "category": legal(house.series),
                "created": made_on(document.publication_date),
            }
        )
        contents = self.sheet(self.labels["contents"])
        entries = [*self.exhibits(), *self.metrics(frames), self.facts()]
        self.contents(contents, entries)
        contents.activate()

    @property
    def labels(self) -> Labels:
        """The words that frame it."""
        return self.document.labels

    # --- Cells -----------------------------------------------------------------------------------

    def look(self, **properties: Any) -> Format:
        """A cell format; equal ones are made once."""
        key = tuple(sorted(properties.items()))
        if key not in self.formats:
            base = {"font_name": FONT, "font_size": 10, "font_color": INK, "valign": "vcenter"}
            self.formats[key] = self.book.add_format(base | properties)
        return self.formats[key]

    def head(self, align: str) -> Format:
        """The format of a table's header."""
        accent = self.document.house.accent
        return self.look(
            align=align,
            bold=True,
            font_color=_WHITE,
            bg_color=accent,
            text_wrap=True,
            indent=int(align == "left"),
        )

    def body(self, **properties: Any) -> Format:
        """The format of a table's cell."""
        if properties.get("align", "left") == "left":
            properties["indent"] = 1  # room between a right-aligned number and the next column
        return self.look(bottom=1, bottom_color=RULE, **properties)

    def text(self, sheet: Worksheet, row: int, column: int, text: str, look: Format) -> None:
        """Text as text, whatever it begins with."""
        sheet.write_string(row, column, legal(text)[:_CELL_LENGTH], look)

    def missing(
        self, sheet: Worksheet, row: int, column: int, text: str = MISSING, **properties: Any
    ) -> None:
        """A word in a column of numbers."""
        look = self.body(**{"align": "right", "font_color": GREY} | properties)
        self.text(sheet, row, column, text, look)

    # --- Sheets ----------------------------------------------------------------------------------

    def sheet(self, name: str, *, is_portrait: bool = False) -> Worksheet:
        """A new sheet, ready to print: A4, as wide as the paper, house and page at the foot."""
        sheet: Worksheet = self.book.add_worksheet(self.sheet_name(name))
        if not is_portrait:
            sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.5, right=0.5, top=0.7, bottom=0.7)
        sheet.hide_gridlines(2)
        document = self.document
        mark = f"&C{_escaped(self.labels['sample_mark'])}" if document.is_sample else ""
        series = _escaped(document.house.series)
        sheet.set_header(f"&L{series}  {_escaped(document.edition)}{mark}&R&A")
        pages = _escaped(self.labels["page"]).format(page="&P", pages="&N")
        sheet.set_footer(f"&L{_escaped(document.house.name)}&R{pages}")
        return sheet

    def sheet_name(self, wanted: str) -> str:
        """The name without what Excel refuses, different from all names before it."""
        name = legal(wanted).translate(dict.fromkeys(map(ord, "[]:*?/\\"), "_"))
        name = name.strip("'")[:_NAME_LENGTH] or "_"
        used = {sheet.get_name().lower() for sheet in self.book.worksheets()}
        candidates = chain(
            [name], (f"{name[: _NAME_LENGTH - 4]}_{count}" for count in range(2, 1000))
        )
        return next(one for one in candidates if one.lower() not in used)

    def opening(self, sheet: Worksheet, title: str, remark: str) -> None:
        """Title, remark and way back, the same on every sheet."""
        accent = self.document.house.accent
        self.text(sheet, 0, 0, title, self.look(bold=True, font_size=14, font_color=accent))
        self.text(sheet, 1, 0, remark, self.look(font_size=9, font_color=GREY))
        back = self.look(font_size=9, font_color=accent, underline=1)
        contents = self.labels["contents"]
        sheet.write_url(
            2, 0, f"internal:'{self.book.worksheets()[0].get_name()}'!A1", back, f"← {contents}"
        )
        sheet.set_row(0, 26)

    def exhibits(self) -> Iterable[_Entry]:
        """The front page's table and chart, then every numbered exhibit."""
        front, labels = self.document.front_page, self.labels
        numbered = list(self.document.exhibits())
        digits = max(2, len(str(len(numbered))))
        named: list[tuple[str, str, Figure | Table]] = [
            (labels["front_table"], "", front.sectors),
            *(
                (f"{labels['front_figure']} {at}", "", figure)
                for at, figure in enumerate(front.overview.figures, 1)
            ),
            *(
                (
                    labels.exhibit(f"{one.number:0{digits}d}"),
                    f"{labels.exhibit(one.number)}　",
                    one,
                )
                for one in numbered
            ),
        ]
        for name, label, exhibit in named:
            sheet = self.sheet(name)
            self.opening(sheet, f"{label}{exhibit.title}", self.remark(exhibit))
            if isinstance(exhibit, Figure):
                self.figure(sheet, exhibit)
            else:
                self.table(sheet, exhibit)
            kind = labels["figure" if isinstance(exhibit, Figure) else "table"]
            yield _Entry(sheet.get_name(), f"{label}{exhibit.title}", kind, exhibit.source)

    def figure(self, sheet: Worksheet, figure: Figure) -> None:
        """A chart's numbers, and the chart beside them."""
        chart = figure.chart
        widths: list[Sequence[str]] = [(self.labels["category"], *chart.categories)]
        self.text(sheet, _HEADER_ROW, 0, self.labels["category"], self.head("left"))
        for at, category in enumerate(chart.categories):
            self.text(sheet, _HEADER_ROW + 1 + at, 0, category, self.body())
        for position, series in enumerate(chart.series, start=1):
            name = self.labels.with_unit(series.name, chart.unit)
            widths.append([name])
            self.text(sheet, _HEADER_ROW, position, name, self.head("right"))
            for at, (value, label) in enumerate(zip(series.values, series.labels, strict=True)):
                tone = _sign(label) if chart.signed else None
                form = format_like(label, series.labels)
                look = self.body(num_format=form, align="right", font_color=self.colour(tone))
                if value is not None:  # a cell that is merely empty would be drawn as nought
                    sheet.write_number(_HEADER_ROW + 1 + at, position, value, look)
        self.shape(sheet, widths)
        cells = Cells(sheet.get_name(), (0, 0), _HEADER_ROW)
        sheet.insert_chart(
            _HEADER_ROW,
            len(widths) + 1,
            native_chart(self.book, figure, self.document.house, cells),
            {"description": legal(figure.alt or figure.title), "object_position": 2},
        )

    def table(self, sheet: Worksheet, table: Table) -> None:
        """A table as printed, its numbers as numbers."""
        for at, column in enumerate(table.columns):
            label = self.labels.with_unit(column.label, column.unit)
            self.text(sheet, _HEADER_ROW, at, label, self.head(column.align))
            for down, row in enumerate(table.rows, start=_HEADER_ROW + 1):
                cell = row[at]
                colour = self.colour(cell.tone)
                self.cell(sheet, (down, at), cell.line, column.unit, column.align, colour)
        texts = [
            [column.label + column.unit, *(self.document.text(row[at].line) for row in table.rows)]
            for at, column in enumerate(table.columns)
        ]
        self.shape(sheet, texts)
        sheet.freeze_panes(_HEADER_ROW + 1, 0)

    def cell(
        self,
        sheet: Worksheet,
        place: tuple[int, int],
        line: Line,
        unit: str,
        align: str,
        colour: str,
    ) -> None:
        """A table's cell: a number if it prints one, text otherwise."""
        shown = cell_number(self.document, line, unit)
        if shown is None:
            look = self.body(align=align, font_color=colour, text_wrap=align == "left")
            self.text(sheet, *place, self.document.text(line), look)
        else:
            self.number(sheet, place, shown, align=align, font_color=colour)

    def number(
        self, sheet: Worksheet, place: tuple[int, int], shown: Number, **properties: Any
    ) -> None:
        """A number with its format."""
        look = self.body(num_format=shown.format, **properties)
        sheet.write_number(*place, shown.value, look)

    def colour(self, tone: Tone | None) -> str:
        """The house's colour for a tone."""
        house = self.document.house
        return {"up": house.up, "down": house.down, "flat": GREY, None: INK}[tone]

    def shape(
        self, sheet: Worksheet, texts: Sequence[Sequence[str]], *, padding: float = 1
    ) -> None:
        """Widths by the longest text of a column; header row repeated in print."""
        for at, column in enumerate(texts):
            # The title and the remark run over the columns beside them and need no width.
            needed = _widest(column) + 2 + padding
            sheet.set_column(at, at, min(_WIDE, max(_NARROW, needed)))
        sheet.set_row(_HEADER_ROW, 2 * _LINE_POINTS)
        sheet.repeat_rows(_HEADER_ROW)

    # --- Metrics and facts -----------------------------------------------------------------------

    def metrics(self, frames: Mapping[str, pd.DataFrame]) -> Iterable[_Entry]:
        """A sheet a frame: those with a name of their own first, in its order."""
        for table in (*SHEETS, *(one for one in frames if one not in SHEETS)):
            if table in frames:
                sheet = self.sheet(sheet_name(self.labels, table))
                title = sheet_title(self.labels, table)
                frame = frames[table]
                remark = self.labels.fill("frame.remark", table=table, rows=len(frame))
                self.opening(sheet, title, remark)
                self.frame(sheet, frame)
                yield _Entry(sheet.get_name(), title, self.labels["data"], table)

    def frame(self, sheet: Worksheet, frame: pd.DataFrame) -> None:
        """A frame with filters and frozen panes; stored units become those of the headers."""
        columns = [name for name in map(str, frame.columns) if not name.endswith(LOSS_FLAG)]
        texts = []
        for at, column in enumerate(columns):
            head, style = header(self.labels, column), style_of(column)
            is_number = style is not None or pd.api.types.is_numeric_dtype(frame[column])
            self.text(sheet, _HEADER_ROW, at, head, self.head("right" if is_number else "left"))
            shown = self.column(sheet, at, frame, column)
            texts.append([head, *(() if is_number else shown)])
            if style is not None and style.signed and len(frame):
                self.colour_by_sign(sheet, at, len(frame))
        self.shape(sheet, texts, padding=2)  # room for the filters' buttons
        names = 1 + max(
            (at for at, one in enumerate(columns) if one in {"code", "name"}), default=0
        )
        sheet.freeze_panes(_HEADER_ROW + 1, names)
        sheet.autofilter(_HEADER_ROW, 0, _HEADER_ROW + len(frame), max(0, len(columns) - 1))

    def column(
        self, sheet: Worksheet, at: int, frame: pd.DataFrame, column: str
    ) -> Collection[str]:
        """A frame's column below its header; returns the different words that it shows.

        What its cells have in common is found once: a pool may be all A-shares.
        """
        values, style, losses = frame[column], style_of(column), _losses(frame, column)
        for row in np.flatnonzero(values.isna()).tolist():
            word = LOSS if losses[row] else MISSING
            align = "right" if style is not None or losses[row] else "left"
            self.missing(sheet, _HEADER_ROW + 1 + row, at, word, align=align)
        there = values.dropna()
        rows = (np.flatnonzero(values.notna()) + _HEADER_ROW + 1).tolist()
        if not pd.api.types.is_any_real_numeric_dtype(there):
            return self.words(sheet, at, column, dict(zip(rows, there.tolist(), strict=True)))
        stored = dict(zip(rows, map(float, there.tolist()), strict=True))
        if style is None:
            plain = self.body(num_format="General", align="right")
            for row, value in stored.items():
                sheet.write_number(row, at, value, plain)
        else:
            self.numbers(sheet, at, stored, style)
        return ()

    def words(
        self, sheet: Worksheet, at: int, column: str, values: Mapping[int, Any]
    ) -> Collection[str]:
        """Words, flags and days of a frame's column, by row; returns the different texts."""
        day, look = self.body(num_format="yyyy-mm-dd", align="left"), self.body()
        shown: dict[Any, str] = {}
        for row, value in values.items():
            if isinstance(value, date):
                shown[value] = str(value)
                sheet.write_datetime(row, at, value, day)
            else:
                if value not in shown:
                    shown[value] = words(self.labels, column, str(value))
                self.text(sheet, row, at, shown[value], look)
        return shown.values()

    def numbers(self, sheet: Worksheet, at: int, values: Mapping[int, float], style: Style) -> None:
        """Stored numbers of a frame's column, by row, in the unit and with the signs of a style."""
        form = number_format(style.digits, signed=style.signed)
        look = self.body(num_format=form, align="right")
        nought = self.body(num_format=nought_format(style.digits), align="right")
        for row, value in values.items():
            is_small = is_nought(value, style.digits, style.scale)
            number = scaled(value, style.scale)
            sheet.write_number(row, at, number, nought if is_small else look)

    def colour_by_sign(self, sheet: Worksheet, column: int, rows: int) -> None:
        """Colours that follow the numbers when they are edited."""
        house = self.document.house
        for criteria, colour in ((">", house.up), ("<", house.down)):
            sheet.conditional_format(
                _HEADER_ROW + 1,
                column,
                _HEADER_ROW + rows,
                column,
                {
                    "type": "formula",
                    # Words in the column are greater than every number for Excel.
                    "criteria": _signed_cell(column, criteria),
                    "format": self.book.add_format({"font_color": colour}),
                },
            )

    def facts(self) -> _Entry:
        """Every number that the report prints, with its origin."""
        labels = self.labels
        title = labels["facts.title"]
        sheet = self.sheet(labels["facts"])
        facts = list(self.document.facts.values())
        self.opening(sheet, title, labels.fill("facts.remark", count=len(facts)))
        columns: Mapping[str, Sequence[str]] = {
            "name": [fact.id for fact in facts],
            "printed": [fact.text for fact in facts],
            "unit": [fact.unit for fact in facts],
            "value": [exact_text(fact.value) for fact in facts],
            "table": [fact.table for fact in facts],
            "row": [fact.row for fact in facts],
            "column": [fact.column for fact in facts],
            "formula": [fact.formula for fact in facts],
            "files": [labels.listed(fact.files) for fact in facts],
        }
        heads = [labels[f"fact.{name}"] for name in columns]
        for at, (head, texts) in enumerate(zip(heads, columns.values(), strict=True)):
            align = "right" if at in (_PRINTED, _VALUE) else "left"
            self.text(sheet, _HEADER_ROW, at, head, self.head(align))
            for down, text in enumerate(texts if at != _VALUE else (), start=_HEADER_ROW + 1):
                self.text(sheet, down, at, text, self.body(align=align))
        for down, fact in enumerate(facts, start=_HEADER_ROW + 1):
            if fact.value is None:
                self.missing(sheet, down, _VALUE)
            else:
                shown = Number(fact.value, exact_format(fact.value))
                self.number(sheet, (down, _VALUE), shown, align="right")
        shown_texts = zip(heads, columns.values(), strict=True)
        self.shape(sheet, [[head, *texts] for head, texts in shown_texts], padding=2)
        sheet.freeze_panes(_HEADER_ROW + 1, 1)
        sheet.autofilter(_HEADER_ROW, 0, _HEADER_ROW + len(facts), len(columns) - 1)
        return _Entry(sheet.get_name(), title, labels["data"])

    # --- Contents --------------------------------------------------------------------------------

    def contents(self, sheet: Worksheet, entries: Sequence[_Entry]) -> None:
        """What the issue is, what to know about it, and where everything stands."""
        document, house = self.document, self.document.house
        widths = _CONTENTS_WIDTHS
        for at, width in enumerate(widths):
            sheet.set_column(at, at, width)
        band = self.look(bold=True, font_size=18, font_color=_WHITE, bg_color=house.accent)
        under = self.look(font_size=11, font_color=_WHITE, bg_color=house.accent)
        for row, (text, look, height) in enumerate(
            ((document.title, band, 36), (document.subtitle, under, 22))
        ):
            sheet.set_row(row, height)
            for at in range(len(widths)):
                sheet.write_blank(row, at, None, look)
            self.text(sheet, row, 0, text, look)
        self.logo(sheet)
        row = 3
        for label, text in self.about():
            bold = self.look(bold=True, font_color=house.accent, valign="top")
            self.text(sheet, row, 0, label, bold)
            self.text(sheet, row, 1, text, self.look(text_wrap=True, valign="top"))
            sheet.set_row(row, _lines(text, widths[1]) * _LINE_POINTS)
            row += 1
        row += 1
        for at, head in enumerate(("sheet", "text", "kind", "data_source")):
            self.text(sheet, row, at, self.labels[head], self.head("left"))
        sheet.repeat_rows(row)
        sheet.set_h_pagebreaks([row])
        link = self.body(font_color=house.accent, underline=1)
        for down, entry in enumerate(entries, start=row + 1):
            sheet.write_url(down, 0, f"internal:'{entry.sheet}'!A1", link, entry.sheet)
            for at, text in enumerate((entry.title, entry.kind, entry.source), start=1):
                self.text(sheet, down, at, text, self.body(text_wrap=True))
            lines = max(_lines(entry.title, widths[1]), _lines(entry.source, widths[3]))
            sheet.set_row(down, lines * _LINE_POINTS + 2)

    def logo(self, sheet: Worksheet) -> None:
        """The house's logo beside the lines about the issue."""
        mark = self.document.house.logo
        if mark is None:
            return
        picture = logo.pixels(mark, _LOGO_HEIGHT, _LOGO_DPI)
        sheet.insert_image(
            3,
            len(_CONTENTS_WIDTHS) - 1,
            "logo.png",
            {
                "image_data": io.BytesIO(picture),
                # Excel takes a picture for one of 96 pixels an inch.
                "x_scale": 96 / _LOGO_DPI,
                "y_scale": 96 / _LOGO_DPI,
                "description": legal(self.labels.fill("logo", house=self.document.house.name)),
                "object_position": 3,
            },
        )

    def about(self) -> Iterable[tuple[str, str]]:
        """Label and text of each line at the head of the contents sheet."""
        document, house, labels = self.document, self.document.house, self.labels
        yield labels["number"], document.edition
        yield labels["period"], labels.span(document.first_session, document.close_date)
        yield labels["base"], labels.day(document.base_date)
        yield labels["published"], labels.day(document.publication_date)
        yield labels["prepared_by"], " ".join(filter(None, (house.name, house.department)))
        if house.authors:
            yield labels["authors"], labels.listed(house.authors)
        if document.is_sample:
            yield labels["hint"], labels["sample_mark"]
        points = document.front_page.key_points
        for at, item in enumerate(points.items):
            label = points.labels[at] if at < len(points.labels) else labels["point"]
            yield label, document.text(item)
        for notice in document.notices:
            yield labels["notices"], document.text(notice)
        for text in ("numbers", "words", "charts"):
            filled = labels.fill(f"reading.{text}", missing=MISSING, loss=LOSS)
            yield labels["reading"], filled

    def remark(self, exhibit: Figure | Table) -> str:
        """Source and note of an exhibit."""
        note = self.labels.fill("note", text=exhibit.note) if exhibit.note else ""
        return "\u3000".join(filter(None, (exhibit.source, note)))


def _sign(label: str) -> Tone:
    return "up" if label.startswith("+") else "down" if label.startswith("-") else "flat"


def _signed_cell(column: int, criteria: str) -> str:
    cell = xl_rowcol_to_cell(_HEADER_ROW + 1, column)
    return f"=AND(ISNUMBER({cell}),ROUND({cell},2){criteria}0)"


def _losses(frame: pd.DataFrame, column: str) -> list[bool]:
    flag = f"{column}{LOSS_FLAG}"
    return [bool(one) for one in frame[flag]] if flag in frame else [False] * len(frame)


def _width(text: str) -> int:
    """Width in characters of a column: a Chinese one is two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WFA" else 1 for one in text)


def _widest(texts: Iterable[str]) -> int:
    """The greatest width of a text; those that are too short for it are not looked at."""
    widest = 0
    for text in texts:
        if 2 * len(text) > widest:
            widest = max(widest, _width(text))
    return widest


def _lines(text: str, width: float) -> int:
    """Lines that a text takes in a column of that width, with some room to spare."""
    return max(1, ceil(_width(text) / (width - 4)))


def _escaped(text: str) -> str:
    """Text for a header or footer, where ``&`` begins an instruction."""
    return legal(text).replace("&", "&&")[:80]
