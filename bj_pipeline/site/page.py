"""What a page of the site is made of, before it is markup.

What belongs here: the parts that every page is put together from, and the addresses of pages. What
does not: what a page says (``views``) and how it looks (``templates/``). A new page or a new part
of one is a list of these; no template changes.
"""

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from bj_pipeline.errors import DataError
from bj_pipeline.reference import CODE
from bj_pipeline.report.document import Tone
from bj_pipeline.site.charts import Trend
from bj_pipeline.site.history import Series

INDEX = "index.html"
COMPANIES = "companies.html"
AI_CHAIN = "ai-chain.html"
DISCLOSURES = f"{INDEX}#disclosures"


def company_path(code: str) -> str:
    """``company/920493.html``: a page is called by code, which outlives names.

    Raises:
        DataError: It is no code, and so may be no file name either.
    """
    if not CODE.fullmatch(code):
        rule = "code is six digits and an exchange, such as 920493.BJ"
        raise DataError("company_metrics", rule, "Correct the code and build again.", found=code)
    return f"company/{code.partition('.')[0]}.html"


def whole_company_path(code: str) -> str:
    """``company/920493-all.html``: all issues, where the company's own page does not reach back."""
    return f"{company_path(code).removesuffix('.html')}-all.html"


def sector_path(sector: str) -> str:
    """``sector/4a7d1ed4.html``: safe, and the same wherever the sector ranks."""
    return f"sector/{hashlib.sha256(sector.encode()).hexdigest()[:8]}.html"


class Link(NamedTuple):
    """A link to a page of the site, or to a finished file beside it; ``detail`` follows it."""

    text: str
    path: str
    detail: str = ""


class Cell(NamedTuple):
    """One cell of a table: text, coloured and pointed by ``tone``, or links."""

    text: str
    tone: Tone | None = None
    links: tuple[Link, ...] = ()


class Column(NamedTuple):
    """A column of a table; the unit is printed in the header only.

    ``align`` is ``right`` for numbers, ``left`` for text that may take several lines, and nothing
    for short words and dates, which never break.
    """

    label: str
    unit: str = ""
    align: Literal["", "left", "right"] = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of a row is its header."""

    kind: ClassVar[str] = "table"
    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    source: str
    note: str = ""


class Tile(NamedTuple):
    """One key figure: label, value with unit, and what it is to be compared with."""

    label: str
    text: str
    detail: str = ""
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Tiles:
    """Key figures side by side."""

    kind: ClassVar[str] = "tiles"
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Trends:
    """Charts side by side, on one calendar."""

    kind: ClassVar[str] = "trends"
    trends: tuple[Trend, ...]


@dataclass(frozen=True, slots=True)
class Points:
    """Short paragraphs, each with a label or none."""

    kind: ClassVar[str] = "points"
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Downloads:
    """Links to the finished files of an issue."""

    kind: ClassVar[str] = "downloads"
    links: tuple[Link, ...]


Block = Table | Tiles | Trends | Points | Downloads


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the site.

    Attributes:
        series: The issues that it speaks of.
        path: Where it lies in the site's folder.
        kicker: Small line above the heading.
        tag: Boxed word behind the kicker, or nothing.
        details: What stands under the heading: label and cell.
    """

    series: Series
    path: str
    title: str
    kicker: str
    heading: str
    tag: str
    details: tuple[tuple[str, Cell], ...]
    sections: tuple[Section, ...]

    @property
    def root(self) -> str:
        """The way from this page back to the site's folder: empty, or ``../``."""
        return "../" * self.path.count("/")
