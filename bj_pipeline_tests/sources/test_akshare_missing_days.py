"""Days that an answer of ``akshare`` lacks: a suspension, or an answer that was cut."""

import json
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from bj_pipeline.errors import NotYetAvailableError, SourceError
from bj_pipeline.issues import by_number
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources import eastmoney
from bj_pipeline_tests.sources.akshare_desk import (
    CODES,
    ISSUE,
    SHANGHAI,
    Desk,
    altered,
    moving,
    prices_of,
    without,
)
from bj_pipeline_tests.sources.eastmoney import Market, Suspension


def test_a_history_cut_before_the_close_date_is_not_taken_for_a_suspension(desk: Desk) -> None:
    without(desk.market.companies[1], *ISSUE.sessions[2:], *by_number(66).sessions)
    with pytest.raises(NotYetAvailableError, match=r"920002\.csv: .*end on 2026-02-25.*cut"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    assert {each["symbol"] for each in desk_parameters(desk)} == {"920001"}


def desk_parameters(desk: Desk) -> list[dict[str, str]]:
    entries = desk.landing.entries()
    histories = entries[entries["interface"] != "stock_tfp_em"]
    return [json.loads(text) for text in histories["parameters"]]


def test_prices_cut_before_the_close_date_are_not_used(desk: Desk) -> None:
    def cut(document: Any) -> None:
        document["data"]["klines"] = document["data"]["klines"][:-3]

    desk.server.answer(eastmoney.PRICES, altered(desk.market.prices, cut))
    with pytest.raises(NotYetAvailableError, match=r"stock_zh_a_hist_920001_qfq\.csv"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    with pytest.raises(NotYetAvailableError, match=r"stock_zh_index_daily_em_bj899050\.csv"):
        desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)


def test_a_suspended_company_keeps_its_last_price(desk: Desk) -> None:
    without(desk.market.companies[1], *ISSUE.sessions[2:], *by_number(66).sessions)
    desk.market.suspensions.append(Suspension("920002", ISSUE.sessions[2], None))
    prices = prices_of(desk, ISSUE, CODES)
    assert prices.loc["920002.BJ", "status"] == "suspended"
    assert prices.loc["920002.BJ", "close"] == moving(1)[ISSUE.sessions[1]]
    assert prices.loc["920001.BJ", "status"] == "trading"
    suspended = desk.asked(eastmoney.DATA_CENTRE, reportName=eastmoney.SUSPENSIONS)
    assert len(suspended) == 1, "the list of a day serves all companies"


def test_a_suspension_that_is_over_explains_nothing(desk: Desk) -> None:
    without(desk.market.companies[1], *ISSUE.sessions[2:], *by_number(66).sessions)
    over = Suspension("920002", ISSUE.sessions[1], ISSUE.sessions[2])
    desk.market.suspensions.append(over)
    with pytest.raises(NotYetAvailableError, match="no suspension"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)


def test_a_last_price_that_was_cut_off_is_not_kept_over_a_suspension(desk: Desk) -> None:
    company = desk.market.companies[0]
    without(company, *ISSUE.sessions[2:], *by_number(66).sessions)
    desk.market.suspensions.append(Suspension("920001", ISSUE.sessions[2], None))
    cut = replace(company)
    without(cut, ISSUE.sessions[1])
    desk.server.answer(
        lambda request: request.params.get("reportName") == eastmoney.VALUATIONS,
        Market([cut]).valuations,
    )
    with pytest.raises(SourceError, match=r"has 2026-02-25, which the other one lacks"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)


def test_suspensions_whose_columns_have_moved_are_refused(desk: Desk) -> None:
    without(desk.market.companies[1], *ISSUE.sessions[2:], *by_number(66).sessions)
    desk.market.suspensions.append(Suspension("920002", ISSUE.sessions[2], None))

    def swap(document: Any) -> None:
        for row in document["result"]["data"]:
            reordered = {name: row[name] for name in reversed(list(row))}
            row.clear()
            row.update(reordered)

    moved = altered(desk.market.suspended, swap)
    desk.server.answer(
        lambda request: request.params.get("reportName") == eastmoney.SUSPENSIONS, moved
    )
    with pytest.raises(SourceError, match=r"stock_tfp_em date=20260227: .*have moved"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)


def test_a_vendor_that_lags_a_day_serves_earlier_issues(desk: Desk) -> None:
    for company in desk.market.companies:
        without(company, date(2026, 3, 2), *by_number(66).sessions)
    desk.moment = datetime(2026, 3, 2, 16, 0, tzinfo=SHANGHAI)
    deliveries = desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    assert {each.parameters["end"] for each in deliveries} == {"20260227"}


def test_an_issue_whose_week_is_not_over_asks_nothing(desk: Desk) -> None:
    desk.moment = datetime(2026, 2, 27, 14, 59, tzinfo=SHANGHAI)
    with pytest.raises(NotYetAvailableError, match="2026-02-27, which closes issue 65"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)
    assert desk.server.requests == []


def test_todays_unfinished_day_is_not_fetched(desk: Desk) -> None:
    desk.moment = datetime(2026, 3, 3, 11, 0, tzinfo=SHANGHAI)
    desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)
    assert {request.params["end"] for request in desk.asked(eastmoney.PRICES)} == {"20260302"}
