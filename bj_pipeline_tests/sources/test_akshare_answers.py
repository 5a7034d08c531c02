"""Answers of ``akshare`` that must not become numbers."""

import re
from dataclasses import replace
from datetime import date
from functools import wraps
from typing import Any

import pandas as pd
import pytest

from bj_pipeline.errors import DataError, SourceError
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.layouts import read
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources import eastmoney
from bj_pipeline_tests.sources.akshare_desk import ISSUE, SESSIONS, Desk, altered, moving
from bj_pipeline_tests.sources.eastmoney import Announcement, Company, Market


def test_an_unknown_company_is_named(desk: Desk) -> None:
    with pytest.raises(SourceError, match=r"stock_value_em symbol=920999: .*no rows"):
        desk.source(["920999"]).deliver(ISSUE, tables.RAW_QUOTES)
    assert len(desk.server.requests) == 1, "the vendor's plain answer is not doubted"


def test_an_unknown_security_without_prices_is_named(desk: Desk) -> None:
    desk.server.answer(eastmoney.PRICES, {"rc": 100, "data": None})
    with pytest.raises(SourceError, match=r"stock_zh_a_hist symbol=920001 .*no days"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)


def test_valuations_of_another_company_are_refused(desk: Desk) -> None:
    other = desk.market.companies[1]

    def swap(document: Any) -> None:
        for row in document["result"]["data"]:
            row["SECURITY_CODE"] = other.code

    desk.server.answer(eastmoney.DATA_CENTRE, altered(desk.market.valuations, swap))
    with pytest.raises(SourceError, match="about 920002, not 920001"):
        desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)


def test_prices_of_another_security_are_refused(desk: Desk) -> None:
    shenzhen_company = Company("000688", moving(9), "国城矿业", market="0")
    lines = [f"{day},9.00,9.10,9.20,8.90,1,1,1" for day in SESSIONS]
    document = eastmoney.price_document(shenzhen_company, lines)
    desk.server.answer(lambda request: request.params.get("secid") == "1.000688", document)
    with pytest.raises(SourceError, match=r"sh000688.*about 0\.000688, not 1\.000688"):
        desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)


def test_another_companys_prices_under_the_right_code_are_refused(desk: Desk) -> None:
    impostor = replace(desk.market.companies[0], closes=moving(5))
    served = Market([impostor])
    desk.server.answer(eastmoney.PRICES, served.prices)
    with pytest.raises(SourceError, match=r"stock_zh_a_hist_920001_qfq\.csv .*another company"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    assert set(desk.landing.entries()["interface"]) == {"stock_value_em"}


def test_price_columns_that_have_moved_are_refused(desk: Desk) -> None:
    def move(document: Any) -> None:
        lines = [line.split(",") for line in document["data"]["klines"]]
        document["data"]["klines"] = [
            ",".join([day, volume, opened, close, high, low, *others])
            for day, opened, close, high, low, volume, *others in lines
        ]

    desk.server.answer(eastmoney.PRICES, altered(desk.market.prices, move))
    with pytest.raises(SourceError, match="do not lie between low and high"):
        desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)


def test_days_that_cannot_be_read_are_refused(desk: Desk) -> None:
    def blur(document: Any) -> None:
        document["data"]["klines"][3] = "soon" + document["data"]["klines"][3][10:]

    desk.server.answer(eastmoney.PRICES, altered(desk.market.prices, blur))
    with pytest.raises(SourceError, match="1 days cannot be read"):
        desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)


def test_a_renamed_valuation_is_an_error(desk: Desk) -> None:
    def rename(document: Any) -> None:
        for row in document["result"]["data"]:
            row["PE_TTM_NEW"] = row.pop("PE_TTM")

    desk.server.answer(eastmoney.DATA_CENTRE, altered(desk.market.valuations, rename))
    with pytest.raises(SourceError, match=r"stock_value_em symbol=920001: .*cannot read"):
        desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)


@pytest.mark.parametrize(
    ("table", "function", "column"),
    [
        (tables.RAW_VALUATIONS, "stock_value_em", "PE(TTM)"),
        (tables.RAW_VALUATIONS, "stock_value_em", "总市值"),
        (tables.RAW_FINANCIALS, "stock_yjbb_em", "净利润-净利润"),
        (tables.RAW_ANNOUNCEMENTS, "stock_notice_report", "公告日期"),
    ],
)
def test_a_newer_package_with_other_columns_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, table: str, function: str, column: str
) -> None:
    import akshare

    real = getattr(akshare, function)

    @wraps(real)
    def newer(**arguments: str) -> pd.DataFrame:
        return real(**arguments).rename(columns={column: "改名"})

    monkeypatch.setattr(akshare, function, newer)
    with pytest.raises(SourceError, match=rf"{function}.*{re.escape(column)}"):
        desk.source().deliver(ISSUE, table)


def test_a_package_that_asks_behind_our_back_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    import akshare

    @wraps(akshare.stock_value_em)
    def cached(symbol: str) -> pd.DataFrame:
        return pd.DataFrame({"数据日期": [ISSUE.close_date], "当日收盘价": [1.0], "代码": [symbol]})

    monkeypatch.setattr(akshare, "stock_value_em", cached)
    with pytest.raises(SourceError, match="cannot be checked"):
        desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)


def test_free_shares_in_the_place_of_total_shares_are_refused(desk: Desk) -> None:
    def mix(document: Any) -> None:
        for row in document["result"]["data"]:
            row["TOTAL_SHARES"], row["FREE_SHARES_A"] = row["FREE_SHARES_A"], row["TOTAL_SHARES"]

    desk.server.answer(eastmoney.DATA_CENTRE, altered(desk.market.valuations, mix))
    with pytest.raises(SourceError, match="总市值 is not 当日收盘价 × 总股本"):
        desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)


def test_results_whose_columns_have_moved_are_refused(desk: Desk) -> None:
    def move(document: Any) -> None:
        if document["result"]:
            document["result"]["data"] = [
                {"NEW_FIELD": 1.0} | {name: row[name] for name in list(row)[:-1]}
                for row in document["result"]["data"]
            ]

    desk.server.answer(eastmoney.DATA_CENTRE, altered(desk.market.year_results, move))
    with pytest.raises(SourceError, match=r"stock_yjbb_em date=20241231: .*have moved"):
        desk.source().deliver(ISSUE, tables.RAW_FINANCIALS)


def test_results_with_another_column_are_an_error(desk: Desk) -> None:
    def add(document: Any) -> None:
        for row in (document["result"] or {"data": []})["data"]:
            row["NEW_FIELD"] = 1.0

    desk.server.answer(eastmoney.DATA_CENTRE, altered(desk.market.year_results, add))
    with pytest.raises(SourceError, match=r"stock_yjbb_em date=20241231: .*cannot read.*Length"):
        desk.source().deliver(ISSUE, tables.RAW_FINANCIALS)


def test_a_cut_page_is_asked_for_again(desk: Desk) -> None:
    def cut(document: Any) -> None:
        document["result"]["data"] = document["result"]["data"][:-1]

    cut_short = altered(desk.market.valuations, cut)
    desk.server.answer(eastmoney.DATA_CENTRE, cut_short, desk.market.valuations)
    found = desk.source(["920001"]).deliver(ISSUE, tables.RAW_VALUATIONS)
    assert len(found[0].content.splitlines()) == 1 + len(SESSIONS)
    assert len(desk.server.requests) == 2
    desk.server.answer(eastmoney.DATA_CENTRE, cut_short)
    with pytest.raises(SourceError, match=r"rows instead of \d+: it is cut"):
        desk.source(["920002"]).deliver(ISSUE, tables.RAW_VALUATIONS)


def test_a_page_that_turns_to_nothing_is_an_error(desk: Desk) -> None:
    many = [
        Announcement("600000", date(2026, 2, 24), f"上海公司:第{number}号") for number in range(150)
    ]
    desk.market.announcements += many
    desk.server.answer(
        lambda request: request.params.get("page_index") == "2",
        {"data": None, "error": "", "success": 0},
    )
    with pytest.raises(SourceError, match=r"stock_notice_report symbol=全部 date=20260224"):
        desk.source().deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)


def test_a_page_that_the_package_drops_in_silence_is_an_error(desk: Desk) -> None:
    def unsort(document: Any) -> None:
        for item in document["data"]["list"]:
            if item["title"] == "某公司:业绩快报":
                item["columns"] = []

    desk.market.announcements.append(Announcement("920001", date(2026, 2, 27), "某公司:另一公告"))
    desk.server.answer(eastmoney.ANNOUNCEMENTS, altered(desk.market.announced, unsort))
    with pytest.raises(SourceError, match=r"stock_notice_report .*date=20260227"):
        desk.source().deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)


def test_a_title_never_goes_to_another_company(desk: Desk) -> None:
    bonds_only = Announcement(
        "", date(2026, 2, 25), "某债券:付息公告", also=(("BOND", "123456"), ("BOND", "123457"))
    )
    desk.market.announcements.insert(0, bonds_only)
    with pytest.raises(SourceError, match=r"gives '某债券:付息公告' to 920001"):
        desk.source().deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)


def test_dynamic_pe_is_never_asked_for_nor_read(desk: Desk) -> None:
    source = desk.source()
    for table in tables.RAW_TABLES:
        source.deliver(ISSUE, table)
    assert {request.path for request in desk.server.requests} == {
        eastmoney.DATA_CENTRE,
        eastmoney.PRICES,
        eastmoney.ANNOUNCEMENTS,
    }
    rows = "代码,最新价,市盈率-动态,总市值\n920001,10.0,40.1,500000000\n"
    spot = Delivery("akshare", "spot.csv", rows.encode(), "stock_bj_a_spot_em")
    with pytest.raises(DataError, match="dynamic"):
        read([spot], tables.RAW_VALUATIONS, ISSUE)
