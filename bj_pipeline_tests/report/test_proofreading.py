"""Proofreading: each kind of slip is planted in data, text or a form, and found with its place."""

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bj_pipeline.issues import by_number
from bj_pipeline.report import docx, html, pdf, xlsx
from bj_pipeline.report.document import Document, Words
from bj_pipeline.report.labels import standard_labels
from bj_pipeline.report.proofreading import (
    FORMS,
    Finding,
    Known,
    form_findings,
    read_form,
    text_findings,
)
from bj_pipeline.report.proofreading.quantities import quantities
from bj_pipeline.report.proofreading.read_workbook import shown
from bj_pipeline.warehouse import tables

ISSUE = 65
LABELS = standard_labels()
MEDIAN = "sector_metrics/机械设备/pe_ttm_median"
CHAIN_ROW = "920493.BJ"


@pytest.fixture(scope="module")
def folder(sample_issue) -> Path:
    return sample_issue.home / "artifacts" / by_number(ISSUE).folder


@pytest.fixture(scope="module")
def document(sample_issue) -> Document:
    stored = sample_issue.table(tables.REPORT_DOCUMENT, ISSUE)
    return Document.model_validate_json(stored["document"].iloc[0])


@pytest.fixture(scope="module")
def known(sample_issue) -> Known:
    return Known.of(
        by_number(ISSUE),
        sample_issue.table(tables.COMPANY_UNIVERSE, ISSUE),
        sample_issue.table(tables.COMPANY_METRICS, ISSUE),
    )


@pytest.fixture(scope="module")
def forms(folder):
    return {name: read_form(folder / name, LABELS) for name in FORMS}


@pytest.fixture(scope="module")
def pictures(sample_issue):
    drawn = sample_issue.table(tables.REPORT_FIGURES, ISSUE)
    return {name: svg.encode() for name, svg in zip(drawn["figure"], drawn["svg"], strict=True)}


def planted(document: Document, old: str, new: str) -> Document:
    """The document with a text of its JSON replaced."""
    text = document.model_dump_json()
    assert old in text
    return Document.model_validate_json(text.replace(old, new))


def with_fact(document: Document, name: str, **changes) -> Document:
    facts = document.facts
    return document.model_copy(
        update={"facts": facts | {name: facts[name].model_copy(update=changes)}}
    )


def with_exhibit(document: Document, name: str, change) -> Document:
    """The document with one exhibit changed."""

    def changed(block):
        if block.kind == "figure_row":
            figures = tuple(changed(one) for one in block.figures)
            return block.model_copy(update={"figures": figures})
        return change(block) if getattr(block, "id", "") == name else block

    sections = tuple(
        one.model_copy(update={"blocks": tuple(map(changed, one.blocks))})
        for one in document.sections
    )
    return document.model_copy(update={"sections": sections})


def rules(findings) -> set[str]:
    return {one.rule for one in findings}


def only(findings) -> Finding:
    (one,) = findings
    return one


# --- a healthy issue


def test_the_sample_issue_holds_no_slip_in_any_form(document, known, forms):
    assert list(form_findings(document, forms)) == []
    assert text_findings(document, known, forms) == []


def test_every_form_is_read_back_whole(document, forms):
    exhibits = len(list(document.exhibits()))
    listed = [entry for entry in forms["report.pdf"].contents if entry.title.startswith("图表")]
    assert len(listed) == exhibits
    assert all(entry.page.isdigit() for entry in forms["report.pdf"].contents)
    assert len(forms["report.html"].drawings) == len(list(document.figures()))
    assert {tied.fact for tied in forms["report.html"].tied} == set(document.facts)
    assert {tied.fact for tied in forms["report.xlsx"].tied} >= set(document.facts)
    for form in forms.values():
        assert "+29.55" in form.text


# --- faults in a form


def html_with(folder, tmp_path, old, new, count=-1):
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "report.html").write_text(text.replace(old, new, count), encoding="utf-8")
    return {"report.html": read_form(tmp_path / "report.html", LABELS)}


def zipped_with(source, target, old, new, parts):
    """A copy of an Office file in which a text of some of its parts is replaced once."""
    seen = 0
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if re.search(parts, name) and not seen and old.encode() in content:
                content = content.replace(old.encode(), new.encode(), 1)
                seen += 1
            after.writestr(name, content)
    assert seen, f"{old} stands in no part {parts}"
    return {target.name: read_form(target, LABELS)}


def test_a_sign_that_one_sentence_of_the_page_lost_is_found(document, folder, tmp_path):
    old = f'<span class="fact" data-fact="{MEDIAN}_change">+13.61%</span>'
    forms = html_with(folder, tmp_path, old, old.replace("+", ""), 1)
    found = [one for one in form_findings(document, forms) if "中值变动最大" in one.sentence]
    assert only(found) == Finding(
        "sign_is_lost",
        "report.html",
        "本期要点",
        "机械设备 PE TTM 中值变动最大，由上周的44.0X升至50.0X（+13.61%）。",
        "13.61",
        "+13.61",
    )


def test_a_number_that_word_prints_otherwise_is_found_with_its_section(document, folder, tmp_path):
    forms = zipped_with(
        folder / "report.docx",
        tmp_path / "report.docx",
        ">1497.6亿元<",
        ">1479.6亿元<",
        "document.xml",
    )
    found = only(form_findings(document, forms))
    assert (found.rule, found.form, found.page) == ("number_differs", "report.docx", "电子设备")
    assert (found.found, found.expected) == ("1479.6", "1497.6")
    assert "总市值由上周的1475.6亿元升至1497.6亿元" in found.sentence


def test_a_sign_that_word_lost_is_found(document, folder, tmp_path):
    forms = zipped_with(
        folder / "report.docx", tmp_path / "report.docx", ">+13.61%<", ">13.61%<", "document.xml"
    )
    assert only(form_findings(document, forms)).rule == "sign_is_lost"


def test_a_number_that_word_adds_is_found(document, folder, tmp_path):
    forms = zipped_with(
        folder / "report.docx",
        tmp_path / "report.docx",
        "两组数据口径不同",
        "两组数据口径相差 12.3%",
        "document.xml",
    )
    found = list(form_findings(document, forms))
    assert any(one.found.endswith("12.3") or "12.3" in one.found for one in found)
    assert {one.page for one in found} == {"本周专题：模型调用放量，算力需求转向推理"}


def test_a_paragraph_with_a_number_that_stands_nowhere_in_the_document_is_found(
    document, folder, tmp_path
):
    forms = html_with(
        folder,
        tmp_path,
        '<p class="body">同期主要指数',
        '<p>另有 37 家公司停牌。</p><p class="body">同期主要指数',
    )
    found = only(form_findings(document, forms))
    assert (found.rule, found.page, found.found) == ("number_without_origin", "市场表现", "37")
    assert found.sentence == "另有 37 家公司停牌。"


def test_a_cell_of_the_workbook_with_another_value_is_found(document, folder, tmp_path):
    forms = zipped_with(
        folder / "report.xlsx", tmp_path / "report.xlsx", "<v>46</v>", "<v>64</v>", "sheet2.xml"
    )
    found = only(form_findings(document, forms))
    assert (found.rule, found.page) == ("number_differs", "首页表")
    assert (found.found, found.expected) == ("64", "46")


def test_a_number_format_that_hides_the_sign_is_found(document, folder, tmp_path):
    forms = zipped_with(
        folder / "report.xlsx",
        tmp_path / "report.xlsx",
        'formatCode="+0.00;-0.00;0.00"',
        'formatCode="0.00;-0.00;0.00"',
        "styles.xml",
    )
    found = list(form_findings(document, forms))
    assert rules(found) == {"sign_is_lost"}
    assert any(one.expected == "+29.55" for one in found)


def test_a_company_sheet_that_disagrees_with_the_report_is_found(document, folder):
    forms = {"report.xlsx": read_form(folder / "report.xlsx", LABELS)}
    form = forms["report.xlsx"]
    place = (tables.COMPANY_METRICS, "920305.BJ", "本周涨跌幅（%）")
    assert form.columns[place] == "+29.55"
    wrong = replace(form, columns=dict(form.columns) | {place: "29.55"})
    found = only(form_findings(document, {"report.xlsx": wrong}))
    assert (found.sentence, found.found, found.expected) == (
        "920305.BJ 本周涨跌幅（%）",
        "29.55",
        "+29.55",
    )


def test_a_pdf_that_prints_another_figure_is_found_with_its_page(document, pictures, tmp_path):
    (tmp_path / "report.pdf").write_bytes(
        pdf.render(with_fact(document, MEDIAN, text="51.0"), pictures)
    )
    found = list(
        form_findings(document, {"report.pdf": read_form(tmp_path / "report.pdf", LABELS)})
    )
    assert {(one.rule, one.found, one.expected) for one in found} == {
        ("number_differs", "51.0", "50.0")
    }
    assert [one.page for one in found] == ["1", "1", "6", "7"]


def test_a_chart_that_draws_another_value_is_found(document, folder, tmp_path):
    forms = html_with(folder, tmp_path, ">+1.94</text>", ">+1.49</text>", 1)
    found = only(form_findings(document, forms))
    assert (found.rule, found.expected) == ("chart_label_differs", "+1.94%")


def test_a_chart_of_the_pdf_that_draws_another_value_is_found(document, pictures, tmp_path):
    wrong = pictures | {"overview": pictures["overview"].replace(b">+1.94<", b">+1.49<")}
    assert wrong != pictures
    (tmp_path / "report.pdf").write_bytes(pdf.render(document, wrong))
    found = only(
        form_findings(document, {"report.pdf": read_form(tmp_path / "report.pdf", LABELS)})
    )
    assert (found.rule, found.page, found.expected) == ("chart_label_differs", "1", "+1.94%")


@pytest.mark.parametrize(("drawn", "rules_broken"), [("+1.94", []), ("+1.49", ["+1.94%"])])
def test_a_value_that_stands_at_the_note_on_units_is_read(
    document, pictures, tmp_path, drawn, rules_broken
):
    (tmp_path / "report.pdf").write_bytes(pdf.render(document, pictures))
    form = read_form(tmp_path / "report.pdf", LABELS)
    texts = [passage.text.strip() for passage in form.passages]
    note, value = texts.index("单位：%"), texts.index("+1.94")
    passages = list(form.passages)
    passages[note] = replace(passages[note], text=f"单位：%{drawn}")
    del passages[value]
    found = form_findings(document, {"report.pdf": replace(form, passages=tuple(passages))})
    assert [one.expected for one in found] == rules_broken


def test_a_number_that_names_another_fact_is_found(document, folder, tmp_path):
    forms = html_with(
        folder, tmp_path, f'data-fact="{MEDIAN}">50.0X', f'data-fact="{MEDIAN}_base">50.0X', 1
    )
    found = only(form_findings(document, forms))
    assert (found.rule, found.found, found.expected) == ("number_differs", "50.0X", "44.0X")


def test_a_text_alternative_of_another_week_is_found(document, folder, tmp_path):
    forms = html_with(
        folder,
        tmp_path,
        'aria-label="条形图：电子设备 +1.49%',
        'aria-label="条形图：电子设备 -1.49%',
    )
    assert rules(form_findings(document, forms)) == {"text_alternative_differs"}


def test_a_company_whose_name_differs_between_contents_and_body_is_found(
    document, folder, tmp_path
):
    page = html_with(
        folder,
        tmp_path,
        "机械设备涨幅前五：科力股份 +21.79%</a>",
        "机械设备涨幅前五：克力股份 +21.79%</a>",
    )
    word = zipped_with(
        folder / "report.docx",
        tmp_path / "report.docx",
        "机械设备涨幅前五：科力股份",
        "机械设备涨幅前五：克力股份",
        "document.xml",
    )
    for form in ({**page}, {**word}):
        found = only(form_findings(document, form))
        assert found.rule == "contents_differ"
        assert "克力股份" in found.found
        assert "科力股份" in found.expected


def test_contents_with_another_number_than_the_caption_are_found(document, folder, tmp_path):
    forms = html_with(
        folder,
        tmp_path,
        '<span class="number">图表 12</span> 样本池涨幅前十的公司</a>',
        '<span class="number">图表 13</span> 样本池涨幅前十的公司</a>',
    )
    assert rules(form_findings(document, forms)) == {"contents_differ"}


def test_a_caption_with_another_number_than_the_contents_is_found(document, folder, tmp_path):
    forms = html_with(
        folder,
        tmp_path,
        '<span class="number">图表 12</span> 样本池涨幅前十的公司</span>',
        '<span class="number">图表 13</span> 样本池涨幅前十的公司</span>',
    )
    found = only(form_findings(document, forms))
    assert (found.rule, found.found, found.expected) == ("number_differs", "13", "12")


def test_a_page_number_of_the_contents_that_is_wrong_is_found(document, forms):
    form = forms["report.pdf"]
    entries = tuple(
        replace(one, page="9") if one.title.startswith("图表13") else one for one in form.contents
    )
    found = only(form_findings(document, {"report.pdf": replace(form, contents=entries)}))
    assert (found.rule, found.found, found.expected) == ("contents_page_is_wrong", "9", "6")


def test_an_entry_that_the_contents_lack_is_found(document, forms):
    for name, form in forms.items():
        lacking = tuple(one for one in form.contents if not one.title.startswith("图表22"))
        assert len(lacking) == len(form.contents) - 1
        found = only(form_findings(document, {name: replace(form, contents=lacking)}))
        assert (found.rule, found.found) == ("contents_differ", "")
        assert found.expected == "图表 22 机械设备涨幅前五：科力股份 +21.79%"


def test_a_date_of_another_week_is_found_in_every_form(document, pictures, tmp_path):
    other = document.model_copy(update={"close_date": document.base_date})
    frames = {}
    for name, content in (
        ("report.pdf", pdf.render(other, pictures)),
        ("report.docx", docx.render(other, pictures)),
        ("report.html", html.render(other, pictures)),
        ("report.xlsx", xlsx.render(other, frames)),
    ):
        (tmp_path / name).write_bytes(content)
        found = list(form_findings(document, {name: read_form(tmp_path / name, LABELS)}))
        assert any(one.rule == "number_differs" and one.expected == "27" for one in found), name


# --- faults in data and text, the same in every form


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
            '"01-23","01-30","02-06","02-13","02-27"',
            '"01-23","01-30","02-06","02-13","02-28"',
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


# --- the analyst's text


@pytest.mark.parametrize(
    ("old", "new", "rule", "found", "expected"),
    [
        (
            "前者增长 25.2%",
            "前者增长 26.2%",
            "growth_does_not_follow",
            "26.2%",
            "增长 25.2%（5.16 ÷ 4.12 − 1）",
        ),
        (
            "较前一周增长 25.2%",
            "较前一周增长 52.2%",
            "growth_does_not_follow",
            "52.2%",
            "增长 25.2%（5.16 ÷ 4.12 − 1）",
        ),
        (
            "后者下降 8.2%",
            "后者增长 8.2%",
            "growth_does_not_follow",
            "8.2%",
            "下降 8.2%（2.7 ÷ 2.94 − 1）",
        ),
        (
            "预计 77.7 TWh，增长 41.0%",
            "预计 77.7 TWh，增长 14.0%",
            "growth_does_not_follow",
            "14.0%",
            "增长 41.0%（77.7 ÷ 55.1 − 1）",
        ),
        (
            "约为上半年的 3.6 倍",
            "约为上半年的 6.3 倍",
            "growth_does_not_follow",
            "6.3倍",
            "3.6 倍（37.00 ÷ 10.19）",
        ),
        (
            "由美国模型的 1.4 倍升至 1.9 倍",
            "由美国模型的 1.4 倍升至 2.9 倍",
            "growth_does_not_follow",
            "2.9倍",
            "1.9 倍（5.16 ÷ 2.7）",
        ),
        (
            "提高 8.1 个百分点",
            "提高 7.1 个百分点",
            "growth_does_not_follow",
            "7.1个百分点",
            "8.1 个百分点（37.7 − 29.6）",
        ),
        (
            "前者增长 25.2%",
            "前者近三周增长 25.2%",
            "growth_cannot_be_followed",
            "25.2%",
            "the values of 3 周; those stated span 2",
        ),
        (
            "44.8%，起点数值未在图中列示",
            "44.8%",
            "growth_cannot_be_followed",
            "44.8%",
            "the values of 2022 and 2027, from which it follows",
        ),
        (
            "分别为 5.16 万亿 Token",
            "分别为 5.16 亿 Token",
            "unit_differs",
            "5.16亿Token",
            "5.16 万亿 Token（中国模型，2 月 16—22 日）",
        ),
        (
            "2024 年为 190 亿美元",
            "2024 年为 190 亿元",
            "unit_differs",
            "190亿元",
            "190 亿美元（市场规模，2024）",
        ),
        (
            "占工作负载的 73%",
            "占工作负载的 37%",
            "number_stands_in_no_figure",
            "37%",
            "a value of the topic's figures",
        ),
        (
            "其中 6 月已到 18.74",
            "其中 6 月已到 18.47",
            "number_stands_in_no_figure",
            "18.47万亿Token",
            "a value of the topic's figures",
        ),
        (
            "由 85.8 EFLOPS 增至 140.1",
            "由 85.8 EFLOPS 降至 140.1",
            "direction_is_wrong",
            "85.8EFLOPS降至140.1EFLOPS",
            "85.8EFLOPS升至140.1EFLOPS",
        ),
        (
            "周调用升至 5.16 万亿",
            "周调用降至 5.16 万亿",
            "direction_is_wrong",
            "降至 5.16万亿Token",
            "升至 5.16万亿Token（由 4.12）",
        ),
        (
            '预计达 552 亿美元"',
            '预计达 525 亿美元"',
            "title_is_not_drawn",
            "525亿美元",
            "190、259、552（亿美元）",
        ),
        ('预计达 552 亿美元"', '预计达 552 亿元"', "unit_differs", "552亿元", "552 亿美元"),
        (
            "两组数据口径不同",
            "截至 2026 年 2 月 30 日，两组数据口径不同",
            "date_is_wrong",
            "2026 年 2 月 30 日",
            "a day of the calendar",
        ),
        (
            "两组数据口径不同",
            "本周（2 月 16 日）两组数据口径不同",
            "date_is_wrong",
            "2 月 16 日",
            "2026-02-23 to 2026-03-01",
        ),
    ],
)
def test_a_slip_of_the_analyst_is_found_with_what_follows_from_the_values(
    document, known, forms, old, new, rule, found, expected
):
    findings = text_findings(planted(document, old, new), known, forms)
    fitting = [one for one in findings if (one.rule, one.found) == (rule, found)]
    assert fitting, findings
    assert expected == fitting[0].expected
    assert fitting[0].is_analysts


def with_sentence(document, sentence):
    """The document whose topic ends with one more sentence."""
    first = document.sections[0]
    block = next(one for one in first.blocks if one.kind == "paragraph")
    line = (*block.line, Words(text=sentence))
    blocks = tuple(
        one.model_copy(update={"line": line}) if one is block else one for one in first.blocks
    )
    section = first.model_copy(update={"blocks": blocks})
    return document.model_copy(update={"sections": (section, *document.sections[1:])})


@pytest.mark.parametrize(
    "sentence",
    [
        "中国模型周调用较 4.12 万亿 Token 增长约 25%。",
        "周调用增长逾 25%，达 5.16 万亿 Token。",
        "中国模型为 51600 亿 Token。",
        "中国模型的周调用一周内增长 25.2%。",
        "企业日均调用由 10.19 万亿 Token 增至 37.00 万亿 Token，增长 2.6 倍。",
        "调用量达到 5.16 万亿。",
        "英伟达 H100 与 GPT-4 在 2025 年第 3 季度发布，5G 网络同步扩容。",
        "2027 年 12 月 31 日前预计达到 5.16 万亿 Token。",
        "5.16 万亿 Token 较 2.7 万亿 Token 高出 91.1%。",
    ],
)
def test_a_sentence_that_follows_from_the_figures_is_left_alone(document, known, sentence):
    assert text_findings(with_sentence(document, sentence), known) == []


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "甲公司收入由 2.0 亿元增至 3.0 亿元，增长 60%。",
            "增长 50.0%（300000000.0 ÷ 200000000.0 − 1）",
        ),
        ("实现 26.2% 的增长，周调用达 5.16 万亿 Token。", "增长 25.2%（5.16 ÷ 4.12 − 1）"),
        ("周调用增长超过 30%，达 5.16 万亿 Token。", "增长 25.2%（5.16 ÷ 4.12 − 1）"),
        (
            "企业日均调用由 10.19 万亿 Token 增至 37.00 万亿 Token，增长 3.6 倍。",
            "2.6 倍（37.00 ÷ 10.19 − 1）",
        ),
    ],
)
def test_a_rate_that_the_stated_values_do_not_give_is_told_with_the_computed_one(
    document, known, sentence, expected
):
    found = text_findings(with_sentence(document, sentence), known)
    rates = [one for one in found if one.rule == "growth_does_not_follow"]
    assert only(rates).expected == expected
    assert only(rates).sentence in sentence


# --- tools


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("达 5.16 万亿 Token，增长 25.2%", ["5.16万亿Token", "25.2%"]),
        ("10.19 万亿 Token/日", ["10.19万亿Token/日"]),
        ("2025 年 6 月，2 月 9—15 日，2025E", []),
        ("H100、GPT-4、5G 与 3D 打印", []),
        ("1,037.3 EFLOPS", ["1,037.3EFLOPS"]),
        ("涨幅为 -0.17%，区间 10~20 亿元", ["-0.17%", "20亿元"]),
    ],
)
def test_quantities_are_told_from_dates_and_names(text, expected):
    assert [one.printed for one in quantities(text)] == expected


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (60.97499999999999, r"0.0\ \▲", "61.0 ▲"),
        (1.494, "+0.00;-0.00;0.00", "+1.49"),
        (-0.165, "+0.00;-0.00;0.00", "-0.17"),
        (0.0, "+0.00;-0.00;0.00", "0.00"),
        (46.0, "0", "46"),
        (2024.0, "General", "2024"),
        (1234567.8, "#,##0.0", "1,234,567.8"),
        (46080.0, "yyyy-mm-dd", "2026-02-27"),
        (-0.04, "0.0", "0.0"),
    ],
)
def test_a_cell_reads_as_a_spreadsheet_shows_it(value, form, expected):
    assert shown(value, form) == expected


def test_companies_without_a_figure_are_counted_as_left_out():
    companies = pd.DataFrame(
        {
            "sector": ["汽车", "汽车", None],
            "change": [0.1, None, None],
            "pe_ttm": [None, 3.0, 1.0],
            "pe_ttm_is_loss": [True, False, False],
            "pe_ttm_base": [None, 3.0, 1.0],
            "pe_ttm_base_is_loss": [False, False, False],
            "market_cap": [1.0, 1.0, 1.0],
            "market_cap_base": [1.0, None, 1.0],
        }
    )
    universe = pd.DataFrame({"code": ["1"], "name": ["甲"], "is_st": [True]})
    known = Known.of(by_number(ISSUE), universe, companies)
    assert known.uncounted["", "change", "companies"] == 1
    assert known.uncounted["汽车", "pe_ttm", "companies"] == 0
    assert known.uncounted["汽车", "pe_ttm", "companies_base"] == 1
    assert known.uncounted["汽车", "market_cap", "companies_base"] == 1
    assert known.st == {"1"}
