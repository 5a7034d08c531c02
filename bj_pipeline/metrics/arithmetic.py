"""Sums, medians and changes as a reader with the source's decimals in hand would compute them.

What belongs here: arithmetic that several figures share, free of the dust of binary floats. Where a
figure lies exactly on a half of its last printed digit, that dust decides how it is printed. What
does not: which figures are taken, and rounding for display.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeVar

import pandas as pd

_EXACT_DIGITS = 12
_FEN_DIGITS = 2

Growth = TypeVar("Growth", float, pd.Series)


def change(growth: Growth) -> Growth:
    """Changes (fractions) from ratios, of prices or other figures.

    8.01 ÷ 8.00 − 1 is 0.00125, but 0.0012499999999999734 in floats: printed with two decimals of a
    percent it would come out as 0.12 instead of 0.13, and equal changes would not tie.
    """
    return round(growth - 1, _EXACT_DIGITS) + 0.0  # not −0.0, which no database keeps


def median(values: pd.Series) -> float:
    """Median of the known ones; NaN if there are none. −∞ ranks below every number.

    The mean of 20.04 and 20.06 is 20.05, but 20.049999999999997 in floats.
    """
    known = sorted(values.dropna())
    if not known:
        return math.nan
    middle = len(known) // 2
    low, high = known[~middle], known[middle]
    return float((Decimal(repr(float(low))) + Decimal(repr(float(high)))) / 2)


def total(money: Iterable[float]) -> float:
    """Sum of the known amounts (yuan), in whole fen; NaN if there are amounts and none is known.

    Exact, so that it does not depend on their order. 0 for amounts that are all unknown would read
    as a figure.
    """
    amounts = list(money)
    known = [amount for amount in amounts if not math.isnan(amount)]
    return round(math.fsum(known), _FEN_DIGITS) if known or not amounts else math.nan
