"""A slip in figures or wording, the same in every form, is found."""

from dataclasses import replace

import pytest

from bj_pipeline.report.proofreading import text_findings
from bj_pipeline_tests.report.proofreading.planting import (
    CHAIN_ROW,
    MEDIAN,
    only,
    planted,
    rules,
    with_exhibit,
    with_fact,
)


@pytest.mark.parametrize(
    ("fact", "changes", "rule", "expected"),
    [
        (
            "sector_metrics/汽车/companies",
            {"text": "23", "value": 23.0},
            "counts_do_not_add_up",
            "153",
        ),
        (
            "market_metrics/falling_companies",
            {"text": "50", "value": 50.0},
            "counts_do_not_add_up",
            "153",
        ),
        (
            "market_metrics/rising_share",
            {"text": "64", "value": 0.64},
            "percentage_does_not_follow",
            "63%（96 ÷ 153）",
        ),
        (
            "bucket_counts/机械设备/pe_ttm/20~30/companies",
            {"text": "5", "value": 5.0},
            "counts_do_not_add_up",
            "41",
        ),
        (
            "bucket_counts/汽车/market_cap/0~5/companies_base",
            {"text": "7", "value": 7.0},
            "counts_do_not_add_up",
            "22",
        ),
        ("distribution/0~2%", {"text": "58", "value": 58.0}, "counts_do_not_add_up", "153"),
        (
            "ai_chain_metrics/AIPC/companies",
            {"text": "3", "value": 3.0},
            "counts_do_not_add_up",
            "28",
        ),
        ("ai_chain_metrics/companies", {"text": "29", "value": 29.0}, "counts_do_not_add_up", "29"),
        ("raw_announcements/kind/合同", {"text": "4", "value": 4.0}, "counts_do_not_add_up", "9"),
        (
            "raw_announcements/companies",
            {"text": "8", "value": 8.0},
            "counts_do_not_add_up",
            "9（本周公告）",
        ),
        (
            "ai_chain_metrics/AI应用/market_cap",
            {"text": "462.1", "value": 46.21e9},
            "sum_does_not_follow",
            "各行之和",
        ),
        (
            f"{MEDIAN}_change",
            {"text": "+16.31", "value": 0.1631},
            "percentage_does_not_follow",
            "+13.64%（50.0X ÷ 44.0X − 1）",
        ),
        (f"{MEDIAN}_change", {"text": "13.61"}, "sign_is_lost", "+13.61%"),
        (f"{MEDIAN}_change", {"text": "-13.61"}, "sign_is_lost", "+13.61%"),
        (
            "company_metrics/920305.BJ/net_profit",
            {"text": "17408.17"},
            "sign_is_lost",
            "-17408.17万元",
        ),
        ("company_metrics/920305.BJ/pe_ttm", {"text": "-6.98"}, "number_differs", "-6.88X"),
        (MEDIAN, {"text": "43.0", "value": 43.0}, "direction_is_wrong", "降至 43.0X（上周 44.0X）"),
        (MEDIAN, {"unit": "亿元"}, "unit_differs", "50.0亿元"),
        ("sector_metrics/汽车/companies", {"unit": "亿元"}, "unit_differs", "公司数（亿元）"),
        ("bucket_counts/汽车/market_cap/0~5/companies", {"unit": "亿元"}, "unit_differs", "亿元"),
    ],
)
def test_a_figure_that_is_wrong_in_every_form_is_found(
    document, known, forms, fact, changes, rule, expected
):
    found = text_findings(with_fact(document, fact, **changes), known, forms)
    fitting = [one for one in found if one.rule == rule and expected in one.expected]
    assert fitting, found
    assert all(not one.is_analysts for one in found)


@pytest.mark.parametrize(
    ("old", "new", "rule", "expected"),
    [
        (
            "机械设备 PE TTM 中值升至 50.0X",
            "机械设备 PE TTM 中值降至 50.0X",
            "direction_is_wrong",
            "升至 50.0X（上周 44.0X）",
        ),
        (
            "机械设备 PE TTM 中值升至 50.0X",
            "机械设备 PE TTM 中值升至 50.0亿元",
            "unit_differs",
            "50.0 X",
        ),
        (
            "机械设备 PE TTM 中值升至 50.0X",
            "机械设备 PE TTM 中值升至 51.0X",
            "title_is_not_drawn",
            "50.0",
        ),
        ("样本池涨跌幅分布：中值 +0.70%", "样本池涨跌幅分布：中值 0.70%", "sign_is_lost", "+0.70%"),
        (
            "机械设备涨幅前五：科力股份 +21.79%",
            "机械设备涨幅前五：科力股份 21.79%",
            "sign_is_lost",
            "+21.79%",
        ),
        ("条形图：电子设备 +1.49%", "条形图：电子设备 1.49%", "sign_is_lost", "+1.49%"),
        (
            "机械设备涨幅前五：科力股份 +21.79%",
            "机械设备涨幅前五：克力股份 +21.79%",
            "name_does_not_match",
            "科力股份",
        ),
        (
            "各行业本周总市值变动：新能源居前",
            "各行业本周总市值变动：汽车居前",
            "name_does_not_match",
            "新能源",
        ),
        (
            "机械设备 PE TTM 分布：20~30X 增加",
            "机械设备 PE TTM 分布：20~30X 减少",
            "direction_is_wrong",
            "20~30X 增加（2 → 3）",
        ),
        (
            "AI 产业链各环节公司数：AI应用 15家",
            "AI 产业链各环节公司数（亿元）：AI应用 15家",
            "unit_differs",
            "家",
        ),
        ("各行业公司数、估值与市值", "各行业公司数（元）", "unit_differs", "家 / X"),
        ("样本池涨幅前十的公司", "样本池涨幅前十的公司（单位：美元）", "unit_differs", "亿元"),
        ("不含风险警示（ST）公司。", "", "st_companies_without_a_word", "excludes ST"),
        (
            "含风险警示（ST）公司；AI 产业链一览表不含。",
            "",
            "st_companies_without_a_word",
            "includes ST",
        ),
        ('920088.BJ","name":true', '920089.BJ","name":true', "name_does_not_match", "universe"),
        ('"text":"2026-02-24"', '"text":"2026-02-16"', "date_is_wrong", "2026-02-23 to 2026-03-01"),
        ('"text":"02-26"', '"text":"02-16"', "date_is_wrong", "02-23 to 03-01"),
        ('"close_date":"2026-02-27"', '"close_date":"2026-02-26"', "date_is_wrong", "2026-02-27"),
        (
            '"02-13","02-27"',
            '"02-13","02-28"',
            "date_is_wrong",
            "02-27",
        ),
    ],
)
def test_a_wording_that_is_wrong_in_every_form_is_found(
    document, known, forms, old, new, rule, expected
):
    found = text_findings(planted(document, old, new), known, forms)
    assert any(one.rule == rule and expected in one.expected for one in found), found


def test_a_finding_names_the_page_of_the_pdf(document, known, forms):
    wrong = with_fact(document, "market_metrics/rising_share", value=0.64, text="64")
    found = text_findings(wrong, known, None)
    assert only(found).page == ""
    wrong = planted(document, "机械设备涨幅前五：科力股份", "机械设备涨幅前五：克莱特")
    found = only(text_findings(wrong, known, forms))
    assert (found.form, found.page) == ("report.pdf", "")
    pages = {
        one.page
        for one in text_findings(
            document, replace(known, names=dict(known.names) | {"920088.BJ": "科力装备"}), forms
        )
    }
    named = {one.page for one in forms["report.pdf"].passages if "科力股份" in one.text}
    assert len(named) > 1
    assert pages == named


def test_an_st_company_in_the_ai_chain_table_is_found(document, known, forms):
    found = text_findings(document, replace(known, st=known.st | {CHAIN_ROW}), forms)
    st = [one for one in found if one.rule == "st_company_is_listed"]
    assert CHAIN_ROW in only(st).sentence
    assert only(st).page == "4"


def test_a_chart_in_companies_units_under_a_title_in_yuan_is_found(document, known):
    wrong = with_exhibit(
        document,
        "market_cap-机械设备",
        lambda one: one.model_copy(update={"title": "机械设备总市值（亿元）"}),
    )
    assert "unit_differs" in rules(text_findings(wrong, known))


def test_a_share_in_dollars_is_found(document, known):
    wrong = planted(document, '"unit":"%"', '"unit":"百万美元"')
    found = [
        one
        for one in text_findings(wrong, known)
        if one.rule == "unit_does_not_fit" and "占比" in one.found
    ]
    assert found
    assert found[0].is_analysts


def test_a_bar_that_is_not_as_long_as_its_label_says_is_found(document, known):
    def longer(figure):
        series = figure.chart.series[0]
        first, *rest = series.model_dump()["values"]
        wrong = series.model_copy(update={"values": (first * 2, *rest)})
        return figure.model_copy(
            update={"chart": figure.chart.model_copy(update={"series": (wrong,)})}
        )

    found = text_findings(with_exhibit(document, "ai-chain-companies", longer), known)
    assert "number_differs" in rules(found)


def test_a_colour_that_is_not_the_signs_is_found(document, known):
    wrong = planted(
        document,
        '"with_unit":false}],"tone":"up"',
        '"with_unit":false}],"tone":"down"',
    )
    assert rules(text_findings(wrong, known)) == {"direction_is_wrong"}
