"""Revisions of an issue: what differs from what was approved.

What belongs here: snapshots of a document, the differences between two of them, and which revision
a document therefore is. All of it is pure, and none of it knows who approved or when: the same
inputs give the same bytes, before an approval and after it. What does not: the section that tells
readers (:mod:`.erratum`), approving and publishing (:mod:`bj_pipeline.automation.signoff`).

Looks (colours, drawings, text alternatives) are no part of a snapshot: they correct nothing.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import pandas as pd

from bj_pipeline.report.document import (
    Block,
    Bullets,
    Document,
    Fact,
    FactRef,
    Figure,
    FigureRow,
    Line,
    Link,
    Paragraph,
    Table,
    Words,
)
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.workbook_frames import SHEETS, name_of, sheet_name
from bj_pipeline.report.workbook_frames import words as in_words
from bj_pipeline.warehouse import tables

ERRATUM = "erratum"
"""Id of the section."""
ABSENT = "未列示"


_SAME_NUMBER = 1e-9
"""Relative; less is the arithmetic's, not the data's."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text as a reader finds it.

    Attributes:
        place: Part of the document, by its ids: the same from revision to revision.
        heading: Heading that it stands under.
        wording: The text with names of facts in place of numbers, so that a changed number does
            not count as changed wording.
        text: As printed.
    """

    place: str
    heading: str
    wording: str
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Facts and texts of a document, without its erratum.

    Attributes:
        facts: By id, in reading order.
        labels: What each fact is, in the reader's words.
        texts: In reading order.
        versions: Data versions of the tables that the workbook holds, by table.
    """

    facts: Mapping[str, Fact]
    labels: Mapping[str, str]
    texts: tuple[Text, ...]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Approved:
    """A revision that was approved, and perhaps withdrawn later."""

    revision: int
    is_withdrawn: bool
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class FactChange:
    """A fact that is printed differently; None where it is not printed at all."""

    id: str
    label: str
    old: Fact | None
    new: Fact | None

    @property
    def was(self) -> str:
        """As printed before."""
        return self.old.printed if self.old else ABSENT

    @property
    def reads(self) -> str:
        """As printed now."""
        return self.new.printed if self.new else ABSENT


@dataclass(frozen=True, slots=True)
class TextChange:
    """A text that was replaced, added (no old) or left out (no new); neither: only reordered."""

    heading: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between two snapshots.

    Attributes:
        facts: Facts that are printed differently.
        texts: Wordings that differ.
        unseen: Names of facts whose unrounded value or origin differs behind the same print.
        sheets: Tables of the workbook whose rows differ.
    """

    facts: tuple[FactChange, ...]
    texts: tuple[TextChange, ...]
    unseen: tuple[str, ...]
    sheets: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.facts or self.texts or self.unseen or self.sheets)


# --- Snapshots -----------------------------------------------------------------------------------


def snapshot(document: Document, names: Mapping[str, str], versions: Mapping[str, str]) -> Snapshot:
    """What a document says.

    Args:
        document: The issue, with or without its erratum.
        names: Companies' names by code.
        versions: Data versions of the issue's tables; only those of the workbook count.
    """
    facts = {
        name: fact
        for name, fact in document.facts.items()
        if fact.table not in (tables.APPROVED_FACTS, tables.APPROVED_TEXTS)
    }
    labels = {name: _label(document.labels, name, names) for name in facts}
    shown = {name: versions[name] for name in SHEETS if name in versions}
    return Snapshot(facts, labels, tuple(_texts(document)), shown)


def names_of(companies: pd.DataFrame) -> dict[str, str]:
    """Names by code, from rows of ``company_metrics``."""
    return dict(zip(companies["code"], companies["name"], strict=True))


def _label(labels: Labels, fact: str, names: Mapping[str, str]) -> str:
    """``AI产业链 众诚科技 本周 PE TTM`` of ``ai_chain_metrics/920207.BJ/pe_ttm``."""
    table, *parts = fact.split("/")
    words = (_word(labels, table, part, names) for part in parts)
    place = sheet_name(labels, table) if table in SHEETS else labels.word("fact_of", table)
    return " ".join((place, *words))


def _word(labels: Labels, table: str, part: str, names: Mapping[str, str]) -> str:
    if part in names:
        return names[part]
    if table == tables.MARKET_METRICS:
        return in_words(labels, "metric", part)
    if table == tables.SECTOR_TRENDS and part.isdigit():
        return labels.fill("edition", issue=part)
    stem = part.removesuffix("_change")
    if stem != part:
        return labels.fill("change_of", label=name_of(labels, stem))
    return labels.root.get(f"fact_of.{part}", name_of(labels, part))


def _texts(document: Document) -> Iterator[Text]:
    house, front, labels = document.house, document.front_page, document.labels
    about = (
        document.subtitle,
        house.series,
        house.name,
        house.department,
        *house.authors,
        house.contact,
        f"{document.first_session} 至 {document.close_date}，基准日 {document.base_date}",
        f"{document.publication_date}",
        labels["sample"] if document.is_sample else "",
    )
    yield from _plain("about", labels["about"], *about)
    yield from _lines(document, "notices", labels["notices"], document.notices)
    blocks: tuple[Block, ...] = (front.key_points, front.sectors, front.overview)
    for block in blocks:
        yield from _block_texts(document, "front", labels["front"], block)
    for section in document.sections:
        if section.id == ERRATUM:
            continue
        yield from _plain(section.id, section.title, section.title)
        for block in section.blocks:
            yield from _block_texts(document, section.id, section.title, block)


def _block_texts(document: Document, section: str, heading: str, block: Block) -> Iterator[Text]:
    match block:
        case Paragraph():
            yield from _lines(document, section, heading, (block.line,))
        case Bullets():
            yield from _plain(f"{section}/labels", heading, *block.labels)
            yield from _lines(document, section, heading, block.items)
        case Table():
            place = f"{section}/{block.id}"
            heads = (f"{column.label}{column.unit}" for column in block.columns)
            yield from _plain(f"{place}/title", heading, block.title, block.source, block.note)
            yield from _plain(f"{place}/columns", heading, *heads)
            rows = [_joined([cell.line for cell in row]) for row in block.rows]
            yield from _lines(document, f"{place}/rows", heading, rows)
        case Figure():
            place = f"{section}/{block.id}"
            yield from _plain(f"{place}/title", heading, block.title, block.source, block.note)
            yield from _plain(f"{place}/unit", heading, block.chart.unit)
            values = list(_values(block))
            yield from _lines(document, f"{place}/values", heading, values)
        case FigureRow():
            for figure in block.figures:
                yield from _block_texts(document, section, heading, figure)


def _values(figure: Figure) -> Iterator[Line]:
    """What stands at each bar or point of a chart."""
    for series in figure.chart.series:
        for at, category in enumerate(figure.chart.categories):
            fact = series.facts[at] if series.facts else ""
            value = FactRef(fact=fact) if fact else Words(text=series.labels[at])
            yield (Words(text=f"{category} {series.name} "), value)


def _joined(lines: Sequence[Line]) -> Line:
    """Cells of a row as one line."""
    blank = Words(text=" ")
    return tuple(inline for line in lines for inline in (*line, blank))


def _plain(place: str, heading: str, *texts: str) -> Iterator[Text]:
    return (Text(place, heading, text, text) for text in texts if text)


def _lines(document: Document, place: str, heading: str, lines: Sequence[Line]) -> Iterator[Text]:
    for line in lines:
        yield Text(place, heading, _wording(line), document.text(line).strip())


def _wording(line: Line) -> str:
    parts = []
    for inline in line:
        if isinstance(inline, FactRef):
            parts.append(f"{{{inline.fact}}}")
        elif isinstance(inline, Link):
            parts.append(f"{inline.text}<{inline.url}>")
        else:
            parts.append(inline.text)
    return "".join(parts)


# --- Snapshots in the warehouse ------------------------------------------------------------------


def frames(taken: Snapshot, revision: int) -> dict[str, pd.DataFrame]:
    """A snapshot as rows of ``approved_facts`` and ``approved_texts``."""
    facts = [
        {
            "revision": revision,
            "fact": fact.id,
            "label": taken.labels[fact.id],
            "display": fact.text,
            "value": fact.value,
            "unit": fact.unit,
            "table": fact.table,
            "row": fact.row,
            "column": fact.column,
            "formula": fact.formula,
            "files": ", ".join(fact.files),
        }
        for fact in taken.facts.values()
    ]
    texts = [
        {
            "revision": revision,
            "position": position,
            "place": text.place,
            "heading": text.heading,
            "wording": text.wording,
            "text": text.text,
        }
        for position, text in enumerate(taken.texts)
    ]
    return {
        name: pd.DataFrame(rows, columns=list(tables.columns(name)))
        for name, rows in ((tables.APPROVED_FACTS, facts), (tables.APPROVED_TEXTS, texts))
    }


def history(
    approvals: pd.DataFrame, facts: pd.DataFrame, texts: pd.DataFrame
) -> tuple[Approved, ...]:
    """Every revision of one issue that was approved, in order.

    Args:
        approvals: Rows of ``approvals`` of the issue.
        facts: Rows of ``approved_facts``.
        texts: Rows of ``approved_texts``.
    """
    withdrawn = set(approvals.loc[approvals["state"] == tables.WITHDRAWN, "revision"])
    approved = approvals[approvals["state"] == tables.APPROVED].sort_values("revision")
    return tuple(
        Approved(
            int(revision),
            revision in withdrawn,
            _from_frames(
                facts[facts["revision"] == revision],
                texts[texts["revision"] == revision],
                json.loads(versions),
            ),
        )
        for revision, versions in zip(approved["revision"], approved["data_versions"], strict=True)
    )


def _from_frames(facts: pd.DataFrame, texts: pd.DataFrame, versions: Mapping[str, str]) -> Snapshot:
    rows = facts.to_dict("records")
    known = {
        str(row["fact"]): Fact(
            id=row["fact"],
            value=None if pd.isna(row["value"]) else row["value"],
            text=row["display"],
            unit=row["unit"],
            table=row["table"],
            row=row["row"],
            column=row["column"],
            formula=row["formula"],
            files=tuple(row["files"].split(", ")) if row["files"] else (),
        )
        for row in rows
    }
    labels = {str(row["fact"]): str(row["label"]) for row in rows}
    ordered = texts.sort_values("position")[["place", "heading", "wording", "text"]]
    read = tuple(Text(*row) for row in ordered.itertuples(index=False))
    return Snapshot(known, labels, read, versions)


# --- Differences ---------------------------------------------------------------------------------


def differences(old: Snapshot, new: Snapshot) -> Differences:
    """What differs, in the reading order of the new one; what is gone comes last."""
    order = [*new.facts, *sorted(old.facts.keys() - new.facts.keys())]
    changes, unseen = [], []
    for name in order:
        change = FactChange(
            name,
            new.labels.get(name) or old.labels[name],
            old.facts.get(name),
            new.facts.get(name),
        )
        if change.was != change.reads:
            changes.append(change)
        elif change.old and change.new and not _same(change.old, change.new):
            unseen.append(name)
    # What readers may have used comes before what they have not seen yet.
    changes.sort(key=lambda change: change.old is None or change.new is None)
    return Differences(
        facts=tuple(changes),
        texts=tuple(_text_changes(old.texts, new.texts)),
        unseen=tuple(unseen),
        sheets=tuple(name for name in SHEETS if old.versions.get(name) != new.versions.get(name)),
    )


def _same(old: Fact, new: Fact) -> bool:
    """Whether two facts that print the same also rest on the same."""
    if old.value is None or new.value is None:
        same_value = old.value is new.value
    else:
        same_value = math.isclose(old.value, new.value, rel_tol=_SAME_NUMBER)
    return same_value and _origin(old) == _origin(new)


def _origin(fact: Fact) -> tuple[str, ...]:
    return (fact.table, fact.row, fact.column, fact.formula, ", ".join(fact.files))


def _text_changes(old: Sequence[Text], new: Sequence[Text]) -> Iterator[TextChange]:
    for place in dict.fromkeys(text.place for text in (*new, *old)):
        before = [text for text in old if text.place == place]
        after = [text for text in new if text.place == place]
        gone, come = _left_over(before, after), _left_over(after, before)
        for was, reads in zip_longest(gone, come):
            heading = (reads or was).heading
            yield TextChange(heading, was.text if was else None, reads.text if reads else None)
        same_order = [text.wording for text in before] == [text.wording for text in after]
        if not gone and not come and not same_order:
            yield TextChange(after[0].heading, None, None)


def _left_over(texts: Sequence[Text], others: Sequence[Text]) -> list[Text]:
    """Texts that the others lack, counting repetitions."""
    left = Counter(text.wording for text in others)
    result = []
    for text in texts:
        if left[text.wording]:
            left[text.wording] -= 1
        else:
            result.append(text)
    return result


def succession(current: Snapshot, approved: Sequence[Approved]) -> tuple[int, Approved | None]:
    """Which revision a document is, and which one it replaces (None for a first revision).

    What says the same as the latest approved revision is that revision, so that building it again
    gives the same bytes; whatever else is built is the next one.
    """
    if not approved:
        return 1, None
    latest = approved[-1]
    if not latest.is_withdrawn and not differences(latest.snapshot, current):
        return latest.revision, approved[-2] if len(approved) > 1 else None
    return latest.revision + 1, latest
