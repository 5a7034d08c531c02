"""One row a covered company: everything that the other metrics count, rank and sum.

What belongs here: putting prices, valuations and accounts of a company together. What does not:
figures over several companies.
"""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from bj_pipeline.metrics.changes import closes, priced_on
from bj_pipeline.metrics.frames import as_table, days, numbers
from bj_pipeline.metrics.valuation import market_caps, valuations
from bj_pipeline.warehouse.tables import COMPANY_METRICS


def company_metrics(
    universe: pd.DataFrame,
    quotes: pd.DataFrame,
    raw_valuations: pd.DataFrame,
    financials: pd.DataFrame,
    *,
    base_date: date,
    close_date: date,
    vendors: Sequence[str],
) -> pd.DataFrame:
    """Prices, change, market cap, PE and last full year of every covered company.

    Figures of the base date speak of this issue's companies, so that an issue stands alone.

    Args:
        universe: ``company_universe``.
        quotes: ``raw_quotes``, from the base date (or the last price before it) on.
        raw_valuations: ``raw_valuations`` of both dates.
        financials: ``raw_financials``.
        base_date: The last session before the week.
        close_date: The week's last session.
        vendors: Vendors of PE and shares, in order of preference.

    Returns:
        ``company_metrics``, by code.
    """
    companies = universe.set_index("code").sort_index()
    prices = closes(universe, quotes, base_date, close_date).set_index("code")
    at_close = valuations(raw_valuations, close_date, vendors, priced_on(quotes, close_date))
    at_base = valuations(raw_valuations, base_date, vendors, priced_on(quotes, base_date))
    # Some vendors value a company from the day of its offering; it had no market yet.
    unlisted = companies.index[
        (days(companies["listed"]) > pd.Timestamp(base_date)) & prices["close_base"].isna()
    ]
    at_base = at_base.drop(index=unlisted, errors="ignore")
    pe, pe_base = at_close.reindex(companies.index), at_base.reindex(companies.index)
    year = _last_full_year(financials, close_date).reindex(companies.index)
    result = prices.assign(
        name=companies["name"],
        sector=companies["sector"],
        market_cap_base=market_caps(prices["close_base"], at_base),
        market_cap=market_caps(prices["close"], at_close),
        pe_ttm_base=pe_base["pe_ttm"],
        pe_ttm=pe["pe_ttm"],
        pe_ttm_base_is_loss=pe_base["pe_ttm_is_loss"],
        pe_ttm_is_loss=pe["pe_ttm_is_loss"],
        pe_ttm_vendor=pe["pe_ttm_vendor"],
        fiscal_year=year["fiscal_year"],
        revenue=year["revenue"],
        net_profit=year["net_profit"],
    )
    return as_table(result.reset_index(), COMPANY_METRICS)


def _last_full_year(financials: pd.DataFrame, close_date: date) -> pd.DataFrame:
    """Each company's last full year that was public by the close date, indexed by code.

    Where the vendor gives no day of publication, a year counts as published on the last day that
    the exchange allows: 30 April of the next year. A year without any figure is no result.
    """
    years = pd.DataFrame(
        {
            "code": financials["code"],
            "fiscal_year": pd.to_numeric(financials["fiscal_year"]).astype("Int64"),
            "revenue": numbers(financials["revenue"]),
            "net_profit": numbers(financials["net_profit"]),
        }
    )
    deadline = pd.to_datetime(
        {"year": years["fiscal_year"] + 1, "month": 4, "day": 30},
    )
    published = days(financials["published"]).fillna(deadline) <= pd.Timestamp(close_date)
    years = years[published].dropna(subset=["revenue", "net_profit"], how="all")
    years = years.sort_values(["code", "fiscal_year"])
    return years.drop_duplicates("code", keep="last").set_index("code")
