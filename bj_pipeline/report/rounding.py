"""How numbers become text: the only place where a value is rounded for display."""

from decimal import ROUND_HALF_UP, Context, Decimal

MISSING = "—"
LOSS = "亏损"
YUAN_PER_YI = 100_000_000
YUAN_PER_WAN = 10_000
_ALL_DIGITS = Context(prec=400, rounding=ROUND_HALF_UP)
"""Enough for every float: the usual 28 digits refuse a number of 10 to the 27th."""


def rounded(value: float, digits: int, scale: float = 1) -> Decimal:
    """Round half up in decimal arithmetic, after dividing by ``scale``.

    The shortest text that names a float is what its source wrote; rounding that text, not the
    binary value, is what a reader with the source in hand would do.
    """
    exact = _ALL_DIGITS.divide(Decimal(repr(float(value))), Decimal(repr(scale)))
    result = exact.quantize(Decimal(1).scaleb(-digits), context=_ALL_DIGITS)
    return result or abs(result)


def display(value: float | None, digits: int, scale: float = 1, *, signed: bool = False) -> str:
    """A number as printed: no thousands separator, ``—`` where missing, ``+`` if asked for.

    Args:
        value: The stored value; None or NaN if missing.
        digits: Decimals.
        scale: What one printed unit is in stored units: 1e8 for 亿元, 0.01 for percent.
        signed: Whether a positive number carries its sign.
    """
    if value is None or value != value:  # noqa: PLR0124 - NaN differs from itself
        return MISSING
    number = rounded(value, digits, scale)
    return f"{number:+f}" if signed and number else f"{number:f}"
