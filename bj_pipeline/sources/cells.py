"""From cells to values: numbers, days, years, codes and words, a column at a time.

What belongs here: every way in which a vendor writes a value. What does not: which column means
what. Bad cells raise :class:`CellError` with their position; whoever knows the file adds it.
"""

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bj_pipeline.characters import seen
from bj_pipeline.sources.codes import Code, normalise
from bj_pipeline.sources.formats import NO_RESULT
from bj_pipeline.sources.spreadsheets import Cell

LARGEST = 1e15
"""No price, number of shares or sum of money of this exchange comes near (in yuan)."""

_Value = TypeVar("_Value")
_NUMBER = re.compile(
    r"([+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+|\d+)(?:\.\d*)?(?:E[+-]?\d{1,3})?|[+-]?\.\d+)"
    r" ?(\D*)",
    re.ASCII,
)
_FORMS = frozenset({"<wide>", "<narrow>", "<small>", "<noBreak>"})
_MINUS = "\N{MINUS SIGN}"
_DAY = re.compile(
    r"(\d{4})(?:([-/.])(\d{1,2})\2(\d{1,2})|年(\d{1,2})月(\d{1,2})日|(\d{2})(\d{2}))"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.0+)?)?)?"
)
_YEAR = re.compile(r"((?:19|20)\d{2})(?:年年报|年报|年度|年|A|Y)?")
_SERIAL_DAYS = range(30_000, 60_000)
_WRITTEN_DAYS = range(19_900_101, 21_000_000)
_SERIAL_EPOCH = dt.date(1899, 12, 30)
_YEARS = range(1990, 2100)


class CellError(ValueError):
    """A cell that breaks a rule.

    Attributes:
        position: Its place in the column, from 0.
        rule: What was expected.
        found: What stood there.
    """

    def __init__(self, position: int, rule: str, found: str) -> None:
        super().__init__(f"{rule}, found {found}")
        self.position = position
        self.rule = rule
        self.found = found


class _OneForm(dict[int, str]):
    """Character → the plain form of it, for ``str.translate``; filled as characters come.

    Not NFKC, which would make 12.31 of ``12.3①``, a figure with a mark for a footnote.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        form = unicodedata.decomposition(character).partition(" ")[0]
        if character == _MINUS:
            character = "-"
        elif character.isspace() and character not in "\t\r\n":
            character = " "
        elif form in _FORMS:
            character = unicodedata.normalize("NFKC", character)
        self[code] = character
        return character


_ONE_FORM = _OneForm()


@lru_cache(maxsize=65_536)
def tidy(text: str) -> str:
    """A text without full-width and other forms of characters, and with single blanks."""
    if text.isascii() and "  " not in text:
        return text.strip()
    return re.sub(r"[ \t]+", " ", text.translate(_ONE_FORM)).strip()


def words(cell: Cell) -> str:
    """What a cell says, as a person would read it: ``920493.0`` is 920493."""
    if isinstance(cell, str):
        return tidy(cell)
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < LARGEST:
        return str(int(cell))
    return str(cell)


def texts(cells: Sequence[Cell], blanks: Collection[str] = ("",)) -> list[str | None]:
    """Texts as they came but for what cannot be seen, None where blank.

    Raises:
        CellError: A cell is a formula without a result.
    """
    if NO_RESULT in cells:
        raise CellError(cells.index(NO_RESULT), "the cell is a text", NO_RESULT)
    return [
        None if words(cell) in blanks else seen(cell if isinstance(cell, str) else words(cell))
        for cell in cells
    ]


def numbers(
    cells: Sequence[Cell],
    *,
    blanks: Collection[str] = ("",),
    units: Mapping[str, float] | None = None,
    times: float = 1,
    positive: bool = False,
) -> NDArray[np.float64]:
    """Numbers, NaN where blank.

    Units are applied to the decimals as written, not to their binary neighbours: 17.605 亿元 is
    1760500000 yuan, so that the same figure in 万元 or yuan is the same number.

    Args:
        cells: The column.
        blanks: Words that stand for an empty cell.
        units: Words that may follow a number inside its cell, and what they multiply it by.
        times: What all numbers are multiplied by.
        positive: Whether zero and less are refused.

    Returns:
        Array of the same length.

    Raises:
        CellError: A cell is no finite number of a plausible size, or breaks ``positive``.
    """
    power = f"e{round(math.log10(times))}"
    quick = float(f"1{power}") == times
    values = np.array([_plain(cell, power) if quick else math.nan for cell in cells], np.float64)
    for position in np.flatnonzero(~np.isfinite(values)).tolist():
        values[position] = _number(position, cells[position], blanks, units or {}, times)
    for large in np.flatnonzero(np.abs(values) >= LARGEST)[:1].tolist():
        rule = "a number has a plausible size (under 10 to the 15th)"
        raise CellError(large, rule, words(cells[large]))
    for low in np.flatnonzero(positive & (values <= 0))[:1].tolist():
        raise CellError(low, "the number is greater than zero", words(cells[low]))
    return values


def _plain(cell: Cell, power: str) -> float:
    """A number written plainly, shifted by a power of ten; NaN if it needs a closer look."""
    try:
        if type(cell) is str:
            # Python would also read 1_0 and digits of other scripts.
            return float(cell + power) if cell.isascii() and "_" not in cell else math.nan
        if type(cell) is float or type(cell) is int:
            return float(f"{cell!r}{power}")
    except ValueError:
        return math.nan
    return math.nan


def _number(
    position: int, cell: Cell, blanks: Collection[str], units: Mapping[str, float], times: float
) -> float:
    """One number that plain conversion does not understand."""
    text = words(cell)
    if text in blanks:
        return math.nan
    match = _NUMBER.fullmatch(text.upper())
    if match is None or isinstance(cell, bool | dt.date | dt.time | dt.timedelta):
        raise CellError(position, "the cell is a finite number", text)
    value = Decimal(re.sub("[, ]", "", match[1])) * Decimal(str(times))
    if match[2]:
        factors = {unit.upper(): factor for unit, factor in units.items()}
        if match[2] not in factors:
            known = ", ".join(units) or "none"
            raise CellError(position, f"a unit in the cell is one of: {known}", text)
        value *= Decimal(str(factors[match[2]]))
    return float(value)


def days(cells: Sequence[Cell], blanks: Collection[str] = ("",)) -> list[dt.date | None]:
    """Days, None where blank.

    Raises:
        CellError: A cell is no day.
    """
    return _by_value(cells, lambda cell: None if words(cell) in blanks else day(cell))


def years(cells: Sequence[Cell]) -> list[int | None]:
    """Fiscal years; None where the cell names a period that is not a full year (a quarter's end).

    Raises:
        CellError: A cell is neither a year nor a day.
    """
    return _by_value(cells, year)


def codes(cells: Sequence[Cell], *, index: bool = False) -> list[Code]:
    """Codes.

    Raises:
        CellError: A cell is no code, or lacks its exchange.
    """
    return _by_value(
        cells, lambda cell: normalise(words(cell) if isinstance(cell, str) else cell, index=index)
    )


def flags(cells: Sequence[Cell]) -> list[bool]:
    """Truth values, as Python, JSON, SQL or a workbook write them; blank is false.

    Raises:
        CellError: A cell is none.
    """
    known = {"true": True, "1": True, "false": False, "0": False, "": False}

    def flag(cell: Cell) -> bool:
        if words(cell).lower() not in known:
            raise ValueError("the cell is true or false")
        return known[words(cell).lower()]

    return _by_value(cells, flag)


def day(cell: Cell) -> dt.date:
    """One day: text such as 2026-02-27, 20260227 or 2026年2月27日, a number, or a date cell.

    Raises:
        ValueError: It is no day.
    """
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    if isinstance(cell, int | float) and cell in _SERIAL_DAYS:
        return _SERIAL_EPOCH + dt.timedelta(days=int(cell))
    text = words(cell)
    match = _DAY.fullmatch(text)
    rule = "the cell is a day, such as 2026-02-27 or 20260227"
    if match is None or isinstance(cell, bool):
        raise ValueError(rule)
    parts = [part for part in match.groups() if part is not None and part.isdigit()]
    try:
        found = dt.date(*map(int, parts))
    except ValueError:
        raise ValueError(rule) from None
    if int(found.strftime("%Y%m%d")) not in _WRITTEN_DAYS:
        raise ValueError(rule)
    return found


def year(cell: Cell) -> int | None:
    """The fiscal year that a cell names; None if it names another period.

    Raises:
        ValueError: It names no period.
    """
    match = _YEAR.fullmatch(words(cell).upper())
    if match is not None and int(match[1]) in _YEARS:
        return int(match[1])
    try:
        end = day(cell)
    except ValueError:
        raise ValueError("the cell is a year or its last day, such as 2024 or 20241231") from None
    return end.year if (end.month, end.day) == (12, 31) else None


def _by_value(cells: Sequence[Cell], parse: Callable[[Cell], _Value]) -> list[_Value]:
    """Parse each different value once: columns of codes and days repeat few of them."""
    # 1, 1.0 and True are equal: the type keeps them apart.
    parsed: dict[tuple[type, Cell], _Value] = {}
    result: list[_Value] = []
    for position, cell in enumerate(cells):
        known = (type(cell), cell)
        if known not in parsed:
            try:
                parsed[known] = parse(cell)
            except ValueError as error:
                raise CellError(position, str(error), words(cell) or "a blank") from error
        result.append(parsed[known])
    return result
