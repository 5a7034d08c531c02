"""Checks of the metrics: do they follow from the quotes, and do they add up?"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bj_pipeline.metrics.rankings import WHOLE_POOL
from bj_pipeline.quality.check import CRITICAL, WARNING, Evidence, check
from bj_pipeline.warehouse import tables

_REBUILD = (
    "The tables disagree with each other: rebuild the issue from the metrics down. If that does "
    "not help, it is a fault of the code."
)
_ROUNDING = 1e-9


def companies(evidence: Evidence) -> pd.DataFrame:
    """Companies of the pool, with the market cap that their close and the latest shares give.

    Where the vendor gives no shares, its market cap is taken as it is and nothing is computed.
    """
    frame = evidence.table(tables.COMPANY_METRICS)
    frame = frame[frame["sector"].notna()]
    valued = evidence.table(tables.RAW_VALUATIONS).dropna(subset=["total_shares"])
    shares = valued.sort_values("date").groupby("code")["total_shares"]
    low, high = frame["code"].map(shares.min()), frame["code"].map(shares.max())
    return frame.assign(
        market_cap_low=frame["close"] * low * (1 - _ROUNDING),
        market_cap_high=frame["close"] * high * (1 + _ROUNDING),
        below=frame["market_cap"] - frame["close"] * low * (1 - _ROUNDING),
        above=frame["market_cap"] - frame["close"] * high * (1 + _ROUNDING),
        # A documented loss of unknown size is known to be a loss: it is no gap.
        pe_ttm_known=frame["pe_ttm"]
        .fillna(0)
        .where(frame["pe_ttm"].notna() | frame["pe_ttm_is_loss"]),
    )


def pe_ttm_by_vendor(evidence: Evidence) -> pd.DataFrame:
    """Covered companies whose PE at the close date several vendors give, furthest apart first.

    The difference is relative to the smaller one; another column says if even the signs differ.
    """
    raw = evidence.table(tables.RAW_VALUATIONS)
    at_close = raw["date"] == evidence.issue.close_date
    chosen = raw[at_close & raw["pe_ttm"].notna() & raw["code"].isin(evidence.coverage)]
    several = chosen[chosen.groupby("code")["vendor"].transform("nunique") > 1]
    if several.empty:
        return pd.DataFrame(columns=["code", "name", "difference", "signs_differ"])
    by_vendor = several.pivot_table(index="code", columns="vendor", values="pe_ttm")
    lowest, highest = by_vendor.min(axis=1), by_vendor.max(axis=1)
    size = pd.concat([lowest.abs(), highest.abs()], axis=1).min(axis=1)
    difference = (highest - lowest) / size.where(size > 0)
    names = evidence.table(tables.COMPANY_UNIVERSE).set_index("code")["name"]
    compared = by_vendor.assign(difference=difference, signs_differ=(lowest < 0) & (highest > 0))
    compared.insert(0, "name", names)
    return compared.sort_values("difference", ascending=False).reset_index()


def sectors(evidence: Evidence) -> pd.DataFrame:
    """Each sector's figures beside the same, computed again from the companies."""
    frame = evidence.table(tables.SECTOR_METRICS)
    pool = evidence.table(tables.COMPANY_METRICS).dropna(subset=["sector"]).groupby("sector")
    known = pool["pe_ttm"]
    counted = frame["sector"].map(pool.size()).fillna(0).astype(int)
    total = frame["sector"].map(pool["market_cap"].sum(min_count=1)).fillna(0.0)
    return frame.assign(
        companies_missing=counted - frame["companies"],
        total_difference=frame["total_market_cap"].fillna(0.0) - total,
        pe_above_lowest=frame["pe_ttm_median"] - frame["sector"].map(known.min()),
        pe_below_highest=frame["sector"].map(known.max()) - frame["pe_ttm_median"],
        cap_above_lowest=frame["market_cap_median"] - frame["sector"].map(pool["market_cap"].min()),
        cap_below_highest=frame["sector"].map(pool["market_cap"].max())
        - frame["market_cap_median"],
    )


def buckets(evidence: Evidence) -> pd.DataFrame:
    """Each sector and measure: companies in buckets, and companies whose measure is known."""
    pool = evidence.table(tables.COMPANY_METRICS).dropna(subset=["sector"])
    known = {
        ("pe_ttm", "companies"): pool["pe_ttm"].notna() | pool["pe_ttm_is_loss"],
        ("pe_ttm", "companies_base"): pool["pe_ttm_base"].notna() | pool["pe_ttm_base_is_loss"],
        ("market_cap", "companies"): pool["market_cap"].notna(),
        ("market_cap", "companies_base"): pool["market_cap_base"].notna(),
    }
    sums = evidence.table(tables.BUCKET_COUNTS).groupby(["sector", "measure"])
    rows = [
        {
            "sector": sector,
            "measure": measure,
            "column": column,
            "in_buckets": int(group[column].sum()),
            "known": int(known[str(measure), column][pool["sector"] == sector].sum()),
        }
        for (sector, measure), group in sums
        for column in ("companies_base", "companies")
    ]
    frame = pd.DataFrame(rows, columns=["sector", "measure", "column", "in_buckets", "known"])
    return frame.assign(missing=frame["known"] - frame["in_buckets"])


def movers(evidence: Evidence) -> pd.DataFrame:
    """Each ranked company beside the change that really has that rank."""
    pool = evidence.table(tables.COMPANY_METRICS).dropna(subset=["sector", "change"])
    ranked = {
        sector: group["change"].sort_values(ascending=False).to_list()
        for sector, group in pool.groupby("sector")
    }
    ranked[WHOLE_POOL] = pool["change"].sort_values(ascending=False).to_list()
    frame = evidence.table(tables.MOVERS)
    expected = [
        ranked.get(sector, [])[rank - 1] if rank <= len(ranked.get(sector, [])) else None
        for sector, rank in zip(frame["sector"], frame["rank"], strict=True)
    ]
    frame = frame.assign(expected_change=pd.Series(expected, index=frame.index, dtype="float64"))
    return frame.assign(difference=frame["change"] - frame["expected_change"])


@check(
    asset=tables.COMPANY_METRICS,
    severity=CRITICAL,
    remedy=_REBUILD,
    frame=companies,
    reads=(tables.COMPANY_METRICS, tables.RAW_VALUATIONS),
)
def market_caps_are_close_times_shares(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Is each market cap the close times the shares, is every price above −100%, none infinite?"""
    return [
        gxe.ExpectColumnValuesToBeBetween(column="below", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="above", max_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="change", min_value=-1, strict_min=True),
        gxe.ExpectColumnValuesToBeUnique(column="code"),
    ]


@check(
    asset=tables.COMPANY_METRICS,
    severity=WARNING,
    remedy="Medians and buckets speak of fewer companies than the pool holds: supply the PE.",
    frame=companies,
    reads=(tables.COMPANY_METRICS, tables.RAW_VALUATIONS),
)
def pe_ttm_covers_the_pool(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Do at least 95% of the pool have a PE TTM, or a documented loss?"""
    return [gxe.ExpectColumnValuesToNotBeNull(column="pe_ttm_known", mostly=0.95)]


@check(
    asset=tables.COMPANY_METRICS,
    severity=WARNING,
    remedy="Vendors count preliminary results differently. Compare with the company's last "
    "periodic report, and say in the report whose figure is printed.",
    frame=pe_ttm_by_vendor,
    reads=(tables.COMPANY_METRICS, tables.RAW_VALUATIONS),
)
def vendors_agree_on_pe_ttm(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Where several vendors give a PE TTM, are they equal but for rounding?"""
    return [
        gxe.ExpectColumnValuesToBeBetween(column="difference", max_value=1e-4),
        gxe.ExpectColumnValuesToBeInSet(column="signs_differ", value_set=[False]),
    ]


@check(
    asset=tables.SECTOR_METRICS,
    severity=CRITICAL,
    remedy=_REBUILD,
    frame=sectors,
    reads=(tables.SECTOR_METRICS, tables.COMPANY_METRICS),
)
def sector_figures_add_up(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Do sectors add up to the pool, and do medians lie between the smallest and the largest?"""
    return [
        gxe.ExpectColumnValuesToBeBetween(column="companies_missing", min_value=0, max_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="total_difference", min_value=-1, max_value=1),
        gxe.ExpectColumnValuesToBeBetween(column="pe_above_lowest", min_value=-1e-6),
        gxe.ExpectColumnValuesToBeBetween(column="pe_below_highest", min_value=-1e-6),
        gxe.ExpectColumnValuesToBeBetween(column="cap_above_lowest", min_value=-1),
        gxe.ExpectColumnValuesToBeBetween(column="cap_below_highest", min_value=-1),
        gxe.ExpectTableRowCountToEqual(value=len(evidence.reference.sectors)),
    ]


@check(
    asset=tables.BUCKET_COUNTS,
    severity=CRITICAL,
    remedy=_REBUILD,
    frame=buckets,
    reads=(tables.BUCKET_COUNTS, tables.COMPANY_METRICS),
)
def bucket_counts_add_up(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Does every company whose PE or market cap is known stand in exactly one bucket?"""
    return [
        gxe.ExpectColumnValuesToBeBetween(column="missing", min_value=0, max_value=0),
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
    ]


@check(
    asset=tables.MOVERS,
    severity=CRITICAL,
    remedy=_REBUILD,
    frame=movers,
    reads=(tables.MOVERS, tables.COMPANY_METRICS),
)
def top_movers_are_the_largest(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Does each rank hold the change that really has that rank?"""
    return [
        gxe.ExpectColumnValuesToBeBetween(column="difference", min_value=0, max_value=0),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["sector", "rank"]),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["sector", "code"]),
    ]


CHECKS = (
    market_caps_are_close_times_shares,
    pe_ttm_covers_the_pool,
    vendors_agree_on_pe_ttm,
    sector_figures_add_up,
    bucket_counts_add_up,
    top_movers_are_the_largest,
)
