"""Sections: what they leave out where an issue's input lacks it, and titles that fit."""

import re
from dataclasses import replace

import pytest

from bj_pipeline.report.compose import compose
from bj_pipeline.report.data import ReportData, missing_notes
from bj_pipeline.report.document import Figure, FigureRow, Paragraph, Table
from bj_pipeline.report.house import load_house
from bj_pipeline.report.sections.ai_chain import ai_chain_section
from bj_pipeline.report.sections.market import market_section
from bj_pipeline.report.sections.sector import sector_section, sectors_overview
from bj_pipeline.report.sections.sector_figures import overview
from bj_pipeline_tests.report.composing import report_data


@pytest.fixture(scope="module")
def full(sample_issue) -> ReportData:
    return report_data(sample_issue.home, 65, load_house())


@pytest.fixture(scope="module")
def poor(full) -> ReportData:
    """The same week from prices alone."""
    lacking = {"market_cap": None, "market_cap_base": None, "pe_ttm": None, "pe_ttm_base": None}
    lacking |= {"pe_ttm_is_loss": False, "fiscal_year": None, "revenue": None, "net_profit": None}
    known = {name: value for name, value in lacking.items() if name in full.ai_chain}
    return replace(
        full, companies=full.companies.assign(**lacking), ai_chain=full.ai_chain.assign(**known)
    )


def tables_of(section) -> dict[str, Table]:
    return {block.id: block for block in section.blocks if isinstance(block, Table)}


def heads(table: Table) -> list[str]:
    return [column.label for column in table.columns]


def test_columns_that_an_issue_cannot_fill_are_left_out(full, poor):
    listed = ["总市值", "PE TTM", "2024营业收入", "2024归母净利润"]
    chain, top = ["环节", "代码", "公司"], ["代码", "公司", "行业", "涨跌幅"]
    assert heads(tables_of(ai_chain_section(full))["ai_chain"]) == chain + listed
    assert heads(tables_of(market_section(full))["top_movers"]) == top + listed
    assert heads(tables_of(ai_chain_section(poor))["ai_chain"]) == chain
    assert heads(tables_of(market_section(poor))["top_movers"]) == top


def test_a_company_whose_results_are_of_another_year_than_the_head_says_is_named(full):
    def early(frame):
        is_early = frame["code"].isin(["920493.BJ", "920088.BJ"])
        return frame.assign(fiscal_year=frame["fiscal_year"].mask(is_early, 2025))

    data = replace(full, companies=early(full.companies), ai_chain=early(full.ai_chain))
    chain = tables_of(ai_chain_section(data))["ai_chain"]
    top = tables_of(market_section(data))["top_movers"]
    assert "2024营业收入" in heads(chain)
    assert chain.note.endswith("并行科技为 2025 年度数据。")
    assert top.note.endswith("科力股份为 2025 年度数据。")
    assert "年度数据" not in tables_of(ai_chain_section(full))["ai_chain"].note


def test_a_trend_begins_with_the_first_issue_of_which_anything_is_known_and_keeps_later_gaps(full):
    def trend(data):
        rows = [
            one for one in sector_section(data, "机械设备").blocks if isinstance(one, FigureRow)
        ]
        (chart,) = (one.chart for row in rows for one in row.figures if one.chart.kind == "lines")
        (caps,) = (one for one in sectors_overview(data).blocks if isinstance(one, Figure))
        assert caps.chart.categories == chart.categories
        return list(zip(chart.categories, chart.series[0].values, strict=True))

    assert [day for day, _ in trend(full)] == ["02-13", "02-27"]
    is_one = (full.trends["trend_issue"] == 61) & (full.trends["sector"] == "汽车")
    longer = full.trends.assign(total_market_cap=full.trends["total_market_cap"].mask(is_one, 5e10))
    found = trend(replace(full, trends=longer))
    assert [day for day, _ in found] == ["01-23", "01-30", "02-06", "02-13", "02-27"]
    assert [value is None for _, value in found] == [True, True, True, False, False]
    nothing = full.trends.assign(pe_ttm_median=float("nan"), total_market_cap=float("nan"))
    assert [day for day, _ in trend(replace(full, trends=nothing))] == ["02-27"]


def test_leaders_of_a_week_in_which_some_of_them_fell_are_not_called_rises(full):
    def words(data):
        market, sector = market_section(data), sector_section(data, "机械设备")
        lines = [one.line for one in (*market.blocks, *sector.blocks) if isinstance(one, Paragraph)]
        charts = [
            figure.title
            for one in sector.blocks
            if isinstance(one, FigureRow)
            for figure in one.figures
        ]
        texts = ["".join(getattr(part, "text", "") for part in line) for line in lines]
        return " ".join([*texts, *charts, tables_of(market)["top_movers"].title])

    fell = full.companies.assign(change=full.companies["change"] - 0.2)
    told = words(replace(full, companies=fell))
    for risen in ("涨幅居前的公司为", "涨幅居前的为", "涨幅前五", "涨幅前十"):
        assert risen in words(full)
        assert risen not in told
        assert risen.replace("涨幅", "涨跌幅") in told


def test_the_title_of_the_ai_table_promises_no_column_that_is_left_out(full, poor):
    def title(data: ReportData) -> str:
        return tables_of(ai_chain_section(data))["ai_chain"].title

    assert title(full) == "AI 产业链公司的市值、估值与业绩"
    assert title(poor) == "AI 产业链公司"
    no_results = {"fiscal_year": None, "revenue": None, "net_profit": None}
    valued = replace(
        full,
        companies=full.companies.assign(**no_results),
        ai_chain=full.ai_chain.assign(
            **{name: None for name in no_results if name in full.ai_chain}
        ),
    )
    assert title(valued) == "AI 产业链公司的总市值、PE TTM"


def test_last_week_is_spoken_of_only_where_its_values_stand_beside_this_weeks(full, poor):
    def opening(data: ReportData) -> str:
        line = sectors_overview(data).blocks[0].line
        return "".join(getattr(part, "text", "") for part in line)

    assert "上周数据按本期样本池" in opening(full)
    assert "上周" not in opening(poor)
    assert "样本池分为" in opening(poor)


def test_where_last_weeks_values_are_unknown_nothing_is_compared_with_them(full):
    unknown = {"market_cap_base": None, "pe_ttm_base": None, "pe_ttm_base_is_loss": False}
    medians = ("pe_ttm_median_base", "total_market_cap_base", "market_cap_median_base")
    data = replace(
        full,
        companies=full.companies.assign(**unknown),
        sectors=full.sectors.assign(**dict.fromkeys(medians, float("nan"))),
        buckets=full.buckets.assign(companies_base=0),
    )
    document = compose(data)
    said = "".join(
        document.text(block.line)
        for section in document.sections
        if section.id.startswith("sector")
        for block in section.blocks
        if isinstance(block, Paragraph)
    )
    assert "PE TTM 中值为61.0X。" in said
    assert not re.search("上周|持平|增至|减至", said)
    notes = "".join(document.text(line) for line in document.notices)
    assert "本期输入不含基准日的 PE TTM 与总市值：与上周的比较从略。" in notes
    assert not [
        head for head in heads(tables_of(sectors_overview(data))["sectors"]) if "上" in head
    ]
    figures = [
        figure
        for row in (overview(data), *sector_section(data, "电子设备").blocks)
        for figure in getattr(row, "figures", ())
    ]
    assert {series.name for figure in figures for series in figure.chart.series} >= {"本周"}
    for figure in figures:
        assert "上周" not in figure.alt + figure.title
        assert all(set(series.values) != {None} for series in figure.chart.series)


def test_a_sector_whose_median_alone_is_unknown_is_not_called_unchanged(full):
    at = full.sectors["sector"] == "汽车"
    sectors = full.sectors.assign(
        pe_ttm_median_base=full.sectors["pe_ttm_median_base"].mask(at),
        market_cap_median=full.sectors["market_cap_median"].mask(at),
    )
    document = compose(replace(full, sectors=sectors))
    section = next(one for one in document.sections if one.id == "sector-汽车")
    said = "".join(
        document.text(block.line) for block in section.blocks if isinstance(block, Paragraph)
    )
    assert "PE TTM 中值为30.4X；" in said
    assert "持平" not in said


def test_the_ai_table_names_its_vendor_only_where_other_tables_have_another(full):
    def note(data: ReportData) -> str:
        return tables_of(ai_chain_section(data))["ai_chain"].note

    assert "取自 Wind" in note(full)
    one = full.companies["pe_ttm_vendor"].iloc[0]
    assert "取自" not in note(replace(full, ai_chain=full.ai_chain.assign(pe_ttm_vendor=one)))


def test_an_issue_without_a_topic_opens_with_the_ai_chain_and_says_nothing_of_topics(full):
    document = compose(replace(full, topic=None))
    assert document.sections[0].id == "ai-chain"
    assert document.sections[0].level == 1
    assert "专题" not in document.front_page.key_points.labels


def test_the_front_page_compares_valuations_where_there_are_any(full, poor):
    assert [one.id for one in overview(full).figures] == ["overview", "overview-pe"]
    assert [one.id for one in overview(poor).figures] == ["overview"]


def test_a_latin_name_and_its_number_stand_apart(full):
    document = compose(full)
    said = next(
        block for part in document.sections if part.id == "ai-chain" for block in part.blocks
    )
    assert re.search(r"算力基建\d+家、AIPC \d+家", document.text(said.line))


def test_every_row_has_a_cell_for_every_column(full, poor):
    for data in (full, poor):
        for section in (ai_chain_section(data), market_section(data)):
            for table in tables_of(section).values():
                assert {len(row) for row in table.rows} == {len(table.columns)}


def test_a_table_of_valuations_is_left_out_with_the_valuations_and_said_so(full, poor):
    assert "sectors" in tables_of(sectors_overview(full))
    assert not tables_of(sectors_overview(poor))
    notes = "".join(part.text for line in missing_notes(poor) for part in line)
    assert "不含 PE TTM" in notes
    assert "不含年度财务数据" in notes


def test_titles_of_bucket_charts_stand_on_one_line_and_say_when_there_is_more(full):
    titles = [
        figure.title
        for sector in full.sector_names
        for block in sector_section(full, sector).blocks
        for figure in (block.figures if isinstance(block, FigureRow) else (block,))
        if isinstance(figure, Figure) and "分布" in figure.title
    ]
    assert len(titles) == 10
    assert "新能源 PE TTM 分布：与上周一致" in titles
    assert any(title.endswith("等") for title in titles)
    # 234 points of 8.5, less the number in front; digits are little more than half as wide.
    widths = [sum(1 if ord(one) > 0x2E80 else 0.57 for one in title) for title in titles]
    assert max(widths) < 23.5
