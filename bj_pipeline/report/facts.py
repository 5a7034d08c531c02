"""Facts: the only way for a number to get into the report.

A :class:`Ledger` collects every fact of an issue. It is filled from the metrics, and sentences,
tables and charts take their numbers from it, so that they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bj_pipeline.report.document import Fact, FactRef, Inline, Line, Tone, Words
from bj_pipeline.report.rounding import LOSS, YUAN_PER_WAN, YUAN_PER_YI, display, rounded

PERCENT = 0.01


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of number is printed.

    Attributes:
        unit: As printed behind the number.
        digits: Decimals.
        scale: What one printed unit is in stored units.
        signed: Whether a positive number carries its sign.
    """

    unit: str
    digits: int
    scale: float = 1
    signed: bool = False


COUNT = Style("家", 0)
ITEMS = Style("条", 0)
MULTIPLE = Style("X", 2)
MULTIPLE_MEDIAN = Style("X", 1)
YI = Style("亿元", 2, YUAN_PER_YI)
YI_TOTAL = Style("亿元", 1, YUAN_PER_YI)
WAN = Style("万元", 2, YUAN_PER_WAN)
CHANGE = Style("%", 2, PERCENT, signed=True)
SHARE = Style("%", 0, PERCENT)
PLAIN = Style("", 0)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fact comes from: table, row, column, formula and input files."""

    table: str
    row: str
    column: str
    formula: str
    files: tuple[str, ...] = ()


@dataclass
class Ledger:
    """All facts of one issue, by id."""

    issue: int
    facts: dict[str, Fact] = field(default_factory=dict)

    def number(
        self, name: str, value: float | None, style: Style, origin: Origin, *, is_loss: bool = False
    ) -> Fact:
        """Enter a number; the same name twice must mean the same number.

        Args:
            name: Name of the fact.
            value: Stored value; None or NaN if missing.
            style: How it is printed.
            origin: Where it comes from.
            is_loss: The vendor says loss without a size: printed as 亏损.
        """
        missing = value is None or value != value  # noqa: PLR0124 - NaN
        text = LOSS if is_loss else display(value, style.digits, style.scale, signed=style.signed)
        return self._enter(
            Fact(
                id=name,
                value=None if missing else float(value or 0),
                text=text,
                unit=style.unit,
                table=origin.table,
                row=origin.row,
                column=origin.column,
                formula=origin.formula,
                files=origin.files,
            )
        )

    def adopt(self, facts: Mapping[str, Fact]) -> None:
        """Take over facts that were made elsewhere (the analyst's)."""
        for fact in facts.values():
            self._enter(fact)

    def _enter(self, fact: Fact) -> Fact:
        known = self.facts.setdefault(fact.id, fact)
        if known != fact:
            raise ValueError(f"Two facts are called {fact.id}: {known.text} and {fact.text}.")
        return fact


def say(template: str, **parts: Fact | str | Line) -> Line:
    """Build a line from a template: ``{x}`` is a fact, or data such as a company's name.

    Words of the template are ours and hold no digits; whatever holds digits is a fact or data.

    Raises:
        ValueError: The template itself holds a digit.
    """
    line: list[Inline] = []
    rest = template
    while rest:
        words, brace, rest = rest.partition("{")
        if any(character.isdigit() for character in words):
            raise ValueError(f"A number stands in a sentence without being a fact: {words!r}")
        if words:
            line.append(Words(text=words))
        if brace:
            name, _, rest = rest.partition("}")
            line.extend(_inlines(parts[name]))
    return tuple(line)


def _inlines(part: Fact | str | Line) -> Line:
    if isinstance(part, Fact):
        return (FactRef(fact=part.id),)
    if isinstance(part, str):
        return (Words(text=part, name=True),)
    return part


def join(lines: list[Line], separator: str = "、") -> Line:
    """Join lines by a separator."""
    joined: list[Inline] = []
    for position, line in enumerate(lines):
        if position:
            joined.append(Words(text=separator))
        joined.extend(line)
    return tuple(joined)


def beside(name: str, number: Fact) -> Line:
    """A name and its number; a Latin name stands apart from the digits."""
    gap = " " if name[-1:].isascii() else ""
    return say(f"{{name}}{gap}{{number}}", name=name, number=number)


def direction(before: Fact, after: Fact) -> Tone:
    """Up, down or flat, judged on the figures as displayed: what prints the same is unchanged."""
    if before.value is None or after.value is None or before.text == after.text:
        return "flat"
    return "up" if after.value > before.value else "down"


def tone(change: Fact) -> Tone | None:
    """Colour of a change, judged on the figure as displayed."""
    if change.value is None:
        return None
    shown = rounded(change.value, CHANGE.digits, CHANGE.scale)
    return "up" if shown > 0 else "down" if shown < 0 else "flat"


def cell_text(fact: Fact) -> Line:
    """A fact in a table whose header gives the unit."""
    return (FactRef(fact=fact.id, with_unit=False),)


MOVED = {"up": "升至", "down": "降至", "flat": "持平于"}
ARROWS = {"up": "▲", "down": "▼", "flat": "－"}
