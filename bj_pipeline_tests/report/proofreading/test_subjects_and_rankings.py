"""A figure beside a wrong name, in a wrong place or of a wrong week is found."""

from dataclasses import replace

import pytest

from bj_pipeline.report.proofreading import text_findings
from bj_pipeline_tests.report.proofreading.planting import planted, rules, with_exhibit

OF_SECTOR = "pe_ttm-机械设备"


def swapped(items):
    first, second, *rest = items
    return (second, first, *rest)


def rows(change):
    return lambda table: table.model_copy(update={"rows": change(table.rows)})


def columns(change):
    return lambda table: table.model_copy(update={"columns": change(table.columns)})


def chart(**changes):
    def changed(figure):
        parts = {name: change(getattr(figure.chart, name)) for name, change in changes.items()}
        return figure.model_copy(update={"chart": figure.chart.model_copy(update=parts)})

    return changed


def renamed(series):
    names = [one.name for one in series]
    return tuple(
        one.model_copy(update={"name": name})
        for one, name in zip(series, swapped(names), strict=True)
    )


def reordered(series):
    return tuple(
        one.model_copy(
            update={name: swapped(getattr(one, name)) for name in ("values", "labels", "facts")}
        )
        for one in series
    )


def shorter(series):
    return tuple(
        one.model_copy(
            update={name: getattr(one, name)[:4] for name in ("values", "labels", "facts")}
        )
        for one in series
    )


@pytest.mark.parametrize(
    ("exhibit", "change", "rule"),
    [
        ("top_movers", rows(swapped), "ranking_is_wrong"),
        ("top_movers", rows(lambda given: given[:-1]), "ranking_is_wrong"),
        ("top_movers", rows(lambda given: (*given[:9], given[8])), "ranking_is_wrong"),
        (
            "top_movers",
            rows(lambda given: ((*given[0][:2], given[1][2], *given[0][3:]), *given[1:])),
            "name_does_not_match",
        ),
        (
            "sectors",
            rows(lambda given: ((given[1][0], *given[0][1:]), *given[1:])),
            "name_does_not_match",
        ),
        ("sectors", columns(lambda given: (*given[:4], *swapped(given[4:]))), "week_is_wrong"),
        (OF_SECTOR, chart(series=renamed), "week_is_wrong"),
        (OF_SECTOR, chart(categories=swapped), "name_does_not_match"),
        ("ai-chain-market-cap", chart(categories=swapped), "name_does_not_match"),
        ("sector-caps", chart(series=renamed), "name_does_not_match"),
        (
            "indices",
            chart(categories=lambda given: (given[0], *swapped(given[1:]))),
            "name_does_not_match",
        ),
        ("trend-汽车", chart(categories=swapped), "date_is_wrong"),
        ("movers-汽车", chart(categories=swapped, series=reordered), "ranking_is_wrong"),
        (
            "movers-汽车",
            chart(categories=lambda given: given[:4], series=shorter),
            "ranking_is_wrong",
        ),
    ],
)
def test_a_figure_in_another_place_than_its_own_is_found(document, known, exhibit, change, rule):
    assert rule in rules(text_findings(with_exhibit(document, exhibit, change), known))


@pytest.mark.parametrize(
    ("old", "new", "rule", "expected"),
    [
        ("新能源居前，+1.94%", "电子设备居前，+1.49%", "ranking_is_wrong", "新能源 +1.94%"),
        ("信息技术最高，为 72.0X", "电子设备最高，为 61.0X", "ranking_is_wrong", "信息技术 72.0X"),
        (
            "电子设备最高，为 1497.6亿元",
            "机械设备最高，为 1217.9亿元",
            "ranking_is_wrong",
            "电子设备 1497.6亿元",
        ),
        ("科创50居前，+1.20%", "沪深300居前，+1.08%", "ranking_is_wrong", "科创50 +1.20%"),
        (
            "各环节总市值：AI应用 452.1亿元",
            "各环节总市值：算力基建 253.8亿元",
            "ranking_is_wrong",
            "AI应用 452.1亿元",
        ),
        (
            '"text":"北证50","name":true',
            '"text":"沪深300","name":true',
            "name_does_not_match",
            "北证50",
        ),
        (
            '"text":"机械设备","name":true,"strong":false},{"kind":"words","text":" PE TTM',
            '"text":"电子设备","name":true,"strong":false},{"kind":"words","text":" PE TTM',
            "name_does_not_match",
            "机械设备",
        ),
        ("科创50 +1.20%，创业板指", "科创50 +1.02%，创业板指", "text_alternative_differs", "+1.20"),
        (
            "AI应用 452.1亿元，AI电源 136.0亿元。",
            "AI电源 452.1亿元，AI应用 136.0亿元。",
            "text_alternative_differs",
            "136.0",
        ),
        ("分布，中值为 +0.70%", "分布，中值为 +0.07%", "text_alternative_differs", "+0.70"),
        ("2024营业收入", "2023营业收入", "date_is_wrong", "2024"),
        ('"source":"OpenRouter"', '"source":"OpenRouter，2062 年"', "date_is_wrong", "after 2026"),
    ],
)
def test_a_wording_that_names_another_than_the_figures_is_found(
    document, known, old, new, rule, expected
):
    found = text_findings(planted(document, old, new), known)
    assert any(one.rule == rule and expected in one.expected for one in found), found


def test_figures_of_another_sector_under_a_sectors_heading_are_found(document, known):
    sections = list(document.sections)
    at = next(at for at, one in enumerate(sections) if one.title == "机械设备")
    sections[at] = sections[at].model_copy(update={"title": "汽车"})
    found = text_findings(document.model_copy(update={"sections": tuple(sections)}), known)
    assert {(one.rule, one.found, one.expected) for one in found} >= {
        ("name_does_not_match", "汽车", "机械设备")
    }


def test_a_company_that_fell_among_those_that_are_said_to_have_risen_is_found(document, known):
    changes = {code: change - 0.2 for code, change in known.changes.items()}
    found = text_findings(document, replace(known, changes=changes))
    fallen = [one for one in found if one.rule == "direction_is_wrong"]
    assert fallen
    assert {one.expected for one in fallen} == {"涨跌幅"}


@pytest.mark.parametrize("without", ["汽车", "电子设备"])
def test_a_sector_that_a_list_of_sectors_lacks_is_found(document, known, without):
    def is_kept(row):
        return document.text(row[0].line) != without

    lacking = with_exhibit(
        document, "sectors", rows(lambda all_rows: tuple(filter(is_kept, all_rows)))
    )
    found = [one for one in text_findings(lacking, known) if one.rule == "sector_is_missing"]
    assert [(one.sentence, one.expected) for one in found] == [
        ("各行业公司数、估值与市值", without)
    ]


def test_a_line_of_a_sector_that_a_chart_lacks_is_found(document, known):
    lacking = with_exhibit(document, "sector-caps", chart(series=lambda series: series[1:]))
    found = text_findings(lacking, known)
    assert ("sector_is_missing", "电子设备") in {(one.rule, one.expected) for one in found}


def test_a_right_sectors_wrong_measure_is_found(document, known):
    name = "sector_metrics/汽车/"
    wrong = with_exhibit(
        document,
        "sectors",
        lambda table: type(table).model_validate_json(
            table.model_dump_json().replace(
                f'"{name}total_market_cap"', f'"{name}market_cap_median"'
            )
        ),
    )
    found = [one for one in text_findings(wrong, known) if one.rule == "measure_is_wrong"]
    assert [(one.sentence, one.expected) for one in found] == [
        ("各行业公司数、估值与市值：本周总市值", "total_market_cap")
    ]


def test_a_value_of_a_chart_that_is_of_another_measure_is_found(document, known):
    def of_another(series):
        facts = list(series[0].facts)
        facts[-1] = facts[-1].replace("total_market_cap", "pe_ttm_median")
        return (series[0].model_copy(update={"facts": tuple(facts)}), *series[1:])

    wrong = with_exhibit(document, "sector-caps", chart(series=of_another))
    assert wrong != document
    assert "measure_is_wrong" in {one.rule for one in text_findings(wrong, known)}
