"""How many companies fall in which bucket of PE or market cap.

What belongs here: what a bucket is, and counting. What does not: the edges themselves, which are
curated (``reference/buckets.csv``) and have changed over time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bj_pipeline.metrics.frames import as_table, numbers, pool
from bj_pipeline.metrics.valuation import ranked_pe
from bj_pipeline.warehouse.tables import BUCKET_COUNTS

PE_TTM = "pe_ttm"
MARKET_CAP = "market_cap"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A range of PE or market cap, closed on the left and open on the right.

    Attributes:
        label: As printed, such as ``20~30``.
        low: Lowest value inside (× or yuan); None if there is none.
        high: Lowest value above (× or yuan); None if there is none.
        measure: ``pe_ttm`` or ``market_cap``.
    """

    label: str
    low: float | None
    high: float | None
    measure: str

    def holds(self, values: pd.Series) -> pd.Series:
        """Which values fall in the bucket; −∞ falls in the one open below, NaN in none."""
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        return (values >= low) & (values < high)


def bucket_counts(
    company_metrics: pd.DataFrame, sectors: Sequence[str], buckets: Sequence[Bucket]
) -> pd.DataFrame:
    """Count the pool's companies by sector and bucket, at both dates.

    A documented loss of unknown size falls in the lowest bucket; a company whose figure is missing
    falls in none.

    Args:
        company_metrics: ``company_metrics``; companies outside the pool are left out.
        sectors: Sectors in the order of the report.
        buckets: Buckets of either measure, in the order of the report.

    Returns:
        ``bucket_counts``: one row for every sector and bucket, also where nobody is in it.
    """
    companies = pool(company_metrics)
    measured = {
        column: _measured(companies, column)
        for measure in dict.fromkeys(bucket.measure for bucket in buckets)
        for column in (f"{measure}_base", measure)
    }
    counts = {
        (bucket, column): companies["sector"][bucket.holds(measured[column])].value_counts()
        for bucket in buckets
        for column in (f"{bucket.measure}_base", bucket.measure)
    }
    rows = [
        (
            sector,
            bucket.measure,
            bucket.label,
            counts[bucket, f"{bucket.measure}_base"].get(sector, 0),
            counts[bucket, bucket.measure].get(sector, 0),
        )
        for sector in sectors
        for bucket in buckets
    ]
    columns = ["sector", "measure", "bucket", "companies_base", "companies"]
    return as_table(pd.DataFrame(rows, columns=columns), BUCKET_COUNTS)


def _measured(companies: pd.DataFrame, column: str) -> pd.Series:
    if column.startswith(PE_TTM):
        return ranked_pe(companies[column], companies[f"{column}_is_loss"])
    return numbers(companies[column])
