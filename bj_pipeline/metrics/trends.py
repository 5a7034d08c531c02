"""Trends: a sector's figures over the trailing issues.

What belongs here: putting earlier issues side by side. What does not: computing them again; an
issue that is not in the warehouse is a gap.
"""

from collections.abc import Sequence
from itertools import pairwise

import pandas as pd

from bj_pipeline.issues import Issue
from bj_pipeline.warehouse import tables

_FIGURES = ["pe_ttm_median", "total_market_cap"]


def sector_trends(
    sector_metrics: pd.DataFrame, issues: Sequence[Issue], sectors: Sequence[str]
) -> pd.DataFrame:
    """Median PE and total market cap of each sector over the issues asked for.

    An issue knows the week before it by its own base date, so the last gap before an issue that is
    there is filled from its base figures (on that issue's pool).

    Args:
        sector_metrics: ``sector_metrics`` of the issues that are there, with the column ``issue``.
        issues: Issues of the trend, in order.
        sectors: Sectors in the order of the report.

    Returns:
        ``sector_trends``: a row for every issue and sector; empty figures are gaps.
    """
    figures = sector_metrics.astype({"issue": "int64"}).set_index(["issue", "sector"])
    before = {after.number: issue.number for issue, after in pairwise(issues)}
    known = figures[_FIGURES]
    at_base = figures[[f"{name}_base" for name in _FIGURES]].set_axis(_FIGURES, axis="columns")
    at_base = at_base[at_base.index.isin(before, level="issue")].rename(before, level="issue")
    known = known.combine_first(at_base)
    grid = pd.DataFrame(
        [(issue.number, issue.close_date, sector) for issue in issues for sector in sectors],
        columns=["issue", "trend_date", "sector"],
    )
    filled = grid.join(known, on=["issue", "sector"])
    return filled.rename(columns={"issue": "trend_issue"})[
        list(tables.columns(tables.SECTOR_TRENDS))
    ]
