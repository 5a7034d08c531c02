"""The largest changes of the week.

What belongs here: who stands on which rank. What does not: how many ranks the report shows.
"""

import pandas as pd

from bj_pipeline.metrics.frames import as_table, numbers, pool
from bj_pipeline.warehouse.tables import MOVERS

WHOLE_POOL = "全部"


def movers(company_metrics: pd.DataFrame, depth: int) -> pd.DataFrame:
    """Rank the pool, and each of its sectors, by unrounded change.

    Args:
        company_metrics: ``company_metrics``; companies without a change or outside the pool are
            left out.
        depth: Ranks to keep; a smaller sector has fewer.

    Returns:
        ``movers``: the whole pool first, then the sectors by name; equal changes ranked by code.
    """
    companies = pool(company_metrics)[["sector", "code", "name", "change"]]
    companies = companies.assign(change=numbers(companies["change"])).dropna(subset="change")
    companies = companies.sort_values(["change", "code"], ascending=[False, True])
    by_sector = companies.sort_values("sector", kind="stable")
    ranked = pd.concat([companies.assign(sector=WHOLE_POOL), by_sector], ignore_index=True)
    ranked["rank"] = ranked.groupby("sector").cumcount() + 1
    return as_table(ranked[ranked["rank"] <= depth], MOVERS)
