import re
from itertools import permutations
from pathlib import Path

import pytest

from bj_pipeline.errors import DataError
from bj_pipeline.issues import by_number
from bj_pipeline.report.analyst_file import UNFILLED, folder_of
from bj_pipeline.report.document import (
    Bullets,
    FactRef,
    Figure,
    FigureRow,
    Link,
    Paragraph,
    Section,
    Table,
    Words,
    numbered,
)
from bj_pipeline.report.rounding import display
from bj_pipeline.report.topic import Topic, load_topic, new_topic

PAGE = """\
---
title: 题目
key_point: 用量增长 25.2%。
---

### 小标题

第一段，
第二行 **加粗** 与 [链接](https://example.com/a)。

![](calls.csv)

- 甲
- 乙
"""
CALLS = """\
---
kind: bars
title: 用量升至 5.16 万亿
unit: 万亿
source: 某平台
digits: 2
---
周,中国,美国
第一周,4.12,2.94
第二周,5.16,
"""
ISSUE = by_number(65)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "065"
    path.mkdir()
    write(path, "topic.md", PAGE)
    write(path, "calls.csv", CALLS)
    return path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def load(folder: Path) -> Topic:
    topic = load_topic(folder)
    assert topic is not None
    return topic


def line_text(part: Paragraph) -> str:
    return "".join(inline.text for inline in part.line if not isinstance(inline, FactRef))


def figures_of(topic: Topic) -> list[Figure]:
    found: list[Figure] = []
    for block in topic.blocks:
        if isinstance(block, FigureRow):
            found += block.figures
        elif isinstance(block, Figure):
            found.append(block)
    return found


# --- what a good page becomes


def test_an_issue_without_a_topic_page_has_no_topic(tmp_path):
    assert load_topic(tmp_path) is None
    assert load_topic(tmp_path / "nowhere") is None


def test_a_heading_leads_into_its_paragraph_and_lines_join_without_a_blank(folder):
    first = load(folder).blocks[0]
    assert isinstance(first, Paragraph)
    assert first.line == (
        Words(text="小标题", strong=True),
        Words(text="　"),
        Words(text="第一段，"),
        Words(text="第二行 "),
        Words(text="加粗", strong=True),
        Words(text=" 与 "),
        Link(text="链接", url="https://example.com/a"),
        Words(text="。"),
    )


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("一\n二", "一二"),
        ("一；\nToken 二", "一；Token 二"),
        ("Token\n一", "Token 一"),
        ("one\ntwo", "one two"),
        ("**一**\n二", "一二"),
        (r"\*ST云创 A&B \<b> $1$ #let x", "*ST云创 A&B <b> $1$ #let x"),
    ],
)
def test_text_is_printed_as_it_was_meant(folder, source, printed):
    write(folder, "topic.md", f"---\ntitle: 题\nkey_point: 点。\n---\n{source}\n")
    (block,) = load(folder).blocks
    assert isinstance(block, Paragraph)
    assert line_text(block) == printed


def test_all_text_is_marked_as_the_analysts(folder):
    texts = [b for b in load(folder).blocks if isinstance(b, Paragraph | Bullets)]
    assert [type(text) for text in texts] == [Paragraph, Bullets]
    assert all(text.analyst for text in texts)


def test_the_key_point_may_hold_digits_because_its_words_are_data(folder):
    topic = load(folder)
    assert topic.title == "题目"
    assert topic.key_point == (Words(text="用量增长 25.2%。", name=True),)


def test_every_value_of_a_figure_is_a_fact_that_names_its_cell(folder):
    topic = load(folder)
    fact = topic.facts["topic/calls/第二周/中国"]
    assert (fact.value, fact.printed, fact.table) == (5.16, "5.16万亿", "topic")
    assert (fact.row, fact.column) == ("calls.csv 第二周", "中国")
    assert fact.formula == "分析师录入；来源：某平台"
    assert len(topic.facts) == 3


def test_an_empty_cell_is_a_gap_and_not_a_zero(folder):
    (figure,) = figures_of(load(folder))
    america = figure.chart.series[1]
    assert america.values == (2.94, None)
    assert america.labels == ("2.94", "—")
    assert america.facts == ("topic/calls/第一周/美国", "")


def test_a_figure_is_rounded_half_up_to_the_digits_of_its_header(folder):
    write(folder, "calls.csv", CALLS.replace("digits: 2", "digits: 1").replace("4.12", "1.25"))
    (figure,) = figures_of(load(folder))
    assert figure.chart.series[0].labels == ("1.3", "5.2")


def test_digits_can_follow_what_was_typed(folder):
    write(folder, "calls.csv", CALLS.replace("digits: 2", "digits: typed").replace("4.12", "4.0"))
    (figure,) = figures_of(load(folder))
    assert figure.chart.series[0].labels == ("4.0", "5.16")


def test_a_percentage_is_stored_as_the_fraction_that_it_is_without_binary_dust(folder):
    percent = CALLS.replace("unit: 万亿", 'unit: "%"').replace("digits: 2", "digits: 1")
    write(folder, "calls.csv", percent.replace("4.12", "29.6").replace("5.16", "0.25"))
    topic = load(folder)
    assert topic.facts["topic/calls/第一周/中国"].value == 0.296
    assert topic.facts["topic/calls/第一周/中国"].printed == "29.6%"
    assert topic.facts["topic/calls/第二周/中国"].printed == "0.3%"
    assert figures_of(topic)[0].chart.series[0].values == (29.6, 0.25)


def test_a_negative_value_keeps_its_sign(folder):
    write(folder, "calls.csv", CALLS.replace("4.12", "-4.12"))
    assert load(folder).facts["topic/calls/第一周/中国"].printed == "-4.12万亿"


def test_figures_in_neighbouring_lines_stand_side_by_side(folder):
    write(folder, "more.csv", CALLS)
    write(folder, "topic.md", PAGE.replace("![](calls.csv)", "![](calls.csv)\n![](more.csv)"))
    row = load(folder).blocks[1]
    assert isinstance(row, FigureRow)
    assert [figure.id for figure in row.figures] == ["topic-calls", "topic-more"]


def test_figures_with_a_line_between_them_stand_alone(folder):
    write(folder, "more.csv", CALLS)
    write(folder, "topic.md", PAGE.replace("![](calls.csv)", "![](calls.csv)\n\n![](more.csv)"))
    assert [block.kind for block in load(folder).blocks[1:3]] == ["figure", "figure"]


def test_a_figure_may_have_a_chinese_file_name(folder):
    write(folder, "调用量.csv", CALLS)
    write(folder, "topic.md", PAGE.replace("calls.csv", "调用量.csv"))
    assert figures_of(load(folder))[0].id == "topic-调用量"


@pytest.mark.parametrize(
    ("caption", "header", "alt"),
    [
        ("方括号里的话", "alt: 头部的话\n", "方括号里的话"),
        ("", "alt: 头部的话\n", "头部的话"),
        (
            "",
            "",
            "用量升至 5.16 万亿。中国：第一周 4.12万亿，第二周 5.16万亿；美国：第一周 2.94万亿，第二周 无数据。",  # noqa: E501
        ),
    ],
)
def test_every_figure_has_a_text_alternative(folder, caption, header, alt):
    write(folder, "calls.csv", CALLS.replace("digits: 2\n", f"digits: 2\n{header}"))
    write(folder, "topic.md", PAGE.replace("![]", f"![{caption}]"))
    assert figures_of(load(folder))[0].alt == alt


def test_a_table_refers_to_facts_and_gives_its_unit_in_the_header(folder):
    write(folder, "calls.csv", CALLS.replace("kind: bars", "kind: table"))
    topic = load(folder)
    table = topic.blocks[1]
    assert isinstance(table, Table)
    assert [(column.label, column.unit) for column in table.columns] == [
        ("", ""),
        ("中国", "万亿"),
        ("美国", "万亿"),
    ]
    assert table.rows[0][1].line == (FactRef(fact="topic/calls/第一周/中国", with_unit=False),)
    assert table.rows[1][2].line == (Words(text="—"),)


def test_a_figure_saved_by_a_spreadsheet_reads_the_same(folder):
    before = load(folder)
    head, rows = CALLS.split("---\n", 2)[1:]
    header = head.replace("source: 某平台", '"source: 某平台"').replace("\n", ",,\n")
    saved = f"---,,\n{header}---,,\n{rows},,\n".replace("\n", "\r\n")
    (folder / "calls.csv").write_bytes(b"\xef\xbb\xbf" + saved.encode())
    assert load(folder) == before


# --- faults: each ends in a message that names file and line


def refused(folder: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        load_topic(folder)
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("---\ntitle", "title", 1, "header between two lines"),
        ("title: 题目\n", "", 2, "`title`"),
        ("title: 题目", "title:", 2, "title"),
        ("title: 题目", "title: 题: 目", 2, "YAML"),
        ("title: 题目", "title: 题目\nauthor: 某人", 3, "author"),
        ("title: 题目", "title: 题目\nau\tthor: 某人", 3, r"Correct or remove `au\tthor`."),
        ("key_point: 用量增长 25.2%。", "key_point: <b>用量</b>", 3, "html_inline"),
        ("key_point: 用量增长 25.2%。", "key_point: '![](calls.csv)'", 3, "image"),
        ("### 小标题", "## 小标题", 6, "###"),
        ("### 小标题", "小标题\n---", 6, "###"),
        ("### 小标题", "###", 6, "a heading has words"),
        ("### 小标题", "### 小标题\n\n### 又一个", 8, "follows a heading"),
        ("### 小标题", "### 小标题\n\n- 项", 8, "follows a heading"),
        ("- 乙\n", "- 乙\n\n### 尾\n", 16, "follows a heading"),
        ("第一段，", "<div>第一段</div>", 8, "html_block"),
        ("第二行", "第二<br>行", 9, "html_inline"),
        ("第二行", "第二 <!-- 注 --> 行", 9, "html_inline"),
        ("第二行", "第二 *斜体* 行", 9, r"\*ST"),
        ("第二行", "第二 `代码` 行", 9, "code_inline"),
        ("第二行", "第二 ~~删~~ 行", 9, "found s"),
        ("第一段，", "第一段，  ", 8, "hardbreak"),
        ("**加粗**", "**加粗：**后", 9, "keep punctuation outside"),
        ("**加粗**", "**加粗", 9, "stars"),
        ("https://example.com/a", "javascript:alert(1)", 9, "links are"),
        ("https://example.com/a", "/etc/passwd", 9, "public address"),
        ("https://example.com/a", "https://example.com/a b", 9, "links are"),
        ("第一段，", "> 引用", 8, "blockquote"),
        ("### 小标题\n\n第一段，", "    缩进", 6, "code_block"),
        ("### 小标题\n\n第一段，", "```\n代码\n```\n第一段", 6, "fence"),
        ("- 甲", "1. 甲", 13, "ordered_list"),
        ("- 甲", "- 甲\n  - 丙", 13, "each item of a list"),
        ("- 甲", "- ![](calls.csv)", 13, "image"),
        ("- 甲", "- ", 13, "each item of a list"),
        ("- 甲\n- 乙", "***", 13, "hr"),
        ("- 甲\n- 乙", "|a|b|\n|-|-|\n|1|2|", 13, "kind: table"),
        ("![](calls.csv)", "见图 ![](calls.csv)", 11, "line of its own"),
        ("![](calls.csv)", "![](calls.csv)\n[链接](https://example.com)", 12, "line of its own"),
        ("![](calls.csv)", "![](calls.csv)\n![](calls.csv)", 12, "placed once"),
        ("calls.csv", "missing.csv", 11, "missing.csv"),
        ("calls.csv", "../065/calls.csv", 11, "../065/calls.csv"),
        ("calls.csv", "%2e%2e/065/calls.csv", 11, "../065/calls.csv"),
        ("calls.csv", "./calls.csv", 11, "next to topic.md"),
        ("calls.csv", "/etc/hosts.csv", 11, "next to topic.md"),
        ("calls.csv", "https://example.com/calls.csv", 11, "next to topic.md"),
        ("calls.csv", "calls.png", 11, "next to topic.md"),
        ("第二行", UNFILLED, 9, UNFILLED),
    ],
)
def test_a_fault_in_the_page_is_named_with_its_line(folder, old, new, line, said):
    assert old in PAGE
    write(folder, "topic.md", PAGE.replace(old, new, 1))
    error = refused(folder)
    assert (error.file, error.row) == ("065/topic.md", line)
    assert said in str(error)
    assert error.remedy


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("---\nkind", "kind", 1, "header between two lines"),
        ("kind: bars\n", "", 2, "`kind`"),
        ("title: 用量升至 5.16 万亿\n", "", 2, "`title`"),
        ("unit: 万亿\n", "", 2, "`unit`"),
        ("source: 某平台\n", "", 2, "`source`"),
        ("digits: 2\n", "", 2, "`digits`"),
        ("kind: bars", "kind: pie", 2, "'hbars'"),
        ("kind: bars", "kind: bars\nkind: lines", 3, "given once"),
        ("unit: 万亿", "unit: %", 4, "in quotes"),
        ("digits: 2", "digits: two", 6, "whole number from 0 to 6"),
        ("digits: 2", "digits: 7", 6, "whole number from 0 to 6"),
        ("digits: 2", "digits: true", 6, "whole number from 0 to 6"),
        ("digits: 2", "digits: 2\ncolour: red", 7, "colour"),
        ("4.12", "4,12", 9, "a row has 3 cells"),
        ("4.12", '"1,037.3"', 9, "thousands"),
        ("4.12", "4.12%", 9, "plain number"),
        ("4.12", "约4", 9, "plain number"),
        ("4.12", "4.1２", 9, "plain number"),
        ("4.12", "nan", 9, "plain number"),
        ("4.12", "1e5", 9, "plain number"),
        ("4.12", "+4.12", 9, "plain number"),
        ("4.12", "−4.12", 9, "plain number"),
        ("4.12", "—", 9, "plain number"),
        ("5.16,", "5.16", 10, "a row has 3 cells"),
        ("第二周", "第一周", 10, "category of its own"),
        ("第二周", "", 10, "category of its own"),
        ("中国,美国", "中国,中国", 8, "name of its own"),
        ("中国,美国", "中国,", 8, "name of its own"),
        ("中国,美国", "中/国,美国", 8, "name of its own"),
        ("2.94", "", 8, "each column holds a value"),
        ("第一周,4.12,2.94\n第二周,5.16,\n", "", 8, "at least one row"),
        ("第二周", '"第二周', 10, "CSV"),
        ("某平台", UNFILLED, 5, UNFILLED),
    ],
)
def test_a_fault_in_a_figure_is_named_with_its_line(folder, old, new, line, said):
    assert old in CALLS
    write(folder, "calls.csv", CALLS.replace(old, new, 1))
    error = refused(folder)
    assert (error.file, error.row) == ("065/calls.csv", line)
    assert said in str(error)
    assert error.remedy


def test_a_figure_that_links_to_another_place_is_refused(folder, tmp_path):
    write(tmp_path, "secret.csv", CALLS)
    (folder / "calls.csv").unlink()
    (folder / "calls.csv").symlink_to(tmp_path / "secret.csv")
    assert "not a link" in str(refused(folder))


def test_a_page_that_links_to_another_place_is_refused(folder, tmp_path):
    write(tmp_path, "secret.md", PAGE)
    (folder / "topic.md").unlink()
    (folder / "topic.md").symlink_to(tmp_path / "secret.md")
    assert "not a link" in str(refused(folder))


def test_a_figure_in_another_encoding_is_refused_and_says_how_to_save_it(folder):
    (folder / "calls.csv").write_bytes(CALLS.encode("gb18030"))
    error = refused(folder)
    assert (error.file, error.row) == ("065/calls.csv", 3)
    assert "UTF-8" in error.remedy


def test_three_figures_or_a_table_are_not_put_side_by_side(folder):
    write(folder, "two.csv", CALLS)
    write(folder, "three.csv", CALLS)
    lines = "![](calls.csv)\n![](two.csv)\n![](three.csv)"
    write(folder, "topic.md", PAGE.replace("![](calls.csv)", lines))
    assert "two charts at most" in str(refused(folder))
    write(folder, "two.csv", CALLS.replace("kind: bars", "kind: table"))
    write(folder, "topic.md", PAGE.replace("![](calls.csv)", "![](calls.csv)\n![](two.csv)"))
    assert "tables stand alone" in str(refused(folder))


def test_a_page_without_text_is_refused(folder):
    write(folder, "topic.md", PAGE.partition("### ")[0])
    assert "has text" in str(refused(folder))


# --- a new topic


def test_a_new_topic_is_refused_until_it_is_filled_in_and_then_reads(tmp_path):
    folder = tmp_path / "066"
    written = new_topic(folder)
    assert [path.name for path in written] == ["topic.md", "example.csv"]
    assert UNFILLED in str(refused(folder))
    for path in written:
        path.write_text(path.read_text(encoding="utf-8").replace(UNFILLED, ""), encoding="utf-8")
    assert len(figures_of(load(folder))) == 1


@pytest.mark.parametrize("name", ["topic.md", "example.csv"])
def test_a_new_topic_never_replaces_what_was_written(tmp_path, name):
    write(tmp_path, name, "mine")
    with pytest.raises(DataError, match="does not replace"):
        new_topic(tmp_path)
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 1


# --- the topic of issue 65

QUANTITY = re.compile(
    r"(?<![0-9.])([0-9]+(?:\.[0-9]+)?)\s*"
    r"(万亿 Token/日|万亿 Token|TWh|EFLOPS|亿美元|个百分点|%|倍|E|年|月|日|)"
)
PUBLISHED_ONLY_AS_A_RATE = ("44.8", "%")
"""Growth of 2022 to 2027, whose first value the source does not give; it is in a figure's note."""


def unsupported(text: str, topic: Topic) -> list[str]:
    """Quantities of a text that neither a figure holds nor two of its values give."""
    figures = figures_of(topic)
    facts = topic.facts.values()
    known = {(fact.text, fact.unit) for fact in facts}
    # Within a sentence about enterprises, "日均 10.19 万亿 Token" says the day in front.
    known |= {(text_, unit.removesuffix("/日")) for text_, unit in known}
    for figure in figures:
        series = [one.values for one in figure.chart.series]
        across = list(zip(*series, strict=True))
        for values in (*series, *across):
            for old, new in permutations([value for value in values if value is not None], 2):
                known.add((display(abs(new / old - 1) * 100, 1), "%"))
                known.add((display(new / old, 1), "倍"))
                if figure.chart.unit == "%":
                    known.add((display(abs(new - old), 1), "个百分点"))
    dates = " ".join(
        "年 " + category + " " + figure.note
        for figure in figures
        for category in figure.chart.categories
    )
    days = set(re.findall(r"[0-9]+", re.sub(r"[0-9.]+%", "", dates)))
    return [
        f"{number} {unit}".strip()
        for number, unit in QUANTITY.findall(text)
        if (number, unit) not in known
        and (number, unit) != PUBLISHED_ONLY_AS_A_RATE
        and not (unit in {"年", "月", "日", "E"} and number in days)
    ]


@pytest.fixture(scope="module")
def topic65() -> Topic:
    return load(folder_of(ISSUE))


def test_issue_65_has_its_six_figures_two_by_two(topic65):
    shapes = [block.kind for block in topic65.blocks]
    assert shapes == ["paragraph", "figure_row", "paragraph", *["paragraph", "figure_row"] * 2]
    assert len(figures_of(topic65)) == 6


def test_issue_65_says_only_numbers_that_its_figures_hold_or_give(topic65):
    texts = [line_text(block) for block in topic65.blocks if isinstance(block, Paragraph)]
    texts.append("".join(part.text for part in topic65.key_point))
    for figure in figures_of(topic65):
        texts += [figure.title, figure.note]
    quantities = [found for text in texts for found in QUANTITY.findall(text)]
    assert len(quantities) > 60
    assert [found for text in texts for found in unsupported(text, topic65)] == []


@pytest.mark.parametrize(
    "slip",
    [
        "增长 25.3%",
        "下降 2.8%",
        "5.15 万亿 Token",
        "5.16 亿美元",
        "146.2 EFLOPS",
        "3.7 倍",
        "8.1%",
        "2023 年",
        "17 日",
        "第 9",
    ],
)
def test_a_slip_in_the_text_of_issue_65_would_be_found(topic65, slip):
    assert len(unsupported(slip, topic65)) == 1


def test_issue_65_prints_the_figures_of_its_sources(topic65):
    printed = [fact.printed for fact in topic65.facts.values()]
    assert printed == [
        *("4.12万亿 Token", "2.94万亿 Token", "5.16万亿 Token", "2.7万亿 Token"),
        *("10.19万亿 Token/日", "18.74万亿 Token/日", "37.00万亿 Token/日"),
        *("55.1TWh", "77.7TWh", "146.2TWh"),
        *("1037.3EFLOPS", "85.8EFLOPS", "2781.9EFLOPS", "140.1EFLOPS"),
        *("190亿美元", "259亿美元", "552亿美元"),
        *("63%", "90.2%", "29.6%", "37.7%", "73%"),
    ]


def test_titles_of_issue_65_say_a_value_in_the_unit_of_their_axis(topic65):
    for figure in figures_of(topic65):
        values = {label for series in figure.chart.series for label in series.labels}
        said = {
            number for number, unit in QUANTITY.findall(figure.title) if unit == figure.chart.unit
        }
        assert said
        assert said <= values


def test_shares_of_different_wholes_say_so_in_their_title(topic65):
    shares = [figure for figure in figures_of(topic65) if figure.chart.unit == "%"]
    assert len(shares) == 1
    assert all("不同的分母" in figure.title for figure in shares)


def test_issue_65_fits_a_section_of_the_report(topic65):
    section = Section(id="topic", title=topic65.title, level=1, blocks=topic65.blocks)
    (done,) = numbered((section,))
    numbers = [
        figure.number
        for block in done.blocks
        for figure in (block.figures if isinstance(block, FigureRow) else (block,))
        if isinstance(figure, Figure)
    ]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert Section.model_validate_json(done.model_dump_json()) == done
