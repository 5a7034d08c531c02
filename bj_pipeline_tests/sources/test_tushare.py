"""Tushare Pro: its real client against a server of ours, with real values where they exist."""

import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from bj_pipeline.errors import (
    ConfigurationError,
    DataError,
    NotYetAvailableError,
    PipelineError,
    SourceError,
)
from bj_pipeline.issues import by_number
from bj_pipeline.sources.files import FilesSource
from bj_pipeline.sources.landing import Landing
from bj_pipeline.sources.layouts import read
from bj_pipeline.sources.tushare import TushareSource
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.sources.vendor_server import (
    EMPTY,
    HTML_INSTEAD,
    Request,
    Response,
    VendorServer,
)

pytestmark = pytest.mark.skipif(
    find_spec("tushare") is None, reason="the extra `tushare` is not installed"
)

MARKET = Path(__file__).parents[3] / "shared" / "market"
with_market = pytest.mark.skipif(not MARKET.is_dir(), reason="needs the market data")

ISSUE = by_number(65)
TOKEN = "4f1d9c0b7a6e5f4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a09"  # noqa: S105 - made up
LATER = datetime(2026, 6, 1, tzinfo=UTC)
CODES = ("920001.BJ", "920493.BJ")
CAP = 6000
QUOTES = ("daily", "adj_factor")


class Vendor:
    """A server that answers as Tushare does, out of one frame an interface."""

    def __init__(self, server: VendorServer) -> None:
        self.server = server
        self.frames: dict[str, pd.DataFrame] = {}
        server.answer(lambda request: request.path.startswith("/dataapi/"), self.respond)

    @property
    def url(self) -> str:
        return f"{self.server.url}/dataapi"

    @property
    def calls(self) -> list[tuple[str, dict[str, str]]]:
        """Interface and parameters of every request, without the client's own."""
        found = []
        for request in self.server.requests:
            params = {k: v for k, v in request.json["params"].items() if k != "ts_type_name"}
            found.append((request.json["api_name"], params))
        return found

    def asked(self, interface: str) -> list[dict[str, str]]:
        return [params for name, params in self.calls if name == interface]

    def fail(self, interface: str, *responses: object) -> None:
        self.server.answer(f"/dataapi/{interface}", *responses)

    def respond(self, request: Request) -> object:
        if request.json["token"] != TOKEN:
            return refusal("您的token不对，请确认。", 40101)
        frame = self.frames[request.json["api_name"]]
        params = request.json["params"]
        for name, value in params.items():
            if name == "ts_code":
                frame = frame[frame["ts_code"].isin(value.split(","))]
            elif name == "period":
                frame = frame[frame["end_date"] == value]
            elif name in {"trade_date", "ann_date", "list_status"} and name in frame:
                frame = frame[frame[name] == value]
        days = next((name for name in ("trade_date", "cal_date") if name in frame), None)
        if days and "start_date" in params:
            frame = frame[frame[days].between(params["start_date"], params["end_date"])]
        return result(frame, request.json["fields"])


def result(frame: pd.DataFrame, fields: str = "") -> dict[str, object]:
    """The document that the vendor sends."""
    names = [name for name in (fields or ",".join(frame)).split(",") if name in frame]
    kept = frame[names].astype(object)
    items = kept.where(kept.notna(), None).to_numpy().tolist()
    return {
        "request_id": "1",
        "code": 0,
        "msg": "",
        "data": {"fields": names, "items": items, "has_more": False},
    }


def refusal(message: str, code: int = 40203) -> dict[str, object]:
    return {"request_id": "1", "code": code, "msg": message, "data": None}


def rows(columns: str, *lines: str) -> pd.DataFrame:
    """A small frame: codes and days are text, the rest numbers where they can be."""
    frame = pd.DataFrame([line.split() for line in lines], columns=columns.split(), dtype=object)
    for name in frame.columns.intersection(["close", "vol", "adj_factor", "total_share"]):
        frame[name] = frame[name].astype(float)
    return frame


def small_week(codes: tuple[str, ...] = CODES) -> dict[str, pd.DataFrame]:
    """Two companies, all days of issue 65."""
    days = [f"{day:%Y%m%d}" for day in (ISSUE.base_date, *ISSUE.sessions)]
    keys = [(code, day) for code in codes for day in days]
    quotes = pd.DataFrame(keys, columns=["ts_code", "trade_date"])
    return {
        "daily": quotes.assign(close=12.3, vol=100.5),
        "adj_factor": quotes.assign(adj_factor=1.0),
        "stock_basic": rows(
            "ts_code name list_date list_status",
            *(f"{code} 公司 20200727 L" for code in codes),
        ),
    }


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with VendorServer() as server:
        yield Vendor(server)


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def source(vendor: Vendor, waits: list[float], tmp_path: Path) -> TushareSource:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    landing = Landing(tmp_path / "landing", warehouse, lambda: LATER)
    return TushareSource(
        landing,
        TOKEN,
        CODES,
        url=vendor.url,
        per_minute=float("inf"),
        attempts=3,
        wait=waits.append,
    )


def at(source: TushareSource, moment: datetime) -> TushareSource:
    """The source as it is at some time."""
    return replace(source, landing=replace(source.landing, clock=lambda: moment))


@cache
def market(number: int, name: str) -> pd.DataFrame:
    text = ("ts_code", "trade_date", "end_date", "list_date", "symbol", "name")
    path = MARKET / f"issue_{number:03d}" / f"{name}.csv"
    return pd.read_csv(path, dtype=dict.fromkeys(text, "str"))


@cache
def real_codes() -> tuple[str, ...]:
    return tuple(market(65, "stock_basic")["ts_code"])


def serve_market(vendor: Vendor) -> None:
    for name in ("daily", "adj_factor", "daily_basic", "index_daily", "stock_basic"):
        vendor.frames[name] = market(65, name)
    vendor.frames["stock_basic"] = market(65, "stock_basic").assign(list_status="L")
    vendor.frames["income"] = market(65, "income")


@with_market
@pytest.mark.parametrize(
    "table",
    [
        tables.RAW_QUOTES,
        tables.RAW_VALUATIONS,
        tables.RAW_INDEX_QUOTES,
        tables.RAW_LISTINGS,
        tables.RAW_FINANCIALS,
    ],
)
def test_a_week_from_the_vendor_equals_the_week_from_its_files(vendor, source, table):
    serve_market(vendor)
    source = replace(source, codes=real_codes() if table != tables.RAW_FINANCIALS else CODES)
    delivered = read(source.deliver(ISSUE, table), table, ISSUE).frame
    expected = read(FilesSource(MARKET / "issue_065").deliver(ISSUE, table), table, ISSUE).frame
    if table == tables.RAW_FINANCIALS:
        expected = expected[expected["code"].isin(CODES)].reset_index(drop=True)
    assert not expected.empty
    pd.testing.assert_frame_equal(
        delivered.drop(columns="source_file"), expected.drop(columns="source_file")
    )


@with_market
def test_a_week_of_the_whole_market_takes_a_call_a_day_and_none_the_second_time(vendor, source):
    serve_market(vendor)
    source = replace(source, codes=real_codes())
    source.deliver(ISSUE, tables.RAW_QUOTES)
    source.deliver(ISSUE, tables.RAW_VALUATIONS)
    days = ["20260213", "20260224", "20260225", "20260226", "20260227"]
    assert [call for call in vendor.calls if "trade_date" in call[1]] == [
        *((name, {"trade_date": day}) for name in QUOTES for day in days),
        *(("daily_basic", {"trade_date": day}) for day in (days[0], days[-1])),
    ]
    before = len(vendor.calls)
    for table in (tables.RAW_QUOTES, tables.RAW_VALUATIONS):
        replace(source).deliver(ISSUE, table)
    assert len(vendor.calls) == before


@with_market
def test_a_company_suspended_at_the_close_date_keeps_its_last_valuation(vendor, source):
    serve_market(vendor)
    code, basic = "920493.BJ", market(65, "daily_basic")
    at_close = basic["trade_date"] == "20260227"
    own = basic["ts_code"] == code
    others = basic[at_close & ~own]
    midweek = [basic[at_close].assign(trade_date=day) for day in ("20260224", "20260225")]
    vendor.frames["daily_basic"] = pd.concat(
        [basic[~at_close], *midweek, others.assign(trade_date="20260226"), others]
    )
    table = tables.RAW_VALUATIONS
    valuations = read(source.deliver(ISSUE, table), table, ISSUE).frame
    assert list(valuations[valuations["code"] == code]["date"]) == [
        date(2026, 2, 13),
        date(2026, 2, 25),
    ]


@with_market
def test_the_next_issue_asks_only_for_its_own_days(vendor, source):
    for name in QUOTES:
        vendor.frames[name] = pd.concat([market(64, name), market(65, name)]).drop_duplicates()
    vendor.frames["stock_basic"] = market(65, "stock_basic").assign(list_status="L")
    source.deliver(by_number(64), tables.RAW_QUOTES)
    vendor.server.forget()
    source.deliver(ISSUE, tables.RAW_QUOTES)
    assert [call["trade_date"] for call in vendor.asked("daily")] == [
        f"{day:%Y%m%d}" for day in ISSUE.sessions
    ]


@with_market
def test_a_company_suspended_over_the_base_date_keeps_its_last_price(vendor, source):
    code, issue = "920305.BJ", by_number(64)
    closes = pd.read_csv(MARKET / "daily_close.csv.gz", dtype={"code": "str"})
    closes = closes[closes["code"].str[:6] == code[:6]].sort_values("date")
    last = closes[closes["date"] <= "2026-02-06"].iloc[-1]
    earlier = pd.DataFrame(
        {"ts_code": [code], "trade_date": [last["date"].replace("-", "")], "close": last["close"]}
    )
    vendor.frames = {
        "daily": pd.concat([market(64, "daily"), earlier.assign(vol=1.0)]),
        "adj_factor": pd.concat([market(64, "adj_factor"), earlier.assign(adj_factor=1.0)]),
        "stock_basic": market(65, "stock_basic").assign(list_status="L"),
    }
    vendor.frames["daily"] = vendor.frames["daily"].drop_duplicates(["ts_code", "trade_date"])
    vendor.frames["adj_factor"] = vendor.frames["adj_factor"].drop_duplicates(
        ["ts_code", "trade_date"]
    )
    source = replace(source, codes=real_codes())
    quotes = read(source.deliver(issue, tables.RAW_QUOTES), tables.RAW_QUOTES, issue).frame
    own = quotes[quotes["code"] == code]
    at_base = own[own["date"] <= issue.base_date]
    assert list(at_base["date"]) == [date(2026, 2, 4)]
    assert list(at_base["close"]) == [last["close"]]
    assert at_base["adj_factor"].notna().all()
    asked = [call for call in vendor.asked("daily") if "ts_code" in call]
    assert {"ts_code": code, "start_date": "20251228", "end_date": "20260205"} in asked


def test_a_company_not_yet_listed_or_delisted_is_not_asked_for(vendor, source):
    vendor.frames = small_week()
    vendor.frames["stock_basic"] = rows(
        "ts_code name list_date list_status delist_date",
        "920001.BJ 公司 20200727 L -",
        "920493.BJ 公司 20200727 L -",
        "920168.BJ 新股 20260226 L -",
        "920999.BJ 退市 20200727 D 20251231",
        "920998.BJ 停牌 20200727 L -",
    ).replace("-", None)
    codes = (*CODES, "920168.BJ", "920999.BJ", "920998.BJ")
    replace(source, codes=codes).deliver(ISSUE, tables.RAW_QUOTES)
    assert {call["ts_code"] for call in vendor.asked("daily") if "ts_code" in call} == {"920998.BJ"}


def test_the_switch_of_codes_is_no_delisting(vendor, source):
    vendor.frames = small_week(("920001.BJ",))
    vendor.frames["stock_basic"] = rows(
        "ts_code name list_date list_status delist_date",
        "920001.BJ 公司 20200727 L -",
        "920493.BJ 公司 20200727 L -",
        "833943.BJ 公司 20200727 D 20251009",
    ).replace("-", None)
    source = replace(source, codes=("920001.BJ", "920493.BJ", old_and_new()[1]))
    vendor.frames["stock_basic"].loc[2, "ts_code"] = old_and_new()[0]
    source.deliver(ISSUE, tables.RAW_QUOTES)
    asked = {call["ts_code"] for call in vendor.asked("daily") if "ts_code" in call}
    assert asked == {"920493.BJ", old_and_new()[1]}


def old_and_new() -> tuple[str, str]:
    return "430017.BJ", "920017.BJ"


def test_before_the_switch_a_suspended_company_is_asked_for_by_both_its_codes(vendor, source):
    issue = by_number(30)
    old, new = old_and_new()
    keys = [("920001.BJ", f"{day:%Y%m%d}") for day in (issue.base_date, *issue.sessions)]
    quotes = pd.DataFrame(keys, columns=["ts_code", "trade_date"])
    vendor.frames = {
        "daily": quotes.assign(close=1.0, vol=1.0),
        "adj_factor": quotes.assign(adj_factor=1.0),
        "stock_basic": rows("ts_code name list_date list_status", f"{new} 公司 20200727 L"),
    }
    replace(source, codes=("920001.BJ", new)).deliver(issue, tables.RAW_QUOTES)
    assert [call["ts_code"] for call in vendor.asked("daily") if "ts_code" in call] == [
        f"{new},{old}"
    ]


def test_an_interrupted_week_goes_on_where_it_stopped(vendor, source):
    vendor.frames = small_week()
    fails = Response(status=500)
    vendor.server.answer(
        lambda request: request.json["params"].get("trade_date") == "20260226", fails
    )
    with pytest.raises(SourceError):
        source.deliver(ISSUE, tables.RAW_QUOTES)
    vendor.server.forget()
    vendor.server.answer(lambda request: request.path.startswith("/dataapi/"), vendor.respond)
    assert source.deliver(ISSUE, tables.RAW_QUOTES)
    assert [call["trade_date"] for call in vendor.asked("daily")] == ["20260226", "20260227"]


def test_a_day_that_is_not_published_yet_is_named_and_asked_for_again(vendor, source):
    complete = small_week()
    vendor.frames = {**complete, "daily": complete["daily"][:-1].query("trade_date != '20260227'")}
    with pytest.raises(NotYetAvailableError, match="no daily of 2026-02-27 yet"):
        source.deliver(ISSUE, tables.RAW_QUOTES)
    assert len(vendor.asked("daily")) == 5
    vendor.frames = complete
    vendor.server.forget()
    assert source.deliver(ISSUE, tables.RAW_QUOTES)
    assert len(vendor.asked("daily")) == 1


def test_a_day_that_holds_other_exchanges_only_is_not_published_yet(vendor, source):
    vendor.frames = small_week()
    others = vendor.frames["daily"].assign(ts_code="600000.SH").drop_duplicates()
    last = vendor.frames["daily"]["trade_date"] == "20260227"
    vendor.frames["daily"] = pd.concat([vendor.frames["daily"][~last], others])
    with pytest.raises(NotYetAvailableError, match="2026-02-27"):
        source.deliver(ISSUE, tables.RAW_QUOTES)


def test_what_was_fetched_before_the_evening_is_asked_for_again_after_it(vendor, source):
    vendor.frames = small_week()
    afternoon = datetime(2026, 2, 27, 7, 30, tzinfo=UTC)
    evening = datetime(2026, 2, 27, 10, 30, tzinfo=UTC)
    at(source, afternoon).deliver(ISSUE, tables.RAW_QUOTES)
    vendor.server.forget()
    at(source, evening).deliver(ISSUE, tables.RAW_QUOTES)
    assert vendor.asked("daily") == [{"trade_date": "20260227"}]
    vendor.server.forget()
    at(source, evening).deliver(ISSUE, tables.RAW_QUOTES)
    assert vendor.asked("daily") == []


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response(status=403), "HTTP error"),
        (Response(status=429), "HTTP error"),
        (Response(status=500), "HTTP error"),
        (EMPTY, "is nothing"),
        (HTML_INSTEAD, "is a page of HTML"),
        (Response(refusal("系统错误，请稍后再试", 50101)), "系统错误"),
        (Response({"code": 0, "msg": "", "data": None}), "client failed"),
        (Response(result(small_week()["daily"]), reset=True), "connection failed"),
    ],
    ids=["403", "429", "500", "empty", "HTML", "vendor's error", "no data", "reset"],
)
def test_a_broken_answer_is_asked_for_again_and_never_becomes_a_number(
    vendor, source, waits, response, words
):
    vendor.frames = small_week()
    vendor.fail("daily", response)
    with pytest.raises(SourceError, match=words) as caught:
        source.deliver(ISSUE, tables.RAW_QUOTES)
    assert "daily trade_date=20260213" in str(caught.value)
    assert len(vendor.asked("daily")) == 3
    assert len(waits) == 2
    assert source.landing.entries().empty
    vendor.fail("daily", response, vendor.respond)
    assert read(source.deliver(ISSUE, tables.RAW_QUOTES), tables.RAW_QUOTES, ISSUE).frame.shape[0]


@pytest.mark.parametrize(
    "message",
    ["您的token不对，请确认。", "抱歉，您没有接口(daily)访问权限", "积分不足", "未授权凭证"],
)
def test_a_refused_licence_is_not_tried_again(vendor, source, waits, message):
    vendor.fail("daily", refusal(message))
    with pytest.raises(ConfigurationError, match="BJ_TUSHARE_TOKEN"):
        source.deliver(ISSUE, tables.RAW_QUOTES)
    assert len(vendor.calls) == 1
    assert waits == []


def test_without_a_token_what_is_landed_is_still_delivered(vendor, source):
    vendor.frames = small_week()
    delivered = source.deliver(ISSUE, tables.RAW_QUOTES)
    unlicensed = replace(source, token="")
    assert unlicensed.deliver(ISSUE, tables.RAW_QUOTES) == delivered
    with pytest.raises(ConfigurationError, match="set BJ_TUSHARE_TOKEN"):
        unlicensed.deliver(ISSUE, tables.RAW_INDEX_QUOTES)


def test_the_limit_of_calls_a_minute_is_waited_out(vendor, source, waits):
    vendor.frames = small_week()
    # The notice speaks of permissions too, which must not be taken for a refusal.
    notice = "抱歉，您每分钟最多访问该接口200次，权限的具体详情访问：https://tushare.pro/document/1?doc_id=108。"
    vendor.fail("daily", refusal(notice), vendor.respond)
    assert source.deliver(ISSUE, tables.RAW_QUOTES)
    assert len(waits) == 1
    assert waits[0] >= 60


def test_a_limit_of_calls_a_day_is_not_waited_for(vendor, source, waits):
    vendor.fail("daily", refusal("抱歉，您每天最多访问该接口5次，权限的具体详情访问：…"))
    with pytest.raises(SourceError, match="每天最多"):
        source.deliver(ISSUE, tables.RAW_QUOTES)
    assert len(vendor.calls) == 1
    assert waits == []


def crowd(size: int, day: str = "20260213") -> pd.DataFrame:
    """Our companies and so many others that there are that many rows."""
    others = [f"{600000 + number}.SH" for number in range(size - len(CODES))]
    frame = pd.DataFrame({"ts_code": [*CODES, *others], "trade_date": day})
    return frame.assign(close=9.9, vol=1.0)


def test_a_result_of_exactly_the_cap_is_asked_for_again_by_companies(vendor, source):
    vendor.frames = small_week()
    vendor.server.answer(
        lambda request: (
            request.json["params"] == {**request.json["params"], "trade_date": "20260213"}
            and request.json["api_name"] == "daily"
            and "ts_code" not in request.json["params"]
        ),
        result(crowd(CAP)),
    )
    delivered = source.deliver(ISSUE, tables.RAW_QUOTES)
    assert vendor.asked("daily")[:2] == [
        {"trade_date": "20260213"},
        {"ts_code": ",".join(CODES), "trade_date": "20260213"},
    ]
    frame = read(delivered, tables.RAW_QUOTES, ISSUE).frame
    assert set(frame["code"]) == set(CODES)
    assert frame["close"].eq(12.3).all()
    vendor.server.forget()
    assert source.deliver(ISSUE, tables.RAW_QUOTES) == delivered
    assert vendor.calls == []


def test_a_result_below_the_cap_is_complete(vendor, source):
    vendor.frames = small_week()
    day = vendor.frames["daily"]["trade_date"] == "20260213"
    vendor.frames["daily"] = pd.concat([vendor.frames["daily"][~day], crowd(CAP - 1)])
    source.deliver(ISSUE, tables.RAW_QUOTES)
    assert len(vendor.asked("daily")) == 5


def test_a_result_that_stays_cut_for_one_company_is_refused(vendor, source):
    whole = [f"title {number}" for number in range(2000)]
    frame = pd.DataFrame({"ann_date": "20260224", "title": whole, "name": "公司", "url": "u"})
    vendor.server.answer(
        "/dataapi/anns_d",
        lambda request: result(
            frame.assign(ts_code=request.json["params"].get("ts_code", CODES[0]).split(",")[0])
        ),
    )
    with pytest.raises(DataError, match="cap of 2000"):
        source.deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)


def test_parts_that_lose_a_company_of_the_cut_result_are_refused(vendor, source):
    vendor.frames = small_week()
    vendor.server.answer(
        lambda request: request.json["api_name"] == "daily",
        lambda request: result(
            crowd(CAP) if "ts_code" not in request.json["params"] else crowd(CAP)[:1]
        ),
    )
    with pytest.raises(DataError, match=r"no 920493\.BJ"):
        source.deliver(ISSUE, tables.RAW_QUOTES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.rename(columns={"close": "last"}), "without the columns close"),
        (lambda frame: frame.assign(trade_date="20260212"), "rows of other days: 20260212"),
    ],
    ids=["renamed column", "wrong day"],
)
def test_an_answer_to_another_question_is_kept_but_never_used(vendor, source, change, words):
    vendor.frames = small_week()
    wrong = change(vendor.frames["daily"].query("trade_date == '20260213'"))
    vendor.fail("daily", result(wrong), vendor.respond)
    with pytest.raises(SourceError, match=words):
        source.deliver(ISSUE, tables.RAW_QUOTES)
    assert list(source.landing.entries()["name"]) == ["daily_20260213.csv"]
    delivered = source.deliver(ISSUE, tables.RAW_QUOTES)
    assert read(delivered, tables.RAW_QUOTES, ISSUE).frame["close"].eq(12.3).all()


@with_market
def test_another_index_than_the_one_asked_for_is_refused(vendor, source):
    wrong = market(65, "index_daily").query("ts_code == '399006.SZ'")
    vendor.fail("index_daily", result(wrong))
    with pytest.raises(SourceError, match=r"rows of others: 399006\.SZ"):
        source.deliver(ISSUE, tables.RAW_INDEX_QUOTES)


@with_market
def test_indices_without_the_close_date_are_not_there_yet(vendor, source):
    complete = market(65, "index_daily")
    vendor.frames["index_daily"] = complete.query("trade_date != '20260227'")
    with pytest.raises(NotYetAvailableError, match="index_daily of 2026-02-27"):
        source.deliver(ISSUE, tables.RAW_INDEX_QUOTES)
    vendor.frames["index_daily"] = complete
    assert len(source.deliver(ISSUE, tables.RAW_INDEX_QUOTES)) == 4


def accounts(*lines: str) -> pd.DataFrame:
    columns = "ts_code ann_date end_date report_type update_flag total_revenue n_income_attr_p"
    return rows(columns, *lines)


def test_accounts_that_were_not_published_are_asked_for_again_by_a_later_issue(vendor, source):
    vendor.frames["income"] = accounts("920493.BJ 20250425 20241231 1 0 1e8 1e7")
    source = replace(source, codes=("920493.BJ",))
    first = at(source, datetime(2026, 2, 28, tzinfo=UTC)).deliver(ISSUE, tables.RAW_FINANCIALS)
    assert [delivery.parameters["period"] for delivery in first] == ["20241231"]
    vendor.frames["income"] = accounts(
        "920493.BJ 20250425 20241231 1 0 1e8 1e7", "920493.BJ 20260304 20251231 1 0 2e8 2e7"
    )
    vendor.server.forget()
    later = by_number(66)
    second = at(source, datetime(2026, 3, 7, tzinfo=UTC)).deliver(later, tables.RAW_FINANCIALS)
    assert [call["period"] for call in vendor.asked("income")] == ["20251231"]
    frame = read(second, tables.RAW_FINANCIALS, later).frame.set_index("fiscal_year")
    assert frame["revenue"].to_dict() == {2024: 1e8, 2025: 2e8}
    assert frame["published"].to_dict() == {2024: date(2025, 4, 25), 2025: date(2026, 3, 4)}


def test_corrected_accounts_are_noticed_within_some_months(vendor, source):
    source = replace(source, codes=("920493.BJ",))
    vendor.frames["income"] = accounts("920493.BJ 20250425 20241231 1 0 1e8 1e7")
    at(source, datetime(2025, 11, 1, tzinfo=UTC)).deliver(by_number(49), tables.RAW_FINANCIALS)
    corrected = accounts("920493.BJ 20250425 20241231 1 1 9e7 1e7")
    vendor.frames["income"] = pd.concat([vendor.frames["income"], corrected])
    delivered = at(source, datetime(2026, 2, 28, tzinfo=UTC)).deliver(ISSUE, tables.RAW_FINANCIALS)
    assert read(delivered, tables.RAW_FINANCIALS, ISSUE).frame["revenue"].to_list() == [9e7]


def test_announcements_are_asked_for_a_day_at_a_time_from_monday_to_sunday(vendor, source):
    vendor.frames["anns_d"] = rows(
        "ann_date ts_code name title url",
        "20260225 920493.BJ 公司 关于回购的公告 u1",
        "20260225 600000.SH 别家 年报 u2",
    )
    delivered = source.deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)
    asked = [call["ann_date"] for call in vendor.asked("anns_d")]
    assert (asked[0], asked[-1], len(asked)) == ("20260216", "20260301", 14)
    frame = read(delivered, tables.RAW_ANNOUNCEMENTS, ISSUE).frame
    assert frame[["code", "title"]].to_numpy().tolist() == [["920493.BJ", "关于回购的公告"]]


def test_a_day_of_announcements_is_final_only_after_midnight(vendor, source):
    vendor.frames["anns_d"] = rows("ann_date ts_code name title url")
    evening = datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
    at(source, evening).deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)
    vendor.server.forget()
    at(source, LATER).deliver(ISSUE, tables.RAW_ANNOUNCEMENTS)
    assert vendor.asked("anns_d") == [{"ann_date": "20260301"}]


def test_values_arrive_as_the_client_gave_them(vendor, source):
    vendor.frames = small_week()
    text = source.deliver(ISSUE, tables.RAW_QUOTES)[0].content.decode()
    assert text == (
        "ts_code,trade_date,close,vol\n920001.BJ,20260213,12.3,100.5\n920493.BJ,20260213,12.3,100.5\n"
    )


def test_the_vendors_own_lists_can_be_compared(vendor, source):
    vendor.frames["bse_mapping"] = rows(
        "name o_code n_code list_date", "方大新材 838163.BJ 920163.BJ 20200727"
    )
    vendor.frames["trade_cal"] = pd.DataFrame(
        {
            "exchange": "SSE",
            "cal_date": ["20260214", "20260213"],
            "is_open": [0, 1],
            "pretrade_date": ["20260213", None],
        }
    )
    assert source.code_mapping() == {"838163.BJ": "920163.BJ"}
    assert source.sessions(date(2026, 2, 13), date(2026, 2, 14)) == (date(2026, 2, 13),)


@pytest.mark.parametrize(
    "respond",
    [
        lambda request: refusal(f"您的token {request.json['token']} 不对，请确认。"),
        lambda request: refusal(f"{request.json['token']}: 系统错误"),
        lambda request: Response(f"<html>{request.json['token']}</html>"),
        lambda _request: Response(status=500),
        lambda _request: result(rows("ts_code trade_date")),
    ],
    ids=["refused", "vendor's error", "HTML", "HTTP", "columns"],
)
def test_the_token_is_shown_nowhere(vendor, source, caplog, respond: Callable[[Request], object]):
    caplog.set_level(logging.DEBUG)
    vendor.fail("daily", respond)
    with pytest.raises(PipelineError) as caught:
        source.deliver(ISSUE, tables.RAW_QUOTES)
    assert vendor.server.requests[0].json["token"] == TOKEN
    link: BaseException | None = caught.value
    shown = [repr(source), caplog.text, *traceback.format_exception(caught.value)]
    while link is not None:
        shown.append(str(link))
        link = link.__cause__ or link.__context__
    kept = [path.read_bytes() for path in source.landing.folder.rglob("*") if path.is_file()]
    shown += [content.decode() for content in kept]
    shown.append(source.landing.entries().to_csv())
    assert not [text for text in shown if TOKEN in text]
