"""Trends: a sector's figures over the trailing issues.

What belongs here: putting earlier issues side by side. What does not: computing them again; an
issue that is not in the warehouse is a gap.
"""

from collections.abc import Sequence

import pandas as pd

from bj_pipeline.issues import Issue
from bj_pipeline.warehouse import tables


def sector_trends(
    sector_metrics: pd.DataFrame, issues: Sequence[Issue], sectors: Sequence[str]
) -> pd.DataFrame:
    """Median PE and total market cap of each sector over the issues asked for.

    Args:
        sector_metrics: ``sector_metrics`` of the issues that are there, with the column ``issue``.
        issues: Issues of the trend, in order.
        sectors: Sectors in the order of the report.

    Returns:
        ``sector_trends``: a row for every issue and sector; empty figures are gaps.
    """
    figures = sector_metrics[["issue", "sector", "pe_ttm_median", "total_market_cap"]]
    grid = pd.DataFrame(
        [(issue.number, issue.close_date, sector) for issue in issues for sector in sectors],
        columns=["issue", "trend_date", "sector"],
    )
    filled = grid.merge(figures.astype({"issue": "int64"}), on=["issue", "sector"], how="left")
    return filled.rename(columns={"issue": "trend_issue"})[
        list(tables.columns(tables.SECTOR_TRENDS))
    ]
