"""Sheets that somebody exported from Wind or iFinD."""

import io

import openpyxl
import pytest
import xlsxwriter
import xlwt

from bj_pipeline.errors import DataError
from bj_pipeline.sources import Delivery, cells, layouts
from bj_pipeline.sources.formats import NO_RESULT
from bj_pipeline.sources.views import UnknownLayoutError
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.sources.layout_examples import BASE, CLOSE, MIDNIGHT, read, sheet, values
from bj_pipeline_tests.sources.vendor_files import WRITERS, office, openpyxl_xlsx

WIND = [
    ["沪深京行情", None, None, None, None, None, None, None],
    [
        "总市值\n[交易日期] 2026-02-27\n[单位] 亿元",
        "证券代码",
        "证券简称",
        "收盘价\n[交易日期] 2026-02-27\n[单位] 元",
        "收盘价\n[交易日期] 2026-02-13\n[单位] 元",
        "总市值\n[交易日期] 2026-02-13\n[单位] 万元",
        "市盈率PE(TTM)\n[交易日期] 2026-02-27\n[单位] 倍",
        "总股本\n[交易日期] 2026-02-27\n[单位] 万股",
    ],
    ["1,017.6", "920493.BJ", "并行科技", 152.5, "150.00", "1,200", "－20.5", 5828],
    [7.25, 920002.0, "DR万达轴", "１０４.４４", 100, 72000, "--", "4,550.2968"],
    [None, "BJ920168", "通宝光电", 20, "--", None, "亏损", 1],
    [None, "830799", "艾融软件", None, None, None, None, None],
    ["数据来源：Wind", None, None, None, None, None, None, None],
]
WIND_QUOTES = [
    ("920002.BJ", BASE, 100.0),
    ("920002.BJ", CLOSE, 104.44),
    ("920168.BJ", CLOSE, 20.0),
    ("920493.BJ", BASE, 150.0),
    ("920493.BJ", CLOSE, 152.5),
]
WIND_VALUATIONS = [
    ("920002.BJ", BASE, None, 720_000_000.0, None, False),
    ("920002.BJ", CLOSE, 45_502_968.0, 725_000_000.0, None, False),
    ("920168.BJ", CLOSE, 10_000.0, None, None, True),
    ("920493.BJ", BASE, None, 12_000_000.0, None, False),
    ("920493.BJ", CLOSE, 58_280_000.0, 101_760_000_000.0, -20.5, False),
]


def check_wind(content: bytes, name: str) -> None:
    source = Delivery("", name, content)
    reading = read(tables.RAW_QUOTES, source)
    assert values(reading.frame, "code", "date", "close") == WIND_QUOTES
    assert any("920799" in note or "830799" in note for note in reading.notes)
    frame = read(tables.RAW_VALUATIONS, source).frame
    assert set(frame["vendor"]) == {"wind"}
    assert (
        values(frame, "code", "date", "total_shares", "market_cap", "pe_ttm", "pe_ttm_is_loss")
        == WIND_VALUATIONS
    )


@pytest.mark.parametrize("writer", WRITERS)
def test_a_wind_sheet_reads_the_same_in_every_format(writer):
    suffix, write = WRITERS[writer]
    check_wind(write(WIND), f"export{suffix}")


@pytest.mark.parametrize("suffix", ["xls", "xlsx"])
def test_a_wind_sheet_reads_the_same_from_libreoffice(suffix, tmp_path):
    check_wind(office(WIND, suffix, tmp_path / suffix), f"export.{suffix}")


def test_columns_may_come_in_any_order_and_titles_may_be_merged():
    turned = [[row[at] for at in (3, 2, 1, 7, 6, 5, 4, 0)] for row in WIND]
    turned[0] = ["沪深京行情", *[None] * 7]
    turned[-1] = ["数据来源：Wind", *[None] * 7]
    check_wind(openpyxl_xlsx(turned, merge=["A1:H1"]), "export.xlsx")


def test_days_below_a_merged_label_are_melted_to_rows():
    two_rows = sheet(
        ["证券代码", "证券简称", "收盘价(元)", None, "总市值（亿元）", None],
        [None, None, BASE, MIDNIGHT, "2026年2月13日", 20260227],
        ["920493.BJ", "并行科技", 1, 2, 3, 4],
    )
    assert read(tables.RAW_QUOTES, two_rows).frame["close"].tolist() == [1.0, 2.0]
    assert read(tables.RAW_VALUATIONS, two_rows).frame["market_cap"].tolist() == [3e8, 4e8]


def test_labels_may_stand_above_the_row_of_codes_and_days():
    above = sheet(
        [None, None, "收盘价", None],
        ["证券代码", "证券简称", "2026/2/13", "2026-02-27 00:00:00"],
        ["920493.BJ", "并行科技", 1, 2],
    )
    assert read(tables.RAW_QUOTES, above).frame["close"].tolist() == [1.0, 2.0]


def test_a_column_of_days_dates_the_rows():
    by_day = sheet(
        ["日期", "证券代码", "收盘价", "总市值(万元)", "收盘价(后复权)"],
        [BASE, 920493, 10, 3, 15],
        ["2026-02-27", 920493, 12, 4, 24],
    )
    frame = read(tables.RAW_QUOTES, by_day).frame
    assert values(frame, "date", "close", "adj_factor") == [(BASE, 10.0, 1.5), (CLOSE, 12.0, 2.0)]


def test_the_day_of_a_title_dates_the_columns_and_an_export_day_does_not():
    rows = [["证券代码", "总市值(亿元)"], ["920493.BJ", 1]]
    dated = sheet(["截止日期：2026-02-27", None], *rows)
    assert read(tables.RAW_VALUATIONS, dated).frame["date"].tolist() == [CLOSE]
    with pytest.raises(DataError, match="of which day it is, found 总市值"):
        layouts.recognise(sheet(["导出日期：2026-02-27", None], *rows))


@pytest.mark.parametrize("day", ["最新收盘日", "最新", "本周"])
def test_a_day_that_is_not_written_out_is_refused(day):
    vague = sheet(["证券代码", f"收盘价\n[交易日期] {day}\n[单位] 元"], ["920493.BJ", 1])
    with pytest.raises(DataError, match=f"line 1.*of which day.*{day}.*written out"):
        layouts.recognise(vague)


@pytest.mark.parametrize(
    ("header", "table", "column", "expected"),
    [
        ("总市值[单位]亿元[交易日期]20260227", "raw_valuations", "market_cap", 2e8),
        ("总市值 （万元） 2026-02-27", "raw_valuations", "market_cap", 2e4),
        ("总市值1\n[交易日期] 2026-02-27\n[单位] 元↓", "raw_valuations", "market_cap", 2.0),
        ("总市值亿元\n2026.02.27", "raw_valuations", "market_cap", 2e8),
        ("【交易日期】2026-02-27\n总市值\n【单位】百万元", "raw_valuations", "market_cap", 2e6),
        ("总股本（亿股）\n2026-02-27", "raw_valuations", "total_shares", 2e8),
        ("总股本\n[交易日期] 2026-02-27\n[单位] 手", "raw_valuations", "total_shares", 200.0),
        ("市盈率(PE,TTM)\n[交易日期]2026-02-27", "raw_valuations", "pe_ttm", 2.0),
        ("市盈率 PE（ＴＴＭ）\n2026-02-27", "raw_valuations", "pe_ttm", 2.0),
        ("市盈率\n[计算方法] TTM\n[交易日期] 2026-02-27", "raw_valuations", "pe_ttm", 2.0),
        (
            "营业总收入\n[报告期] 2024年报\n[报表类型] 合并报表\n[单位] 亿元",
            "raw_financials",
            "revenue",
            2e8,
        ),
        ("2024年营业收入(万元)", "raw_financials", "revenue", 2e4),
        (
            "归属母公司股东的净利润\n[报告期] 2024-12-31\n[单位] 元",
            "raw_financials",
            "net_profit",
            2.0,
        ),
        ("归母净利润\n[年度] 2024\n[单位] 千元", "raw_financials", "net_profit", 2e3),
    ],
)
def test_header_cells_are_understood_in_their_variants(header, table, column, expected):
    frame = read(table, sheet(["证券代码", header], ["920493.BJ", 2])).frame
    assert frame[column].tolist() == [expected]
    if table == "raw_financials":
        assert frame["fiscal_year"].tolist() == [2024]


@pytest.mark.parametrize(
    "header",
    [
        "市盈率(动态)\n2026-02-27",
        "市盈率PE(LYR)\n2026-02-27",
        "总市值(美元)\n2026-02-27",
        "净利润\n[报告期] 2024年报\n[报表类型] 母公司报表",
        "营业总收入\n[报告期] 2025三季报",
        "流通市值\n[交易日期] 2026-02-27\n[单位] 亿元",
    ],
)
def test_a_measure_that_only_looks_alike_is_left_out_and_named(header):
    alike = sheet(
        ["证券代码", "收盘价\n2026-02-27", "收盘价\n2026-02-13", header], ["920493.BJ", 1, 2, 3]
    )
    reading = read(tables.RAW_QUOTES, alike)
    named = " ".join(reading.notes)
    assert header.split("\n")[0].replace("（", "(") in named
    for table in (tables.RAW_VALUATIONS, tables.RAW_FINANCIALS):
        assert read(table, alike).frame.empty


def test_a_unit_of_another_kind_is_refused():
    wrong = sheet(["证券代码", "总股本\n[交易日期] 2026-02-27\n[单位] 亿元"], ["920493.BJ", 1])
    with pytest.raises(DataError, match=r"the unit is one of 股, 手, 万股.*found 亿元"):
        layouts.recognise(wrong)


def test_a_missing_unit_is_read_as_yuan_and_said():
    reading = read(
        tables.RAW_VALUATIONS, sheet(["代码", "总市值 2026-02-27"], ["920493", "17.6亿"])
    )
    assert reading.frame["market_cap"].tolist() == [1.76e9]
    assert any("no unit given, read as 元" in note for note in reading.notes)


def test_a_unit_inside_a_cell_must_be_that_of_the_header():
    cell = ["920493", "17.6亿"]
    with pytest.raises(
        DataError, match=r"line 2.*a unit in the cell is one of: 万元, found 17.6亿"
    ):
        read(tables.RAW_VALUATIONS, sheet(["代码", "总市值(万元) 2026-02-27"], cell))


def test_percentages_are_fractions_as_text():
    percent = cells.numbers(["3.25%", "－1,234.5％"], units={"%": 0.01})
    assert percent.tolist() == [0.0325, pytest.approx(-12.345)]


@pytest.mark.parametrize(
    ("rows", "vendor", "remark"),
    [
        (
            [["证券代码", "收盘价 2026-02-27"], ["920493.BJ", 1], ["数据来源：同花顺iFinD", None]],
            "ifind",
            None,
        ),
        ([["证券代码", "证券名称", "收盘价 2026-02-27"], ["920493.BJ", "x", 1]], "ifind", None),
        (
            [["证券代码", "收盘价 2026-02-27"], ["920493.BJ", 1]],
            "wind",
            "names no vendor; read as wind",
        ),
    ],
)
def test_the_vendor_is_told_by_footer_or_labels(rows, vendor, remark):
    layout = layouts.recognise(sheet(*rows, name="closes.xlsx"))
    assert layout.vendor == vendor
    assert remark is None or any(remark in note for note in layout.notes)
    assert layouts.recognise(sheet(*rows, name="ifind_closes.xlsx")).vendor == "ifind"


def test_summaries_and_remarks_between_and_below_the_companies_are_no_companies():
    rows = sheet(
        ["证券代码", "收盘价 2026-02-13", "收盘价 2026-02-27"],
        ["电子设备", None, None],
        ["920493.BJ", 1, 2],
        ["平均值", 1, 2],
        ["注：停牌公司取停牌前价格", None, None],
        ["920002.BJ", 5, 6],
    )
    reading = read(tables.RAW_QUOTES, rows)
    assert reading.frame["code"].unique().tolist() == ["920002.BJ", "920493.BJ"]
    assert {
        "wind.xlsx, line 2: no company, left out (电子设备)",
        "wind.xlsx, line 4: no company, left out (平均值)",
        "wind.xlsx, line 5: no company, left out (注：停牌公司取停牌前价格)",
    } <= set(reading.notes)


def test_a_second_table_below_the_source_line_is_refused_instead_of_passed_over():
    header = ["证券代码", "收盘价 2026-02-13", "收盘价 2026-02-27"]
    source = ["数据来源：Wind", None, None]
    rows = [header, ["920493.BJ", 1, 2], source, header, ["920002.BJ", 5, 6], source]
    with pytest.raises(DataError, match=r"line 4.*a code has six digits.*found 证券代码"):
        read(tables.RAW_QUOTES, sheet(*rows))


def test_days_may_stand_above_the_row_of_codes_and_labels():
    groups = [None, None, BASE, None, CLOSE, None]
    labels = ["证券代码", "证券简称", "收盘价", "总市值(亿元)", "收盘价", "总市值(亿元)"]
    row = ["920493.BJ", "并行科技", 1, 2, 3, 4]
    above = sheet(groups, labels, row)
    assert read(tables.RAW_QUOTES, above).frame["close"].tolist() == [1.0, 3.0]
    assert read(tables.RAW_VALUATIONS, above).frame["market_cap"].tolist() == [2e8, 4e8]


def test_a_lone_day_in_the_title_dates_no_column():
    titled = sheet([CLOSE, None], ["证券代码", "总市值(亿元)"], ["920493.BJ", 1])
    with pytest.raises(DataError, match="of which day it is, found 总市值"):
        layouts.recognise(titled)


def _written(number: float, number_format: str, form: str, header: str) -> Delivery:
    """A sheet with a number in a number format."""
    file = io.BytesIO()
    if form == "xls":
        old = xlwt.Workbook()
        page = old.add_sheet("s")
        page.write(0, 0, "证券代码")
        page.write(0, 1, header)
        page.write(1, 0, "920493.BJ")
        page.write(1, 1, number, xlwt.easyxf(num_format_str=number_format))
        old.save(file)
    elif form == "openpyxl":
        book = openpyxl.Workbook()
        book.active.append(["证券代码", header])
        book.active.append(["920493.BJ", number])
        book.active["B2"].number_format = number_format
        book.save(file)
    else:
        with xlsxwriter.Workbook(file, {"in_memory": True}) as new:
            page = new.add_worksheet()
            page.write_row(0, 0, ["证券代码", header])
            page.write(1, 0, "920493.BJ")
            page.write_formula(
                1, 1, f"={number}", new.add_format({"num_format": number_format}), number
            )
    return Delivery("", "wind.xls" if form == "xls" else "wind.xlsx", file.getvalue())


FORMS = pytest.mark.parametrize("form", ["openpyxl", "xlsxwriter", "xls"])


@FORMS
@pytest.mark.parametrize(
    "number_format",
    [
        "0.00,",
        "0.00,,",
        "#,##0,",
        "#,##0,.00",
        "0!.0,",
        "0!.0000",
        "[<10000]0;0!.0,",
        "0\\.0000",
        '0"."0000',
        "0.00%",
    ],
)
def test_a_figure_that_its_number_format_scales_is_refused(form, number_format):
    scaled = _written(12345.0, number_format, form, "总市值(万元) 2026-02-27")
    with pytest.raises(
        DataError, match=r"line 2.*总市值.*number format .* shows as another figure"
    ):
        read(tables.RAW_VALUATIONS, scaled)


@FORMS
@pytest.mark.parametrize(
    "number_format",
    ["General", "0.00", "#,##0.00", "#,##0.00_ ;[Red]-#,##0.00", '_ * #,##0.00_ ;_ * "-"??_ ;_ @_ ',
     "0.00E+00", "¥#,##0.00", '#,##0"元"'],
)  # fmt: skip
def test_a_number_format_that_shows_the_number_changes_nothing(form, number_format):
    plain = _written(12345.0, number_format, form, "总市值(万元) 2026-02-27")
    assert read(tables.RAW_VALUATIONS, plain).frame["market_cap"].tolist() == [123_450_000.0]


@FORMS
@pytest.mark.parametrize("number_format", ['0.00"亿元"', '0.0#"亿"'])
def test_a_unit_that_the_number_format_writes_is_read(form, number_format):
    unnamed = _written(17.6, number_format, form, "总市值 2026-02-27")
    assert read(tables.RAW_VALUATIONS, unnamed).frame["market_cap"].tolist() == [1.76e9]
    with pytest.raises(DataError, match=r"a unit in the cell is one of: 万元, found 17\.6亿"):
        read(
            tables.RAW_VALUATIONS,
            _written(17.6, number_format, form, "总市值(万元) 2026-02-27"),
        )


@pytest.mark.parametrize("header", ["总市值(万元) 2026-02-27", "好感度"])
def test_a_formula_that_found_nothing_is_refused_where_its_cell_is_needed(header):
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["证券代码", header, "市盈率(TTM) 2026-02-27"])
        page.write_row(1, 0, ["920493.BJ", 1, 20])
        page.write_row(2, 0, ["920002.BJ", None, 30])
        page.write_formula(2, 1, "=IFERROR(1/0,#N/A)", None, "#N/A")
    found = Delivery("", "wind.xlsx", file.getvalue())
    if header == "好感度":
        frame = read(tables.RAW_VALUATIONS, found).frame
        assert frame["pe_ttm"].tolist() == [30.0, 20.0]
        return
    with pytest.raises(DataError, match=r"line 3: 总市值.*found #N/A as the result of"):
        read(tables.RAW_VALUATIONS, found)


def test_a_name_that_a_formula_did_not_find_is_no_name():
    with pytest.raises(cells.CellError, match="the cell is a text, found #N/A"):
        cells.texts(["并行科技", NO_RESULT], ("",))


def test_indices_and_companies_of_one_sheet_feed_their_own_tables():
    both = sheet(
        ["代码", "收盘价 2026-02-13", "收盘价 2026-02-27"],
        ["920493.BJ", 1, 2],
        ["899050.BJ", 1500, 1600],
        ["000688.SH", 1000, 1100],
    )
    assert read(tables.RAW_QUOTES, both).frame["code"].unique().tolist() == ["920493.BJ"]
    index = read(tables.RAW_INDEX_QUOTES, both).frame
    assert index["code"].unique().tolist() == ["000688.SH", "899050.BJ"]


def test_names_alone_are_refused_with_what_was_understood_and_what_was_not():
    names = sheet(["证券简称", "收盘价 2026-02-27"], ["并行科技", 1])
    with pytest.raises(UnknownLayoutError, match=r"line 1.*not understood: .*证券简称"):
        layouts.recognise(names)
    neither = sheet(["证券代码", "证券简称", "好感度"], ["920493.BJ", "并行科技", 1])
    with pytest.raises(DataError, match="understood: 证券代码, 证券简称; not understood: 好感度"):
        layouts.recognise(neither)


def test_announcements_without_a_day_are_refused():
    dayless = sheet(["代码", "公告标题", "哪天"], ["920493", "关于回购的公告", "2026-02-26"])
    with pytest.raises(DataError, match=r"raw_announcements has a column for date"):
        layouts.recognise(dayless)


def test_every_filled_sheet_of_a_workbook_is_read():
    book = openpyxl.Workbook()
    for row in (["代码", "收盘价 2026-02-13"], ["920493", 1]):
        book.active.append(row)
    second = book.create_sheet("本周")
    for row in (["代码", "收盘价 2026-02-27"], ["920493", "x"]):
        second.append(row)
    content = io.BytesIO()
    book.save(content)
    with pytest.raises(DataError, match=r"wind.xlsx \[本周\], line 2.*finite number, found x"):
        read(tables.RAW_QUOTES, Delivery("", "wind.xlsx", content.getvalue()))
