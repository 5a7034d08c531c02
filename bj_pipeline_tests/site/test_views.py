"""What pages say of a company or a sector over the issues, and how it is drawn."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bj_pipeline.issues import Issue
from bj_pipeline.report.labels import standard_labels
from bj_pipeline.site.charts import HEIGHT, WIDTH, Point, Trend, draw
from bj_pipeline.site.page import AI_CHAIN, company_path, sector_path
from bj_pipeline_tests.site.series import SECTORS, Home, company, write

FIRST, OTHER = "920001.BJ", "920002.BJ"


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path)


def _chart(page: str, name: str) -> str:
    """The figure whose title begins with that name."""
    found = re.search(rf"<figcaption>{name}.*?</figure>", page, re.DOTALL)
    assert found is not None
    return found[0]


def _line(chart: str) -> str:
    found = re.search(r'class="line" d="([^"]*)"', chart)
    assert found is not None
    return found[1]


def _labels(chart: str) -> list[str]:
    return re.findall(r'data-label="([^"]*)"', chart)


def test_an_issue_that_is_not_in_the_warehouse_is_a_gap(home) -> None:
    for number in (1, 2, 4, 5, 6):
        write(home.warehouse, number, [company(FIRST, segment="AIPC")])
    home.build()
    for path, name in (
        (company_path(FIRST), "总市值"),
        (sector_path(SECTORS[0]), "PE TTM 中值"),
        (AI_CHAIN, "AIPC总市值"),
    ):
        chart = _chart(home.page(path), name)
        line = _line(chart)
        assert (line.count("M"), line.count("L")) == (2, 3), path
        assert [label[:5] for label in _labels(chart)] == [f"第 {n} 期" for n in (1, 2, 4, 5, 6)]


def test_an_issue_that_does_not_cover_a_company_is_a_gap_and_ends_its_spans(home) -> None:
    for number in range(1, 6):
        rows = [company(OTHER)] if number == 3 else [company(FIRST), company(OTHER)]
        write(home.warehouse, number, rows)
    home.build()
    page = home.page(company_path(FIRST))
    assert _line(_chart(page, "总市值")).count("M") == 2
    spans = page[page.index('id="exhibit-spans"') : page.index('id="issues"')]
    assert re.findall(r"甲公司</td><td>第 (\d)[^<]*</td><td>第 (\d)", spans) == [
        ("1", "2"),
        ("4", "5"),
    ]


def test_a_company_without_a_change_has_no_bar_and_a_dash(home) -> None:
    write(home.warehouse, 1, [company(FIRST, change=None, close_base=None, status="new")])
    write(home.warehouse, 2, [company(FIRST)])
    home.build()
    page = home.page(company_path(FIRST))
    assert _labels(_chart(page, "周涨跌幅")) == ["第 2 期 2024-12-06：+1.00%"]
    assert re.search(r'2024-11-29</td><td class="right">—</td>.*?新上市', page)


def test_a_loss_of_unknown_size_is_called_a_loss_and_left_out_of_the_line(home) -> None:
    write(home.warehouse, 1, [company(FIRST, pe_ttm=None, pe_ttm_is_loss=True)])
    write(home.warehouse, 2, [company(FIRST)])
    home.build()
    page = home.page(company_path(FIRST))
    assert '<td class="right">亏损</td>' in page
    chart = _chart(page, "PE TTM")
    assert "有 1 期亏损而未给出数值" in chart
    assert len(_labels(chart)) == 1


def test_a_company_that_left_says_until_when_it_was_covered(home) -> None:
    write(home.warehouse, 1, [company(FIRST), company(OTHER)])
    write(home.warehouse, 2, [company(OTHER)])
    home.build()
    assert "第 1 期，此后未覆盖" in home.page(company_path(FIRST))
    assert "此后未覆盖" not in home.page(company_path(OTHER))


def test_a_company_outside_the_pool_has_a_page_and_no_sector(home) -> None:
    write(home.warehouse, 1, [company(FIRST), company(OTHER, sector=None, segment="AIPC")])
    home.build()
    assert "样本池外" in home.page(company_path(OTHER))
    assert company_path(OTHER) in home.page(AI_CHAIN)
    assert company_path(OTHER) not in home.page(sector_path(SECTORS[0]))


def test_suspension_and_special_treatment_are_marked(home) -> None:
    write(home.warehouse, 1, [company(FIRST, name="*ST甲", status="suspended")])
    home.build()
    assert "停牌、风险警示" in home.page(company_path(FIRST))


def test_what_prints_the_same_is_unchanged(home) -> None:
    same = company(FIRST, market_cap_base=1.00000001e9, market_cap=1.00000002e9)
    write(home.warehouse, 1, [same])
    home.build()
    assert '<dd class="value flat pointed">10.00亿元</dd>' in home.page(company_path(FIRST))


def test_a_change_that_prints_as_zero_is_neither_red_nor_green(home) -> None:
    write(home.warehouse, 1, [company(FIRST, change=0.00004)])
    home.build()
    page = home.page(company_path(FIRST))
    assert '<td class="right flat pointed">0.00</td>' in page
    assert '<rect class="level"' in page


def test_a_title_says_the_last_figure_and_how_it_stands(home) -> None:
    for number, cap in ((1, 1.0e9), (2, 3.0e9), (3, 2.0e9)):
        write(home.warehouse, number, [company(FIRST, market_cap=cap)])
    home.build()
    assert "总市值 20.00亿元（区间 10.00～30.00亿元）" in home.page(company_path(FIRST))
    home.build([1, 2])
    assert "总市值 30.00亿元，为图示各期最高" in home.page(company_path(FIRST))


def test_a_segment_whose_caps_are_unknown_has_no_total(home) -> None:
    write(home.warehouse, 1, [company(FIRST, segment="AIPC", market_cap=None)])
    home.build()
    assert "AIPC总市值：暂无数据" in home.page(AI_CHAIN)


# ---------------------------------------------------------------- drawing


def _calendar(count: int) -> tuple[Issue, ...]:
    start = date(2025, 1, 3)
    return tuple(
        Issue(at + 1, "", (start + timedelta(weeks=at),), start + timedelta(weeks=at - 1))
        for at in range(count)
    )


_VALUES = st.lists(
    st.none()
    | st.floats(-1e7, 1e7, allow_nan=False).map(lambda value: round(value, 2))
    | st.integers(-5, 5).map(float),
    min_size=1,
    max_size=80,
)


@settings(max_examples=150, deadline=None)
@given(values=_VALUES, bars=st.booleans())
def test_every_value_is_drawn_inside_the_frame(values, bars) -> None:
    points = tuple(None if value is None else Point(value, str(value)) for value in values)
    trend = Trend("", "", "bars" if bars else "line", "", points, "")
    drawing = draw(trend, _calendar(len(values)), standard_labels())
    assert len(_labels(drawing)) == len(trend.known)
    for name, limit in (("x", WIDTH), ("cx", WIDTH), ("y", HEIGHT), ("cy", HEIGHT)):
        for written in re.findall(rf' {name}="([^"]*)"', drawing):
            assert 0 <= float(written) <= limit
    ticks = re.findall(r'text-anchor="end">(-?[\d.]+)</text>', drawing)
    assert len(set(ticks)) == len(ticks)


def test_an_axis_of_companies_has_whole_numbers_only() -> None:
    points = tuple(Point(value, "") for value in (27.0, 28.0, 28.0))
    drawing = draw(Trend("", "", "line", "家", points, ""), _calendar(3), standard_labels())
    ticks = re.findall(r'text-anchor="end">([^<]*)</text>', drawing)
    assert ticks
    assert all(tick.isdigit() for tick in ticks)
