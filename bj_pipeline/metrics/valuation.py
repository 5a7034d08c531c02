"""Shares, market cap and PE: which vendor's figure counts, and the median of PE.

What belongs here: choosing among vendors, market cap, and how a loss of unknown size ranks. What
does not: reconciling vendors with each other (``quality/``).
"""

from collections.abc import Collection, Sequence
from datetime import date

import numpy as np
import pandas as pd

from bj_pipeline.metrics.arithmetic import median
from bj_pipeline.metrics.frames import days, flags, numbers, positive

_FEN_DIGITS = 2


def valuations(
    raw_valuations: pd.DataFrame,
    on: date,
    vendors: Sequence[str],
    traded: Collection[str] = (),
) -> pd.DataFrame:
    """Each company's figures at a date, each from the first vendor that has it.

    A vendor speaks with its row of the date, or with its last one before it.

    Args:
        raw_valuations: ``raw_valuations``.
        on: The date; later rows are ignored.
        vendors: Vendors in order of preference; others come after them, in alphabetical order.
        traded: Companies that traded on the date. Earlier rows do not count for them: last week's
            PE beside this week's price would pass for this week's.

    Returns:
        One row a company that has a row, indexed by ``code`` in order: ``total_shares`` (shares),
        ``market_cap`` (as the vendor gives it, yuan), ``pe_ttm`` (×), ``pe_ttm_is_loss`` (a
        documented loss of unknown size) and ``pe_ttm_vendor`` (whose PE or loss it is).
    """
    rows = _latest(raw_valuations, pd.Timestamp(on), vendors, traded)
    codes = rows.index.unique()
    pe = _first(rows[rows["pe_ttm"].notna() | rows["pe_ttm_is_loss"]]).reindex(codes)
    return pd.DataFrame(
        {
            "total_shares": _first(rows.dropna(subset="total_shares"))["total_shares"],
            "market_cap": _first(rows.dropna(subset="market_cap"))["market_cap"],
            "pe_ttm": pe["pe_ttm"],
            "pe_ttm_is_loss": flags(pe["pe_ttm_is_loss"]),
            "pe_ttm_vendor": pe["vendor"],
        },
        index=codes,
    )


def market_caps(close: pd.Series, picked: pd.DataFrame) -> pd.Series:
    """Market caps in yuan: close × shares, else the vendor's, else NaN.

    Args:
        close: Unadjusted closes in yuan, indexed by code.
        picked: What :func:`valuations` returned.
    """
    known = picked.reindex(close.index)
    # A price in whole fen times whole shares is in whole fen. In floats 8.54 × 25,000,000 lies just
    # below 213,500,000, and would print as 2.13 亿元 instead of 2.14.
    return (close * known["total_shares"]).round(_FEN_DIGITS).fillna(known["market_cap"])


def ranked_pe(pe: pd.Series, is_loss: pd.Series) -> pd.Series:
    """PE for ranking: a documented loss of unknown size is −∞, a missing PE is NaN."""
    return numbers(pe).mask(flags(is_loss), -np.inf)


def median_pe(pe: pd.Series, is_loss: pd.Series) -> float:
    """Median PE (×) over companies whose PE is known or is a documented loss.

    A loss of unknown size ranks below every number. NaN if the median falls on one (or is the mean
    of two of which one is), or if there is nothing to rank.
    """
    middle = median(ranked_pe(pe, is_loss))
    return middle if np.isfinite(middle) else np.nan


def _latest(
    raw: pd.DataFrame, on: pd.Timestamp, vendors: Sequence[str], traded: Collection[str]
) -> pd.DataFrame:
    """Each vendor's latest row for each company, by code and then by preference."""
    order = [*vendors, *sorted(set(raw["vendor"].dropna().unique()) - set(vendors))]
    rows = pd.DataFrame(
        {
            "code": raw["code"],
            "date": days(raw["date"]),
            "vendor": raw["vendor"],
            "preference": raw["vendor"].map({vendor: rank for rank, vendor in enumerate(order)}),
            "total_shares": positive(raw["total_shares"]),
            "market_cap": positive(raw["market_cap"]),
            "pe_ttm": numbers(raw["pe_ttm"]),
        }
    )
    rows["pe_ttm_is_loss"] = flags(raw["pe_ttm_is_loss"]) & rows["pe_ttm"].isna()
    outdated = (rows["date"] < on) & rows["code"].isin(list(traded))
    rows = rows[(rows["date"] <= on) & ~outdated].sort_values(["code", "preference", "date"])
    return rows.drop_duplicates(["code", "vendor"], keep="last").set_index("code")


def _first(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[~rows.index.duplicated()]
