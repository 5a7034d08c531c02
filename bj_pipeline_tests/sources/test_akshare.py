"""The source ``akshare``, with the real package against a server on this machine."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from bj_pipeline.errors import DataError
from bj_pipeline.issues import by_number
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.layouts import read
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources import eastmoney
from bj_pipeline_tests.sources.akshare_desk import (
    AFTERWARDS,
    CODES,
    ISSUE,
    SESSIONS,
    SHANGHAI,
    Desk,
    moving,
    prices_of,
)
from bj_pipeline_tests.sources.eastmoney import Company, Payout, Suspension
from bj_pipeline_tests.sources.vendor_files import MARKET, needs_market

# What a week looks like


def test_quotes_have_the_raw_close_a_factor_and_shares_traded(desk: Desk) -> None:
    frame = desk.read(tables.RAW_QUOTES).frame
    assert len(frame) == len(CODES) * 5
    row = frame.set_index(["code", "date"]).loc[("920001.BJ", ISSUE.close_date)]
    assert row["close"] == moving(0)[ISSUE.close_date]
    assert row["adj_factor"] == 1
    assert row["volume"] == 12345 * 100


def test_valuations_have_shares_market_cap_and_pe_of_both_dates(desk: Desk) -> None:
    desk.market.companies[1].pe_ttm = {ISSUE.base_date: -198.44, ISSUE.close_date: None}
    frame = desk.read(tables.RAW_VALUATIONS).frame.set_index(["code", "date"])
    assert set(frame.index.get_level_values("date")) == {ISSUE.base_date, ISSUE.close_date}
    row = frame.loc[("920001.BJ", ISSUE.close_date)]
    assert (row["total_shares"], row["pe_ttm"]) == (50_000_000, 25.5)
    assert row["market_cap"] == round(moving(0)[ISSUE.close_date] * 50_000_000, 2)
    assert frame.loc[("920002.BJ", ISSUE.base_date), "pe_ttm"] == -198.44
    assert pd.isna(frame.loc[("920002.BJ", ISSUE.close_date), "pe_ttm"])


def test_indices_are_asked_for_with_their_exchange(desk: Desk) -> None:
    shenzhen_company = Company("000688", moving(9), "国城矿业", market="0")
    desk.market.companies.insert(0, shenzhen_company)
    frame = desk.read(tables.RAW_INDEX_QUOTES).frame.set_index(["code", "date"])
    assert {request.params["secid"] for request in desk.asked(eastmoney.PRICES)} == {
        "0.899050",
        "1.000300",
        "1.000688",
        "0.399006",
    }
    assert frame.loc[("000688.SH", ISSUE.close_date), "close"] == round(
        100 * moving(22)[ISSUE.close_date], 2
    )
    assert set(frame.index.get_level_values("code")) == {
        "899050.BJ",
        "000300.SH",
        "000688.SH",
        "399006.SZ",
    }


def test_an_issue_gets_the_two_years_of_which_one_is_its_last_published(desk: Desk) -> None:
    frame = desk.read(tables.RAW_FINANCIALS).frame
    assert set(frame["fiscal_year"]) == {2024}, "nobody has published 2025 yet"
    row = frame.set_index("code").loc["920001.BJ"]
    assert (row["revenue"], row["net_profit"]) == (2024e5, 2024e4)
    assert row["published"] == date(2025, 4, 20)


def test_announcements_of_the_window_are_read_for_this_exchange_only(desk: Desk) -> None:
    frame = desk.read(tables.RAW_ANNOUNCEMENTS).frame
    assert list(frame["code"]) == ["920001.BJ", "920002.BJ"]
    assert frame.loc[0, "title"] == "某公司:关于回购股份的公告"
    assert frame.loc[0, "url"].startswith("https://data.eastmoney.com/notices/detail/920001/AN")
    days = {request.params["begin_time"] for request in desk.asked(eastmoney.ANNOUNCEMENTS)}
    assert days == {f"{date(2026, 2, 16) + timedelta(days=ahead)}" for ahead in range(14)}


def test_akshare_has_no_listings(desk: Desk) -> None:
    assert desk.source().deliver(ISSUE, tables.RAW_LISTINGS) == []
    assert desk.server.requests == []


def test_what_the_package_returned_is_landed_as_it_came(desk: Desk) -> None:
    deliveries = desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)
    content = deliveries[0].content.decode()
    assert content.splitlines()[0].startswith(
        "数据日期,当日收盘价,当日涨跌幅,总市值,流通市值,总股本"
    )
    assert len(content.splitlines()) == 1 + len(SESSIONS)
    landed = desk.landing.find("akshare", deliveries[0].interface, deliveries[0].parameters)
    assert landed is not None
    assert landed.content == deliveries[0].content
    assert landed.parameters == {"symbol": "920001", "end": "20260227"}
    assert landed.fetched_at == AFTERWARDS


# Closes, factors and changes


def test_cash_paid_in_another_week_does_not_move_a_change(desk: Desk) -> None:
    paid = {date(2025, 6, 20): Payout(cash=0.8), date(2026, 3, 3): Payout(cash=0.9, bonus=0.4)}
    desk.market.companies[0].payouts = paid
    desk.moment = datetime(2026, 3, 7, 8, 0, tzinfo=SHANGHAI)
    expected = moving(0)[ISSUE.close_date] / moving(0)[ISSUE.base_date] - 1
    found = prices_of(desk, ISSUE, ["920001"]).loc["920001.BJ", "change"]
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_dividend_and_bonus_shares_of_the_week_are_in_its_change(desk: Desk) -> None:
    ex_date = ISSUE.sessions[1]
    paid = {date(2025, 6, 20): Payout(cash=0.8), ex_date: Payout(cash=0.5, bonus=0.4)}
    desk.market.companies[0].payouts = paid
    base = (moving(0)[ISSUE.base_date] - 0.5) / 1.4
    found = prices_of(desk, ISSUE, ["920001"]).loc["920001.BJ", "change"]
    assert found == pytest.approx(moving(0)[ISSUE.close_date] / base - 1, abs=0.01 / base)


def test_an_issue_keeps_its_own_history_when_later_ones_are_fetched(desk: Desk) -> None:
    before = desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    desk.moment = datetime(2026, 3, 7, 8, 0, tzinfo=SHANGHAI)
    desk.market.companies[0].payouts = {date(2026, 3, 3): Payout(cash=0.9)}
    later = desk.source().deliver(by_number(66), tables.RAW_QUOTES)
    assert {each.parameters["end"] for each in later} == {"20260306"}
    again = desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    assert [each.sha256 for each in again] == [each.sha256 for each in before]


# Real values of the exchange


def market_csv(issue: int, name: str) -> pd.DataFrame:
    frame = pd.read_csv(MARKET / f"issue_{issue:03d}" / name, dtype={"trade_date": str})
    return frame.assign(
        code=frame["ts_code"].str[:6], day=pd.to_datetime(frame["trade_date"]).dt.date
    )


@needs_market
def test_issue_65_has_the_real_closes_caps_and_pe(desk: Desk) -> None:
    basic = market_csv(65, "daily_basic.csv").dropna(subset="pe_ttm")
    quotes = market_csv(65, "daily.csv")
    at_close = basic[basic["day"] == ISSUE.close_date]
    codes = sorted(at_close["code"])[::12]
    desk.market.companies = [
        Company(
            code,
            dict(zip(rows["day"], rows["close"], strict=True)),
            shares=float(at_close.set_index("code").loc[code, "total_share"]) * 1e4,
            pe_ttm=float(at_close.set_index("code").loc[code, "pe_ttm"]),
        )
        for code, rows in quotes.groupby("code")
        if code in codes
    ]
    read_quotes = desk.read(tables.RAW_QUOTES, codes=codes).frame
    expected = quotes[quotes["code"].isin(codes)].sort_values(["code", "day"])
    assert list(read_quotes["close"]) == list(expected["close"])
    found = desk.read(tables.RAW_VALUATIONS, codes=codes).frame
    found = found[found["date"] == ISSUE.close_date].set_index("vendor_code")
    wanted = at_close.set_index("ts_code").loc[found.index]
    assert found["pe_ttm"].tolist() == wanted["pe_ttm"].tolist()
    assert found["market_cap"].tolist() == pytest.approx((wanted["total_mv"] * 1e4).tolist())


@needs_market
def test_the_bonus_issue_of_920208_is_a_fall_of_5_36_percent(desk: Desk) -> None:
    issue = by_number(32)
    quotes = market_csv(32, "daily.csv")
    factors = market_csv(32, "adj_factor.csv").set_index(["code", "day"])["adj_factor"]
    pairs = pd.read_csv(
        Path(__file__).parents[2] / "bj_pipeline/reference/bse_code_mapping.csv", dtype=str
    ).set_index("new_code")["old_code"]
    old = pairs["920208"]
    rows = quotes[quotes["code"] == old]
    real = dict(zip(rows["day"], rows["close"], strict=True))

    class AsCollected(Company):
        def adjusted(self, kind: str) -> dict[date, float]:
            assert kind == "qfq"
            return {day: round(close * factors[old, day], 2) for day, close in real.items()}

    desk.market.companies = [AsCollected("920208", real)]
    desk.moment = datetime(2025, 7, 5, 8, 0, tzinfo=SHANGHAI)
    found = prices_of(desk, issue, ["920208"]).loc["920208.BJ"]
    assert f"{found['close'] / found['close_base'] - 1:.2%}" == "-34.21%"
    assert f"{found['change']:.2%}" == "-5.36%"


@needs_market
def test_920305_keeps_its_price_over_the_real_suspension(desk: Desk) -> None:
    issue = by_number(63)
    closes_of_all = pd.read_csv(MARKET / "daily_close.csv.gz", dtype={"code": str})
    rows = closes_of_all[(closes_of_all["code"] == "920305")]
    days = pd.to_datetime(rows["date"]).dt.date
    real = dict(zip(days, rows["close"], strict=True))
    desk.market.companies = [
        Company("920305", {day: close for day, close in real.items() if day <= date(2026, 2, 6)})
    ]
    desk.market.suspensions = [Suspension("920305", date(2026, 2, 5), date(2026, 2, 11))]
    desk.moment = datetime(2026, 2, 6, 18, 0, tzinfo=SHANGHAI)
    assert issue.close_date == date(2026, 2, 6)
    delivered = desk.source(["920305"]).deliver(issue, tables.RAW_VALUATIONS)
    assert delivered[0].parameters["end"] == "20260206"
    assert delivered[0].content.decode().splitlines()[-1].startswith("2026-02-04,10.0,")


@needs_market
def test_the_real_spot_list_is_refused() -> None:
    content = (MARKET / "akshare" / "stock_spot_em_20260213.csv").read_bytes()
    spot = Delivery("akshare", "spot.csv", content, "stock_bj_a_spot_em")
    with pytest.raises(DataError, match="dynamic"):
        read([spot], tables.RAW_VALUATIONS, ISSUE)
