"""The AI-chain table of the report.

What belongs here: which companies stand in it, and its own choice of PE. What does not: the
companies' other figures, which come from ``company`` unchanged.
"""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from bj_pipeline.metrics.changes import PRICED_AT_CLOSE
from bj_pipeline.metrics.frames import as_table, flags
from bj_pipeline.metrics.valuation import valuations
from bj_pipeline.warehouse.tables import AI_CHAIN_METRICS


def ai_chain_metrics(
    classification: pd.DataFrame,
    company_metrics: pd.DataFrame,
    raw_valuations: pd.DataFrame,
    close_date: date,
    vendors: Sequence[str],
) -> pd.DataFrame:
    """Market cap, PE and last full year of the AI chain's companies, without ST companies.

    The published table takes its PE from another vendor than the sectors do, and the two disagree
    for some companies; so this table has a preference of its own.

    Args:
        classification: ``ai_chain_classification``.
        company_metrics: ``company_metrics``; a company that is not in it has blanks.
        raw_valuations: ``raw_valuations``.
        close_date: The week's last session.
        vendors: Vendors of this table's PE, in order of preference.

    Returns:
        ``ai_chain_metrics`` in the order of the classification.
    """
    chain = classification[~flags(classification["is_st"])].set_index("code")
    companies = company_metrics.set_index("code")
    traded = companies.index[companies["status"].isin(PRICED_AT_CLOSE)]
    pe = valuations(raw_valuations, close_date, vendors, traded).reindex(chain.index)
    figures = companies[["market_cap", "fiscal_year", "revenue", "net_profit"]]
    result = chain[["name", "segment"]].join(figures)
    result = result.join(pe[["pe_ttm", "pe_ttm_is_loss", "pe_ttm_vendor"]])
    return as_table(result.reset_index(), AI_CHAIN_METRICS)
