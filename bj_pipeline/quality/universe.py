"""Checks of who is covered: the company universe and the AI chain."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bj_pipeline.quality.check import CRITICAL, WARNING, Evidence, check
from bj_pipeline.reference import FEWEST_OF_A_SECTOR
from bj_pipeline.warehouse import tables

_CODE = r"^\d{6}\.BJ$"
_COVERED = 0.95


def universe(evidence: Evidence) -> pd.DataFrame:
    """Every covered company."""
    return evidence.table(tables.COMPANY_UNIVERSE)


def members(evidence: Evidence) -> pd.DataFrame:
    """Every member of the pool that is not known to be unlisted, with its sector and last close.

    The close is empty where the week has no price. A price proves the listing, so a member that has
    one and does not stand in the universe was left out by a wrong listing date or a fault.
    """
    day = evidence.issue.close_date
    rows = [(row.code, row.name, row.sector) for row in evidence.reference.pool(day)]
    pool = pd.DataFrame(rows, columns=["code", "name", "sector"])
    listings = evidence.table(tables.RAW_LISTINGS).set_index("code")
    listed, delisted = pool["code"].map(listings["listed"]), pool["code"].map(listings["delisted"])
    closes = evidence.table(tables.RAW_QUOTES).groupby("code")["close"].last()
    pool["companies_of_sector"] = pool.groupby("sector")["code"].transform("nunique")
    pool = pool.assign(listed=listed, close=pool["code"].map(closes))
    left_out = ~pool["code"].isin(evidence.table(tables.COMPANY_UNIVERSE)["code"])
    pool = pool.assign(left_out_with_a_price=left_out & pool["close"].notna())
    unlisted = [
        (pd.notna(start) and start > day and pd.isna(close)) or (pd.notna(end) and end < day)
        for start, end, close in zip(listed, delisted, pool["close"], strict=True)
    ]
    return pool[[not one for one in unlisted]]


def ai_chain(evidence: Evidence) -> pd.DataFrame:
    """Every company of the AI chain."""
    return evidence.table(tables.AI_CHAIN_CLASSIFICATION)


@check(
    asset=tables.COMPANY_UNIVERSE,
    severity=CRITICAL,
    remedy="Correct the named companies in pool.csv or ai_chain.csv and rebuild the issue.",
    frame=universe,
)
def universe_is_well_formed(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Does each company stand once, with a valid code, a name and a known sector (or none)?"""
    return [
        gxe.ExpectTableColumnsToMatchSet(column_set=list(tables.columns(tables.COMPANY_UNIVERSE))),
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectColumnValuesToMatchRegex(column="code", regex=_CODE),
        gxe.ExpectColumnValuesToBeUnique(column="code"),
        gxe.ExpectColumnValuesToNotBeNull(column="name"),
        gxe.ExpectColumnValueLengthsToBeBetween(column="name", min_value=1),
        gxe.ExpectColumnValuesToBeInSet(
            column="sector", value_set=list(evidence.reference.sectors)
        ),
    ]


@check(
    asset=tables.COMPANY_UNIVERSE,
    severity=CRITICAL,
    remedy="The quotes are cut or of other companies: get the file again. If the named companies "
    "were not listed yet, supply listing dates (stock_basic); correct the date of one that has a "
    "price before it.",
    frame=members,
    reads=(tables.COMPANY_UNIVERSE, tables.RAW_QUOTES, tables.RAW_LISTINGS),
)
def pool_is_covered_by_quotes(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Do at least 95% of the pool's members have a price, and is each of them covered?"""
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="close", mostly=_COVERED),
        gxe.ExpectColumnValuesToBeInSet(column="left_out_with_a_price", value_set=[False]),
    ]


@check(
    asset=tables.COMPANY_UNIVERSE,
    severity=WARNING,
    remedy="A company without a price and without a listing date counts as not yet listed: supply "
    "listing dates (stock_basic) to be sure, or the missing quotes. A sector of one or two "
    "companies may be misspelt in pool.csv.",
    frame=members,
    reads=(tables.COMPANY_UNIVERSE, tables.RAW_QUOTES, tables.RAW_LISTINGS),
)
def pool_has_no_gaps(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Does every member of the pool have a price, and every sector at least three companies?"""
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="close"),
        gxe.ExpectColumnValuesToBeBetween(
            column="companies_of_sector", min_value=FEWEST_OF_A_SECTOR
        ),
    ]


@check(
    asset=tables.AI_CHAIN_CLASSIFICATION,
    severity=CRITICAL,
    remedy="Correct the named companies in ai_chain.csv and rebuild the issue.",
    frame=ai_chain,
)
def ai_chain_is_classified(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Does each AI-chain company stand once, with a known segment and a description?"""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectColumnValuesToMatchRegex(column="code", regex=_CODE),
        gxe.ExpectColumnValuesToBeUnique(column="code"),
        gxe.ExpectColumnValuesToNotBeNull(column="segment"),
        gxe.ExpectColumnValuesToBeInSet(
            column="segment", value_set=list(evidence.reference.segments)
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="description"),
        gxe.ExpectColumnValueLengthsToBeBetween(column="description", min_value=5),
    ]


CHECKS = (
    universe_is_well_formed,
    pool_is_covered_by_quotes,
    pool_has_no_gaps,
    ai_chain_is_classified,
)
