"""Metrics: companies, sectors, the market, the AI chain and trends."""

import dagster as dg
import pandas as pd

from bj_pipeline.assets.declare import stage_asset
from bj_pipeline.assets.partitions import TREND_ISSUES, trailing_issues
from bj_pipeline.assets.resources import PipelineResource
from bj_pipeline.issues import by_number, trailing
from bj_pipeline.metrics import ai_chain, buckets, company, market, rankings, sector, trends
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.io_manager import TRAILING

_RANKS = 10
_KINDS = {"pandas", "sql"}


@stage_asset(
    tables.COMPANY_METRICS,
    "Change, market cap, PE TTM and last full year of each covered company.",
    group="metrics",
    kinds=_KINDS,
)
def company_metrics(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    company_universe: pd.DataFrame,
    raw_quotes: pd.DataFrame,
    raw_valuations: pd.DataFrame,
    raw_financials: pd.DataFrame,
) -> pd.DataFrame:
    """One row a covered company."""
    issue = by_number(context.partition_key)
    return company.company_metrics(
        company_universe,
        raw_quotes,
        raw_valuations,
        raw_financials,
        base_date=issue.base_date,
        close_date=issue.close_date,
        vendors=pipeline.settings.pe_ttm_vendors,
    )


@stage_asset(
    tables.AI_CHAIN_METRICS,
    "The report's AI-chain table: market cap, PE TTM by its own vendor, last full year; no ST.",
    group="metrics",
    kinds=_KINDS,
)
def ai_chain_metrics(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    ai_chain_classification: pd.DataFrame,
    company_metrics: pd.DataFrame,
    raw_valuations: pd.DataFrame,
) -> pd.DataFrame:
    """The AI chain's companies without ST."""
    issue = by_number(context.partition_key)
    return ai_chain.ai_chain_metrics(
        ai_chain_classification,
        company_metrics,
        raw_valuations,
        issue.close_date,
        pipeline.settings.ai_chain_pe_ttm_vendors,
    )


@stage_asset(
    tables.SECTOR_METRICS,
    "Companies, PE median, total and median market cap of each sector, last week and this week.",
    group="metrics",
    kinds=_KINDS,
)
def sector_metrics(pipeline: PipelineResource, company_metrics: pd.DataFrame) -> pd.DataFrame:
    """One row a sector."""
    return sector.sector_metrics(company_metrics, pipeline.reference.sectors)


@stage_asset(
    tables.BUCKET_COUNTS,
    "Companies of each sector by bucket of PE TTM and market cap, last week and this week.",
    group="metrics",
    kinds=_KINDS,
)
def bucket_counts(
    context: dg.AssetExecutionContext, pipeline: PipelineResource, company_metrics: pd.DataFrame
) -> pd.DataFrame:
    """One row a sector and bucket."""
    day = by_number(context.partition_key).close_date
    reference = pipeline.reference
    edges = [*reference.buckets("pe_ttm", day), *reference.buckets("market_cap", day)]
    return buckets.bucket_counts(company_metrics, reference.sectors, edges)


@stage_asset(
    tables.MOVERS,
    "The largest changes of the week, in the pool and in each sector.",
    group="metrics",
    kinds=_KINDS,
)
def movers(company_metrics: pd.DataFrame) -> pd.DataFrame:
    """One row a rank."""
    return rankings.movers(company_metrics, _RANKS)


@stage_asset(
    tables.MARKET_METRICS,
    "Breadth and median change of the pool, and changes of the indices.",
    group="metrics",
    kinds=_KINDS,
)
def market_metrics(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    company_metrics: pd.DataFrame,
    raw_index_quotes: pd.DataFrame,
) -> pd.DataFrame:
    """One row a figure."""
    issue = by_number(context.partition_key)
    codes = [index.code for index in pipeline.reference.indices]
    return market.market_metrics(
        company_metrics, raw_index_quotes, codes, issue.base_date, issue.close_date
    )


@stage_asset(
    tables.SECTOR_TRENDS,
    f"Sector figures of the trailing {TREND_ISSUES} issues; an issue that was not built is a gap.",
    group="metrics",
    kinds=_KINDS,
    ins={
        "sector_metrics": dg.AssetIn(partition_mapping=trailing_issues(), metadata={TRAILING: True})
    },
)
def sector_trends(
    context: dg.AssetExecutionContext, pipeline: PipelineResource, sector_metrics: pd.DataFrame
) -> pd.DataFrame:
    """One row a trailing issue and sector."""
    issues = trailing(by_number(context.partition_key), TREND_ISSUES)
    return trends.sector_trends(sector_metrics, issues, pipeline.reference.sectors)


METRICS_ASSETS = [
    company_metrics,
    ai_chain_metrics,
    sector_metrics,
    bucket_counts,
    movers,
    market_metrics,
    sector_trends,
]
