"""The topic page of an issue, as its analyst writes it.

What belongs here: reading ``topic.md`` and its figures' CSV files into the document model, refusing
whatever could be printed otherwise than it was meant, and the template of a new topic. What does
not: where in the report it stands, how it looks, and the proofreading of the analyst's numbers.
``content/README.md`` tells analysts how to write it.
"""

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, NoReturn
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from pydantic import BaseModel, BeforeValidator, ConfigDict

from bj_pipeline import storage
from bj_pipeline.characters import unseen
from bj_pipeline.errors import DataError
from bj_pipeline.report.analyst_file import UNFILLED, AnalystFile
from bj_pipeline.report.document import (
    Block,
    Bullets,
    Cell,
    Chart,
    Column,
    Fact,
    FactRef,
    Figure,
    FigureRow,
    Line,
    Link,
    Paragraph,
    Series,
    Table,
    Words,
)
from bj_pipeline.report.reading import Remark, Text, read_yaml
from bj_pipeline.report.rounding import MISSING, display

TOPIC_FILE = "topic.md"
TOPIC_TABLE = "topic"
"""What facts of the analyst's figures name as their table."""

_STORED_PER_PRINTED = {"%": "0.01", "亿元": "100000000", "万元": "10000"}
_FIGURE_FILE = re.compile(r"[\w-]{1,80}\.csv")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_HOST = re.compile(r"[\w.-]*\w(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_SIDE_BY_SIDE = 2
_MOST_DIGITS = 6
_KEPT_DIGITS = 15
"""As many digits as a number keeps in every form."""
_MOST_CHARACTERS = 100_000
_MOST_ROWS = 500
_MOST_COLUMNS = 50


@dataclass(frozen=True, slots=True)
class Topic:
    """The topic of the week, in the parts of the document model.

    Attributes:
        title: Heading of the topic.
        key_point: One sentence for the front page; its words are marked as data, because an
            analyst's sentence may hold digits.
        blocks: Text, charts and tables in reading order, all text marked as the analyst's.
        facts: Every value of the figures, by id.
    """

    title: str
    key_point: Line
    blocks: tuple[Block, ...]
    facts: Mapping[str, Fact]


def _digits(value: object) -> object:
    if value == "typed" or (type(value) is int and 0 <= value <= _MOST_DIGITS):
        return value
    raise ValueError(f"must be a whole number from 0 to {_MOST_DIGITS}, or the word typed")


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _TopicHeader(_Header):
    title: Text
    key_point: Text


class _FigureHeader(_Header):
    """Header of a figure's CSV.

    ``digits: typed`` prints each value with the decimals that it was typed with, for figures whose
    values were published with different precision.
    """

    kind: Literal["bars", "hbars", "lines", "table"]
    title: Text
    unit: Remark
    source: Text
    digits: Annotated[int | Literal["typed"], BeforeValidator(_digits)]
    note: Remark = ""
    alt: Remark = ""


# --- the topic page


def load_topic(folder: Path) -> Topic | None:
    """The topic in an issue's folder; None if there is no ``topic.md``.

    Raises:
        DataError: Anything in the page or its figures that is not understood; names file and line.
    """
    path = folder / TOPIC_FILE
    if not path.exists() and not path.is_symlink():
        return None
    file = AnalystFile.open(path)
    if len(file.text) > _MOST_CHARACTERS:
        found = f"{len(file.text)} characters"
        file.refuse(1, f"a topic has at most {_MOST_CHARACTERS} characters", "Shorten it.", found)
    header_text, body, first_line = file.split()
    header = read_yaml(header_text, _TopicHeader, file.name, first_line=2)
    # Blank lines in the header's place keep the parser's line numbers those of the file.
    tree = SyntaxTreeNode(_markdown().parse("\n" * (first_line - 1) + "\n".join(body)))
    reader = _PageReader(file)
    blocks = tuple(reader.blocks(tree.children))
    if not blocks:
        file.refuse(first_line, "a topic has text below its header", "Write it.")
    return Topic(header.title, _key_point(file, header.key_point), blocks, reader.facts)


def _markdown() -> MarkdownIt:
    # Tables and strikethrough are recognised only to be refused: else their signs would be printed.
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _key_point(file: AnalystFile, sentence: str) -> Line:
    lines = enumerate(file.text.split("\n"), start=1)
    line = next((number for number, text in lines if "key_point" in text), 1)
    (inline,) = SyntaxTreeNode(_markdown().parseInline(sentence)).children
    reader = _LineReader(file, line)
    reader.read(inline.children)
    return tuple(
        part.model_copy(update={"name": True}) if isinstance(part, Words) else part
        for part in reader.parts
    )


@dataclass(slots=True)
class _PageReader:
    """Turns the page's Markdown into blocks, and collects the facts of its figures."""

    file: AnalystFile
    facts: dict[str, Fact] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)

    def blocks(self, nodes: Sequence[SyntaxTreeNode]) -> Iterator[Block]:
        heading: Line = ()
        line = 0
        for node in nodes:
            line = _line_of(node)
            if node.type not in {"paragraph", "heading", "bullet_list"}:
                _refuse_markdown(self.file, line, node.type)
            if heading and (node.type != "paragraph" or _images(node)):
                rule = "a paragraph of text follows a heading, which becomes its lead-in"
                self.file.refuse(line, rule, "Write a paragraph between them.")
            if node.type == "heading":
                heading = self._heading(node)
            elif node.type == "bullet_list":
                yield self._bullets(node)
            elif _images(node):
                yield self._exhibits(node)
            else:
                yield Paragraph(line=heading + self._line(node), analyst=True)
                heading = ()
        if heading:
            rule = "a paragraph of text follows a heading, which becomes its lead-in"
            self.file.refuse(line, rule, "Write it or remove the heading.")

    def _heading(self, node: SyntaxTreeNode) -> Line:
        if node.markup != "###":
            rule = "headings are written ### (the title stands in the header)"
            self.file.refuse(_line_of(node), rule, "Write ### in front of it.", node.markup)
        words = "".join(part.text for part in self._line(node))
        if not words:
            self.file.refuse(_line_of(node), "a heading has words", "Write them or remove ###.")
        # A lead-in cannot be left alone at the foot of a page, as a heading can.
        return (Words(text=words, strong=True), Words(text="　"))

    def _bullets(self, node: SyntaxTreeNode) -> Bullets:
        items = []
        for item in node.children:
            if [child.type for child in item.children] != ["paragraph"]:
                rule = "each item of a list is one paragraph of text"
                remedy = "Take lists out of lists, and give each thought its own item."
                self.file.refuse(_line_of(item), rule, remedy)
            items.append(self._line(item.children[0]))
        return Bullets(items=tuple(items), analyst=True)

    def _line(self, node: SyntaxTreeNode) -> tuple[Words | Link, ...]:
        reader = _LineReader(self.file, _line_of(node))
        for inline in node.children:
            reader.read(inline.children)
        return tuple(reader.parts)

    def _exhibits(self, node: SyntaxTreeNode) -> Block:
        """The figures of one paragraph: one, or two in neighbouring lines."""
        line = _line_of(node)
        exhibits: list[Figure | Table] = []
        for child in node.children[0].children:
            if child.type == "softbreak":
                line += 1
            elif child.type == "image":
                exhibits.append(self._exhibit(child, line))
            elif child.type != "text" or child.content.strip():
                rule = "a figure stands in a line of its own"
                self.file.refuse(line, rule, "Leave an empty line between text and figures.")
        if len(exhibits) == 1:
            return exhibits[0]
        figures = [exhibit for exhibit in exhibits if isinstance(exhibit, Figure)]
        if len(figures) < len(exhibits) or len(figures) > _SIDE_BY_SIDE:
            rule = "two charts at most stand side by side, and tables stand alone"
            self.file.refuse(_line_of(node), rule, "Leave an empty line between them.")
        return FigureRow(figures=tuple(figures))

    def _exhibit(self, image: SyntaxTreeNode, line: int) -> Figure | Table:
        name = unquote(str(image.attrs["src"]))
        path = self.file.path.parent / name
        if not _FIGURE_FILE.fullmatch(name):
            rule = "a figure is a CSV file next to topic.md, named by letters, digits, - and _"
            self.file.refuse(line, rule, "Put the file there, and write its name only.", name)
        if not path.is_file():
            rule = "the figure's CSV file lies next to topic.md"
            self.file.refuse(line, rule, "Put the file there or correct its name.", name)
        if name in self.placed:
            self.file.refuse(line, "a figure is placed once", "Remove one of the two.", name)
        self.placed.add(name)
        exhibit, facts = _read_exhibit(AnalystFile.open(path), image.content)
        self.facts |= facts
        return exhibit


def _images(node: SyntaxTreeNode) -> bool:
    return any(child.type == "image" for inline in node.children for child in inline.children)


def _line_of(node: SyntaxTreeNode) -> int:
    return node.map[0] + 1 if node.map else 0


def _refuse_markdown(file: AnalystFile, line: int, kind: str) -> NoReturn:
    remedies = {
        "html_block": "Write Markdown; HTML would reach one form of the report only.",
        "html_inline": r"Write Markdown; a sign that is meant as such is written \<.",
        "table": "Put the table in a CSV file with `kind: table` and place it by ![](name.csv).",
        "em": r"Write **bold**; a star in a name is written \*, as in \*ST.",
        "hardbreak": "Leave an empty line for a new paragraph; remove blanks at the line's end.",
        "code_block": "Remove the blanks in front of the line.",
        "image": "Leave an empty line before and after a figure.",
    }
    rule = "a topic is written in paragraphs, ### headings, bullet lists, **bold**, links, figures"
    file.refuse(line, rule, remedies.get(kind, "Write it in one of these ways."), kind)


@dataclass(slots=True)
class _LineReader:
    """Turns inline Markdown into a line, counting source lines for messages.

    Attributes:
        line: Source line of the next word.
        parts: What was read.
        broken: Whether a line break waits to be joined.
    """

    file: AnalystFile
    line: int
    parts: list[Words | Link] = field(default_factory=list)
    broken: bool = False

    def read(self, nodes: Sequence[SyntaxTreeNode], *, strong: bool = False) -> None:
        for node in nodes:
            if node.type == "text":
                self._words(node.content, strong=strong)
            elif node.type == "softbreak":
                self.line += 1
                self.broken = True
            elif node.type == "strong":
                self.read(node.children, strong=True)
            elif node.type == "link":
                self._link(node)
            else:
                _refuse_markdown(self.file, self.line, node.type)

    def _words(self, text: str, *, strong: bool) -> None:
        if "**" in text:
            rule = "the stars of **bold** close"
            remedy = "Close them, and keep punctuation outside: **词**：, not **词：**."
            self.file.refuse(self.line, rule, remedy, text)
        if "](" in text:
            rule = "links are [words](https://…) and figures ![words](name.csv)"
            self.file.refuse(self.line, rule, "Correct the address; it holds no blanks.", text)
        if found := unseen(text):
            rule = "every character can be seen, one written as &#…; too"
            self.file.refuse(self.line, rule, "Delete it.", found)
        if text:
            self.parts.append(Words(text=self._joint(text) + text, strong=strong))

    def _link(self, node: SyntaxTreeNode) -> None:
        url = str(node.attrs["href"])
        if not _is_public(url):
            rule = "a link leads to a public address, without a user's name or password"
            self.file.refuse(self.line, rule, "Write it in full: https://…", url)
        if "title" in node.attrs:
            rule = "a link is [words](https://…) without a title"
            self.file.refuse(self.line, rule, "Remove it.", str(node.attrs["title"]))
        inner = _LineReader(self.file, self.line)
        inner.read(node.children)
        text = "".join(part.text for part in inner.parts)
        if not text.strip():
            rule = "a link has words"
            self.file.refuse(self.line, rule, "Write them between the brackets.", url)
        self.parts.append(Link(text=self._joint(text) + text, url=url))
        self.line = inner.line

    def _joint(self, text: str) -> str:
        """What joins two source lines: a blank, except where Chinese is set without one."""
        before = self.parts[-1] if self.parts else None
        needed, self.broken = self.broken, False
        if not needed or before is None or not text:
            return ""
        ends = (before.text[-1], text[0])
        tight = all(map(_wide, ends)) or any(_wide(end) and _punctuation(end) for end in ends)
        return "" if tight else " "


def _is_public(url: str) -> bool:
    """Whether an address names a server, and nobody's name or password."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"http", "https"}
            and _HOST.fullmatch(parts.netloc) is not None
            and (parts.port or 1) > 0
        )
    except ValueError:  # a port or an address in brackets that cannot be
        return False


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in {"W", "F"}


def _punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


# --- figures


def _read_exhibit(file: AnalystFile, caption: str) -> tuple[Figure | Table, dict[str, Fact]]:
    """One figure's CSV as a chart or table, with a fact for each value.

    Args:
        file: The CSV.
        caption: Words between the brackets of ``![…](name.csv)``: the text alternative.
    """
    header_text, body, first_line = file.split()
    header = read_yaml(header_text, _FigureHeader, file.name, first_line=2)
    names, rows = _read_rows(file, body, first_line)
    stem = file.path.stem
    facts: dict[str, Fact] = {}
    columns: list[list[Fact | None]] = [[] for _ in names]
    for category, line, cells in rows:
        for name, cell, column in zip(names, cells, columns, strict=True):
            fact = _fact(file, header, line, (category, name), cell) if cell else None
            column.append(fact)
            if fact is not None:
                facts[fact.id] = fact
    for name, column in zip(names, columns, strict=True):
        if not any(column):
            file.refuse(first_line, "each column holds a value", "Fill or remove it.", name)
    categories = tuple(category for category, _, _ in rows)
    if header.kind == "table":
        return _table(f"topic-{stem}", header, names, categories, columns), facts
    chart = Chart(
        kind=header.kind,
        categories=categories,
        series=tuple(
            _series(name, column, header, first=index == 0)
            for index, (name, column) in enumerate(zip(names, columns, strict=True))
        ),
        unit=header.unit,
    )
    figure = Figure(
        id=f"topic-{stem}",
        title=header.title,
        chart=chart,
        source=header.source,
        alt=caption or header.alt or _described(header, chart),
        note=header.note,
    )
    return figure, facts


def _read_rows(
    file: AnalystFile, body: Sequence[str], first_line: int
) -> tuple[list[str], list[tuple[str, int, list[str]]]]:
    """Column names, and (category, line, cells) of each row; blank lines are passed over."""
    rows = list(file.rows(body, first_line))
    if len(rows) < 2:  # noqa: PLR2004 - the names, and one row
        rule = "below the header stand the column names and at least one row"
        file.refuse(first_line, rule, "Add them.")
    (top, (_, *names)), *rest = rows
    if not names or not all(names) or len(set(names)) < len(names) or "/" in "".join(names):
        rule = "the first column is the category, and each other has a name of its own without /"
        file.refuse(top, rule, "Correct the names.", ",".join(rows[0][1]))
    if len(names) > _MOST_COLUMNS or len(rest) > _MOST_ROWS:
        rule = f"a figure has at most {_MOST_ROWS} rows and {_MOST_COLUMNS} columns of values"
        file.refuse(top, rule, "Show fewer.", f"{len(rest)} rows and {len(names)} columns")
    seen: set[str] = set()
    table = []
    for line, (category, *cells) in rest:
        if len(cells) != len(names):
            rule = f"a row has {len(names) + 1} cells, as the column names have"
            file.refuse(line, rule, "Add or remove a comma.", ",".join([category, *cells]))
        if not category or category in seen:
            rule = "each row has a category of its own in the first column"
            file.refuse(line, rule, "Write or correct it.", category or "a blank")
        seen.add(category)
        table.append((category, line, cells))
    return names, table


def _fact(
    file: AnalystFile, header: _FigureHeader, line: int, place: tuple[str, str], cell: str
) -> Fact:
    category, name = place
    if not _NUMBER.fullmatch(cell):
        rule = "a value is a plain number in the header's unit, or empty where there is none"
        remedy = "Write digits, a point and a minus only: no thousands separators, no units."
        file.refuse(line, rule, remedy, f"{cell} in column {name}")
    if sum(map(str.isdigit, cell)) > _KEPT_DIGITS:
        rule = f"a value has at most {_KEPT_DIGITS} digits"
        file.refuse(line, rule, "Round it, or give it in a larger unit.", f"{cell[:40]}…")
    scale = _STORED_PER_PRINTED.get(header.unit, "1")
    digits = len(cell.partition(".")[2]) if header.digits == "typed" else header.digits
    # Multiplied in decimal: 29.6 % in binary would be stored as 0.29600000000000004.
    value = float(Decimal(cell) * Decimal(scale))
    return Fact(
        id=f"{TOPIC_TABLE}/{file.path.stem}/{category}/{name}",
        value=value,
        text=display(value, digits, float(scale)),
        unit=header.unit,
        table=TOPIC_TABLE,
        row=f"{file.path.name} {category}",
        column=name,
        formula=f"分析师录入；来源：{header.source}",
        files=(file.path.name,),
    )


def _series(
    name: str, facts: Sequence[Fact | None], header: _FigureHeader, *, first: bool
) -> Series:
    scale = Decimal(_STORED_PER_PRINTED.get(header.unit, "1"))
    return Series(
        name=name,
        values=tuple(
            None if fact is None or fact.value is None else float(Decimal(repr(fact.value)) / scale)
            for fact in facts
        ),
        labels=tuple(fact.text if fact else MISSING for fact in facts),
        facts=tuple(fact.id if fact else "" for fact in facts),
        role="current" if first else "other",
    )


def _table(
    identity: str,
    header: _FigureHeader,
    names: Sequence[str],
    categories: Sequence[str],
    columns: Sequence[Sequence[Fact | None]],
) -> Table:
    def cell(fact: Fact | None) -> Cell:
        if fact is None:
            return Cell(line=(Words(text=MISSING),))
        return Cell(line=(FactRef(fact=fact.id, with_unit=False),))

    return Table(
        id=identity,
        title=header.title,
        columns=(
            Column(label=""),
            *(Column(label=name, unit=header.unit, align="right") for name in names),
        ),
        rows=tuple(
            (Cell(line=(Words(text=category, name=True),)), *(cell(fact) for fact in row))
            for category, row in zip(categories, zip(*columns, strict=True), strict=True)
        ),
        source=header.source,
        note=header.note,
    )


def _described(header: _FigureHeader, chart: Chart) -> str:
    """A text alternative that says every value, for a figure whose author gave none."""

    def values(series: Series) -> str:
        return "，".join(
            f"{category} {label}{header.unit}" if value is not None else f"{category} 无数据"
            for category, label, value in zip(
                chart.categories, series.labels, series.values, strict=True
            )
        )

    told = "；".join(f"{series.name}：{values(series)}" for series in chart.series)
    return f"{header.title}。{told}。"


# --- a new topic

_EXAMPLE_FIGURE = "example.csv"
_TOPIC_TEMPLATE = f"""\
---
# 写法见 content/README.md；凡{UNFILLED[1:-1]}之处写好后连同括号删去，否则不能出刊。
# How to write a topic: content/README.md. Replace every marked place; none may remain.
title: {UNFILLED}专题标题
key_point: {UNFILLED}用一句话写出首页要点。
---

### {UNFILLED}第一个小标题

{UNFILLED}正文写成段落，段与段之间空一行。**加粗**用两对星号，标点放在星号之外；
链接写作 [文字](https://example.com)。正文中的数字须与图中数据一致，增速须能由图中数据算出。

![{UNFILLED}用一句话描述图形，供读屏使用]({_EXAMPLE_FIGURE})

### {UNFILLED}第二个小标题

{UNFILLED}需要并列的内容可用列表：

- {UNFILLED}第一点
- {UNFILLED}第二点
"""
_FIGURE_TEMPLATE = f"""\
---
# kind 可为 bars（柱）、hbars（横条）、lines（折线）、table（表）；含冒号或以符号开头的值加引号。
kind: bars
title: {UNFILLED}标题写结论，数字的单位与 unit 一致
unit: 亿元
source: {UNFILLED}资料来源
digits: 1
---
年份,{UNFILLED}指标名称
2024,100.0
2025E,120.0
"""


def new_topic(folder: Path) -> tuple[Path, ...]:
    """Write the template of a topic and of one figure; return what was written.

    Raises:
        DataError: One of the files is there already; nothing is written.
    """
    texts = {folder / TOPIC_FILE: _TOPIC_TEMPLATE, folder / _EXAMPLE_FIGURE: _FIGURE_TEMPLATE}
    there = {path: storage.content(path) for path in texts if os.path.lexists(path)}
    for path, held in there.items():
        # One of them alone was left by a program that was killed.
        if held != texts[path].encode() or there.keys() == texts.keys():
            rule = "a template does not replace what was written"
            remedy = "Go on with the file, or move it away first."
            raise DataError(f"{folder.name}/{path.name}", rule, remedy)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        storage.write(path, text.encode())
    return tuple(texts)
