"""The erratum: what a revision tells readers of how it differs from the one that it replaces.

What belongs here: the section and its wording. What does not: finding the differences
(:mod:`.revisions`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from bj_pipeline.report.document import (
    Block,
    Bullets,
    Document,
    Fact,
    FactRef,
    Line,
    Paragraph,
    Section,
    Words,
    title_of,
)
from bj_pipeline.report.facts import Ledger, Origin, Style, join, say
from bj_pipeline.report.revisions import (
    ABSENT,
    ERRATUM,
    Approved,
    Differences,
    FactChange,
    TextChange,
    differences,
    snapshot,
    succession,
)
from bj_pipeline.report.workbook_frames import sheet_name
from bj_pipeline.warehouse import tables

LISTED_FACTS = 20
LISTED_TEXTS = 10
_FIGURES, _PLACES = Style("项", 0), Style("处", 0)
_EXCERPT, _CONTEXT = 48, 8
_UNBROKEN = re.compile(r"[-+.%0-9A-Za-z]{2}")


def revised(
    document: Document,
    approved: Sequence[Approved],
    names: Mapping[str, str],
    versions: Mapping[str, str],
) -> Document:
    """The document as the revision that it is, with its erratum in front if it is not the first.

    Args:
        document: As composed, without erratum.
        approved: Every revision that was approved, in order.
        names: Companies' names by code.
        versions: Data versions of the issue's tables.
    """
    current = snapshot(document, names, versions)
    revision, former = succession(current, approved)
    if former is None:
        return document
    erratum = _Erratum(document, former.revision, differences(former.snapshot, current))
    blocks = tuple(erratum.blocks())
    section = Section(id=ERRATUM, title=document.labels["section.erratum"], level=1, blocks=blocks)
    return document.model_copy(
        update={
            "revision": revision,
            "title": title_of(document.house, document.issue, revision),
            "sections": (section, *document.sections),
            "facts": {**document.facts, **erratum.ledger.facts},
        }
    )


class _Erratum:
    """The section under way.

    Attributes:
        former: The revision that is replaced.
        found: What differs from it.
        ledger: Facts that the section adds: former numbers, and counts.
    """

    def __init__(self, document: Document, former: int, found: Differences) -> None:
        self.former = former
        self.found = found
        self.labels = document.labels
        self.ledger = Ledger(document.issue)
        self.edition = "首次发布的版本" if former == 1 else f"修订 {former}"

    def blocks(self) -> Iterator[Block]:
        """A sentence, the numbers, the texts, and what else a reader may come upon."""
        facts, texts = self.found.facts, self.found.texts
        if facts or texts:
            counted = self.totals("", len(facts), len(texts))
            words = say("本版替代{edition}，更正{counted}。", edition=self.edition, counted=counted)
        else:
            words = say("本版替代{edition}，数字与文字没有变化。", edition=self.edition)
        yield Paragraph(line=words)
        # Lists, because a table would take a number and move those of all exhibits after it.
        if facts:
            yield Bullets(items=tuple(self.number(change) for change in facts[:LISTED_FACTS]))
        if texts:
            yield Bullets(items=tuple(_text_item(change) for change in texts[:LISTED_TEXTS]))
        for note in self.notes():
            yield Paragraph(line=note, style="note")

    def notes(self) -> Iterator[Line]:
        """What is counted and not listed."""
        more_facts = max(0, len(self.found.facts) - LISTED_FACTS)
        more_texts = max(0, len(self.found.texts) - LISTED_TEXTS)
        if more_facts or more_texts:
            counted = self.totals("more_", more_facts, more_texts)
            yield say("另有{counted}，未逐一列示。", counted=counted)
        if self.found.unseen:
            hidden = self.count("unseen", len(self.found.unseen), _FIGURES)
            yield say("另有数字{hidden}显示不变，仅舍入前的数值或出处有变化。", hidden=hidden)
        if self.found.sheets:
            sheets = "、".join(sheet_name(self.labels, name) for name in self.found.sheets)
            yield say("工作簿中有变化的数据表：{sheets}。", sheets=sheets)

    def totals(self, prefix: str, numbers: int, texts: int) -> Line:
        """How many numbers and texts, as far as there are any."""
        parts = []
        if numbers:
            parts.append(say("数字{n}", n=self.count(f"{prefix}numbers", numbers, _FIGURES)))
        if texts:
            parts.append(say("文字{n}", n=self.count(f"{prefix}texts", texts, _PLACES)))
        return join(parts)

    def count(self, name: str, number: int, style: Style) -> Fact:
        """A number of differences as a fact."""
        table = tables.APPROVED_TEXTS if style is _PLACES else tables.APPROVED_FACTS
        origin = Origin(table, self.key, name, f"与修订 {self.former} 相比的个数")
        return self.ledger.number(f"{table}/{self.former}/count/{name}", number, style, origin)

    def number(self, change: FactChange) -> Line:
        """A number, as it was and as it is."""
        now = (FactRef(fact=change.id),) if change.new else say(ABSENT)
        words = say("：原为{was}，现为{now}。", was=self.replaced(change), now=now)
        return (_heading(change.label), *words)

    def replaced(self, change: FactChange) -> Line:
        """The former number, as a fact of the revision that printed it."""
        if change.old is None:
            return say(ABSENT)
        fact = change.old.model_copy(
            update={
                "id": f"{tables.APPROVED_FACTS}/{self.former}/{change.id}",
                "table": tables.APPROVED_FACTS,
                "row": f"{self.key}, fact={change.id}",
                "column": "display",
                "formula": f"修订 {self.former} 中的数字；{change.old.formula}",
            }
        )
        self.ledger.adopt({fact.id: fact})
        return say("{fact}", fact=fact)

    @property
    def key(self) -> str:
        """The former revision's rows in the warehouse."""
        return f"issue={self.ledger.issue}, revision={self.former}"


def _heading(text: str) -> Words:
    return Words(text=text, name=True, strong=True)


def _text_item(change: TextChange) -> Line:
    old, new = excerpts(change.old or "", change.new or "")
    if change.old is None and change.new is None:
        words = say("：内容次序有调整。")
    elif change.old is None:
        words = say("：新增“{new}”。", new=new)
    elif change.new is None:
        words = say("：删去“{old}”。", old=old)
    else:
        words = say("：“{old}”改为“{new}”。", old=old, new=new)
    return (_heading(change.heading), *words)


def excerpts(old: str, new: str) -> tuple[str, str]:
    """Where two texts differ, with a little of what stands around it."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return _excerpt(old, start, end), _excerpt(new, start, end)


def _excerpt(text: str, start: int, end: int) -> str:
    first, last = max(0, start - _CONTEXT), min(len(text), len(text) - end + _CONTEXT)
    last = min(last, first + _EXCERPT)
    # Half a number or half a word would say something else.
    while first > 0 and _hang_together(text[first - 1 : first + 1]):
        first -= 1
    while last < len(text) and _hang_together(text[last - 1 : last + 1]):
        last += 1
    return f"{'…' if first else ''}{text[first:last]}{'…' if last < len(text) else ''}"


def _hang_together(pair: str) -> bool:
    return _UNBROKEN.fullmatch(pair) is not None
