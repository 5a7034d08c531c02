"""One row a sector: companies, PE median, total and median market cap, at both dates.

What belongs here: figures over the companies of one sector. What does not: bucket counts and
rankings, which have rooms of their own, and earlier issues.
"""

from collections.abc import Sequence

import pandas as pd

from bj_pipeline.metrics.arithmetic import median, total
from bj_pipeline.metrics.frames import as_table, numbers, pool
from bj_pipeline.metrics.valuation import median_pe
from bj_pipeline.warehouse.tables import SECTOR_METRICS


def sector_metrics(company_metrics: pd.DataFrame, sectors: Sequence[str]) -> pd.DataFrame:
    """Figures of each sector of the pool.

    Args:
        company_metrics: ``company_metrics``.
        sectors: Sectors in the order of the report.

    Returns:
        ``sector_metrics`` in that order. A sector without companies has a row too: no companies,
        totals of 0, medians missing. Totals and medians leave missing figures out; where all of
        them are missing, so is the total.
    """
    companies = pool(company_metrics)
    rows = [_figures(sector, companies[companies["sector"] == sector]) for sector in sectors]
    return as_table(pd.DataFrame(rows, columns=list(_figures("", companies))), SECTOR_METRICS)


def _figures(sector: str, companies: pd.DataFrame) -> dict[str, str | int | float]:
    caps, caps_base = numbers(companies["market_cap"]), numbers(companies["market_cap_base"])
    return {
        "sector": sector,
        "companies": len(companies),
        "pe_ttm_median_base": median_pe(companies["pe_ttm_base"], companies["pe_ttm_base_is_loss"]),
        "pe_ttm_median": median_pe(companies["pe_ttm"], companies["pe_ttm_is_loss"]),
        "total_market_cap_base": total(caps_base),
        "total_market_cap": total(caps),
        "market_cap_median_base": median(caps_base),
        "market_cap_median": median(caps),
    }
