"""Checks of what the vendors sent: is it whole, of this week, and in the right units?"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bj_pipeline.quality import last_week
from bj_pipeline.quality.check import CRITICAL, WARNING, Evidence, check
from bj_pipeline.sources.selection import announcement_window
from bj_pipeline.warehouse import tables

_CODE = r"^\d{6}\.BJ$"
_HIGHEST_CLOSE_YUAN = 10_000
_LIMIT = 0.30
_TICK_YUAN = 0.01
_ROUNDED_YUAN = 0.011
"""Two closes that are rounded to the cent differ by as much, and a little for binary fractions."""
_QUOTED = 0.9
_UNMOVED = 0.5
_AS_LAST_WEEK = 0.9
_INDEX_LIMIT = 0.30
_INDEX_ROUNDING = 1e-4
# Orders of magnitude of the exchange's companies, narrow enough to tell yuan from 10,000 yuan.
_FEWEST_SHARES, _MOST_SHARES = 1e6, 1e11
_SMALLEST_CAP_YUAN, _LARGEST_CAP_YUAN = 5e7, 1e13
_SMALLEST_REVENUE_YUAN, _LARGEST_REVENUE_YUAN = 1e5, 1e12
_LARGEST_PROFIT_YUAN = 1e11
# Revenue ÷ market cap, and net profit ÷ revenue: narrower than the 10,000 of a unit slip. Of the
# exchange's 295 companies in 2024 all but one (a medicine's developer) lay in 0.01~2 and −3.5~0.6.
_LEAST_REVENUE, _MOST_REVENUE = 3e-4, 30.0
_NARROWEST_MARGIN, _WIDEST_MARGIN = 3e-5, 30.0
# Net profit ÷ the trailing one that PE TTM implies: 0.2~7 for all of them but one, 43.
_LEAST_PROFIT = 1e-3
# Of most companies it is far closer; a PE that is off by a factor is off for all of them.
_USUAL_PROFIT = (0.05, 20.0)
_MOST = 0.5
# Net profit ÷ market cap, 9e-4~0.15, where no PE implies a trailing profit. Not asked of others,
# since one in some thousands breaks even so closely. A loss of more than a third of the cap and of
# the revenue would pass after a slip.
_LEAST_PROFIT_TO_CAP = 3e-5
_RESEND = "Look at the file named in the rows; get it again from the vendor and rebuild the issue."


def quotes(evidence: Evidence) -> pd.DataFrame:
    """Every quote of the issue, by code and date."""
    return evidence.table(tables.RAW_QUOTES)


def quoted_days(evidence: Evidence) -> pd.DataFrame:
    """The base date, the close date, and every later day with quotes that is no session.

    Each with its share of companies (of the fuller one of the two dates), the share of them whose
    close is that of the day before (on a day that was copied from another, all of them), and the
    share of them whose close the issue before knows as well, if it was built.
    """
    issue, frame = evidence.issue, quotes(evidence)
    known = last_week.closes(evidence, tables.RAW_QUOTES, base_and_close_dates_are_present.name)
    at_base = frame[frame["date"] == issue.base_date]
    same = (at_base["close"] - at_base["code"].map(known)).dropna().abs().lt(_TICK_YUAN / 2)
    sessions = {issue.base_date, *issue.sessions}
    dates = [issue.base_date, issue.close_date]
    unmoved = frame.groupby("code")["close"].diff().eq(0).groupby(frame["date"]).mean()
    companies = frame.groupby("date")["code"].nunique()
    strange = {day for day in frame["date"] if day > issue.base_date} - sessions
    days = pd.Series([*dates, *sorted(strange)], name="date", dtype=object)
    return pd.DataFrame(
        {
            "date": days,
            "is_session": days.isin(sessions),
            "companies": days.map(companies).fillna(0),
            "quoted": days.map(companies / companies.reindex(dates).max()).fillna(0.0),
            "unmoved": days.map(unmoved),
            "as_last_week": days.map({issue.base_date: same.mean()}),
        }
    )


def daily_moves(evidence: Evidence) -> pd.DataFrame:
    """Each covered company's move since the session before, with the exchange's limits.

    Sessions of which the vendor sent nothing are bridged, with a limit for each of them. A first
    day after listing or after a suspension has no session before it and is not judged: no limit
    holds on it. Limits are prices rounded to the cent, so a cent of tolerance is added.
    """
    frame = quotes(evidence)
    frame = frame[frame["code"].isin(evidence.coverage)]
    sessions = {
        day: n for n, day in enumerate([evidence.issue.base_date, *evidence.issue.sessions])
    }
    sent = sorted(set(frame["date"]) & set(sessions))
    before = frame.groupby("code")
    factor = frame["adj_factor"] / before["adj_factor"].shift()
    reference = before["close"].shift() / factor.fillna(1.0)
    position = frame["date"].map({day: n for n, day in enumerate(sent)})
    steps = frame["date"].map(sessions).groupby(frame["code"]).diff()
    above = frame["close"] - reference * (1 + _LIMIT) ** steps
    below = reference * (1 - _LIMIT) ** steps - frame["close"]
    moves = frame.assign(
        previous_close_adjusted=reference,
        move=frame["close"] / reference - 1,
        beyond_limit=above.where(above > below, below) - _TICK_YUAN * steps,
    )
    return moves.loc[
        position.groupby(frame["code"]).diff() == 1,
        ["code", "date", "close", "previous_close_adjusted", "move", "beyond_limit", "source_file"],
    ]


def factors(evidence: Evidence) -> pd.DataFrame:
    """One row a covered company, with its adjustment factors at its first and its last price.

    A factor that is missing on the last day only would hide an ex-date of that day. ``fall`` is by
    how many yuan the adjusted close fell against the close, at most, from one day to a day whose
    close is no lower: factors grow on ex-dates, and some vendors' move with the price.
    """
    frame = quotes(evidence)
    covered = frame[frame["code"].isin(evidence.coverage)]
    last = covered.drop_duplicates("code", keep="last").set_index("code")
    first = covered.drop_duplicates("code").set_index("code")
    before = covered.groupby("code")[["close", "adj_factor"]].shift()
    fall = (before["adj_factor"] - covered["adj_factor"]) * covered["close"]
    fall = fall.where(covered["close"] >= before["close"]).groupby(covered["code"]).max()
    last = last.assign(first_adj_factor=first["adj_factor"], fall=fall)
    columns = ["code", "date", "first_adj_factor", "adj_factor", "fall", "source_file"]
    return last.reset_index()[columns]


def valuations(evidence: Evidence) -> pd.DataFrame:
    """Every valuation, with the market cap that close × shares gives (empty without a close).

    ``implied_shares`` are market cap ÷ last close, by which a cap is judged that comes without
    shares or of a day without a close; ``turnover`` is the volume in total shares.
    """
    quoted = quotes(evidence).reindex(columns=["code", "date", "close", "volume"])
    frame = evidence.table(tables.RAW_VALUATIONS).merge(quoted, on=["code", "date"], how="left")
    computed = frame["close"] * frame["total_shares"]
    last = quoted.dropna(subset="close").groupby("code")["close"].last()
    return frame.assign(
        computed_market_cap=computed,
        ratio=frame["market_cap"] / computed,
        implied_shares=frame["market_cap"] / frame["close"].fillna(frame["code"].map(last)),
        turnover=frame["volume"] / frame["total_shares"],
    )


def index_quotes(evidence: Evidence) -> pd.DataFrame:
    """One row an index and date that the report needs, with its close (empty if missing).

    ``move`` is the change between the two dates, empty unless both are there; ``from_last_week``
    how far the base date's close is from what the issue before has for that day, if it was built.
    """
    wanted = pd.DataFrame(
        [
            (index.code, index.name, day)
            for index in evidence.reference.indices
            for day in (evidence.issue.base_date, evidence.issue.close_date)
        ],
        columns=["code", "name", "date"],
    )
    frame = wanted.merge(evidence.table(tables.RAW_INDEX_QUOTES), on=["code", "date"], how="left")
    closes = frame.groupby("code")["close"]
    known = last_week.closes(evidence, tables.RAW_INDEX_QUOTES, index_closes_are_sound.name)
    at_base = frame["close"].where(frame["date"] == evidence.issue.base_date)
    return frame.assign(
        # Without skipping blanks: the last close of an index that lacks one must not be its first.
        move=closes.transform("last", skipna=False) / closes.transform("first", skipna=False) - 1,
        from_last_week=at_base / frame["code"].map(known) - 1,
    )


def financials(evidence: Evidence) -> pd.DataFrame:
    """Every full-year result of a covered company, beside what its price says of it.

    The ratios are revenue ÷ market cap, and the size of the net profit ÷ revenue (``margin``) and
    ÷ the trailing profit that market cap and PE TTM imply (``profit_to_trailing``), or without a PE
    ÷ the market cap (``profit_to_cap``). Each is empty where one of its parts is missing or
    implausible, and so refused by itself.
    """
    valued = valuations(evidence)
    sound = valued["total_shares"].between(_FEWEST_SHARES, _MOST_SHARES)
    sound &= valued["computed_market_cap"].between(_SMALLEST_CAP_YUAN, _LARGEST_CAP_YUAN)
    caps = valued[sound].groupby("code")["computed_market_cap"].max()
    ratios = valued["pe_ttm"].abs()
    implied = (valued["computed_market_cap"] / ratios.where(ratios > 0))[sound]
    trailing = implied.groupby(valued["code"]).min()
    frame = evidence.table(tables.RAW_FINANCIALS)
    frame = frame[frame["code"].isin(evidence.coverage)]
    plausible = frame["revenue"].between(_SMALLEST_REVENUE_YUAN, _LARGEST_REVENUE_YUAN)
    revenue = frame["revenue"].where(plausible)
    profit = frame["net_profit"].abs()
    profit = profit.where(profit <= _LARGEST_PROFIT_YUAN)
    cap, known = frame["code"].map(caps), frame["code"].map(trailing)
    return frame.assign(
        revenue_to_cap=revenue / cap,
        margin=profit / revenue,
        profit_to_trailing=profit / known,
        profit_to_cap=(profit / cap).where(known.isna()),
    )


def announcements(evidence: Evidence) -> pd.DataFrame:
    """Every announcement."""
    return evidence.table(tables.RAW_ANNOUNCEMENTS)


@check(asset=tables.RAW_QUOTES, severity=CRITICAL, remedy=_RESEND, frame=quotes)
def quotes_are_whole_and_unique(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Are there quotes, with every column, a valid code and a day, and each company once a day?"""
    return [
        gxe.ExpectTableColumnsToMatchSet(column_set=list(tables.columns(tables.RAW_QUOTES))),
        gxe.ExpectTableRowCountToBeBetween(min_value=2),
        gxe.ExpectColumnValuesToNotBeNull(column="code"),
        gxe.ExpectColumnValuesToMatchRegex(column="code", regex=_CODE),
        gxe.ExpectColumnValuesToNotBeNull(column="date"),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["code", "date"]),
    ]


@check(
    asset=tables.RAW_QUOTES,
    severity=CRITICAL,
    remedy="No file of daily closes is there, the vendor has not sent a day yet or only in part, "
    "sent another day's closes for it, or the file is of another week: get it again. Where the "
    "base date's closes are not those of the issue before, one of the two files has its dates "
    "swapped or wrong.",
    frame=quoted_days,
)
def base_and_close_dates_are_present(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Are base and close date there as a whole, no other days, and the base as last week?"""
    return [
        gxe.ExpectColumnValuesToBeInSet(column="is_session", value_set=[True]),
        gxe.ExpectColumnValuesToBeBetween(column="companies", min_value=1),
        gxe.ExpectColumnValuesToBeBetween(column="quoted", min_value=_QUOTED),
        gxe.ExpectColumnValuesToBeBetween(column="unmoved", max_value=_UNMOVED),
        gxe.ExpectColumnValuesToBeBetween(column="as_last_week", min_value=_AS_LAST_WEEK),
    ]


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
    remedy="The change of companies without factors is taken from unadjusted closes: make sure "
    "that none of them went ex-dividend this week, or supply the factors. A factor that fell "
    "belongs to another day or company: get the factors again.",
    frame=factors,
)
def adjustment_factors_are_given(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Has every covered company factors from its first price to its last, and does none fall?"""
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="first_adj_factor"),
        gxe.ExpectColumnValuesToNotBeNull(column="adj_factor"),
        gxe.ExpectColumnValuesToBeBetween(column="fall", max_value=_ROUNDED_YUAN),
    ]


@check(
    asset=tables.RAW_VALUATIONS,
    severity=CRITICAL,
    remedy="A ratio of 10,000 or 0.0001 is a unit slip (yuan for 10,000 yuan, shares for 10,000 "
    "shares); any other one is a wrong close or share count. A loss shows as a blank PE: where "
    "most are blank, the column was not filled. Correct the file and rebuild the issue.",
    frame=valuations,
    reads=(tables.RAW_VALUATIONS, tables.RAW_QUOTES),
)
def valuations_are_sound(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Are shares, caps and losses plausible, and the vendor's cap close × shares?"""
    return [
        gxe.ExpectColumnValuesToMatchRegex(column="code", regex=_CODE),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["code", "date", "vendor"]),
        gxe.ExpectColumnValuesToBeBetween(
            column="total_shares", min_value=_FEWEST_SHARES, max_value=_MOST_SHARES
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="market_cap", min_value=_SMALLEST_CAP_YUAN, max_value=_LARGEST_CAP_YUAN
        ),
        gxe.ExpectColumnValuesToBeBetween(column="ratio", min_value=0.995, max_value=1.005),
        gxe.ExpectColumnValuesToBeBetween(
            column="implied_shares", min_value=_FEWEST_SHARES, max_value=_MOST_SHARES
        ),
        gxe.ExpectColumnValuesToBeBetween(column="turnover", min_value=0, max_value=1),
        gxe.ExpectColumnValuesToBeInSet(column="pe_ttm_is_loss", value_set=[False], mostly=_MOST),
    ]


@check(
    asset=tables.RAW_INDEX_QUOTES,
    severity=WARNING,
    remedy="The report leaves out the indices that lack a close; supply them and rebuild.",
    frame=index_quotes,
)
def index_closes_are_complete(gxe: Any, _: Evidence) -> Sequence[Any]:
    """Does each index have a close on both dates?"""
    return [gxe.ExpectColumnValuesToNotBeNull(column="close")]


@check(
    asset=tables.RAW_INDEX_QUOTES,
    severity=CRITICAL,
    remedy=f"{_RESEND} Where the base date's closes are not those of the issue before, one of the "
    "two files has its dates swapped or wrong.",
    frame=index_quotes,
)
def index_closes_are_sound(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Is every index close above zero, its move a week's, and its base close last week's close?"""
    return [
        gxe.ExpectColumnValuesToBeBetween(column="close", min_value=0, strict_min=True),
        gxe.ExpectColumnValuesToBeBetween(
            column="move", min_value=-_INDEX_LIMIT, max_value=_INDEX_LIMIT
        ),
        # No index ever stood still for a week to the hundredth of a point: a day was copied.
        gxe.ExpectColumnValuesToNotBeInSet(column="move", value_set=[0.0]),
        gxe.ExpectColumnValuesToBeBetween(
            column="from_last_week", min_value=-_INDEX_ROUNDING, max_value=_INDEX_ROUNDING
        ),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["code", "date"]),
        gxe.ExpectTableRowCountToEqual(value=2 * len(evidence.reference.indices)),
    ]


@check(
    asset=tables.RAW_FINANCIALS,
    severity=CRITICAL,
    remedy="Compare the rows with the annual reports, and PE TTM with price ÷ profit; a unit slip "
    "shows as a factor of 10,000. Correct the file and rebuild the issue.",
    frame=financials,
    reads=(tables.RAW_FINANCIALS, tables.RAW_VALUATIONS, tables.RAW_QUOTES),
)
def financials_are_plausible(gxe: Any, evidence: Evidence) -> Sequence[Any]:
    """Are revenues and profits of a plausible size, and years those of past annual reports?"""
    last_year = evidence.issue.close_date.year - 1
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="revenue", min_value=_SMALLEST_REVENUE_YUAN, max_value=_LARGEST_REVENUE_YUAN
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="net_profit", min_value=-_LARGEST_PROFIT_YUAN, max_value=_LARGEST_PROFIT_YUAN
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="revenue_to_cap", min_value=_LEAST_REVENUE, max_value=_MOST_REVENUE
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="margin", min_value=_NARROWEST_MARGIN, max_value=_WIDEST_MARGIN
        ),
        gxe.ExpectColumnValuesToBeBetween(column="profit_to_trailing", min_value=_LEAST_PROFIT),
        gxe.ExpectColumnValuesToBeBetween(column="profit_to_cap", min_value=_LEAST_PROFIT_TO_CAP),
        gxe.ExpectColumnValuesToBeBetween(
            column="profit_to_trailing",
            min_value=_USUAL_PROFIT[0],
            max_value=_USUAL_PROFIT[1],
            mostly=_MOST,
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="fiscal_year", min_value=2000, max_value=last_year
        ),
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
    index_closes_are_complete,
    index_closes_are_sound,
    financials_are_plausible,
    announcements_are_of_the_week,
)
