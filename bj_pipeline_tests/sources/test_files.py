import pytest

from bj_pipeline.errors import ConfigurationError, DataError
from bj_pipeline.sources import layouts
from bj_pipeline.sources.files import FilesSource
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.vendor_files import (
    ISSUE_65,
    MARKET,
    needs_market,
    openpyxl_xlsx,
    text,
)

DAILY = [["ts_code", "trade_date", "close", "vol"], ["920493.BJ", "20260227", "1", "1"]]
NOTICES = [
    ["代码", "名称", "公告标题", "公告类型", "公告日期", "网址"],
    ["920493", "并行科技", "公告", "a", "2026-02-26", "b"],
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "daily.csv").write_bytes(text(DAILY))
    (tmp_path / "inbox" / "公告.csv").write_bytes(text(NOTICES, "gb18030"))
    return tmp_path / "inbox"


def names(folder, table):
    return [delivery.name for delivery in FilesSource(folder).deliver(ISSUE_65, table)]


def test_a_file_is_delivered_for_the_tables_that_it_feeds_and_no_other(folder):
    delivered = {table: names(folder, table) for table in tables.RAW_TABLES}
    assert delivered.pop(tables.RAW_QUOTES) == ["daily.csv"]
    assert delivered.pop(tables.RAW_ANNOUNCEMENTS) == ["公告.csv"]
    assert not any(delivered.values())


def test_bytes_are_delivered_as_they_lie_in_the_folder(folder):
    (delivery,) = FilesSource(folder).deliver(ISSUE_65, tables.RAW_QUOTES)
    assert delivery.content == (folder / "daily.csv").read_bytes()
    assert (delivery.vendor, FilesSource(folder).name, FilesSource(folder).pool_file) == (
        "",
        "files",
        None,
    )


def test_one_sheet_may_feed_several_tables(folder):
    rows = [["证券代码", "收盘价 2026-02-27", "总市值(亿元) 2026-02-27"], ["920493.BJ", 1, 2]]
    (folder / "wind.xlsx").write_bytes(openpyxl_xlsx(rows))
    assert names(folder, tables.RAW_QUOTES) == ["daily.csv", "wind.xlsx"]
    assert names(folder, tables.RAW_VALUATIONS) == ["wind.xlsx"]


def test_the_name_of_a_file_gives_the_parameters_of_the_call(folder):
    rows = [
        ["date", "open", "close", "high", "low", "volume", "amount"],
        *[[day, *"111111"] for day in ("2026-02-13", "2026-02-27")],
    ]
    (folder / "stock_zh_index_daily_em_bj899050.csv").write_bytes(text(rows))
    delivered = FilesSource(folder).deliver(ISSUE_65, tables.RAW_INDEX_QUOTES)
    frame = layouts.read(delivered, tables.RAW_INDEX_QUOTES, ISSUE_65).frame
    assert set(frame["code"]) == {"899050.BJ"}


def test_what_is_not_read_is_reported_with_the_reason(folder, tmp_path):
    outside = tmp_path / "elsewhere.csv"
    outside.write_bytes(text(DAILY))
    (folder / "linked.csv").symlink_to(outside)
    (folder / ".hidden.csv").write_bytes(text(DAILY))
    (folder / "~$wind.xlsx").write_bytes(b"lock")
    (folder / "readme.md").write_text("notes")
    (folder / "older").mkdir()
    (folder / "older" / "daily.csv").write_bytes(text(DAILY))
    (folder / "suspensions.csv").write_bytes(text([["code", "start", "end"], ["1", "2", "3"]]))
    assert names(folder, tables.RAW_QUOTES) == ["daily.csv"]
    remarks = "\n".join(FilesSource(folder).remarks())
    for expected in (
        "linked.csv: a link out of the folder",
        ".hidden.csv: hidden",
        "~$wind.xlsx: hidden or temporary",
        "readme.md: not one of .csv",
        "older: not a file",
        "suspensions.csv, line 1: the header is that of a known layout",
    ):
        assert expected in remarks
    assert "daily.csv:" not in remarks.replace("older", "")


def test_a_link_within_the_folder_is_read(folder):
    (folder / "daily_20260227.csv").symlink_to(folder / "daily.csv")
    assert names(folder, tables.RAW_QUOTES) == ["daily.csv", "daily_20260227.csv"]


def test_a_vendors_file_with_a_renamed_column_is_not_passed_over(folder):
    (folder / "daily.csv").write_bytes(text([["ts_code", "trade_date", "price", "vol"], DAILY[1]]))
    with pytest.raises(DataError, match=r"daily.csv, line 1.*no close; not understood: price"):
        names(folder, tables.RAW_QUOTES)
    assert names(folder, tables.RAW_ANNOUNCEMENTS) == ["公告.csv"]
    (folder / "daily.csv").rename(folder / "quotes.csv")
    with pytest.raises(
        DataError, match=r"quotes.csv, line 1.*understood: trade_date, ts_code, vol"
    ):
        names(folder, tables.RAW_QUOTES)


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"\x00\x01", DAILY[0][0].encode()])
def test_a_damaged_file_stops_the_table_that_it_is_named_for(folder, content):
    (folder / "daily.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"^daily.csv"):
        names(folder, tables.RAW_QUOTES)
    assert names(folder, tables.RAW_ANNOUNCEMENTS) == ["公告.csv"]


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="nowhere does not exist"):
        FilesSource(tmp_path / "nowhere").deliver(ISSUE_65, tables.RAW_QUOTES)


@needs_market
def test_the_real_folder_feeds_all_tables_but_announcements():
    source = FilesSource(MARKET / "issue_065")
    delivered = {
        table: [delivery.name for delivery in source.deliver(ISSUE_65, table)]
        for table in tables.RAW_TABLES
    }
    assert delivered == {
        tables.RAW_QUOTES: ["adj_factor.csv", "daily.csv"],
        tables.RAW_VALUATIONS: ["daily_basic.csv"],
        tables.RAW_INDEX_QUOTES: ["index_daily.csv"],
        tables.RAW_LISTINGS: ["stock_basic.csv"],
        tables.RAW_FINANCIALS: ["income.csv"],
        tables.RAW_ANNOUNCEMENTS: [],
    }
    assert source.remarks() == ()
