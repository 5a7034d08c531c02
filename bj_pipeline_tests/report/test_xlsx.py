import io
import re
import zipfile
from datetime import date, datetime

import openpyxl
import pandas as pd
import pymupdf
import pytest

from bj_pipeline.report import xlsx
from bj_pipeline.report.document import Chart, FactRef, Figure, FigureRow, Series, Table
from bj_pipeline.report.labels import standard_labels
from bj_pipeline.report.rounding import display
from bj_pipeline.report.workbook_frames import SHEETS, header, name_of, style_of
from bj_pipeline.report.workbook_numbers import exact_format, format_like, number
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.report.example import HOSTILE_NAMES, example_document
from bj_pipeline_tests.report.libreoffice import needs_libreoffice, to_pdf

HEADER = 4  # row of the header on every sheet but the contents


@pytest.fixture(scope="module")
def document():
    return example_document()


@pytest.fixture(scope="module")
def frames():
    count = len(HOSTILE_NAMES)
    missing = float("nan")
    companies = pd.DataFrame(
        {
            "code": [f"929{at:03d}.BJ" for at in range(count)],
            "name": list(HOSTILE_NAMES),
            "sector": ["机械设备"] * (count - 1) + [None],
            "close_base": [10.0 + at for at in range(count)],
            "close": [10.5 + at for at in range(count)],
            "change": [0.05, -0.031, 0.0, missing] + [0.01] * (count - 4),
            "market_cap_base": [1.2e9] * count,
            "market_cap": [1_234_567_890.12, missing] + [2e9] * (count - 2),
            "pe_ttm_base": [20.0] * count,
            "pe_ttm": [missing, missing, -12.3] + [30.0] * (count - 3),
            "status": ["suspended", "new"] + ["trading"] * (count - 2),
            "pe_ttm_base_is_loss": [False] * count,
            "pe_ttm_is_loss": [True] + [False] * (count - 1),
            "pe_ttm_vendor": ["ifind"] * count,
            "fiscal_year": pd.array([None, *[2024] * (count - 1)], dtype="Int64"),
            "revenue": [3.3e8] * count,
            "net_profit": [-1_234_567.8] * count,
        }
    )
    trends = pd.DataFrame(
        {
            "trend_issue": [64, 65],
            "trend_date": [date(2026, 2, 13), date(2026, 2, 27)],
            "sector": ["汽车", "汽车"],
            "pe_ttm_median": [30.2, 30.4],
            "total_market_cap": [5.493e10, missing],
        }
    )
    return {tables.SECTOR_TRENDS: trends, tables.COMPANY_METRICS: companies}


@pytest.fixture(scope="module")
def file(document, frames):
    return xlsx.render(document, frames)


@pytest.fixture(scope="module")
def book(file):
    return openpyxl.load_workbook(io.BytesIO(file))


def exhibits(document):
    """Every exhibit that has a sheet, by the sheet's name."""
    front = document.front_page
    numbered = {f"图表 {one.number:02d}": one for one in document.exhibits()}
    pictures = {f"首页图 {at}": one for at, one in enumerate(front.overview.figures, 1)}
    return {"首页表": front.sectors, **pictures, **numbered}


def column(sheet, head):
    """Cells under a header, by name."""
    (at,) = (one.column for one in sheet[HEADER] if one.value == head)
    return [row[at - 1] for row in sheet.iter_rows(min_row=HEADER + 1)]


def shown(value, form):
    """What a spreadsheet shows of a number in a format with fixed decimals."""
    literal = re.sub(r"\\(.)", "", form).split(";")[0]
    digits = len(literal.partition(".")[2])
    return display(value, digits, signed=literal.startswith("+"))


def test_the_same_issue_gives_the_same_bytes(document, frames, file):
    other = document.model_copy(update={"title": "另一期"})
    assert xlsx.render(other, frames) != file
    assert xlsx.render(example_document(), frames) == file


def test_the_contents_lead_to_every_sheet(book, document):
    contents = book.worksheets[0]
    links = {
        cell.value: cell.hyperlink.location
        for (cell,) in contents.iter_rows(max_col=1)
        if cell.hyperlink
    }
    others = [sheet.title for sheet in book.worksheets[1:]]
    assert list(links) == others
    assert list(links.values()) == [f"'{name}'!A1" for name in others]
    titles = [row[1].value for row in contents.iter_rows()]
    for one in document.exhibits():
        assert f"图表 {one.number}　{one.title}" in titles


def test_the_contents_say_which_issue_this_is_and_what_to_know(book, document):
    values = [cell.value for row in book["目录"].iter_rows() for cell in row if cell.value]
    for words in (
        document.title,
        document.subtitle,
        "2026年3月2日",
        document.labels["sample_mark"],
    ):
        assert words in values
    for notice in document.notices:
        assert document.text(notice) in values
    assert any("—" in str(value) for value in values)


def test_a_real_issue_carries_no_sample_mark(document, frames):
    real = xlsx.render(document.model_copy(update={"is_sample": False}), frames)
    opened = openpyxl.load_workbook(io.BytesIO(real))
    assert not any(
        cell.value == document.labels["sample_mark"]
        for row in opened["目录"].iter_rows()
        for cell in row
    )
    assert not any(sheet.oddHeader.center.text for sheet in opened)


def test_every_sheet_is_ready_to_print(book, document):
    for sheet in book:
        assert sheet.page_setup.paperSize == 9
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        # Excel's own number for the width, unless another is given, is 1.
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.oddFooter.left.text == document.house.name
        assert sheet.oddHeader.center.text == document.labels["sample_mark"]
    assert book["公司总表"].print_title_rows == f"${HEADER}:${HEADER}"


def test_an_ampersand_in_the_houses_name_is_printed(document, frames):
    house = document.house.model_copy(update={"name": "A&B"})
    content = xlsx.render(document.model_copy(update={"house": house}), frames)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert "&amp;LA&amp;&amp;B" in archive.read("xl/worksheets/sheet1.xml").decode()


def test_every_figure_has_one_native_chart_over_its_own_numbers(book, document):
    assert sum(len(sheet._charts) for sheet in book) == len(list(document.figures()))
    kinds = {"bars": ("BarChart", "col"), "hbars": ("BarChart", "bar"), "lines": ("LineChart", "")}
    for name, figure in exhibits(document).items():
        if not isinstance(figure, Figure):
            continue
        (chart,) = book[name]._charts
        kind, direction = kinds[figure.chart.kind]
        assert type(chart).__name__ == kind
        assert getattr(chart, "barDir", "") == direction
        last = HEADER + len(figure.chart.categories)
        ranges = [one.val.numRef.f.replace("'", "") for one in chart.series]
        assert ranges == [
            f"{name}!${letter}${HEADER + 1}:${letter}${last}"
            for letter in "BCDEF"[: len(figure.chart.series)]
        ]


def test_a_figures_sheet_holds_the_values_of_its_chart(book, document):
    for name, figure in exhibits(document).items():
        if isinstance(figure, Figure):
            sheet = book[name]
            assert [cell.value for cell in column(sheet, "类别")][
                : len(figure.chart.categories)
            ] == list(figure.chart.categories)
            for series in figure.chart.series:
                cells = column(sheet, f"{series.name}（{figure.chart.unit}）")
                assert [cell.value for cell in cells] == list(series.values)
                for cell, label in zip(cells, series.labels, strict=True):
                    if cell.value is not None:
                        assert shown(cell.value, cell.number_format) == label


def test_a_gap_stays_a_gap(file, document):
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        charts = [archive.read(one).decode() for one in archive.namelist() if "/chart" in one]
    (line,) = (one for one in charts if "<c:lineChart>" in one)
    assert '<c:dispBlanksAs val="gap"' in line or "dispBlanksAs" not in line
    (trend,) = (one for one in document.figures() if one.chart.kind == "lines")
    cached = re.search(r"<c:val>.*?</c:val>", line)[0]
    points = {int(at) for at in re.findall(r'<c:pt idx="(\d+)"', cached)}
    (series,) = trend.chart.series
    assert points == {at for at, value in enumerate(series.values) if value is not None}


def test_bars_of_a_signed_chart_have_the_colour_of_their_sign(file, document):
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        charts = [archive.read(one).decode() for one in archive.namelist() if "/chart" in one]
    overview = document.front_page.overview.figures[0]
    (chart,) = (one for one in charts if "首页图 1" in one)
    colours = re.findall(r'<c:dPt>.*?<a:srgbClr val="(\w+)"', chart)
    house = document.house
    (series,) = overview.chart.series
    values = series.values  # noqa: PD011 - a field of ours
    expected = [house.up if value > 0 else house.down for value in values]
    assert colours == [one.removeprefix("#") for one in expected]


def test_every_chart_has_a_text_alternative(file, document):
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        drawings = "".join(
            archive.read(one).decode() for one in archive.namelist() if "/drawing" in one
        )
    assert set(re.findall(r'descr="([^"]*)"', drawings)) == {
        figure.alt for figure in document.figures()
    }


def test_tables_read_back_as_they_are_printed(book, document):
    for name, table in exhibits(document).items():
        if not isinstance(table, Table):
            continue
        sheet = book[name]
        assert [cell.value for cell in sheet[HEADER]] == [
            f"{one.label}（{one.unit}）" if one.unit else one.label for one in table.columns
        ]
        for row, cells in zip(table.rows, sheet.iter_rows(min_row=HEADER + 1), strict=True):
            for cell, found in zip(row, cells, strict=True):
                printed = document.text(cell.line)
                if isinstance(found.value, str):
                    assert found.value == printed
                else:
                    arrow = "".join(re.findall(r"\\(.)", found.number_format))
                    assert shown(found.value, found.number_format) + arrow == printed


def test_every_number_of_a_table_is_a_number_and_not_rounded(book, document):
    (name,) = (name for name, one in exhibits(document).items() if one.id == "ai-chain")
    fact = document.facts["ai_chain_metrics/929003.BJ/market_cap"]
    cell = book[name].cell(HEADER + 4, 4)
    assert cell.value == fact.value / 1e8
    assert cell.number_format == "0.00"
    missing = [cell for cell in column(book[name], "市盈率TTM（X）") if cell.value == "—"]
    assert [cell.alignment.horizontal for cell in missing] == ["right"]


def test_the_company_table_reads_back_in_the_units_of_its_header(book, frames):
    sheet, companies = book["公司总表"], frames[tables.COMPANY_METRICS]
    for name in ("close", "change", "market_cap", "pe_ttm_base", "revenue", "net_profit"):
        values = [cell.value for cell in column(sheet, header(standard_labels(), name))]
        expected = [
            "—" if pd.isna(value) else pytest.approx(value / style_of(name).scale, rel=1e-15)
            for value in companies[name]
        ]
        assert values == expected
    assert [cell.value for cell in column(sheet, "业绩年度")][:2] == ["—", 2024]


def test_a_loss_of_unknown_size_is_not_the_same_as_missing(book):
    values = [cell.value for cell in column(book["公司总表"], "本周 PE TTM（X）")]
    assert values[:3] == ["亏损", "—", -12.3]


def test_codes_of_the_warehouse_are_put_into_words(book):
    values = [cell.value for cell in column(book["公司总表"], "交易状态")]
    assert values[:3] == ["停牌", "本周上市", "正常交易"]


def test_the_company_table_has_filters_and_frozen_panes(book, frames):
    sheet = book["公司总表"]
    rows = len(frames[tables.COMPANY_METRICS])
    assert sheet.auto_filter.ref == f"A{HEADER}:O{HEADER + rows}"
    assert sheet.freeze_panes == f"C{HEADER + 1}"


def test_dates_are_dates(book):
    assert column(book["行业走势"], "收盘日")[1].value == datetime(2026, 2, 27)  # noqa: DTZ001


def test_a_table_without_a_name_of_its_own_is_shown_all_the_same(document):
    odd = "a very [long] table: name/with*forbidden?marks"
    content = xlsx.render(
        document,
        {odd: pd.DataFrame({"x": [1.5], "y": ["=1+1"]}), f"{odd}2": pd.DataFrame({"x": [2]})},
    )
    opened = openpyxl.load_workbook(io.BytesIO(content))
    names = [sheet.title for sheet in opened if sheet.title.startswith("a very")]
    assert len(names) == len(set(names)) == 2
    assert all(len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)
    assert [cell.value for cell in opened[names[0]][HEADER + 1]] == [1.5, "=1+1"]


def test_every_fact_is_listed_with_its_origin(book, document):
    rows = [[cell.value for cell in row] for row in book["事实清单"].iter_rows(min_row=HEADER + 1)]
    facts = document.facts.values()
    assert rows == [
        [
            one.id,
            one.text,
            one.unit,
            "—" if one.value is None else pytest.approx(one.value, rel=1e-15),
            one.table,
            one.row,
            one.column,
            one.formula,
            "、".join(one.files),
        ]
        for one in facts
    ]
    in_tables = {
        part.fact for _, line, _ in document.lines() for part in line if isinstance(part, FactRef)
    }
    assert in_tables <= {row[0] for row in rows}


def test_text_that_looks_like_a_formula_or_a_link_stays_text(book, document, frames):
    names = [cell.value for cell in column(book["公司总表"], "公司")]
    assert names == list(HOSTILE_NAMES)
    assert {cell.data_type for cell in column(book["公司总表"], "公司")} == {"s"}
    text = {"=1+1", "+1", "-1+2", "@SUM(A1)", "https://example.com", "file://x"}
    odd = frames[tables.COMPANY_METRICS].head(len(text)).assign(name=sorted(text))
    opened = openpyxl.load_workbook(
        io.BytesIO(xlsx.render(document, {tables.COMPANY_METRICS: odd}))
    )
    cells = column(opened["公司总表"], "公司")
    assert [(cell.value, cell.data_type, cell.hyperlink) for cell in cells] == [
        (one, "s", None) for one in sorted(text)
    ]


def test_no_cell_of_the_whole_book_holds_a_formula(file):
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/sheet"):
                cells = re.sub(
                    r"<conditionalFormatting.*?</conditionalFormatting>",
                    "",
                    archive.read(name).decode(),
                )
                assert "<f>" not in cells


def test_a_chart_whose_words_look_like_formulas_shows_the_words(document, frames):
    chart = Chart(
        kind="bars",
        categories=("=A1", "-2~0"),
        series=(Series(name="=Sheet1!$A$1", values=(1.0, -2.0), labels=("1.0", "-2.0")),),
        unit="%",
    )
    overview = document.front_page.overview.figures[0].model_copy(
        update={"title": "=Sheet1!$A$1", "chart": chart}
    )
    row = FigureRow(figures=(overview,))
    front = document.front_page.model_copy(update={"overview": row})
    opened = openpyxl.load_workbook(
        io.BytesIO(xlsx.render(document.model_copy(update={"front_page": front}), frames))
    )
    (native,) = opened["首页图 1"]._charts
    assert native.title.tx.strRef.strCache.pt[0].v == "=Sheet1!$A$1"
    assert native.series[0].tx.strRef.f == "'首页图 1'!$B$4"
    assert opened["首页图 1"]["A5"].value == "=A1"


def test_characters_that_a_file_cannot_hold_are_shown_as_replaced(document, frames):
    odd = frames[tables.COMPANY_METRICS].head(1).assign(name=["甲\x00乙\x1f丙"])
    opened = openpyxl.load_workbook(
        io.BytesIO(xlsx.render(document, {tables.COMPANY_METRICS: odd}))
    )
    assert column(opened["公司总表"], "公司")[0].value == "甲\ufffd乙\ufffd丙"


@pytest.mark.parametrize(
    ("label", "labels", "form"),
    [
        ("50.0", ("50.0", "44.0"), "0.0"),
        ("2.7", ("2.94", "2.7"), "0.0"),
        ("-0.17", ("+1.94", "-0.17"), "+0.00;-0.00;0.00"),
        ("3", ("3", "—"), "0"),
    ],
)
def test_numbers_of_a_chart_have_the_decimals_of_their_labels(label, labels, form):
    assert format_like(label, labels) == form


@pytest.mark.parametrize(
    ("value", "text", "unit", "expected"),
    [
        (149_760_000_000.0, "1497.6", "亿元", 1497.6),
        (-174_081_700.0, "-17408.17", "万元", -17408.17),
        (0.1361, "+13.61", "%", 13.61),
        (63.0, "63", "%", 63),
        (0.00004, "0.00", "%", 0.004),
        (190.0, "190", "亿美元", 190),
    ],
)
def test_a_facts_number_is_in_the_unit_in_which_it_is_printed(
    document, value, text, unit, expected
):
    fact = next(iter(document.facts.values())).model_copy(
        update={"value": value, "text": text, "unit": unit}
    )
    assert number(fact).value == expected


def test_a_fact_whose_text_its_value_does_not_give_is_refused(document):
    fact = next(iter(document.facts.values())).model_copy(update={"value": 12.0, "text": "13"})
    with pytest.raises(ValueError, match="prints 13"):
        number(fact)


def test_stored_values_show_all_their_digits():
    assert exact_format(0.00697) == "#,##0.00000"
    assert exact_format(149_760_000_000.0) == "#,##0"


def test_every_metrics_table_has_names_for_its_columns():
    for table in SHEETS:
        for name in tables.columns(table):
            if not name.endswith("_is_loss"):
                assert name_of(standard_labels(), name) != name


@needs_libreoffice
def test_libreoffice_prints_every_sheet_and_every_number(file, document, tmp_path):
    with pymupdf.open(stream=to_pdf(file, "report.xlsx", tmp_path)) as pdf:
        printed = re.sub(r"\s", "", "".join(page.get_text() for page in pdf))
        assert {(round(page.rect.width), round(page.rect.height)) for page in pdf} == {(842, 595)}
    for one in exhibits(document).values():
        assert re.sub(r"\s", "", one.title) in printed
        for row in one.rows if isinstance(one, Table) else ():
            for cell in row:
                assert re.sub(r"\s", "", document.text(cell.line)) in printed


def test_a_small_move_looks_small_in_excels_own_chart_too(document, frames):
    values = (60.4, 60.2)
    series = Series(name="PE TTM 中值", values=values, labels=tuple(map(str, values)))
    chart = Chart(kind="lines", categories=("02-13", "02-27"), series=(series,), unit="X")
    front = document.front_page
    row = FigureRow(figures=(front.overview.figures[0].model_copy(update={"chart": chart}),))
    changed = document.model_copy(update={"front_page": front.model_copy(update={"overview": row})})
    opened = openpyxl.load_workbook(io.BytesIO(xlsx.render(changed, frames)))
    (native,) = opened["首页图 1"]._charts
    scaling = native.y_axis.scaling
    assert scaling.min < 58
    assert scaling.max > 63
