"""What is refused is named with file, line, rule and remedy; a vendor is a mapping file."""

import pytest

from bj_pipeline.errors import DataError
from bj_pipeline.sources import Delivery, layouts, mappings
from bj_pipeline.sources.views import UnknownLayoutError
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.layout_examples import DAILY, daily, quotes, read, sheet
from bj_pipeline_tests.sources.vendor_files import ONE_SESSION, file

# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (["920493.BJ", "20260227", "abc", "1"], "line 4: close.*finite number, found abc"),
        (["920493.BJ", "20260227", "nan", "1"], "line 4: close.*finite number, found nan"),
        (["920493.BJ", "20260227", "inf", "1"], "line 4: close.*finite number, found inf"),
        (["920493.BJ", "20260227", "1e308", "1"], "line 4: close.*plausible size.*1e308"),
        (["920493.BJ", "20260227", "1,5", "1"], "line 4: close.*finite number, found 1,5"),
        (["920493.BJ", "20260227", "-3.2", "1"], "line 4: close.*greater than zero, found -3.2"),
        (["920493.BJ", "20260227", "0", "1"], "line 4: close.*greater than zero, found 0"),
        (["920493.BJ", "20260231", "1", "1"], "line 4: trade_date.*a day.*found 20260231"),
        (["920493.BJ", "27/02/26", "1", "1"], "line 4: trade_date.*a day.*found 27/02/26"),
        (["920493.BJ", "", "1", "1"], "line 4: trade_date.*a day is given, found a blank"),
        (["92O493.BJ", "20260227", "1", "1"], "line 4: ts_code.*six digits.*found 92O493.BJ"),
        (["", "20260227", "1", "1"], "line 4: ts_code.*six digits.*found a blank"),
        (["920493.BJ", "20260227", "1"], "line 4: every row has the header's 4 cells, found 3"),
        (["920493.BJ", "20260227", "1", "1", "1"], "line 4: every row.*found 5 cells"),
    ],
)
def test_a_bad_row_is_named_with_file_line_rule_and_remedy(row, found):
    with pytest.raises(DataError, match=rf"^daily\.csv, {found}") as raised:
        read(tables.RAW_QUOTES, daily(*quotes("920002.BJ"), row))
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (["ts_code", "trade_date", "closing", "vol"], "no close; not understood: closing"),
        (["ts_code", "trade_date", "vol", "amount"], "no close; not understood: nothing"),
        (["ts_code", "trade_date", "close", "volume"], "no vol; not understood: volume"),
        (["ts_code", "trade_date", "close", "close"], "a column stands once, found close"),
    ],
)
def test_missing_renamed_and_repeated_columns_are_named(header, found):
    with pytest.raises(DataError, match=f"daily.csv, line 1.*{found}"):
        layouts.recognise(file("daily.csv", [header, *quotes()]))


def test_columns_that_a_vendor_adds_are_left_out_and_named():
    wider = file("daily.csv", [[*DAILY, "mood"], *[[*row, "good"] for row in quotes()]])
    reading = read(tables.RAW_QUOTES, wider)
    assert len(reading.frame) == 2
    assert "daily.csv: columns that are not known were left out: mood" in reading.notes


def test_a_header_without_rows_is_refused():
    with pytest.raises(DataError, match=r"daily.csv.*found the header only"):
        layouts.recognise(daily())
    with pytest.raises(DataError, match=r"wind.xlsx, line 1.*found the header only"):
        layouts.recognise(sheet(["证券代码", "收盘价 2026-02-27"]))


def test_an_unknown_header_is_refused_with_the_layout_that_comes_closest():
    nearly = file(
        "basics.csv", [["ts_code", "trade_date", "total_share", "pe_ttm", "cap"], [1] * 5]
    )
    with pytest.raises(UnknownLayoutError) as raised:
        layouts.recognise(nearly)
    assert "close to tushare daily_basic" in raised.value.found
    assert "not understood: cap; missing: total_mv" in raised.value.found
    assert raised.value.understood == ("pe_ttm", "total_share", "trade_date", "ts_code")


def test_an_unknown_vendor_is_refused():
    with pytest.raises(DataError, match=r"the vendor is one of .*ifind.*found bloomberg"):
        layouts.recognise(Delivery("bloomberg", "a.csv", b"a,b\n1,2\n"))


def test_a_sheet_with_the_same_column_twice_is_refused():
    twice = sheet(["代码", "收盘价 2026-02-27", "收盘价\n[交易日期] 2026-02-27"], ["920493", 1, 1])
    with pytest.raises(DataError, match="a column stands once"):
        layouts.recognise(twice)


def test_a_sheets_bad_cell_is_named_by_its_row():
    header = ["代码", "收盘价 2026-02-13", "收盘价 2026-02-27"]
    bad = sheet(["标题", None, None], header, ["920493", 1, 1], ["920002", 1, "停牌"])
    with pytest.raises(DataError, match=r"wind.xlsx, line 4: 收盘价.*finite number, found 停牌"):
        read(tables.RAW_QUOTES, bad)


@pytest.mark.parametrize("day", ["20260305", "20260210"])
def test_a_bad_cell_of_another_week_does_not_stop_this_one(day):
    found = read(tables.RAW_QUOTES, daily(*quotes(), ["920493.BJ", day, "abc", "1"]))
    assert found.frame["close"].tolist() == [152.1, 160.2]
    with pytest.raises(DataError, match=r"daily.csv, line 4: close: .* found abc"):
        layouts.read(
            [daily(*quotes(), ["920493.BJ", day, "abc", "1"])],
            tables.RAW_QUOTES,
            ONE_SESSION,
            every_row=True,
        )


def test_a_bad_cell_that_may_be_the_last_price_before_a_suspension_stops_the_issue():
    rows = [
        *quotes(),
        ["920002.BJ", "20260209", "10", "1"],
        ["920002.BJ", "20260210", "abc", "1"],
    ]
    with pytest.raises(DataError, match=r"daily.csv, line 5: close: .* found abc"):
        read(tables.RAW_QUOTES, daily(*rows))


def test_a_file_of_bad_cells_is_refused_at_once():
    wrong = [["920493.BJ", "20260305", "abc", "1"]] * (layouts._WRONG_CELLS + 1)
    with pytest.raises(DataError, match="found abc"):
        read(tables.RAW_QUOTES, daily(*quotes(), *wrong))


def test_a_list_without_announcements_of_the_week_gives_an_empty_table_and_says_so():
    header = ["代码", "名称", "公告标题", "公告类型", "公告日期", "网址"]
    old = file("n.csv", [header, ["920493", "x", "公告", "a", "2025-02-26", "b"]])
    reading = read(tables.RAW_ANNOUNCEMENTS, old)
    assert reading.frame.empty
    assert tuple(reading.frame.columns) == tables.columns(tables.RAW_ANNOUNCEMENTS)
    assert reading.notes == (
        "n.csv: 1 row of other days left out",
        "no file gives raw_announcements of issue 10",
    )


def test_a_file_that_feeds_other_tables_is_named():
    reading = read(tables.RAW_VALUATIONS, daily(*quotes()))
    assert "daily.csv: nothing for raw_valuations" in reading.notes


# --- mapping files ----------------------------------------------------------------------------


def test_a_new_vendor_is_a_mapping_file_and_no_code(tmp_path):
    shared = mappings.FOLDER / "spreadsheet.yaml"
    (tmp_path / "spreadsheet.yaml").write_bytes(shared.read_bytes())
    (tmp_path / "choice.yaml").write_text(
        "vendor: choice\nextends: spreadsheet\nspreadsheet:\n  marks: [东方财富Choice]\n"
        "  tables: {raw_valuations: {market_cap: {labels: [市值合计]}}}\n",
        encoding="utf-8",
    )
    (choice,) = mappings.vendors(tmp_path).values()
    labels = choice.spreadsheet.tables["raw_valuations"]["market_cap"].labels
    assert {"总市值", "市值合计"} <= set(labels)
    assert choice.spreadsheet.marks == ("东方财富Choice",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "vendor: x\ninterfaces: {a: {tables: {raw_quotes: {closing: {from: c, kind: text}}}}}",
            "raw_quotes has no column closing",
        ),
        (
            "vendor: x\ninterfaces: {a: {tables: {raw_quotes: {close: {from: c, kind: price}}}}}",
            "interfaces.a.tables.raw_quotes.close.kind",
        ),
        ("vendor: x\ninterfaces: {a: {tables: {raw_quote: {}}}}", "there is no table raw_quote"),
        ("vendor: x\nspreadshet: {}", "spreadshet"),
        ("vendor: x\nextends: nothing", "extends names a file here, found nothing"),
        ("vendor: [x", "the file is YAML"),
        ("- x", "the file is a YAML mapping"),
    ],
)
def test_a_wrong_mapping_file_is_named_with_the_place(tmp_path, text, found):
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"^x\.yaml: .*{found}"):
        mappings.vendors(tmp_path)


def test_a_fault_of_what_a_mapping_extends_is_looked_for_there_too(tmp_path):
    (tmp_path / "terminal.yaml").write_text("spreadsheet: {marks: 1}", encoding="utf-8")
    (tmp_path / "x.yaml").write_text("vendor: x\nextends: terminal", encoding="utf-8")
    with pytest.raises(DataError, match=r"Correct the file, or terminal\.yaml, which it extends"):
        mappings.vendors(tmp_path)
