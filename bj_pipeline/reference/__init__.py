"""Curated reference data: the pool, the AI chain, the code mapping, the indices and the buckets.

Analysts edit these CSV files; everything that depends on them follows. Each file is validated when
it is loaded, and an error names the file, the line and the rule. Nothing here is fetched.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from bj_pipeline import given
from bj_pipeline.characters import unseen
from bj_pipeline.errors import DataError
from bj_pipeline.metrics.buckets import Bucket
from bj_pipeline.sources.codes import mapping

CODE = re.compile(r"[0-9]{6}\.BJ")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
INDEX_CODE = re.compile(r"[0-9]{6}\.(BJ|SH|SZ)")
BASES = ("published", "proposed", "sample")
MEASURES = ("pe_ttm", "market_cap")
_YUAN_PER_YI = 1e8
_LONGEST_TEXT = 500
_EARLIEST, _LATEST = date(1990, 1, 1), date(2099, 12, 31)
"""A day outside these has a wrong digit in its year, and would take a line out of every issue."""

Row = TypeVar("Row")

FEWEST_OF_A_SECTOR = 3
"""Sectors come from the rows, so that a misspelt one is a sector of its own: one of fewer companies
is asked about."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A company's place in the pool for a time; a rename or a change of sector is a new row.

    Attributes:
        joined: First day on which the row holds.
        left: First day on which it holds no more; None while it holds.
        basis: Where the membership stands: in a published issue, or proposed by us.
    """

    code: str
    name: str
    sector: str
    joined: date
    left: date | None
    basis: str

    def holds(self, on: date) -> bool:
        """Whether the row holds on that day."""
        return self.joined <= on and (self.left is None or on < self.left)


@dataclass(frozen=True, slots=True)
class ChainLink:
    """A company's place in the AI chain for a time."""

    code: str
    name: str
    segment: str
    description: str
    joined: date
    left: date | None

    def holds(self, on: date) -> bool:
        """Whether the row holds on that day."""
        return self.joined <= on and (self.left is None or on < self.left)


@dataclass(frozen=True, slots=True)
class Index:
    """An index that the report compares the pool with."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Reference:
    """All curated data, validated."""

    memberships: tuple[Membership, ...]
    chain: tuple[ChainLink, ...]
    indices: tuple[Index, ...]
    bucket_sets: tuple[tuple[date, Bucket], ...]

    @property
    def sectors(self) -> tuple[str, ...]:
        """Sectors in the order in which the pool first names them."""
        return tuple(dict.fromkeys(row.sector for row in self.memberships))

    @property
    def segments(self) -> tuple[str, ...]:
        """Segments of the AI chain in the order in which the file first names them."""
        return tuple(dict.fromkeys(link.segment for link in self.chain))

    def pool(self, on: date) -> list[Membership]:
        """Members of the pool on that day."""
        return [row for row in self.memberships if row.holds(on)]

    def ai_chain(self, on: date) -> list[ChainLink]:
        """Links of the AI chain on that day."""
        return [link for link in self.chain if link.holds(on)]

    def buckets(self, measure: str, on: date) -> list[Bucket]:
        """The bucket edges of a measure in force on that day; edges are ×, or yuan."""
        since = max(
            (
                start
                for start, bucket in self.bucket_sets
                if bucket.measure == measure and start <= on
            ),
            default=None,
        )
        return [
            bucket
            for start, bucket in self.bucket_sets
            if bucket.measure == measure and start == since
        ]


def load_reference(folder: Path, pool_file: Path | None = None) -> Reference:
    """Load and validate everything.

    Args:
        folder: Holds ``pool.csv``, ``ai_chain.csv``, ``indices.csv`` and ``buckets.csv``.
        pool_file: A pool to be taken instead (the sample's, whose companies are made up).

    Raises:
        DataError: Names file, line, rule and remedy.
    """
    memberships = read_rows(pool_file or folder / "pool.csv", _POOL_COLUMNS, _membership)
    chain = read_rows(folder / "ai_chain.csv", _CHAIN_COLUMNS, _chain_link)
    indices = read_rows(folder / "indices.csv", ("code", "name"), _index)
    bucket_sets = read_rows(folder / "buckets.csv", _BUCKET_COLUMNS, _bucket)
    _refuse_overlaps(pool_file or folder / "pool.csv", memberships)
    _refuse_overlaps(folder / "ai_chain.csv", chain)
    _refuse_gaps(folder / "buckets.csv", bucket_sets)
    _refuse_repeated(folder / "indices.csv", indices)
    return Reference(
        memberships=tuple(row for _, row in memberships),
        chain=tuple(row for _, row in chain),
        indices=tuple(row for _, row in indices),
        bucket_sets=tuple(row for _, row in bucket_sets),
    )


_POOL_COLUMNS = ("code", "name", "sector", "joined", "left", "basis")
_CHAIN_COLUMNS = ("code", "name", "segment", "joined", "left", "description")
_BUCKET_COLUMNS = ("since", "measure", "label", "low", "high")


class Line:
    """One row under validation; knows its file and line, so that every rule can name them.

    Each method reads a cell by its column, and raises a :class:`DataError` if a rule is broken.
    """

    def __init__(self, file: str, number: int, cells: dict[str, str]) -> None:
        self.file = file
        self.number = number
        self.cells = {name: (value or "").strip() for name, value in cells.items()}

    def refuse(self, rule: str, found: str, remedy: str = "Correct the line.") -> DataError:
        """The error of a broken rule, to be raised."""
        return DataError(self.file, rule, remedy, self.number, found or "a blank")

    def text(self, column: str) -> str:
        """A text that must not be blank."""
        value = self.cells[column]
        if not value:
            raise self.refuse(f"{column} is filled", "")
        if found := unseen(value):
            raise self.refuse(f"every character of {column} can be seen", f"{found} in {value}")
        if len(value.splitlines()) > 1:
            raise self.refuse(f"{column} is on one line", value)
        if len(value) > _LONGEST_TEXT:
            rule = f"{column} has at most {_LONGEST_TEXT} characters"
            raise self.refuse(rule, f"{len(value)} characters", "Shorten it.")
        return value

    def one_of(self, column: str, allowed: Sequence[str]) -> str:
        """One of a few words."""
        value = self.cells[column]
        if value not in allowed:
            raise self.refuse(f"{column} is one of {', '.join(allowed)}", value)
        return value

    def code(self, pattern: re.Pattern[str], example: str) -> str:
        """The cell `code`, in the form that the pattern wants."""
        value = self.cells["code"]
        if not pattern.fullmatch(value):
            raise self.refuse(f"code is six digits and an exchange, such as {example}", value)
        digits, _, exchange = value.partition(".")
        if exchange == "BJ" and digits in mapping():
            remedy = f"Write {mapping()[digits]}.BJ."
            raise self.refuse("code is the one since the switch of 2025-10-09", value, remedy)
        return value

    def day(self, column: str) -> date:
        """A day that must be given."""
        try:
            found = date.fromisoformat(self.cells[column])
        except ValueError:
            raise self.refuse(f"{column} is a date YYYY-MM-DD", self.cells[column]) from None
        if not _EARLIEST <= found <= _LATEST:
            rule = f"{column} lies between {_EARLIEST} and {_LATEST}"
            raise self.refuse(rule, self.cells[column])
        return found

    def optional_day(self, column: str, after: date) -> date | None:
        """A later day than ``after``, or a blank."""
        if not self.cells[column]:
            return None
        day = self.day(column)
        if day <= after:
            raise self.refuse(f"{column} lies after {after}", str(day))
        return day

    def optional_number(self, column: str) -> float | None:
        """A number, or a blank."""
        if not self.cells[column]:
            return None
        if not _NUMBER.fullmatch(self.cells[column]):
            raise self.refuse(f"{column} is a number or blank", self.cells[column])
        return float(self.cells[column])


def read_rows(
    path: Path, columns: tuple[str, ...], build: Callable[[Line], Row]
) -> list[tuple[int, Row]]:
    """Read and validate a curated CSV file.

    Args:
        path: The file, UTF-8.
        columns: Its header.
        build: Makes an entry of a line, and raises where a rule is broken.

    Returns:
        Line number and entry of each row.

    Raises:
        DataError: The file cannot be read, has another header, or has no rows.
    """
    return list(_lines(path, columns, build))


def _lines(
    path: Path, columns: tuple[str, ...], build: Callable[[Line], Row]
) -> Iterator[tuple[int, Row]]:
    text = given.read_text(path, f"Restore it in {path.parent.name}/.")
    if text and not text.endswith(("\n", "\r")):
        rule = "the last line is ended, as every line of a whole file is"
        remedy = "Restore what is missing, and add a line break at the end."
        raise DataError(path.name, rule, remedy, len(text.splitlines()), "an end within a line")
    rows = given.rows(path.name, text)
    _, header = next(rows, (1, []))
    if tuple(header) != columns:
        rule = f"the columns are {', '.join(columns)}"
        found = ", ".join(header) or "an empty file"
        raise DataError(path.name, rule, "Correct the header.", 1, found)
    empty = True
    for number, cells in rows:
        if len(cells) != len(columns):
            rule = f"a row has {len(columns)} cells"
            raise DataError(path.name, rule, "Quote text that holds a comma.", number)
        empty = False
        yield number, build(Line(path.name, number, dict(zip(columns, cells, strict=True))))
    if empty:
        raise DataError(path.name, "the file has rows", "Restore it.", 2, "only the header")


def _membership(line: Line) -> Membership:
    joined = line.day("joined")
    return Membership(
        code=line.code(CODE, "920493.BJ"),
        name=line.text("name"),
        sector=line.text("sector"),
        joined=joined,
        left=line.optional_day("left", joined),
        basis=line.one_of("basis", BASES),
    )


def _chain_link(line: Line) -> ChainLink:
    joined = line.day("joined")
    return ChainLink(
        code=line.code(CODE, "920493.BJ"),
        name=line.text("name"),
        segment=line.text("segment"),
        description=line.text("description"),
        joined=joined,
        left=line.optional_day("left", joined),
    )


def _index(line: Line) -> Index:
    return Index(line.code(INDEX_CODE, "899050.BJ"), line.text("name"))


def _bucket(line: Line) -> tuple[date, Bucket]:
    measure = line.one_of("measure", MEASURES)
    scale = _YUAN_PER_YI if measure == "market_cap" else 1.0
    low, high = (
        None if edge is None else edge * scale
        for edge in (line.optional_number("low"), line.optional_number("high"))
    )
    if low is not None and high is not None and low >= high:
        raise line.refuse("low lies below high", f"{line.cells['low']} and {line.cells['high']}")
    return line.day("since"), Bucket(label=line.text("label"), low=low, high=high, measure=measure)


def _refuse_overlaps(path: Path, rows: Sequence[tuple[int, Membership | ChainLink]]) -> None:
    seen: dict[str, list[tuple[int, Membership | ChainLink]]] = {}
    for number, row in rows:
        for other_number, other in seen.get(row.code, []):
            if row.joined < (other.left or date.max) and other.joined < (row.left or date.max):
                rule = f"a company stands once at a time ({row.code} also stands on {other_number})"
                remedy = "Give the older line the day on which it ended in `left`."
                raise DataError(path.name, rule, remedy, number, f"{row.code} {row.name}")
        seen.setdefault(row.code, []).append((number, row))


def _refuse_repeated(path: Path, rows: Sequence[tuple[int, Index]]) -> None:
    seen: dict[str, int] = {}
    for number, index in rows:
        for word in (index.code, index.name):
            if word in seen:
                rule = f"an index stands once ({word} also stands on {seen[word]})"
                raise DataError(path.name, rule, "Delete a line.", number, f"{index.code}")
            seen[word] = number


def _refuse_gaps(path: Path, rows: Sequence[tuple[int, tuple[date, Bucket]]]) -> None:
    rule = (
        "buckets of a measure follow each other without gap, open below the first, above the last"
    )
    before: tuple[date, Bucket] | None = None
    for at, (number, (since, bucket)) in enumerate(rows):
        follows = before is not None and before[0] == since and before[1].measure == bucket.measure
        expected = before[1].high if follows and before is not None else None
        after = rows[at + 1][1] if at + 1 < len(rows) else None
        goes_on = after is not None and (after[0], after[1].measure) == (since, bucket.measure)
        if bucket.low != expected or goes_on != (bucket.high is not None):
            raise DataError(path.name, rule, "Correct the edges.", number, bucket.label)
        before = (since, bucket)
