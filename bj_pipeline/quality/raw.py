"""Checks of what the vendors sent: is it whole, of this week, and in the right units?"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bj_pipeline.quality.check import CRITICAL, WARNING, Evidence, check
from bj_pipeline.sources.selection import announcement_window
from bj_pipeline.warehouse import tables

_CODE = r"^\d{6}\.BJ$"
_INDEX_CODE = r"^\d{6}\.(BJ|SH|SZ)$"
_HIGHEST_CLOSE_YUAN = 10_000
_LIMIT = 0.30
_TICK_YUAN = 0.01
_RESEND = "Look at the file named in the rows; get it again from the vendor and rebuild the issue."


def quotes(evidence: Evidence) -> pd.DataFrame:
    """Every quote of the issue."""
    return evidence.table(tables.RAW_QUOTES)


def daily_moves(evidence: Evidence) -> pd.DataFrame:
    """Each covered company's move from one session to the next, with the exchange's limits.

    A first day after listing or after a suspension has no session before it and is not judged: no
    limit holds on it. Limits are prices rounded to the cent, so a cent of tolerance is added.
    """
    frame = quotes(evidence)
    frame = frame[frame["code"].isin(evidence.coverage)].sort_values(["code", "date"])
    sessions = [evidence.issue.base_date, *evidence.issue.sessions]
    position = frame["date"].map({day: number for number, day in enumerate(sessions)})
    before = frame.groupby("code")
    factor = frame["adj_factor"] / before["adj_factor"].shift()
    reference = before["close"].shift() / factor.fillna(1.0)
    follows = position - position.groupby(frame["code"]).shift() == 1
    moves = frame.assign(
        previous_close_adjusted=reference,
        move=frame["close"] / reference - 1,
        beyond_limit=(frame["close"] - reference).abs() - (reference * _LIMIT + _TICK_YUAN),
    )
    return moves.loc[
        follows,
        ["code", "date", "close", "previous_close_adjusted", "move", "beyond_limit", "source_file"],
    ]


def factors(evidence: Evidence) -> pd.DataFrame:
    """One row a covered company, with its last adjustment factor (empty if it never has one)."""
    frame = quotes(evidence)
    covered = frame[frame["code"].isin(evidence.coverage)].sort_values(["code", "date"])
    return covered.groupby("code", as_index=False)[["adj_factor", "source_file"]].last()


def valuations(evidence: Evidence) -> pd.DataFrame:
    """Every valuation, with the market cap that close × shares gives (empty without a close)."""
    frame = evidence.table(tables.RAW_VALUATIONS).merge(
        quotes(evidence)[["code", "date", "close"]], on=["code", "date"], how="left"
    )
    computed = frame["close"] * frame["total_shares"]
    return frame.assign(computed_market_cap=computed, ratio=frame["market_cap"] / computed)


def index_quotes(evidence: Evidence) -> pd.DataFrame:
    """One row an index and date that the report needs, with its close (empty if missing)."""
    wanted = pd.DataFrame(
        [
            (index.code, index.name, day)
            for index in evidence.reference.indices
            for day in (evidence.issue.base_date, evidence.issue.close_date)
        ],
        columns=["code", "name", "date"],
    )
    return wanted.merge(evidence.table(tables.RAW_INDEX_QUOTES), on=["code", "date"], how="left")


def financials(evidence: Evidence) -> pd.DataFrame:
    """Every full-year result."""
    return evidence.table(tables.RAW_FINANCIALS)


def announcements(evidence: Evidence) -> pd.DataFrame:
    """Every announcement."""
    return evidence.table(tables.RAW_ANNOUNCEMENTS)


@check(asset=tables.RAW_QUOTES, severity=CRITICAL, remedy=_RESEND, frame=quotes)
def quotes_are_whole_and_unique(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Are there quotes, with every column, a valid code, and each company once a day?"""
    return [
        gxe.ExpectTableColumnsToMatchSet(column_set=list(tables.columns(tables.RAW_QUOTES))),
        gxe.ExpectTableRowCountToBeBetween(min_value=2),
        gxe.ExpectColumnValuesToMatchRegex(column="code", regex=_CODE),
        gxe.ExpectColumnValuesToNotBeNull(column="date"),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["code", "date"]),
    ]


@check(
    asset=tables.RAW_QUOTES,
    severity=CRITICAL,
    remedy="The vendor has not sent a day yet, or the file is of another week: get it again.",
    frame=quotes,
)
def base_and_close_dates_are_present(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Are there quotes of both the base date and the close date, and of the week only?"""
    issue = evidence.issue
    return [
        gxe.ExpectColumnDistinctValuesToContainSet(
            column="date", value_set=[issue.base_date, issue.close_date]
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="date",
            value_set=[*issue.sessions, *_days_up_to(evidence)],
        ),
    ]


def _days_up_to(evidence: Evidence) -> list[Any]:
    """The base date, and earlier days on which a company traded last before a suspension."""
    return sorted({day for day in quotes(evidence)["date"] if day <= evidence.issue.base_date})


@check(asset=tables.RAW_QUOTES, severity=CRITICAL, remedy=_RESEND, frame=quotes)
def closes_are_positive(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Is every close there, above zero and not absurdly high, and every factor above zero?"""
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="close"),
        gxe.ExpectColumnValuesToBeBetween(
            column="close", min_value=0, strict_min=True, max_value=_HIGHEST_CLOSE_YUAN
        ),
        gxe.ExpectColumnValuesToBeBetween(column="adj_factor", min_value=0, strict_min=True),
        gxe.ExpectColumnValuesToBeBetween(column="volume", min_value=0),
    ]


@check(
    asset=tables.RAW_QUOTES,
    severity=CRITICAL,
    remedy="A wrong close, or an ex-dividend day whose adjustment factor is missing: compare the "
    "rows with the exchange, correct the file and rebuild the issue.",
    frame=daily_moves,
    reads=(tables.RAW_QUOTES,),
)
def daily_moves_respect_the_limit(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Did every covered company stay within ±30% a day, after adjustment?"""
    return [gxe.ExpectColumnValuesToBeBetween(column="beyond_limit", max_value=0)]


@check(
    asset=tables.RAW_QUOTES,
    severity=WARNING,
    remedy="The change of these companies is taken from unadjusted closes: make sure that none of "
    "them went ex-dividend this week, or supply the factors.",
    frame=factors,
)
def adjustment_factors_are_given(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Does every covered company have an adjustment factor?"""
    return [gxe.ExpectColumnValuesToNotBeNull(column="adj_factor")]


@check(
    asset=tables.RAW_VALUATIONS,
    severity=CRITICAL,
    remedy=_RESEND,
    frame=valuations,
    reads=(tables.RAW_VALUATIONS, tables.RAW_QUOTES),
)
def valuations_are_sound(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Are codes valid, and shares and market caps above zero wherever they are given?"""
    return [
        gxe.ExpectColumnValuesToMatchRegex(column="code", regex=_CODE),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["code", "date", "vendor"]),
        gxe.ExpectColumnValuesToBeBetween(column="total_shares", min_value=0, strict_min=True),
        gxe.ExpectColumnValuesToBeBetween(column="market_cap", min_value=0, strict_min=True),
    ]


@check(
    asset=tables.RAW_VALUATIONS,
    severity=CRITICAL,
    remedy="A ratio of 10,000 or 0.0001 is a unit slip (yuan for 10,000 yuan); anything else is a "
    "wrong close or share count. Correct the file and rebuild the issue.",
    frame=valuations,
    reads=(tables.RAW_VALUATIONS, tables.RAW_QUOTES),
)
def vendor_market_caps_are_close_times_shares(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Does the vendor's market cap equal close × shares, but for rounding?"""
    return [gxe.ExpectColumnValuesToBeBetween(column="ratio", min_value=0.995, max_value=1.005)]


@check(
    asset=tables.RAW_INDEX_QUOTES,
    severity=WARNING,
    remedy="The report leaves out the indices that lack a close; supply them and rebuild.",
    frame=index_quotes,
)
def index_closes_are_complete(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Does each index have a close on both dates?"""
    return [gxe.ExpectColumnValuesToNotBeNull(column="close")]


@check(asset=tables.RAW_INDEX_QUOTES, severity=CRITICAL, remedy=_RESEND, frame=index_quotes)
def index_closes_are_sound(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Is every index close above zero, and no move beyond what an index can do in a week?"""
    return [
        gxe.ExpectColumnValuesToMatchRegex(column="code", regex=_INDEX_CODE),
        gxe.ExpectColumnValuesToBeBetween(column="close", min_value=0, strict_min=True),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["code", "date"]),
        gxe.ExpectTableRowCountToEqual(value=2 * len(evidence.reference.indices)),
    ]


@check(
    asset=tables.RAW_FINANCIALS,
    severity=WARNING,
    remedy="Compare the rows with the annual reports; a unit slip shows as a factor of 10,000.",
    frame=financials,
)
def financials_are_plausible(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Are revenues not negative, and years those of past annual reports?"""
    year = evidence.issue.close_date.year
    return [
        gxe.ExpectColumnValuesToBeBetween(column="revenue", min_value=0, max_value=1e12),
        gxe.ExpectColumnValuesToBeBetween(column="net_profit", min_value=-1e11, max_value=1e11),
        gxe.ExpectColumnValuesToBeBetween(column="fiscal_year", min_value=2000, max_value=year),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["code", "fiscal_year"]),
    ]


@check(
    asset=tables.RAW_ANNOUNCEMENTS,
    severity=CRITICAL,
    remedy="The list is of another week: get the right one and rebuild the issue.",
    frame=announcements,
)
def announcements_are_of_the_week(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Is every announcement dated in the issue's window, with a title?"""
    first, last = announcement_window(evidence.issue)
    return [
        gxe.ExpectColumnValuesToBeBetween(column="date", min_value=first, max_value=last),
        gxe.ExpectColumnValueLengthsToBeBetween(column="title", min_value=1),
        gxe.ExpectColumnValuesToMatchRegex(column="code", regex=_CODE),
    ]


CHECKS = (
    quotes_are_whole_and_unique,
    base_and_close_dates_are_present,
    closes_are_positive,
    daily_moves_respect_the_limit,
    adjustment_factors_are_given,
    valuations_are_sound,
    vendor_market_caps_are_close_times_shares,
    index_closes_are_complete,
    index_closes_are_sound,
    financials_are_plausible,
    announcements_are_of_the_week,
)
