"""A slip that one form of the report holds is found with its place; a healthy issue has none."""

import re
import zipfile
from dataclasses import replace

import pytest

from bj_pipeline.report import docx, html, pdf, xlsx
from bj_pipeline.report.proofreading import Finding, form_findings, read_form, text_findings
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.report.proofreading.planting import (
    LABELS,
    MEDIAN,
    number_of,
    only,
    rules,
    with_fact,
)

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
    assert rules(found) == {"sign_is_lost", "chart_label_differs"}
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
    number = number_of(document, "top_movers")
    forms = html_with(
        folder,
        tmp_path,
        f'<span class="number">图表 {number}</span> 样本池涨幅前十的公司</a>',
        f'<span class="number">图表 {number + 1}</span> 样本池涨幅前十的公司</a>',
    )
    assert rules(form_findings(document, forms)) == {"contents_differ"}


def test_a_caption_with_another_number_than_the_contents_is_found(document, folder, tmp_path):
    number = number_of(document, "top_movers")
    forms = html_with(
        folder,
        tmp_path,
        f'<span class="number">图表 {number}</span> 样本池涨幅前十的公司</span>',
        f'<span class="number">图表 {number + 1}</span> 样本池涨幅前十的公司</span>',
    )
    found = only(form_findings(document, forms))
    assert found.rule == "number_differs"
    assert (found.found, found.expected) == (str(number + 1), str(number))


def test_a_page_number_of_the_contents_that_is_wrong_is_found(document, forms):
    form = forms["report.pdf"]
    entries = tuple(
        replace(one, page="9") if one.title.startswith("图表13") else one for one in form.contents
    )
    found = only(form_findings(document, {"report.pdf": replace(form, contents=entries)}))
    assert (found.rule, found.found, found.expected) == ("contents_page_is_wrong", "9", "6")


def test_an_entry_that_the_contents_lack_is_found(document, forms):
    number = number_of(document, "movers-机械设备")
    for name, form in forms.items():
        lacking = tuple(one for one in form.contents if not one.title.startswith(f"图表{number}"))
        assert len(lacking) == len(form.contents) - 1
        found = only(form_findings(document, {name: replace(form, contents=lacking)}))
        assert (found.rule, found.found) == ("contents_differ", "")
        assert found.expected == f"图表 {number} 机械设备涨幅前五：科力股份 +21.79%"


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


# --- faults in the order, the charts and the properties of a form


def test_rows_that_one_form_prints_in_another_order_are_found(document, folder, tmp_path):
    page = (folder / "report.html").read_text(encoding="utf-8")
    first, second = (
        next(one for one in re.findall(r"<tr>.*?</tr>", page) if code in one)
        for code in (">920305.BJ<", ">920088.BJ<")
    )
    moved = page.replace(first, "@").replace(second, first).replace("@", second)
    (tmp_path / "report.html").write_text(moved, encoding="utf-8")
    forms = {"report.html": read_form(tmp_path / "report.html", LABELS)}
    found = only(form_findings(document, forms))
    assert (found.rule, found.page) == ("rows_are_out_of_order", "市场表现")
    assert "科力股份" in found.sentence


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (">单位：亿元</text>", ">单位：万元</text>", "单位：万元"),
        (">信息技术</text>", ">新能源</text>", "电子设备、机械设备、新能源、汽车、新能源"),
        (">上周</text>", ">本周</text>", "上周"),
        (">汽车 552.4</text>", ">新能源 552.4</text>", "新能源552.4"),
    ],
)
def test_a_word_that_a_chart_of_the_page_draws_otherwise_is_found(
    document, folder, tmp_path, old, new, found
):
    forms = html_with(folder, tmp_path, old, new, 1)
    finding = only(form_findings(document, forms))
    assert (finding.rule, finding.found) == ("chart_word_differs", found)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("$B$5:$B$9", "$B$6:$B$10", "chart_label_differs"),
        ("$A$5:$A$9", "$A$6:$A$10", "chart_word_differs"),
        ("<a:t>单位：%</a:t>", "<a:t>单位：X</a:t>", "chart_word_differs"),
    ],
)
def test_a_chart_of_the_workbook_over_other_cells_is_found(
    document, folder, tmp_path, old, new, rule
):
    forms = zipped_with(
        folder / "report.xlsx", tmp_path / "report.xlsx", old, new, "charts/chart1.xml"
    )
    found = only(form_findings(document, forms))
    assert found.rule == rule
    assert "各行业本周总市值变动" in found.sentence


@pytest.mark.parametrize(
    ("form", "part"), [("report.docx", "core.xml"), ("report.xlsx", "core.xml")]
)
def test_a_file_that_bears_another_title_is_found(document, folder, tmp_path, form, part):
    forms = zipped_with(folder / form, tmp_path / form, "第 65 期", "第 56 期", part)
    assert rules(form_findings(document, forms)) == {"title_differs"}


def test_a_page_that_bears_another_title_is_found(document, folder, tmp_path):
    forms = html_with(folder, tmp_path, "（第 65 期）：", "（第 56 期）：", 1)
    assert rules(form_findings(document, forms)) == {"title_differs"}


def test_a_print_header_of_the_workbook_with_another_issue_is_found(document, folder, tmp_path):
    forms = zipped_with(
        folder / "report.xlsx",
        tmp_path / "report.xlsx",
        "  第 65 期&amp;C",
        "  第 56 期&amp;C",
        "sheet5.xml",
    )
    found = only(form_findings(document, forms))
    assert (found.rule, found.found) == ("number_without_origin", "56")


def test_text_alternatives_that_stand_at_each_others_charts_are_found(document, forms):
    form = forms["report.docx"]
    first, second, *rest = form.alternatives
    moved = replace(form, alternatives=(second, first, *rest))
    found = list(form_findings(document, {"report.docx": moved}))
    assert [one.rule for one in found] == ["text_alternative_differs"] * 2


def test_a_bar_that_bears_another_name_when_pointed_at_is_found(document, folder, tmp_path):
    forms = html_with(folder, tmp_path, 'data-label="信息技术，上周', 'data-label="新能源，上周', 1)
    found = only(form_findings(document, forms))
    assert (found.rule, found.expected) == ("name_does_not_match", "信息技术")


def test_an_origin_that_a_form_tells_otherwise_is_found(document, folder, tmp_path):
    formula = document.facts["market_metrics/rising_share"].formula
    page = html_with(folder, tmp_path, f">{formula}</td>", ">上涨公司数</td>", 1)
    book = zipped_with(
        folder / "report.xlsx", tmp_path / "report.xlsx", formula, "上涨公司数", "sharedStrings.xml"
    )
    for forms in (page, book):
        found = only(form_findings(document, forms))
        assert (found.rule, found.expected) == ("origin_differs", formula)


def test_sample_data_that_do_not_say_so_on_a_page_are_found(document, forms):
    for form in forms.values():
        last = form.passages[-1].page
        unmarked = tuple(
            replace(one, text=one.text.replace("不构成真实行情", "").replace("并非真实行情", ""))
            if one.page == last or not form.has_pages
            else one
            for one in form.passages
        )
        found = form_findings(document, {form.name: replace(form, passages=unmarked)})
        assert "sample_mark_is_missing" in rules(found)
        real = document.model_copy(update={"is_sample": False})
        assert "sample_mark_is_wrong" in rules(form_findings(real, {form.name: form}))
