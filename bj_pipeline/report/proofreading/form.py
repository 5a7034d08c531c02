"""A finished form, read back: the shape that all forms share.

What belongs here: text in reading order with its places, the contents lists, and where a text
stands. What does not: how a file is opened (the ``read_*`` modules), and what is wrong with it.

Texts are compared without blanks, because each form breaks lines elsewhere; where blanks were is
kept, so that ``3.6`` is not found inside of ``13.65``.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise

_BLANK = re.compile(r"\s+")
_IN_NUMBER = frozenset("0123456789.+-")
SENTENCE_END = re.compile(r"(?<=[。；！？])")


def squeezed(text: str) -> str:
    """The text without blanks."""
    return _BLANK.sub("", text)


def sentences(text: str) -> list[str]:
    """The sentences and clauses (parted by ``；``) of a paragraph."""
    return [part for part in SENTENCE_END.split(text) if part.strip()]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text that stands by itself: a line, a paragraph, a cell.

    Attributes:
        page: Where it stands: a page's number, a sheet, the section's heading.
        text: As read.
        kind: ``heading`` or ``caption`` where the file says so.
    """

    page: str
    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents or of the list of exhibits, its title without blanks.

    ``page`` is empty where the form has no pages.
    """

    title: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class Tied:
    """A number that the form itself ties to a fact.

    Attributes:
        name: What the form calls it, such as a bar's category; empty if it says none.
        origin: The whole row of a list of origins, where it stands in one.
    """

    fact: str
    shown: str
    page: str
    name: str = ""
    origin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar or point that a form draws: its words, its fact and, as SVG, its outline."""

    label: str
    fact: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a text stands: positions in :attr:`Form.text`."""

    start: int
    end: int


@dataclass(frozen=True)
class Form:
    """A finished form.

    Attributes:
        name: File name.
        passages: The body in reading order, without running heads and contents.
        contents: The contents list and the list of exhibits.
        headings: Titles of sections with their pages, where the file marks them.
        tied: Numbers that name their facts.
        alternatives: Texts that stand for charts.
        pictures: What each of these charts was drawn from, where its picture tells (same order).
        drawings: The words inside of each chart, in order, where they are words and not pixels.
        marks: The bars and points inside of each chart, likewise.
        tones: Cells of tables that are coloured as a rise or a fall: text without blanks, and tone.
        title: What the file's own properties call it.
        columns: Columns of data sheets: (table, code or key, column header) to the text shown.
        prints: Whether the form has the document's running text (a workbook has exhibits only).
        pairs_figures: Whether captions of neighbours come before their charts and sources.
        draws: Whether the charts' words stand in the running text.
        has_pages: Whether pages are real and the contents' numbers can be judged.
    """

    name: str
    passages: tuple[Passage, ...]
    contents: tuple[Entry, ...] = ()
    headings: tuple[Entry, ...] = ()
    tied: tuple[Tied, ...] = ()
    alternatives: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    drawings: tuple[tuple[str, ...], ...] = ()
    marks: tuple[tuple[Mark, ...], ...] = ()
    tones: tuple[tuple[str, str], ...] = ()
    title: str = ""
    columns: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    prints: bool = True
    pairs_figures: bool = False
    draws: bool = False
    has_pages: bool = False

    @cached_property
    def _pieces(self) -> list[str]:
        return [squeezed(passage.text) for passage in self.passages]

    @cached_property
    def text(self) -> str:
        """The whole body without blanks."""
        return "".join(self._pieces)

    @cached_property
    def spaced(self) -> str:
        """The whole body with its blanks, a passage a line."""
        return "\n".join(passage.text for passage in self.passages)

    def without_blanks(self, start: int, end: int) -> Span:
        """A stretch of :attr:`spaced` as a stretch of :attr:`text`."""
        before = len(squeezed(self.spaced[:start]))
        return Span(before, before + len(squeezed(self.spaced[start:end])))

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(map(len, self._pieces))]

    @cached_property
    def _breaks(self) -> set[int]:
        """Positions in the text before which a blank or the end of a passage stood."""
        found = set(self._starts)
        for start, passage in zip(self._starts, self.passages, strict=False):
            position = start
            for word in passage.text.split():
                found.add(position)
                position += len(word)
        return found

    def page_at(self, position: int) -> str:
        """The page of a position in the text."""
        at = bisect_right(self._starts, position) - 1
        return self.passages[min(at, len(self.passages) - 1)].page if self.passages else ""

    def passage_at(self, position: int) -> str:
        """The passage around a position in the text."""
        at = bisect_right(self._starts, position) - 1
        return self.passages[min(at, len(self.passages) - 1)].text if self.passages else ""

    def words(self, span: Span) -> list[str]:
        """The words of a stretch of the text, parted where blanks stood."""
        cuts = sorted(at for at in self._breaks if span.start < at < span.end)
        ends = [span.start, *cuts, span.end]
        return [self.text[start:end] for start, end in pairwise(ends)]

    def occurrences(self, text: str, begin: int = 0) -> Iterator[Span]:
        """Where a text (without blanks) stands, as whole numbers."""
        position = self.text.find(text, begin) if text else -1
        while position >= 0:
            span = Span(position, position + len(text))
            if self._is_whole(span):
                yield span
            position = self.text.find(text, position + 1)

    def begins_passage(self, span: Span) -> bool:
        """Whether a stretch of the text begins where a passage does."""
        return self._starts[bisect_right(self._starts, span.start) - 1] == span.start

    def is_passage(self, span: Span) -> bool:
        """Whether a stretch of the text begins and ends where passages do."""
        after = bisect_right(self._starts, span.end) - 1
        ends = span.end >= len(self.text) or self._starts[after] == span.end
        return ends and self.begins_passage(span)

    def page_of(self, text: str) -> str:
        """The page on which a text begins; empty if the form does not hold it."""
        span = next(self.occurrences(squeezed(text)), None)
        return self.page_at(span.start) if span else ""

    def _is_whole(self, span: Span) -> bool:
        """Whether no number is cut by the ends of the span."""
        text = self.text
        return not any(
            0 < at < len(text)
            and at not in self._breaks
            and text[at - 1] in _IN_NUMBER
            and text[at] in _IN_NUMBER
            for at in (span.start, span.end)
        )


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch made one."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return result
