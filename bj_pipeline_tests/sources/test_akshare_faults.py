"""Faults of the connection to ``akshare``'s vendor leave no trace, or are named."""

import sys
from collections.abc import Callable
from datetime import date
from threading import Event

import pandas as pd
import pytest

from bj_pipeline.errors import ConfigurationError, SourceError
from bj_pipeline.sources import akshare_client
from bj_pipeline.sources.landing import Landing
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.sources import eastmoney
from bj_pipeline_tests.sources.akshare_desk import CODES, ISSUE, Desk
from bj_pipeline_tests.sources.eastmoney import Result
from bj_pipeline_tests.sources.vendor_server import EMPTY, HTML_INSTEAD, Request, Response

FAULTS = {
    "an empty body": EMPTY,
    "HTML instead of JSON": HTML_INSTEAD,
    "HTTP 403": Response(status=403),
    "HTTP 429": Response(status=429),
    "HTTP 500": Response(status=500),
    "a reset in mid-body": Response({"padding": "x" * 5000}, reset=True),
    "a document of another shape": Response({"data": None, "result": {}, "code": 0}),
    "an empty list, as for those who ask too often": Response(
        {"rc": 0, "data": {"code": "920001", "market": 0, "klines": []}, "result": None, "code": 1}
    ),
}
PATHS = {
    tables.RAW_VALUATIONS: eastmoney.DATA_CENTRE,
    tables.RAW_INDEX_QUOTES: eastmoney.PRICES,
    tables.RAW_FINANCIALS: eastmoney.DATA_CENTRE,
    tables.RAW_ANNOUNCEMENTS: eastmoney.ANNOUNCEMENTS,
}


def honest(desk: Desk, path: str) -> Callable[[Request], object]:
    reports = {
        eastmoney.VALUATIONS: desk.market.valuations,
        eastmoney.RESULTS: desk.market.year_results,
    }
    return {
        eastmoney.DATA_CENTRE: lambda request: reports[request.params["reportName"]](request),
        eastmoney.PRICES: desk.market.prices,
        eastmoney.ANNOUNCEMENTS: desk.market.announced,
    }[path]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("table", PATHS)
def test_a_fault_that_passes_leaves_no_trace(desk: Desk, table: str, fault: Response) -> None:
    path = PATHS[table]
    desk.server.answer(path, fault, fault, honest(desk, path))
    found = desk.read(table, codes=CODES[:1]).frame
    desk.landing = Landing(desk.landing.folder / "2", Warehouse(f"{desk.landing.warehouse.url}2"))
    pd.testing.assert_frame_equal(found, desk.read(table, codes=CODES[:1]).frame)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("table", PATHS)
def test_a_fault_that_stays_names_the_call(desk: Desk, table: str, fault: Response) -> None:
    desk.server.answer(PATHS[table], fault)
    with pytest.raises(SourceError, match=r"akshare stock_\w+ (symbol|date)=\S+.*: .*3 attempts"):
        desk.source().deliver(ISSUE, table)
    assert desk.landing.entries().empty


def test_a_server_that_never_answers_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(akshare_client, "_TIME_LIMIT", 0.05)
    over = Event()

    def silence(_request: Request) -> object:
        over.wait(10)
        return EMPTY

    desk.server.answer(eastmoney.DATA_CENTRE, silence)
    with pytest.raises(SourceError, match=r"stock_value_em symbol=920001.*Timeout"):
        desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)
    over.set()


def test_a_page_that_is_missing_is_an_error(desk: Desk) -> None:
    desk.market.results += [
        Result(f"6{number:05d}", 2024, 1e9, 1e8, date(2025, 4, 1)) for number in range(600)
    ]
    desk.server.answer(
        lambda request: request.params.get("pageNumber") == "2", Response(status=404)
    )
    with pytest.raises(SourceError, match=r"stock_yjbb_em date=20241231: .*HTTP 404"):
        desk.source().deliver(ISSUE, tables.RAW_FINANCIALS)


def test_the_package_is_left_as_it_was(desk: Desk) -> None:
    import akshare  # noqa: F401 - only where it is installed
    import requests

    desk.server.answer(eastmoney.PRICES, EMPTY)
    with pytest.raises(SourceError):
        desk.source().deliver(ISSUE, tables.RAW_INDEX_QUOTES)
    desk.source().deliver(ISSUE, tables.RAW_VALUATIONS)
    for module in ("akshare.index.index_stock_zh", "akshare.request"):
        assert sys.modules[module].requests is requests


def test_without_the_package_it_says_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "akshare", None)
    with pytest.raises(ConfigurationError, match=r"bj-pipeline\[akshare\]"):
        desk.source().deliver(ISSUE, tables.RAW_QUOTES)
