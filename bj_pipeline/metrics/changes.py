"""Closing prices of a week, the change between them, and who traded.

What belongs here: which price counts for a date, and how prices become changes. What does not:
market cap and PE (``valuation``), and whether prices are plausible (``quality/``).
"""

from datetime import date

import numpy as np
import pandas as pd

from bj_pipeline.metrics.arithmetic import change
from bj_pipeline.metrics.frames import days, positive

TRADING = "trading"
SUSPENDED = "suspended"
NEW = "new"
RESUMED = "resumed"
NO_PRICE = "no_price"
PRICED_AT_CLOSE = (TRADING, NEW, RESUMED)
"""Statuses of companies that have a price of the close date itself."""

_FEN = 0.01
_SLOPE_TOLERANCE = 1e-3
_FEWEST_POINTS = 3


def closes(
    universe: pd.DataFrame, quotes: pd.DataFrame, base_date: date, close_date: date
) -> pd.DataFrame:
    """Prices at both dates, change and status of every company of the universe.

    A date's price is the last one on or before it, so that a suspended company keeps its last
    price; it has a change even if it was suspended over the base date.

    ==========  ================================================================================
    status      meaning
    ==========  ================================================================================
    trading     has a price on the close date and on the base date
    suspended   no price on the close date, but an earlier one (also if listed this week)
    new         has a price on the close date, none on or before the base date, and was
                listed after the base date
    resumed     has a price on the close date, none on the base date, and is not known to be new
    no_price    has no price at all
    ==========  ================================================================================

    ``new`` is a claim that needs a listing date: where it is unknown, a company without a price at
    the base date is ``resumed``, like a long-listed one whose last price lies before the data.

    Args:
        universe: ``company_universe``; ``code`` and ``listed`` are read.
        quotes: ``raw_quotes``; rows after the close date are ignored.
        base_date: The last session before the week.
        close_date: The week's last session.

    Returns:
        One row a company, by code: ``code``, ``close_base`` and ``close`` (unadjusted, yuan),
        ``change`` (a fraction; NaN without a price at the base date) and ``status``.
    """
    base, close = pd.Timestamp(base_date), pd.Timestamp(close_date)
    prices = _adjusted(quotes, close)
    companies = universe[["code", "listed"]].sort_values("code", ignore_index=True)
    before = _last(prices[prices["date"] <= base]).reindex(companies["code"])
    now = _last(prices).reindex(companies["code"])
    listed = days(companies["listed"]).to_numpy()
    status = np.select(
        [
            now["close"].isna(),
            now["date"] != close,
            before["date"] == base,
            before["close"].isna() & (listed > base),
        ],
        [NO_PRICE, SUSPENDED, TRADING, NEW],
        default=RESUMED,
    )
    growth = (now["close"] / before["close"]) * _factor_growth(prices, before, now)
    return pd.DataFrame(
        {
            "code": companies["code"],
            "close_base": before["close"].to_numpy(),
            "close": now["close"].to_numpy(),
            "change": change(growth).to_numpy(),
            "status": pd.Series(status, dtype="str"),
        }
    )


def priced_on(quotes: pd.DataFrame, day: date) -> list[str]:
    """Codes of the companies that have a price of that very day."""
    rows = (days(quotes["date"]) == pd.Timestamp(day)) & positive(quotes["close"]).notna()
    return list(quotes.loc[rows, "code"])


def _adjusted(quotes: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Priced rows up to a day, by code and date, each with an adjustment factor.

    A factor changes only on ex-dates, so a blank takes the company's factor before it, or else
    the next one. The vendor has no factors at all for a few companies that trade all the same
    (920023, 920090, 920305 and 920575 in February 2026); theirs is 1, and their change is the
    unadjusted one.
    """
    rows = pd.DataFrame(
        {
            "code": quotes["code"],
            "date": days(quotes["date"]),
            "close": positive(quotes["close"]),
            "adj_factor": positive(quotes["adj_factor"]),
        }
    )
    rows = rows[rows["date"] <= until].sort_values(["code", "date"], ignore_index=True)
    rows["adj_factor"] = rows.groupby("code")["adj_factor"].ffill()
    rows["adj_factor"] = rows.groupby("code")["adj_factor"].bfill().fillna(1.0)
    return rows.dropna(subset="close")


def _factor_growth(prices: pd.DataFrame, before: pd.DataFrame, now: pd.DataFrame) -> pd.Series:
    """Factor at the close date ÷ factor at the base date, by code; 1 where only the price moved.

    Some collections derive factors from forward-adjusted closes of the kind (close − b) ÷ c, where
    b is all cash still to be paid and c all shares still to be given. Such a factor moves a little
    with every price though nothing was paid: in issue 65 it would turn 13.48 % of 920060 into
    13.70 %, and change the ranking. An ex-date shows as a break: up to the day before it, and from
    it on, b or c differ.
    """
    growth = now["adj_factor"] / before["adj_factor"]
    week = prices[prices["code"].isin(growth.index[growth.notna() & growth.ne(1)])]
    week = week[week["date"] >= before["date"].reindex(week["code"]).to_numpy()]
    return growth.mask(growth.index.isin(_moving_with_price(week)), 1.0)


def _moving_with_price(prices: pd.DataFrame) -> pd.Index:
    """Companies whose adjusted closes are (close − b) ÷ c all week, with one b ≥ 0 and one c ≥ 1.

    Two points always lie on a line and prove nothing, but where c is 1: then adjusted closes lie
    below closes by the same b on both days, to the fen, which no ex-date leaves as it was.
    """
    points = pd.DataFrame(
        {"close": prices["close"], "adjusted": prices["close"] * prices["adj_factor"]}
    )
    code = prices["code"]
    mean = points.groupby(code).mean()
    x = points["close"] - code.map(mean["close"])
    y = points["adjusted"] - code.map(mean["adjusted"])
    below = (points["close"] - points["adjusted"]).groupby(code)
    is_shifted = (below.max() - below.min() <= _FEN) & (below.min() > 0)
    slope = (x * y).groupby(code).sum() / (x * x).groupby(code).sum()
    slope = slope.mask(is_shifted, 1.0)
    offset = slope * mean["close"] - mean["adjusted"]
    misfit = (y - x * code.map(slope)).abs().groupby(code).max()
    on_line = (misfit <= _FEN) & (is_shifted | (x.groupby(code).size() >= _FEWEST_POINTS))
    return slope.index[on_line & (slope > 0) & (slope <= 1 + _SLOPE_TOLERANCE) & (offset >= 0)]


def _last(prices: pd.DataFrame) -> pd.DataFrame:
    return prices.drop_duplicates("code", keep="last").set_index("code")
