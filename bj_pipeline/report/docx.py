"""The report as a Word file, for analysts who edit it and readers who want it in Word.

What belongs here: which parts of the document become which parts of the file. What does not: looks
(:mod:`.word_styles`), the markup behind fields and links (:mod:`.word_xml`), and on which page
something will stand (:mod:`.word_pages`).

Everything is what Word calls it: headings, captions numbered by fields, a contents list and a list
of figures that Word updates, tables with headers that repeat. The lists and numbers are filled in
already, so that the file reads right in programs that update nothing.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from string import Formatter
from urllib.parse import urlsplit

import docx
from docx.document import Document as WordDocument
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.section import _Footer, _Header
from docx.shared import Pt
from docx.text.paragraph import Paragraph as WordParagraph

from bj_pipeline.report import chart_pixels, charts, logo, word_styles
from bj_pipeline.report.document import (
    Block,
    Bullets,
    Cell,
    Column,
    Document,
    FactRef,
    Figure,
    FigureRow,
    Line,
    Link,
    Paragraph,
    Section,
    Table,
    Words,
)
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.office import legal, made_on
from bj_pipeline.report.word_pages import page_numbers
from bj_pipeline.report.word_styles import COLUMN, GUTTER, PANEL_SIDE, WIDTH
from bj_pipeline.report.word_xml import (
    bookmarked,
    element,
    field_end,
    field_start,
    inner_link,
    outer_link,
    tab_run,
    text_run,
    twips,
)
from bj_pipeline.report.word_xml import (
    field as word_field,
)

_SHORT_TABLE = 14  # rows; a table that is no longer stays on one page
_MOST_LEADING = 2
_KEY_LABEL = 44.0
_LOGO_HEIGHT = 20.0
_SMALL_LOGO_HEIGHT = 11.0
_TONES = {"up": "Up", "down": "Down", "flat": "Flat", None: ""}
_ALIGN = {"left": "left", "right": "right", "center": "center"}
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that a zip archive can name; stands for no moment at all."""


def render(document: Document, pictures: Mapping[str, bytes]) -> bytes:
    """The Word file; the same document and pictures give the same bytes.

    Args:
        document: The issue.
        pictures: Charts as SVG by figure id, as :func:`bj_pipeline.report.charts.pictures` draws
            them.

    Returns:
        A Word file (docx).
    """
    sizes = charts.sizes(document)
    pngs = dict(zip(pictures, chart_pixels.pixels([*pictures.values()]), strict=True))
    word = docx.Document()
    word_styles.apply(word, document.house)
    _properties(word, document)
    _Writer(word, document, pngs, sizes).write()
    target = io.BytesIO()
    word.save(target)
    return _timeless(target.getvalue())


def _properties(word: WordDocument, document: Document) -> None:
    properties, house = word.core_properties, document.house
    day = made_on(document.publication_date)
    properties.title, properties.subject = legal(document.title), legal(document.subtitle)
    properties.author = properties.last_modified_by = legal(house.name)
    properties.category, properties.language = legal(house.series), "zh-CN"
    properties.comments = document.labels["sample_mark"] if document.is_sample else ""
    properties.created = properties.modified = day
    properties.revision = 1
    # python-docx begins with a file that holds a picture of itself, and styles twice.
    for relations in (word.part.package.rels, word.part.rels):
        unwanted = ("/thumbnail", "/stylesWithEffects")
        for name in [one for one, to in relations.items() if to.reltype.endswith(unwanted)]:
            relations.pop(name)


def _timeless(content: bytes) -> bytes:
    """The same archive without the times of its making."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return target.getvalue()


@dataclass
class _Entry:
    """A line of the contents list or of the list of figures.

    Attributes:
        bookmark: What it leads to.
        page: The run that holds the page's number, filled in at the end.
    """

    bookmark: str
    page: BaseOxmlElement


@dataclass
class _Writer:
    """A Word file under way."""

    word: WordDocument
    document: Document
    pngs: Mapping[str, bytes]
    sizes: Mapping[str, charts.Size]
    entries: list[_Entry] = field(default_factory=list)
    pictures: int = 0
    bookmarks: int = 0

    @property
    def labels(self) -> Labels:
        """The words that frame it."""
        return self.document.labels

    @property
    def counter(self) -> str:
        """What Word counts exhibits by: a name without blanks."""
        return "_".join(self.labels["exhibit"].split())

    def write(self) -> None:
        """Front page, contents, sections; then the numbers of pages."""
        self.header_and_footer()
        self.front_page()
        self.contents()
        for at, section in enumerate(self.document.sections):
            self.section(at, section)
        pages, count = page_numbers(self.word.element.body)
        for entry in self.entries:
            entry.page.find(qn("w:t")).text = str(pages[entry.bookmark])
        self.footers(count)

    # --- Text ------------------------------------------------------------------------------------

    def paragraph(
        self, style: str, *content: BaseOxmlElement, **direct: BaseOxmlElement | None
    ) -> BaseOxmlElement:
        """A paragraph in a style, with what it holds."""
        look = element("pPr", element("pStyle", val=style))
        look.extend([one for one in direct.values() if one is not None])
        return element("p", look, *content)

    def add(self, *blocks: BaseOxmlElement) -> None:
        """Put something at the end of the file."""
        body = self.word.element.body
        last = body.find(qn("w:sectPr"))
        for block in blocks:
            last.addprevious(block)

    def runs(self, line: Line, style: str = "") -> Iterator[BaseOxmlElement]:
        """A line of text; every fact is the text that it prints."""
        for inline in line:
            match inline:
                case FactRef():
                    fact = self.document.facts[inline.fact]
                    yield text_run(fact.printed if inline.with_unit else fact.text, style)
                case Link() if urlsplit(inline.url).scheme in {"http", "https"}:
                    yield outer_link(self.word.part, inline.url, inline.text)
                case Words(strong=True):
                    yield text_run(inline.text, "Strong")
                case _:
                    yield text_run(inline.text, style)

    # --- Sections --------------------------------------------------------------------------------

    def section(self, at: int, section: Section) -> None:
        """A heading and what stands under it."""
        runs = bookmarked(_heading_mark(at), self.mark(), [text_run(section.title)])
        new_page = element("pageBreakBefore") if at == 0 else None  # after the contents
        self.add(self.paragraph(f"Heading{section.level}", *runs, page=new_page))
        body = self.word.element.body
        already = len(body)
        for block in section.blocks:
            self.block(block)
        first = already - 1
        # Closing lists and small print stay together: a few lines on a last page look lost.
        end = len(body) - 2 if _is_closing(section) else first + _leading(section)
        for paragraph in body[first:end]:
            paragraph.pPr.find(qn("w:pStyle")).addnext(element("keepNext"))

    def mark(self) -> int:
        """A number for the next bookmark."""
        self.bookmarks += 1
        return self.bookmarks

    def block(self, block: Block) -> None:
        """One block."""
        match block:
            case Paragraph():
                style = "Note" if block.style == "note" else "BodyText"
                self.add(self.paragraph(style, *self.runs(block.line)))
            case Bullets():
                self.bullets(block)
            case Table():
                self.table(block)
            case Figure():
                self.add(*self.figures((block,)))
            case FigureRow():
                for at in range(0, len(block.figures), 2):
                    self.add(
                        *self.figures(block.figures[at : at + 2], is_half=len(block.figures) > 1)
                    )

    def bullets(self, block: Bullets) -> None:
        """A list; labels stand bold in front."""
        for at, item in enumerate(block.items):
            label = self.lead(block, at)
            self.add(self.paragraph("ListBullet", *label, *self.runs(item)))

    def lead(self, block: Bullets, at: int) -> list[BaseOxmlElement]:
        """The label in front of an item, if it has one."""
        if at >= len(block.labels):
            return []
        return [text_run(self.labels.fill("lead", label=block.labels[at]), "Strong")]

    # --- Exhibits --------------------------------------------------------------------------------

    def caption(self, exhibit: Figure | Table) -> BaseOxmlElement:
        """Title of an exhibit, with a number that Word counts."""
        title = [text_run(exhibit.title)]
        if not exhibit.number:
            return self.paragraph("Caption", *title)
        number = word_field(
            f"SEQ {self.counter} \\* ARABIC", text_run(str(exhibit.number), "Number")
        )
        runs = [
            text_run(f"{self.labels['exhibit']} ", "Number"),
            *number,
            text_run("\u3000"),
            *title,
        ]
        return self.paragraph("Caption", *bookmarked(_exhibit_mark(exhibit), self.mark(), runs))

    def source(self, exhibit: Figure | Table) -> BaseOxmlElement:
        """Source and note of an exhibit."""
        note = self.labels.fill("note", text=exhibit.note) if exhibit.note else ""
        text = "\u3000".join(filter(None, (exhibit.source, note)))
        return self.paragraph("Source", text_run(text))

    def picture(self, figure: Figure) -> BaseOxmlElement:
        """A chart, with its text alternative."""
        holder = WordParagraph(self.paragraph("Picture"), self.word._body)  # noqa: SLF001 - has no public way
        width = Pt(charts.WIDTH[self.sizes[figure.id]])
        holder.add_run().add_picture(io.BytesIO(self.pngs[figure.id]), width=width)
        name = self.labels.exhibit(figure.number) if figure.number else figure.id
        self.describe(holder, name, figure.alt or figure.title)
        return holder._p  # noqa: SLF001

    def describe(self, holder: WordParagraph, name: str, alternative: str) -> None:
        """Name the picture in a paragraph, and say what it shows."""
        self.pictures += 1
        for inline in holder._p.iter(qn("wp:inline")):  # noqa: SLF001
            for side in "TBLR":  # LibreOffice moves a picture that does not say 0
                inline.set(f"dist{side}", "0")
        for properties in holder._p.iter(qn("wp:docPr")):  # noqa: SLF001
            properties.set("id", str(self.pictures))
            properties.set("name", legal(name))
            properties.set("descr", legal(alternative))

    def figures(
        self, figures: Sequence[Figure], *, is_half: bool = False
    ) -> Iterator[BaseOxmlElement]:
        """A figure across the page, or two side by side with captions, charts, sources level."""
        if not is_half:
            (figure,) = figures
            yield from (self.caption(figure), self.picture(figure), self.source(figure))
            return
        parts = (self.caption, self.picture, self.source)
        rows = []
        for part in parts:
            cells = [part(figure) for figure in figures]
            cells += [self.paragraph("Between")] * (2 - len(cells))
            rows.append([[cells[0]], [self.paragraph("Between")], [cells[1]]])
        yield _layout_table((COLUMN, GUTTER, COLUMN), rows, aligned="bottom")
        yield self.paragraph("Between")

    def table(self, table: Table) -> None:
        """A table with caption and source."""
        self.add(self.caption(table), self.ruled_table(table), self.source(table))

    def ruled_table(self, table: Table) -> BaseOxmlElement:
        """The table itself: a header that repeats, rows that never split."""
        total = sum(column.weight for column in table.columns)
        widths = [WIDTH * column.weight / total for column in table.columns]
        result = _table_frame(word_styles.TABLE, widths, legal(table.title), has_header=True)
        head = [self.head(column) for column in table.columns]
        result.append(_row(widths, [[one] for one in head], is_header=True))
        last = len(table.rows) - 1
        for at, row in enumerate(table.rows):
            # The last rows and the source stand together; so does all of a short table.
            keeps = last < _SHORT_TABLE or at == 0 or at >= last - 1
            cells = [
                [self.cell(cell, column, keeps=keeps)]
                for cell, column in zip(row, table.columns, strict=True)
            ]
            result.append(_row(widths, cells))
        return result

    def head(self, column: Column) -> BaseOxmlElement:
        """A column's name, with its unit."""
        runs = [text_run(column.label)]
        if column.unit:
            unit = self.labels.with_unit("", column.unit).strip()
            runs.append(text_run(f"\n{unit}", "Unit"))
        align = element("jc", val=_ALIGN[column.align])
        return self.paragraph("TableHead", *runs, align=align)

    def cell(self, cell: Cell, column: Column, *, keeps: bool) -> BaseOxmlElement:
        """A cell in the colour of its change."""
        align = element("jc", val=_ALIGN[column.align])
        return self.paragraph(
            "TableText",
            *self.runs(cell.line, _TONES[cell.tone]),
            keeps=element("keepNext") if keeps else None,
            align=align,
        )

    # --- Front page ------------------------------------------------------------------------------

    def front_page(self) -> None:
        """What a reader sees first."""
        document, front = self.document, self.document.front_page
        day = f"{document.edition}  |  {self.labels.day(document.publication_date)}"
        house = "  |  ".join(filter(None, (document.house.name, document.house.department)))
        self.add(
            self.paragraph("Masthead", text_run(house), tab_run(), text_run(day)),
            self.paragraph("Title", text_run(document.title)),
            self.paragraph("Subtitle", text_run(document.subtitle)),
            self.key_points(front.key_points),
        )
        self.table(front.sectors)
        fill = word_styles.tint(document.house.accent)
        if len(front.overview.figures) > 1:
            self.block(front.overview)
            about, notices = list(self.about()), list(self.notices())
            if not notices:
                half = len(about) // 2 + 1
                notices = [self.paragraph("PanelTitle"), *about[half:]]
                del about[half:]
            row = [about, [self.paragraph("Between")], notices]
            self.add(_layout_table((COLUMN, GUTTER, COLUMN), [row], fills=(fill,) * 3))
            return
        (figure,) = front.overview.figures
        overview = [self.caption(figure), self.picture(figure), self.source(figure)]
        panel = [*self.about(), *self.notices()]
        row = [overview, [self.paragraph("Between")], panel]
        self.add(_layout_table((COLUMN, GUTTER, COLUMN), [row], fills=("", "", fill)))

    def key_points(self, points: Bullets) -> BaseOxmlElement:
        """Labels beside their sentences."""
        rows = []
        for at, item in enumerate(points.items):
            label = points.labels[at] if at < len(points.labels) else ""
            rows.append(
                [
                    [self.paragraph("KeyLabel", text_run(label))],
                    [self.paragraph("KeyPoint", *self.runs(item))],
                ]
            )
        return _layout_table((_KEY_LABEL, WIDTH - _KEY_LABEL), rows, is_ruled=True)

    def about(self) -> Iterator[BaseOxmlElement]:
        """About the issue."""
        document, house, labels = self.document, self.document.house, self.labels
        rows = {
            "period": labels.span(document.first_session, document.close_date),
            "base": labels.day(document.base_date),
            "published": labels.day(document.publication_date),
            "prepared_by": " ".join(filter(None, (house.name, house.department))),
            "authors": labels.listed(house.authors),
            "contact": house.contact,
        }
        yield self.paragraph("PanelTitle", text_run(labels["about"]))
        for name, value in rows.items():
            if value:
                yield self.paragraph(
                    "PanelText", text_run(labels[name]), tab_run(), text_run(value)
                )

    def notices(self) -> Iterator[BaseOxmlElement]:
        """What to know about the issue's data, if there is anything."""
        document = self.document
        if document.notices:
            yield self.paragraph("PanelTitle", text_run(self.labels["notices"]))
            for notice in document.notices:
                yield self.paragraph("PanelNote", *self.runs(notice))

    # --- Contents --------------------------------------------------------------------------------

    def contents(self) -> None:
        """The contents list on a new page, and the list of figures below it."""
        new_page = element("pageBreakBefore")
        self.add(self.paragraph("TOCHeading", text_run(self.labels["contents"]), page=new_page))
        entries = [
            (f"TOC{section.level}", _heading_mark(at), [text_run(section.title)])
            for at, section in enumerate(self.document.sections)
        ]
        self.list_field('TOC \\o "1-2" \\h \\z \\u', entries)
        exhibits = [
            (
                "TableofFigures",
                _exhibit_mark(one),
                [
                    text_run(self.labels.exhibit(one.number), "Number"),
                    tab_run(),
                    text_run(one.title),
                ],
            )
            for one in self.document.exhibits()
        ]
        if exhibits:
            self.add(self.paragraph("TOCHeading", text_run(self.labels["exhibits"])))
            self.list_field(f'TOC \\h \\z \\c "{self.counter}"', exhibits)

    def list_field(
        self, instruction: str, entries: Sequence[tuple[str, str, list[BaseOxmlElement]]]
    ) -> None:
        """A list that Word updates, with its lines already there."""
        last = len(entries) - 1
        for at, (style, mark, runs) in enumerate(entries):
            page = text_run("")
            number = word_field(f"PAGEREF {mark} \\h", page)
            self.entries.append(_Entry(mark, page))
            line = self.paragraph(
                style,
                *(field_start(instruction) if at == 0 else []),
                inner_link(mark, *runs, tab_run(), *number),
                *([field_end()] if at == last else []),
            )
            self.add(line)

    # --- Header and footer -----------------------------------------------------------------------

    def header_and_footer(self) -> None:
        """Logo, series, issue, sample mark and date above; on the front page logo and mark."""
        document = self.document
        section = self.word.sections[0]
        section.different_first_page_header_footer = True
        mark = text_run(self.labels["sample_mark"] if document.is_sample else "", "Sample")
        series = text_run(f"{document.house.series}  {document.edition}")
        day = text_run(self.labels.day(document.publication_date))
        _fill(section.header, self.paragraph("Header", series, tab_run(), mark, tab_run(), day))
        self.logo(section.header, _SMALL_LOGO_HEIGHT, "  ")
        first = self.paragraph("Header", tab_run(), tab_run(), _copy(mark))
        borderless = element("pBdr", element("bottom", val="nil"))
        first.pPr.append(borderless)
        _fill(section.first_page_header, first)
        self.logo(section.first_page_header, _LOGO_HEIGHT, "")

    def logo(self, header: _Header, height: float, gap: str) -> None:
        """Put the house's logo in front of what a header says; its line grows with it."""
        mark = self.document.house.logo
        if mark is None:
            return
        (holder,) = header.paragraphs
        run = holder.add_run()
        run.add_picture(io.BytesIO(logo.pixels(mark, height)), height=Pt(height))
        name = self.labels.fill("logo", house=self.document.house.name)
        self.describe(holder, name, name)
        look = holder._p.pPr  # noqa: SLF001
        look.addnext(run._r)  # noqa: SLF001
        if gap:
            run._r.addnext(text_run(gap))  # noqa: SLF001
        spacing = element("spacing", line=240, lineRule="auto")
        style = look.find(qn("w:pStyle"))
        (look.find(qn("w:pBdr")) if look.find(qn("w:pBdr")) is not None else style).addnext(spacing)

    def footers(self, pages: int) -> None:
        """House, page and number of pages."""
        section = self.word.sections[0]
        for footer in (section.footer, section.first_page_footer):
            house = text_run(self.document.house.name)
            _fill(footer, self.paragraph("Footer", house, tab_run(), *self.page_numbers(pages)))

    def page_numbers(self, pages: int) -> Iterator[BaseOxmlElement]:
        """The label of a page, its numbers as fields."""
        fields = {"page": ("PAGE", "1"), "pages": ("NUMPAGES", str(pages))}
        for words, name, _, _ in Formatter().parse(self.labels["page"]):
            if words:
                yield text_run(words)
            if name:
                instruction, shown = fields[name]
                yield from word_field(instruction, text_run(shown))


def _is_closing(section: Section) -> bool:
    return bool(section.blocks) and all(
        isinstance(block, Bullets) or (isinstance(block, Paragraph) and block.style == "note")
        for block in section.blocks
    )


def _leading(section: Section) -> int:
    """How many paragraphs between the heading and its first exhibit go with the exhibit."""
    kinds = [isinstance(block, Paragraph) for block in section.blocks]
    before = kinds.index(False) if False in kinds else 0
    return before if before <= _MOST_LEADING else 0


def _heading_mark(at: int) -> str:
    return f"_Toc1{at:06d}"


def _exhibit_mark(exhibit: Figure | Table) -> str:
    return f"_Toc2{exhibit.number:06d}"


def _copy(one: BaseOxmlElement) -> BaseOxmlElement:
    return deepcopy(one)


def _fill(part: _Header | _Footer, content: BaseOxmlElement) -> None:
    """Make a paragraph all that a header or footer holds."""
    part.is_linked_to_previous = False
    holder = part._element  # noqa: SLF001 - python-docx has no way to put an element there
    for old in list(holder):
        holder.remove(old)
    holder.append(content)


def _table_frame(
    style: str, widths: Sequence[float], title: str, *, has_header: bool
) -> BaseOxmlElement:
    """A table without rows, of fixed widths in points."""
    look = element(
        "tblPr",
        element("tblStyle", val=style),
        element("tblW", w=sum(map(twips, widths)), type="dxa"),
        element("tblLayout", type="fixed"),
        element(
            "tblLook",
            val="0420" if has_header else "0400",
            firstRow=int(has_header),
            lastRow=0,
            firstColumn=0,
            lastColumn=0,
            noHBand=0,
            noVBand=1,
        ),
    )
    if title:
        look.append(element("tblCaption", val=title))
    grid = element("tblGrid", *(element("gridCol", w=twips(width)) for width in widths))
    return element("tbl", look, grid)


def _row(
    widths: Sequence[float],
    cells: Sequence[Sequence[BaseOxmlElement]],
    looks: Sequence[Sequence[BaseOxmlElement]] = (),
    *,
    is_header: bool = False,
) -> BaseOxmlElement:
    """A row that stays on one page.

    Args:
        widths: Of its cells, in points.
        cells: What stands in each.
        looks: Further properties of each cell.
        is_header: Repeated on every page that the table reaches.
    """
    look = element("trPr", element("cantSplit"))
    if is_header:
        look.append(element("tblHeader"))
    row = element("tr", look)
    for at, (width, content) in enumerate(zip(widths, cells, strict=True)):
        own = looks[at] if looks else ()
        row.append(
            element(
                "tc", element("tcPr", element("tcW", w=twips(width), type="dxa"), *own), *content
            )
        )
    return row


def _layout_table(
    widths: Sequence[float],
    rows: Sequence[Sequence[Sequence[BaseOxmlElement]]],
    *,
    is_ruled: bool = False,
    aligned: str = "top",
    fills: Sequence[str] = (),
) -> BaseOxmlElement:
    """Things side by side, without borders.

    Args:
        widths: Of the columns, in points.
        rows: For each row and column, the paragraphs there.
        is_ruled: Fine lines between the rows.
        aligned: Where short cells stand.
        fills: Colours behind the columns; none of them, or an empty one, is white.
    """
    result = _table_frame("TableNormal", widths, "", has_header=False)
    # Said again here: LibreOffice gives tables room inside their cells unless they say otherwise.
    sides = (element(side, w=0, type="dxa") for side in ("top", "left", "bottom", "right"))
    result.find(qn("w:tblPr")).find(qn("w:tblLayout")).addnext(element("tblCellMar", *sides))
    for down, cells in enumerate(rows):
        looks = []
        for at in range(len(cells)):
            look = []
            if is_ruled and down:
                line = element("top", val="single", sz=4, space=0, color=word_styles.RULE)
                look.append(element("tcBorders", line))
            if fill := fills[at] if fills else "":
                look.append(element("shd", val="clear", color="auto", fill=fill))
                side = twips(PANEL_SIDE)
                margins = (element(one, w=side, type="dxa") for one in ("left", "right"))
                look.append(element("tcMar", *margins))
            look.append(element("vAlign", val=aligned))
            looks.append(look)
        result.append(_row(widths, cells, looks))
    return result
