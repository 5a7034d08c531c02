"""Figures of the whole pool and of the indices that it is compared with.

What belongs here: one number for the whole market of an issue. What does not: how it is printed,
except that rising and falling are judged on the printed change.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from bj_pipeline.metrics import arithmetic, changes
from bj_pipeline.metrics.frames import as_table, days, numbers, pool, positive
from bj_pipeline.report.rounding import rounded
from bj_pipeline.warehouse.tables import MARKET_METRICS

POOL_SIZE = "pool_size"
COMPANIES_WITH_CHANGE = "companies_with_change"
RISING_COMPANIES = "rising_companies"
FALLING_COMPANIES = "falling_companies"
UNCHANGED_COMPANIES = "unchanged_companies"
RISING_SHARE = "rising_share"
MEDIAN_CHANGE = "median_change"
SUSPENDED_COMPANIES = "suspended_companies"
NEW_COMPANIES = "new_companies"

_PERCENT = 0.01
_PRINTED_DIGITS = 2


def index_change(code: str) -> str:
    """Name of the metric that holds an index's change."""
    return f"index_change_{code}"


def direction(change: float) -> int:
    """1 if a change (a fraction) prints as a rise, −1 as a fall, 0 as 0.00 %."""
    printed = rounded(change, _PRINTED_DIGITS, _PERCENT)
    return (printed > 0) - (printed < 0)


def market_metrics(
    company_metrics: pd.DataFrame,
    index_quotes: pd.DataFrame,
    indices: Sequence[str],
    base_date: date,
    close_date: date,
) -> pd.DataFrame:
    """Figures of the pool and changes of the indices.

    Args:
        company_metrics: ``company_metrics``; companies outside the pool are left out.
        index_quotes: ``raw_index_quotes``.
        indices: Codes of the indices, in the order of the report.
        base_date: The last session before the week.
        close_date: The week's last session.

    Returns:
        ``market_metrics``: counts, the rising companies' share of the pool, the median of the
        known changes, and each index's change (fractions). Every metric has a row; NaN if missing.
    """
    companies = pool(company_metrics)
    known = numbers(companies["change"]).dropna()
    directions = np.array([direction(change) for change in known], dtype=int)
    rising, size = int((directions > 0).sum()), len(companies)
    values: dict[str, float] = {
        POOL_SIZE: size,
        COMPANIES_WITH_CHANGE: len(known),
        RISING_COMPANIES: rising,
        FALLING_COMPANIES: int((directions < 0).sum()),
        UNCHANGED_COMPANIES: int((directions == 0).sum()),
        RISING_SHARE: rising / size if size else np.nan,
        MEDIAN_CHANGE: arithmetic.median(known),
        SUSPENDED_COMPANIES: int((companies["status"] == changes.SUSPENDED).sum()),
        NEW_COMPANIES: int((companies["status"] == changes.NEW).sum()),
    }
    moves = _index_changes(index_quotes, base_date, close_date)
    values |= {index_change(code): moves.get(code, np.nan) for code in indices}
    return as_table(pd.DataFrame(values.items(), columns=["metric", "value"]), MARKET_METRICS)


def _index_changes(quotes: pd.DataFrame, base_date: date, close_date: date) -> pd.Series:
    """Changes by code; an index is never suspended, so an older close is not its close."""
    points = positive(quotes["close"]).set_axis(pd.Index(quotes["code"]))
    on = days(quotes["date"]).to_numpy()
    now, before = points[on == pd.Timestamp(close_date)], points[on == pd.Timestamp(base_date)]
    return arithmetic.change(now / before)
