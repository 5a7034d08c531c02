"""Several sources as one, and the same week from different vendors."""

import csv
import io

import pandas as pd
import pytest

from bj_pipeline.errors import ConfigurationError, NotYetAvailableError, SourceError
from bj_pipeline.issues import by_number
from bj_pipeline.settings import Settings
from bj_pipeline.sources import Delivery
from bj_pipeline.sources.combined import CombinedSource, read_profile
from bj_pipeline.sources.layouts import read
from bj_pipeline.sources.registry import open_source
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline.warehouse import tables

ISSUE = by_number(65)
CODES = ("920060.BJ", "920493.BJ", "920670.BJ", "929001.BJ")


class Unreachable:
    """A source whose vendor does not answer."""

    name = "unreachable"
    pool_file = None

    def __init__(self, error):
        self.error = error

    def remarks(self):
        return ("it never answers",)

    def deliver(self, issue, table):
        raise self.error


def combined(*sources):
    return CombinedSource("both", {tables.RAW_QUOTES: sources})


def test_a_source_that_cannot_be_reached_is_passed_over_while_another_serves_the_table():
    source = combined(Unreachable(SourceError("down")), SampleSource())
    assert [one.name for one in source.deliver(ISSUE, tables.RAW_QUOTES)] == ["sample_quotes.csv"]


@pytest.mark.parametrize("error", [SourceError("down"), NotYetAvailableError("tomorrow")])
def test_where_no_source_answers_the_first_error_is_told(error):
    with pytest.raises(type(error), match=str(error)):
        combined(Unreachable(error)).deliver(ISSUE, tables.RAW_QUOTES)


def test_an_error_of_configuration_is_never_passed_over():
    source = combined(Unreachable(ConfigurationError("no token")), SampleSource())
    with pytest.raises(ConfigurationError, match="no token"):
        source.deliver(ISSUE, tables.RAW_QUOTES)


def test_a_table_without_a_source_is_empty():
    assert combined(SampleSource()).deliver(ISSUE, tables.RAW_FINANCIALS) == []


def test_the_preferred_source_comes_first_and_remarks_are_gathered():
    source = combined(Unreachable(SourceError("down")), SampleSource())
    assert source.remarks() == ("it never answers",)


def test_a_profile_opens_its_sources_in_order(tmp_path):
    profile = tmp_path / "house.yaml"
    profile.write_text("raw_quotes: [sample, landing]\nraw_listings: [sample]\n", encoding="utf-8")
    source = open_source(str(profile), None, Settings(home=tmp_path / "home"))
    assert source.name == "house"
    assert [one.name for one in source.by_table[tables.RAW_QUOTES]] == ["sample", "landing"]
    assert source.by_table[tables.RAW_LISTINGS][0] is source.by_table[tables.RAW_QUOTES][0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raw_quote: [sample]", "raw_quote is no raw table"),
        ("raw_quotes: sample", "raw_quotes has a list of sources"),
        ("- sample", "a profile maps raw tables"),
        ("raw_quotes: [", "not a YAML file"),
        ("raw_quotes: [terminal]", "there is no source 'terminal'"),
    ],
)
def test_a_wrong_profile_is_explained(tmp_path, text, told):
    profile = tmp_path / "house.yaml"
    profile.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=told):
        open_source(str(profile), None, Settings(home=tmp_path / "home"))


def test_a_missing_profile_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"There is no profile .*nowhere.yaml"):
        read_profile(tmp_path / "nowhere.yaml")


def _sample(table):
    sent = SampleSource().deliver(ISSUE, table)[0]
    frame = pd.read_csv(io.BytesIO(sent.content), dtype={"code": "str"})
    return frame[frame["code"].isin(CODES)]


def _csv(name, rows, **given):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return Delivery(name=name, content=text.getvalue().encode(), **{"vendor": ""} | given)


def _akshare():
    """The week as AkShare's functions return it: two answers a company."""
    quotes, values = _sample(tables.RAW_QUOTES), _sample(tables.RAW_VALUATIONS)
    sent = []
    for code in CODES:
        mine = quotes[quotes["code"] == code]
        valued = values[values["code"] == code].merge(mine[["date", "close"]], on="date")
        header = ["数据日期", "当日收盘价", "当日涨跌幅", "总市值", "流通市值", "总股本",
                  "流通股本", "PE(TTM)", "PE(静)", "市净率", "PEG值", "市现率",
                  "市销率"]  # fmt: skip
        rows = [
            [row.date, row.close, 0, row.market_cap, 0, row.total_shares, 0, row.pe_ttm] + [0] * 5
            for row in valued.itertuples()
        ]
        sent.append(_csv(f"stock_value_em_{code[:6]}.csv", [header, *rows]))
        for adjust, factor in (("", None), ("qfq", "adj_factor")):
            header = ["日期", "股票代码", "开盘", "收盘", "最高", "最低", "成交量", "成交额",
                      "振幅", "涨跌幅", "涨跌额", "换手率"]  # fmt: skip
            rows = [
                [row.date, code[:6], row.close, row.close * (row.adj_factor if factor else 1),
                 row.close, row.close, int(row.volume) // 100, 0, 0, 0, 0, 0]
                for row in mine.itertuples()
            ]  # fmt: skip
            sent.append(
                _csv(
                    f"stock_zh_a_hist_{code[:6]}{adjust}.csv",
                    [header, *rows],
                    vendor="akshare",
                    interface="stock_zh_a_hist",
                    parameters={"symbol": code[:6], "adjust": adjust},
                )
            )
    return sent


def _wind():
    """The same week as a Wind spreadsheet: one column a measure and day, units in the header."""
    quotes, values = _sample(tables.RAW_QUOTES), _sample(tables.RAW_VALUATIONS)
    days = sorted(quotes["date"].unique())
    ends = [str(ISSUE.base_date), str(ISSUE.close_date)]
    header = ["证券代码", "证券简称"]
    header += [f"收盘价\n[交易日期] {day}\n[单位] 元" for day in days]
    header += [f"总市值\n[交易日期] {day}\n[单位] 亿元" for day in ends]
    header += [f"总股本\n[交易日期] {day}\n[单位] 万股" for day in ends]
    header += [f"市盈率PE(TTM)\n[交易日期] {day}" for day in ends]
    close = quotes.pivot_table(index="code", columns="date", values="close")
    at = {
        column: values.pivot_table(index="code", columns="date", values=column)
        for column in ("market_cap", "total_shares", "pe_ttm")
    }
    rows = [
        [code, "示例"]
        + [close.loc[code, day] for day in days]
        + [repr(float(at["market_cap"].loc[code, day]) / 1e8) for day in ends]
        + [repr(float(at["total_shares"].loc[code, day]) / 1e4) for day in ends]
        + [repr(float(at["pe_ttm"].loc[code, day])) for day in ends]
        for code in CODES
    ]
    return [_csv("wind.csv", [header, *rows, ["数据来源：Wind"]])]


def test_the_same_week_from_akshare_and_from_a_spreadsheet_gives_the_same_figures():
    akshare, wind = _akshare(), _wind()
    quotes = [read(sent, tables.RAW_QUOTES, ISSUE).frame for sent in (akshare, wind)]
    pd.testing.assert_frame_equal(*[one[["code", "date", "close"]] for one in quotes])
    columns = ["code", "date", "total_shares", "market_cap", "pe_ttm", "pe_ttm_is_loss"]
    values = [read(sent, tables.RAW_VALUATIONS, ISSUE).frame[columns] for sent in (akshare, wind)]
    pd.testing.assert_frame_equal(*values, rtol=1e-14)
    assert len(values[0]) == 2 * len(CODES)
