"""What recognition hands to reading: which cell of a delivery is which column of which table.

What belongs here: these types. What does not: how they come about (``interfaces`` for tables whose
headers are fixed, ``grammars`` for analysts' spreadsheets), and what becomes of them
(``layouts``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bj_pipeline.errors import DataError
from bj_pipeline.sources.mappings import Kind
from bj_pipeline.sources.spreadsheets import Cell, Row, is_filled


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a view.

    Attributes:
        column: Column of the raw table.
        kind: How its cells are read.
        header: Where it stands, for messages.
        position: Place in the row, from 0; None if one value holds for all rows of a part.
        times: What the vendor's unit is in ours.
        blank: What a blank means: ``missing`` or ``loss``.
        flag: Position of a cell that says that a blank is a loss.
        units: Units that may stand inside the cell, and their factors.
    """

    column: str
    kind: Kind
    header: str
    position: int | None = None
    times: float = 1
    blank: str = "missing"
    flag: int | None = None
    units: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """How rows feed one raw table. Deliveries with equal views are read together.

    Attributes:
        vendor: Whose layout it is.
        interface: Which of its interfaces, or ``spreadsheet``.
        table: The raw table.
        fields: Its columns.
        blanks: Words that stand for an empty cell.
        losses: Words that stand for a loss of unknown size.
        keep: Position → values of the rows to keep.
        latest: Position of the figure whose largest value wins among rows of one key.
        indices: Whether every code is an index's, and so must name its exchange.
    """

    vendor: str
    interface: str
    table: str
    fields: tuple[Field, ...]
    blanks: frozenset[str] = frozenset({""})
    losses: frozenset[str] = frozenset()
    keep: tuple[tuple[int, tuple[str, ...]], ...] = ()
    latest: int | None = None
    indices: bool = False

    @property
    def columns(self) -> frozenset[str]:
        """Columns that it gives."""
        return frozenset(part.column for part in self.fields)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a delivery under one view.

    Attributes:
        view: What their cells mean.
        place: File, and sheet where there are several, for messages.
        rows: The cells.
        lines: Line of each row.
        constants: Values of the fields without a position.
    """

    view: View
    place: str
    rows: Sequence[Row]
    lines: Sequence[int]
    constants: Mapping[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a delivery is read.

    Attributes:
        vendor: Whose layout it is.
        interface: Which of its interfaces, or ``spreadsheet``.
        tables: Raw tables that it feeds, or would feed if it were not refused.
        parts: Its rows by view.
        row_cap: Most rows that a call returns.
        refused: Why it is never used; None if it is.
        notes: What was left aside, for people.
    """

    vendor: str
    interface: str
    tables: frozenset[str]
    parts: tuple[Part, ...] = ()
    row_cap: int | None = None
    refused: str | None = None
    notes: tuple[str, ...] = ()


@dataclass
class UnknownLayoutError(DataError):
    """A file that no layout fits.

    Attributes:
        understood: Headers that some layout knows.
    """

    understood: tuple[str, ...] = ()


def check_widths(place: str, rows: Sequence[Row], lines: Sequence[int], width: int) -> None:
    """Refuse rows with fewer cells than the header (a file cut in the middle), or with more.

    Raises:
        DataError: Names the first such row.
    """
    if set(map(len, rows)) <= {width}:
        return
    for row, line in zip(rows, lines, strict=True):
        if len(row) < width or is_filled(row[width:]):
            rule = f"every row has the header's {width} cells"
            remedy = "The file may be cut or a cell may hold a comma: fetch or export it again."
            raise DataError(place, rule, remedy, line, f"{len(row)} cells")
