"""Who is covered: the company universe and the AI-chain classification."""

import dagster as dg
import pandas as pd

from bj_pipeline.assets.declare import stage_asset
from bj_pipeline.assets.resources import PipelineResource
from bj_pipeline.issues import by_number
from bj_pipeline.metrics import universe
from bj_pipeline.warehouse import tables


@stage_asset(
    tables.COMPANY_UNIVERSE,
    "Companies that the issue covers: members of the pool that were listed by the close date, and "
    "AI-chain companies outside the pool.",
    group="universe",
    kinds={"pandas", "sql"},
)
def company_universe(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    raw_listings: pd.DataFrame,
    raw_quotes: pd.DataFrame,
) -> pd.DataFrame:
    """Members of the pool at the close date, and AI-chain companies outside it."""
    issue = by_number(context.partition_key)
    return universe.company_universe(pipeline.reference, raw_listings, raw_quotes, issue.close_date)


@stage_asset(
    tables.AI_CHAIN_CLASSIFICATION,
    "Segment and description of each covered company of the AI chain.",
    group="universe",
    kinds={"pandas", "sql"},
)
def ai_chain_classification(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    company_universe: pd.DataFrame,
) -> pd.DataFrame:
    """The covered companies of the AI chain."""
    issue = by_number(context.partition_key)
    return universe.ai_chain_classification(pipeline.reference, company_universe, issue.close_date)


UNIVERSE_ASSETS = [company_universe, ai_chain_classification]
