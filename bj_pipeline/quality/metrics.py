"""Checks of the metrics: do they follow from the quotes, and do they add up?

Figures are computed again here, by other means than in ``metrics/``: an error that both share is
less likely than one that either makes.
"""

import math
import statistics
from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from bj_pipeline.metrics import changes, market
from bj_pipeline.metrics.rankings import WHOLE_POOL
from bj_pipeline.quality.check import CRITICAL, WARNING, Evidence, check
from bj_pipeline.reference import MEASURES
from bj_pipeline.warehouse import tables

_REBUILD = (
    "The tables disagree with each other: rebuild the issue from the metrics down. If that does "
    "not help, it is a fault of the code."
)
_ROUNDING = 1e-9
_PRINTS_AS_RISE = 0.00005
_COVERED = 0.95
_DATES = {"": "close date", "_base": "base date"}
"""Which date a column speaks of, by the ending of its name."""


def pool(evidence: Evidence) -> pd.DataFrame:
    """Companies of the pool; ``pe_ttm_known`` is filled where the PE is known or a loss."""
    frame = evidence.table(tables.COMPANY_METRICS).dropna(subset=["sector"])
    # A documented loss of unknown size is known to be a loss: it is no gap.
    known = frame["pe_ttm"].fillna(0).where(frame["pe_ttm"].notna() | frame["pe_ttm_is_loss"])
    return frame.assign(pe_ttm_known=known)


def company_figures(evidence: Evidence) -> pd.DataFrame:
    """Every covered company at either date, beside what quotes and shares give.

    The market cap lies between quoted close × fewest and × most shares that vendors give; without
    shares it is the vendor's, and nothing is computed. The change is computed where no adjustment
    factor moved.
    """
    issue, metrics = evidence.issue, evidence.table(tables.COMPANY_METRICS)
    quotes = evidence.table(tables.RAW_QUOTES)
    shares = evidence.table(tables.RAW_VALUATIONS).dropna(subset=["total_shares"])
    code = metrics["code"]
    at = []
    for ending, day in (("", issue.close_date), ("_base", issue.base_date)):
        quoted = code.map(_last(quotes, ["code"], "close", day))
        given = _last(shares, ["code", "vendor"], "total_shares", day).groupby("code")
        stated = metrics[[f"close{ending}", f"market_cap{ending}"]].set_axis(
            ["close", "market_cap"], axis="columns"
        )
        figures = metrics[["code", "name"]].join(stated)
        figures["figures_of"] = _DATES[ending]
        figures["close_difference"] = _differences(stated["close"], quoted)
        figures["market_cap_low"] = quoted * code.map(given.min()) * (1 - _ROUNDING)
        figures["market_cap_high"] = quoted * code.map(given.max()) * (1 + _ROUNDING)
        at.append(figures)
    now, before = at
    steady = code.map(quotes.groupby("code")["adj_factor"].nunique()) <= 1
    growth = (now["close"] / before["close"] - 1).where(steady, metrics["change"])
    now = now.assign(
        change=metrics["change"], change_difference=_differences(metrics["change"], growth)
    )
    frame = pd.concat([now, before], ignore_index=True)
    return frame.assign(
        below=frame["market_cap"] - frame["market_cap_low"],
        above=frame["market_cap"] - frame["market_cap_high"],
    )


def _last(frame: pd.DataFrame, keys: list[str], column: str, day: date) -> pd.Series:
    """The last known value of each key on or before a day, of rows by date."""
    return frame[frame["date"] <= day].groupby(keys)[column].last()


def _differences(stated: pd.Series, computed: pd.Series) -> pd.Series:
    """Stated − computed; two blanks are equal, and a blank is infinitely far from a number."""
    far = (stated.isna() != computed.isna()).map({True: math.inf, False: 0.0})
    return (stated - computed).fillna(far)


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
    """Each sector's figures at either date, beside the same, computed from its companies."""
    companies = pool(evidence)
    rows = []
    for stated in evidence.table(tables.SECTOR_METRICS).to_dict("records"):
        of_sector = companies[companies["sector"] == stated["sector"]]
        for ending, label in _DATES.items():
            caps = _known(of_sector, "market_cap", ending)
            total = math.nan if not caps and len(of_sector) else math.fsum(caps)
            row = {
                "sector": stated["sector"],
                "figures_of": label,
                "companies": stated["companies"],
                "companies_computed": len(of_sector),
                "total_market_cap": stated[f"total_market_cap{ending}"],
                "total_market_cap_computed": total,
                "market_cap_median": stated[f"market_cap_median{ending}"],
                "market_cap_median_computed": _median(caps),
                "pe_ttm_median": stated[f"pe_ttm_median{ending}"],
                "pe_ttm_median_computed": _median(_known(of_sector, "pe_ttm", ending)),
            }
            rows.append(row)
    frame = pd.DataFrame(rows)
    for figure in ("companies", "total_market_cap", "market_cap_median", "pe_ttm_median"):
        frame[f"{figure}_difference"] = _differences(frame[figure], frame[f"{figure}_computed"])
    return frame


def _known(companies: pd.DataFrame, measure: str, ending: str) -> list[float]:
    """Known values of a measure; a loss of unknown size is −∞."""
    values = companies[f"{measure}{ending}"]
    if measure == "pe_ttm":
        values = values.mask(companies[f"pe_ttm{ending}_is_loss"], -math.inf)
    return list(values.dropna())


def _median(values: list[float]) -> float:
    """The median; NaN of nothing, and where it falls on a loss of unknown size."""
    median = statistics.median(values) if values else math.nan
    return median if math.isfinite(median) else math.nan


def buckets(evidence: Evidence) -> pd.DataFrame:
    """Each bucket at either date: companies counted, and companies that fall in it."""
    companies, day = pool(evidence), evidence.issue.close_date
    edges = {
        (bucket.measure, bucket.label): (
            -math.inf if bucket.low is None else bucket.low,
            math.inf if bucket.high is None else bucket.high,
        )
        for measure in MEASURES
        for bucket in evidence.reference.buckets(measure, day)
    }
    known = {
        (sector, measure, ending): _known(of_sector, measure, ending)
        for sector, of_sector in companies.groupby("sector")
        for measure in MEASURES
        for ending in _DATES
    }
    rows = []
    for stated in evidence.table(tables.BUCKET_COUNTS).to_dict("records"):
        low, high = edges.get((stated["measure"], stated["bucket"]), (math.nan, math.nan))
        for ending, label in _DATES.items():
            values = known.get((stated["sector"], stated["measure"], ending), [])
            inside = sum(low <= value < high for value in values)
            counted = stated[f"companies{ending}"]
            rows.append(
                (stated["sector"], stated["measure"], stated["bucket"], label, counted, inside)
            )
    columns = ["sector", "measure", "bucket", "figures_of", "companies", "companies_inside"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(difference=frame["companies"] - frame["companies_inside"])


def movers(evidence: Evidence) -> pd.DataFrame:
    """Each rank beside the change that really has it, and beside its company's own change."""
    companies = pool(evidence).dropna(subset=["change"]).sort_values("change", ascending=False)
    ranked = pd.concat([companies, companies.assign(sector=WHOLE_POOL)])
    ranked["rank"] = ranked.groupby("sector").cumcount() + 1
    ranked = ranked.rename(columns={"change": "change_of_rank"})
    stated = evidence.table(tables.MOVERS)
    frame = stated.merge(
        ranked[["sector", "rank", "change_of_rank"]], on=["sector", "rank"], how="outer"
    )
    # A rank that is not stated, though deeper ones are, is a row of its own.
    frame = frame[frame["change"].notna() | frame["rank"].le(stated["rank"].max())]
    own = frame["code"].map(companies.set_index("code")["change"])
    return frame.assign(
        change_of_company=own,
        rank_difference=_differences(frame["change"], frame["change_of_rank"]),
        company_difference=_differences(frame["change"], own),
    )


def market_figures(evidence: Evidence) -> pd.DataFrame:
    """Each figure of the market beside the same, computed from companies and index closes."""
    companies = pool(evidence)
    known = list(companies["change"].dropna())
    rising = sum(change >= _PRINTS_AS_RISE for change in known)
    falling = sum(change <= -_PRINTS_AS_RISE for change in known)
    computed: dict[str, float] = {
        market.POOL_SIZE: len(companies),
        market.COMPANIES_WITH_CHANGE: len(known),
        market.RISING_COMPANIES: rising,
        market.FALLING_COMPANIES: falling,
        market.UNCHANGED_COMPANIES: len(known) - rising - falling,
        market.RISING_SHARE: rising / len(companies) if len(companies) else math.nan,
        market.MEDIAN_CHANGE: _median(known),
        market.SUSPENDED_COMPANIES: list(companies["status"]).count(changes.SUSPENDED),
        market.NEW_COMPANIES: list(companies["status"]).count(changes.NEW),
    }
    closes = evidence.table(tables.RAW_INDEX_QUOTES).set_index(["code", "date"])["close"].to_dict()
    for index in evidence.reference.indices:
        now = closes.get((index.code, evidence.issue.close_date), math.nan)
        before = closes.get((index.code, evidence.issue.base_date), math.nan)
        computed[market.index_change(index.code)] = now / before - 1
    frame = evidence.table(tables.MARKET_METRICS).merge(
        pd.DataFrame(computed.items(), columns=["metric", "computed"]), on="metric", how="outer"
    )
    return frame.assign(difference=_differences(frame["value"], frame["computed"]))


@check(
    asset=tables.COMPANY_METRICS,
    severity=CRITICAL,
    remedy=_REBUILD,
    frame=company_figures,
    reads=(tables.COMPANY_METRICS, tables.RAW_QUOTES, tables.RAW_VALUATIONS),
)
def market_caps_are_close_times_shares(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Is each close the quoted one, each market cap close × shares, each change that of closes?"""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["code", "figures_of"]),
        gxe.ExpectColumnValuesToBeBetween(column="close_difference", min_value=0, max_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="below", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="above", max_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="change", min_value=-1, strict_min=True),
        gxe.ExpectColumnValuesToBeBetween(
            column="change_difference", min_value=-_ROUNDING, max_value=_ROUNDING
        ),
    ]


@check(
    asset=tables.COMPANY_METRICS,
    severity=WARNING,
    remedy="Medians and buckets speak of fewer companies than the pool holds, totals leave out "
    "companies without market cap, and tables lack results or show those of an old year: supply "
    "PE, shares or market caps, and the results of the last full year.",
    frame=pool,
)
def valuations_cover_the_pool(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Do at least 95% have a PE TTM or a documented loss and recent results, all a market cap?"""
    # The results of a year are published by the end of the next April.
    oldest = evidence.issue.close_date.year - 2
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="pe_ttm_known", mostly=_COVERED),
        gxe.ExpectColumnValuesToNotBeNull(column="market_cap"),
        gxe.ExpectColumnValuesToNotBeNull(column="revenue", mostly=_COVERED),
        gxe.ExpectColumnValuesToBeBetween(column="fiscal_year", min_value=oldest, mostly=_COVERED),
    ]


@check(
    asset=tables.COMPANY_METRICS,
    severity=WARNING,
    remedy="Vendors count preliminary results differently. Compare with the company's last "
    "periodic report, and say in the report whose figure is printed.",
    frame=pe_ttm_by_vendor,
    reads=(tables.COMPANY_METRICS, tables.COMPANY_UNIVERSE, tables.RAW_VALUATIONS),
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
    """Do sectors add up to the pool at both dates, and is each median that of its companies?"""
    return [
        gxe.ExpectTableRowCountToEqual(value=len(_DATES) * len(evidence.reference.sectors)),
        gxe.ExpectColumnValuesToBeBetween(column="companies_difference", min_value=0, max_value=0),
        gxe.ExpectColumnValuesToBeBetween(
            column="total_market_cap_difference", min_value=-1, max_value=1
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="market_cap_median_difference", min_value=-1, max_value=1
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="pe_ttm_median_difference", min_value=-_ROUNDING, max_value=_ROUNDING
        ),
    ]


@check(
    asset=tables.BUCKET_COUNTS,
    severity=CRITICAL,
    remedy=_REBUILD,
    frame=buckets,
    reads=(tables.BUCKET_COUNTS, tables.COMPANY_METRICS),
)
def bucket_counts_add_up(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Does every company whose PE or market cap is known stand in its bucket, and in no other?"""
    day = evidence.issue.close_date
    edges = [bucket for measure in MEASURES for bucket in evidence.reference.buckets(measure, day)]
    rows = len(_DATES) * len(evidence.reference.sectors) * len(edges)
    return [
        gxe.ExpectTableRowCountToEqual(value=rows),
        gxe.ExpectColumnValuesToBeBetween(column="difference", min_value=0, max_value=0),
    ]


@check(
    asset=tables.MOVERS,
    severity=CRITICAL,
    remedy=_REBUILD,
    frame=movers,
    reads=(tables.MOVERS, tables.COMPANY_METRICS),
)
def top_movers_are_the_largest(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Does each rank hold a company whose change really has that rank, and none stand twice?"""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectColumnValuesToBeBetween(column="rank_difference", min_value=0, max_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="company_difference", min_value=0, max_value=0),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["sector", "rank"]),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["sector", "code"]),
    ]


@check(
    asset=tables.MARKET_METRICS,
    severity=CRITICAL,
    remedy=_REBUILD,
    frame=market_figures,
    reads=(tables.MARKET_METRICS, tables.COMPANY_METRICS, tables.RAW_INDEX_QUOTES),
)
def market_figures_follow_from_companies(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Are counts and median those of the pool's companies, and index changes those of closes?"""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectColumnValuesToBeBetween(
            column="difference", min_value=-_ROUNDING, max_value=_ROUNDING
        ),
    ]


CHECKS = (
    market_caps_are_close_times_shares,
    valuations_cover_the_pool,
    vendors_agree_on_pe_ttm,
    sector_figures_add_up,
    bucket_counts_add_up,
    top_movers_are_the_largest,
    market_figures_follow_from_companies,
)
