"""Reading the web page back: its text, what its numbers say they are, and its charts' words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import unescape
from typing import get_args

from lxml import etree

from bj_pipeline.report.document import Tone
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.proofreading.form import Entry, Form, Mark, Passage, Tied, squeezed
from bj_pipeline.storage import Place

_TITLE = re.compile("<title>(.*?)</title>", re.DOTALL)
_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr"})
_PIECES = frozenset(
    {"p", "li", "th", "td", "h1", "h2", "h3", "figcaption", "caption", "dt", "dd", "dl", "summary"}
    | {"div", "section", "tr", "ol", "ul", "footer", "header"}
)
_HEADINGS = frozenset({"h2", "h3"})
_CAPTIONS = frozenset({"figcaption", "caption"})
_OF_CHARTS = frozenset({"svg", "g", "path"})
_CELLS = frozenset({"td", "th"})
_TONES = frozenset(get_args(Tone))
_OWN_HEADINGS = frozenset({"origins", "front", "notices"})
"""Headings of the page itself, which the document's contents do not know."""


def read_page(path: Place, labels: Labels) -> Form:
    """The web page as a form; places are named by the heading before."""
    reader = _Reader(labels)
    markup = path.read_text(encoding="utf-8")
    body = markup.find("<body")
    parser = etree.HTMLParser(target=reader)
    parser.feed(markup[body:])
    parser.close()
    return Form(
        name=path.name,
        passages=tuple(reader.passages),
        contents=tuple(reader.contents),
        title=unescape("".join(_TITLE.findall(markup[:body]))),
        headings=tuple(reader.headings),
        tied=tuple(reader.tied),
        alternatives=tuple(reader.alternatives),
        drawings=tuple(tuple(drawing) for drawing in reader.drawings),
        marks=tuple(tuple(own) for own in reader.marks),
        tones=tuple(reader.tones),
    )


@dataclass(slots=True)
class _Open:
    """An element that has not ended."""

    tag: str
    role: str = ""
    fact: str = ""
    mark: Mark | None = None
    tone: str = ""
    text: list[str] = field(default_factory=list)


class _Reader:
    """What lxml's parser tells of a page, element by element, gathered."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.open: list[_Open] = []
        self.page = labels["front"]
        self.piece: list[str] = []
        self.kind = ""
        self.passages: list[Passage] = []
        self.contents: list[Entry] = []
        self.headings: list[Entry] = []
        self.tied: list[Tied] = []
        self.alternatives: list[str] = []
        self.drawings: list[list[str]] = []
        self.marks: list[list[Mark]] = []
        self.tones: list[tuple[str, str]] = []
        self.origin = ""
        self.cells: list[str] = []

    def start(self, tag: str, given: Mapping[str, str]) -> None:
        """An element begins."""
        if tag in _VOID:
            return
        one = _Open(tag, self.role(tag, given), given.get("data-fact", ""))
        if tag in _CELLS:
            one.tone = next((name for name in given.get("class", "").split() if name in _TONES), "")
        if one.role == "body" and tag in _PIECES:
            self.end_piece()
            self.kind = "caption" if tag in _CAPTIONS else "heading" if tag in _HEADINGS else ""
        if given.get("role") == "img":
            self.alternatives.append(given.get("aria-label", ""))
        if tag in _OF_CHARTS:
            self.draw(one, given)
        if "data-origin" in given:
            self.origin, self.cells = given["data-origin"], []
        if tag in _HEADINGS and given.get("id") in _OWN_HEADINGS:
            one.role = "own heading"
        self.open.append(one)

    def draw(self, one: _Open, given: Mapping[str, str]) -> None:
        """A part of a chart: the chart itself, the mark of a value, the mark's outline."""
        if one.tag == "svg":
            self.drawings.append([])
            self.marks.append([])
        if "data-label" in given:
            label, fact = given["data-label"], given.get("data-origin-of", "")
            one.mark = Mark(label, fact)
            if fact:
                name, _, shown = label.rpartition("：")
                self.tied.append(Tied(fact, shown, self.page, name))
        mark = self.open[-1].mark if self.open else None
        if mark and one.tag == "path":
            self.marks[-1].append(replace(mark, path=given.get("d", "")))

    def role(self, tag: str, given: Mapping[str, str]) -> str:
        """What an element's text is: part of the body unless a parent says otherwise."""
        if tag == "svg":
            return "drawing"
        if tag in {"nav", "script", "style", "button"} or given.get("class") == "skip":
            return tag
        if tag == "table" and "origin-table" in given.get("class", ""):
            return "origins"
        return self.open[-1].role if self.open else "body"

    def end(self, tag: str) -> None:
        """An element ends, and with it whatever in it has not."""
        if tag in _VOID:
            return
        while self.open:
            one = self.open.pop()
            self.close_element(one)
            if one.tag == tag:
                return

    def close_element(self, one: _Open) -> None:
        text = "".join(one.text)
        if one.fact or one.tone:
            self.close_number(one, text)
        if one.role == "nav" and one.tag == "a":
            self.contents.append(Entry(squeezed(text)))
        if one.role == "drawing" and one.tag == "text" and text.strip():
            self.drawings[-1].append(squeezed(text))
        if one.role == "origins" and one.tag == "td":
            self.cells.append(text.strip())
        if one.role == "origins" and one.tag == "tr" and self.origin:
            # The first cell after the name is what the page shows for the fact.
            self.tied.append(
                Tied(self.origin, self.cells[0], self.labels["origins"], origin=(*self.cells,))
            )
            self.origin = ""
        if one.role == "body" and one.tag in _PIECES:
            if one.tag in _HEADINGS and text.strip():
                self.page = text.strip()
                self.headings.append(Entry(squeezed(text)))
            self.end_piece()
        if one.role == "own heading":
            self.page = text.strip()
        if self.open:
            self.open[-1].text.append(text)

    def close_number(self, one: _Open, text: str) -> None:
        """A number that names its fact, or a cell in the colour of a rise or a fall."""
        if one.fact:
            self.tied.append(Tied(one.fact, text.strip(), self.page))
        if one.tone:
            self.tones.append((squeezed(text), one.tone))

    def data(self, data: str) -> None:
        """Text."""
        if not self.open:
            return
        self.open[-1].text.append(data)
        if self.open[-1].role == "body":
            self.piece.append(data)

    def close(self) -> None:
        """The page ends."""
        self.end_piece()

    def end_piece(self) -> None:
        """End a piece of text that stands by itself."""
        text = "".join(self.piece)
        if text.strip():
            self.passages.append(Passage(self.page, text, self.kind))
        self.piece, self.kind = [], ""
