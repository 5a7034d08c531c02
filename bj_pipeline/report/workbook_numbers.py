"""Printed numbers as numbers of a spreadsheet: the value, and the format that shows it as printed.

What belongs here: from a fact or a line to value and number format. What does not: where in the
workbook it stands (:mod:`.xlsx`).
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from math import log10
from typing import NamedTuple

from bj_pipeline.report.document import Document, Fact, FactRef, Line
from bj_pipeline.report.rounding import YUAN_PER_WAN, YUAN_PER_YI, display, rounded

_NUMBER = re.compile(r"[+-]?\d+(?:\.(\d+))?")
_BINARY_ERROR = 1e-9
"""Closer than this to the edge of nought, only decimal arithmetic tells the side."""
_SCALES = {"亿元": YUAN_PER_YI, "万元": YUAN_PER_WAN, "%": 0.01}


class Number(NamedTuple):
    """A number in a cell.

    Attributes:
        value: In the unit that its column's header gives, not rounded.
        format: Spreadsheet format by which it shows as the report prints it.
    """

    value: float
    format: str


def number_format(digits: int, *, signed: bool = False) -> str:
    """A format with that many decimals; a signed one shows the plus."""
    plain = "0." + "0" * digits if digits else "0"
    return f"+{plain};-{plain};{plain}" if signed else plain


def format_of(text: str, *, signed: bool) -> str:
    """The format by which the number behind a printed one shows as printed.

    What prints as nought has no sign, though a spreadsheet would give it the one of its remainder.
    """
    digits = len(text.partition(".")[2])
    if any(character in "123456789" for character in text):
        return number_format(digits, signed=signed)
    return nought_format(digits)


def nought_format(digits: int) -> str:
    """The format of a number that prints as nought: without a sign."""
    return ";".join([number_format(digits)] * 2)


def is_nought(value: float, digits: int, scale: float) -> bool:
    """Whether a stored value prints as nought with that many decimals of a printed unit."""
    least = 0.5 * 10.0**-digits * scale
    size = abs(value)
    if abs(size - least) < _BINARY_ERROR * least:
        return not rounded(value, digits, scale)
    return size < least


def format_like(label: str, labels: Iterable[str]) -> str:
    """The format for one number of a series: its own decimals, the series' way with signs."""
    return format_of(label, signed=any(one.startswith("+") for one in labels))


def scaled(value: float, scale: float) -> float:
    """A stored value in a printed unit, divided in decimal so that no digits are added."""
    text, power = repr(value), _power(scale)
    if power and "e" not in text:
        return float(text + power)  # the point moved: the same number, without a division
    return float(Decimal(text) / Decimal(repr(scale)))


@cache
def _power(scale: float) -> str:
    """The exponent that divides by a power of ten; empty for other scales."""
    text = f"e{-round(log10(scale))}"
    return text if Decimal(f"1{text}") * Decimal(repr(scale)) == 1 else ""


def exact_text(value: float | None) -> str:
    """All digits of a stored value, grouped by thousands; empty for none."""
    if value is None:
        return ""
    digits = f"{Decimal(repr(value)):,f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def exact_format(value: float) -> str:
    """A format that shows all digits of a stored value, grouped by thousands."""
    _, _, decimals = exact_text(value).partition(".")
    return "#,##0." + "0" * len(decimals) if decimals else "#,##0"


def number(fact: Fact, unit: str = "") -> Number | None:
    """A fact's number, or None if it prints no number.

    Args:
        fact: The fact; its value may be in a smaller unit than it is printed in (yuan, fractions).
        unit: The column's unit, for facts that leave their unit to the header.
    """
    match = _NUMBER.fullmatch(fact.text)
    if fact.value is None or match is None:
        return None
    digits, signed = len(match[1] or ""), match[0].startswith("+")
    # The right scale is the one by which the value prints as it does.
    candidates = [_SCALES.get(fact.unit or unit, 1), 1, *_SCALES.values()]
    for scale in candidates:
        if display(fact.value, digits, scale, signed=signed) == fact.text:
            return Number(scaled(fact.value, scale), format_of(fact.text, signed=signed))
    raise ValueError(f"The fact {fact.id} prints {fact.text}, which {fact.value} does not give.")


def cell_number(document: Document, line: Line, unit: str) -> Number | None:
    """The number of a table's cell, or None if it is no cell with one number.

    Words around the number, such as an arrow, become part of its format, so that it stays a number.
    """
    facts = [part for part in line if isinstance(part, FactRef)]
    if len(facts) != 1:
        return None
    (reference,) = facts
    fact = document.facts[reference.fact]
    found = number(fact, unit)
    if found is None:
        return None
    at = line.index(reference)
    before, after = document.text(line[:at]), document.text(line[at + 1 :])
    if reference.with_unit:
        after = fact.unit + after
    return Number(found.value, _around(found.format, before, after))


def _around(form: str, before: str, after: str) -> str:
    sections = form.split(";")
    return ";".join(f"{_literal(before)}{one}{_literal(after)}" for one in sections)


def _literal(text: str) -> str:
    return "".join(f"\\{character}" for character in text)
