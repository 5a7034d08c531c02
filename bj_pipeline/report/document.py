"""The report as data: what every form (PDF, web page, Word, workbook) is rendered from.

A document knows nothing of metrics, Dagster or layout. Text is a sequence of inlines, and a number
in it is a reference to a fact, so that text, tables and charts cannot disagree.
"""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bj_pipeline.report.labels import STANDARD, Labels, standard_labels


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(_Part):
    """A printed number (or date, or word) and where it came from.

    Attributes:
        id: Name of the fact, such as ``sector/机械设备/pe_ttm_median``.
        value: Unrounded value in stored units (yuan, fractions); None for dates and words.
        text: As printed, without unit; ``—`` if missing.
        unit: As printed behind it: ``亿元``, ``万元``, ``X``, ``%``, ``家`` or nothing.
        table: Warehouse table that it was taken from (or ``topic`` for the analyst's figures).
        row: Key of the row, or a description of the rows.
        column: Column of that table.
        formula: How it was computed, in words and symbols.
        files: Names of the input files that it rests on.
    """

    id: str
    value: float | None
    text: str
    unit: str
    table: str
    row: str
    column: str
    formula: str
    files: tuple[str, ...] = ()

    @property
    def printed(self) -> str:
        """Number and unit; a missing number and 亏损 carry no unit."""
        is_number = any(character.isdigit() for character in self.text)
        return f"{self.text}{self.unit}" if is_number else self.text


class Words(_Part):
    """Plain text.

    ``name`` marks words that are data (company, index, bucket) and may hold digits; the house's
    wording may not.
    """

    kind: Literal["words"] = "words"
    text: str
    name: bool = False
    strong: bool = False


class FactRef(_Part):
    """A fact, printed with its unit or (in a table whose header gives it) without."""

    kind: Literal["fact"] = "fact"
    fact: str
    with_unit: bool = True


class Link(_Part):
    """A link to a public address."""

    kind: Literal["link"] = "link"
    text: str
    url: str


Inline = Annotated[Words | FactRef | Link, Field(discriminator="kind")]
Line = tuple[Inline, ...]
Tone = Literal["up", "down", "flat"]


class Paragraph(_Part):
    """Running text; ``analyst`` marks text whose numbers are an analyst's own."""

    kind: Literal["paragraph"] = "paragraph"
    line: Line
    style: Literal["body", "note"] = "body"
    analyst: bool = False


class Bullets(_Part):
    """A list of short paragraphs; a label is printed bold in front."""

    kind: Literal["bullets"] = "bullets"
    items: tuple[Line, ...]
    labels: tuple[str, ...] = ()
    analyst: bool = False


class Column(_Part):
    """A table's column; the unit is printed in the header, never in the cells."""

    label: str
    unit: str = ""
    align: Literal["left", "right", "center"] = "left"
    weight: float = 1.0


class Cell(_Part):
    """One cell; ``tone`` colours a change."""

    line: Line
    tone: Tone | None = None


class Table(_Part):
    """A table. ``number`` 0 means without number and outside the list of figures."""

    kind: Literal["table"] = "table"
    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    source: str
    note: str = ""
    number: int = 0


class Series(_Part):
    """One series of a chart.

    Attributes:
        name: Legend.
        values: In the chart's printed unit; None is a gap.
        labels: The values as printed (same length).
        facts: Fact behind each value, or "" (same length, or empty).
        role: Which colour: this week, last week, or a sector's own.
    """

    name: str
    values: tuple[float | None, ...]
    labels: tuple[str, ...]
    facts: tuple[str, ...] = ()
    role: Literal["current", "previous", "other"] = "current"


class Chart(_Part):
    """What a chart shows, not how it is drawn.

    Attributes:
        kind: ``bars`` (upright, grouped if several series), ``hbars`` (ranked, lying) or ``lines``.
        categories: Labels of the axis, one a value.
        unit: Unit of the value axis, as printed.
        signed: Colour each bar by its sign (up and down).
        show_labels: Print the values at bars and at the ends of lines.
    """

    kind: Literal["bars", "hbars", "lines"]
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str
    signed: bool = False
    show_labels: bool = True


class Figure(_Part):
    """A chart with number, title, source and text alternative."""

    kind: Literal["figure"] = "figure"
    id: str
    title: str
    chart: Chart
    source: str
    alt: str
    note: str = ""
    number: int = 0


class FigureRow(_Part):
    """Figures side by side."""

    kind: Literal["figure_row"] = "figure_row"
    figures: tuple[Figure, ...]


Block = Annotated[Paragraph | Bullets | Table | Figure | FigureRow, Field(discriminator="kind")]


class Section(_Part):
    """A heading and what stands under it; ``starts_page`` only for the parts of the report."""

    id: str
    title: str
    level: Literal[1, 2]
    blocks: tuple[Block, ...]


class FrontPage(_Part):
    """What a reader sees first."""

    key_points: Bullets
    sectors: Table
    overview: FigureRow


class Logo(_Part):
    """The house's logo.

    Attributes:
        content: Text of an SVG drawing, or a PNG picture in base64.
        width: In its own unit; only the proportion to the height matters.
        height: In the same unit.
    """

    kind: Literal["svg", "png"]
    content: str
    width: float
    height: float


class House(_Part):
    """The house's own words, looks and labels, from its configuration files.

    Attributes:
        accent: Colours are ``#RRGGBB``.
        palette: Colours of a chart's series after the accent.
        language: Of the labels.
    """

    name: str
    series: str
    department: str
    authors: tuple[str, ...] = ()
    contact: str = ""
    logo: Logo | None = None
    accent: str
    up: str
    down: str
    palette: tuple[str, ...] = ()
    language: str = STANDARD
    labels: Labels = Field(default_factory=standard_labels)
    risks: tuple[str, ...] = ()
    disclosures: tuple[str, ...] = ()


class Document(_Part):
    """One issue of the report.

    Attributes:
        revision: 1 until a revision was approved; one that differs from it is the next.
        notices: What is missing from this issue and what was left out for it; printed up front.
        is_sample: Sample data: every page says so.
        facts: Every fact that is printed anywhere, by id.
    """

    issue: int
    revision: int = 1
    title: str
    subtitle: str
    week: str
    first_session: date
    close_date: date
    base_date: date
    issue_date: date
    publication_date: date
    is_sample: bool
    house: House
    front_page: FrontPage
    sections: tuple[Section, ...]
    notices: tuple[Line, ...] = ()
    facts: dict[str, Fact]

    @property
    def edition(self) -> str:
        """Number and, from the second on, revision as printed: ``第 65 期（修订 2）``."""
        return _numbered_label(self.house.labels, "edition", self.issue, self.revision)

    @property
    def labels(self) -> Labels:
        """The words that frame it."""
        return self.house.labels

    def text(self, line: Line) -> str:
        """A line as printed."""
        parts = []
        for inline in line:
            if isinstance(inline, FactRef):
                fact = self.facts[inline.fact]
                parts.append(fact.printed if inline.with_unit else fact.text)
            else:
                parts.append(inline.text)
        return "".join(parts)

    def blocks(self) -> Iterator[Block]:
        """Every block of the sections, in order."""
        for section in self.sections:
            yield from section.blocks

    def exhibits(self) -> Iterator[Figure | Table]:
        """Every numbered figure and table, in the order of their numbers."""
        for block in self.blocks():
            inner = block.figures if isinstance(block, FigureRow) else (block,)
            for part in inner:
                if isinstance(part, Figure | Table) and part.number:
                    yield part

    def figures(self) -> Iterator[Figure]:
        """Every chart, the front page's first."""
        yield from self.front_page.overview.figures
        for block in self.blocks():
            if isinstance(block, FigureRow):
                yield from block.figures
            elif isinstance(block, Figure):
                yield block

    def lines(self) -> Iterator[tuple[str, Line, bool]]:
        """Every line of text as (place, line, whether an analyst wrote it)."""
        for notice in self.notices:
            yield "notices", notice, False
        for point in self.front_page.key_points.items:
            yield "front page", point, False
        yield from _table_lines(self.front_page.sectors)
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Paragraph):
                    yield section.title, block.line, block.analyst
                elif isinstance(block, Bullets):
                    for item in block.items:
                        yield section.title, item, block.analyst
                elif isinstance(block, Table):
                    yield from _table_lines(block)


@lru_cache(maxsize=2)
def parsed(stored: str) -> Document:
    """The document that a text holds, as the warehouse keeps it; must not be changed.

    Every form and every check of an issue reads the same one; the same text is parsed once.
    """
    return Document.model_validate_json(stored)


def _table_lines(table: Table) -> Iterator[tuple[str, Line, bool]]:
    for row in table.rows:
        for cell in row:
            yield table.title, cell.line, False


def title_of(house: House, issue: int, revision: int = 1) -> str:
    """``北交所科技成长观察（第 65 期，修订 2）``."""
    return _numbered_label(house.labels, "title", issue, revision, series=house.series)


def _numbered_label(labels: Labels, key: str, issue: int, revision: int, **values: object) -> str:
    """A label that names the issue, and from the second on the revision."""
    if revision > 1:
        return labels.fill(f"{key}_revised", issue=issue, revision=revision, **values)
    return labels.fill(key, issue=issue, **values)


def numbered(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """Give every exhibit its number, in reading order."""
    count = 0

    def renumber(block: Block) -> Block:
        nonlocal count
        if isinstance(block, FigureRow):
            return FigureRow(figures=tuple(_as_figure(renumber(one)) for one in block.figures))
        if isinstance(block, Figure | Table):
            count += 1
            return block.model_copy(update={"number": count})
        return block

    return tuple(
        section.model_copy(update={"blocks": tuple(renumber(block) for block in section.blocks)})
        for section in sections
    )


def _as_figure(block: Block) -> Figure:
    if not isinstance(block, Figure):
        raise TypeError(f"A row of figures holds figures, not a {block.kind}.")
    return block
