"""Revisions: what counts as different, which revision that makes, and what the erratum says."""

from dataclasses import replace

import pandas as pd
import pytest

from bj_pipeline.report import html, revisions
from bj_pipeline.report.charts import pictures
from bj_pipeline.report.document import Bullets, Document, Fact, FigureRow, Paragraph, Words
from bj_pipeline.report.erratum import LISTED_FACTS, excerpts, revised
from bj_pipeline.report.pdf import render
from bj_pipeline.report.revisions import (
    ERRATUM,
    Approved,
    Snapshot,
    differences,
    snapshot,
    succession,
)
from bj_pipeline.warehouse import tables
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.report.example import example_document

CODE, COMPANY = "929000.BJ", "*ST云创"
NAMES = {CODE: COMPANY}
VERSIONS = {"company_metrics": "a", "sector_metrics": "b", "facts": "c"}
CHANGE = f"company_metrics/{CODE}/change"
MEDIAN = "sector_metrics/机械设备/pe_ttm_median"


@pytest.fixture(scope="module")
def first() -> Document:
    return example_document()


def taken(document: Document, versions: dict[str, str] = VERSIONS) -> Snapshot:
    return snapshot(document, NAMES, versions)


def with_fact(document: Document, name: str, **changes: object) -> Document:
    fact = document.facts[name].model_copy(update=changes)
    return document.model_copy(update={"facts": {**document.facts, name: fact}})


def with_words(document: Document, text: str) -> Document:
    """The document with one more sentence at the end of its last section."""
    *before, last = document.sections
    sentence = Paragraph(line=(Words(text=text),))
    longer = last.model_copy(update={"blocks": (*last.blocks, sentence)})
    return document.model_copy(update={"sections": (*before, longer)})


def approved(document: Document, revision: int = 1, *, is_withdrawn: bool = False) -> Approved:
    return Approved(revision, is_withdrawn, taken(document))


def as_revision(document: Document, *history: Approved) -> Document:
    return revised(document, history, NAMES, VERSIONS)


def erratum(document: Document) -> list[str]:
    """The erratum's lines as printed."""
    section = document.sections[0]
    assert section.id == ERRATUM
    lines = []
    for block in section.blocks:
        lines += block.items if isinstance(block, Bullets) else [block.line]
    return [document.text(line) for line in lines]


def test_what_was_never_approved_is_the_first_revision(first):
    assert as_revision(first) is first
    assert first.edition == "第 65 期"


def test_what_says_the_same_as_the_approved_revision_is_that_revision(first):
    assert as_revision(first, approved(first)) == first


def test_a_changed_number_makes_the_next_revision_and_names_it_with_both_values(first):
    second = as_revision(with_fact(first, CHANGE, text="+28.55", value=0.2855), approved(first))
    assert second.revision == 2
    assert second.edition == "第 65 期（修订 2）"
    assert second.title.endswith("（第 65 期，修订 2）")
    assert erratum(second) == [
        "本版替代首次发布的版本，更正数字1项。",
        f"公司总表 {COMPANY} 本周涨跌幅：原为+29.55%，现为+28.55%。",
    ]


def test_the_former_number_is_a_fact_of_the_approved_revision(first):
    second = as_revision(with_fact(first, CHANGE, text="+28.55", value=0.2855), approved(first))
    fact = second.facts[f"approved_facts/1/{CHANGE}"]
    assert (fact.text, fact.value, fact.table) == ("+29.55", 0.2955, "approved_facts")
    assert fact.row == f"issue=65, revision=1, fact={CHANGE}"


def test_figures_keep_their_numbers_in_a_revision(first):
    second = as_revision(with_words(first, "补充一句。"), approved(first))
    assert [one.number for one in second.exhibits()] == [one.number for one in first.exhibits()]
    assert [one.id for one in second.exhibits()] == [one.id for one in first.exhibits()]


def test_an_approved_revision_is_built_again_with_the_same_erratum(first):
    corrected = with_fact(first, CHANGE, text="+28.55", value=0.2855)
    second = as_revision(corrected, approved(first))
    again = as_revision(corrected, approved(first), approved(second, revision=2))
    assert again == second


def test_the_erratum_of_one_revision_is_no_difference_to_the_next(first):
    corrected = with_fact(first, CHANGE, text="+28.55", value=0.2855)
    second = as_revision(corrected, approved(first))
    assert taken(second) == taken(corrected)
    third = as_revision(
        with_words(corrected, "补充一句。"), approved(first), approved(second, revision=2)
    )
    assert third.revision == 3
    assert erratum(third)[0] == "本版替代修订 2，更正文字1处。"


def test_going_back_to_an_older_revision_is_a_new_revision(first):
    second = with_fact(first, CHANGE, text="+28.55", value=0.2855)
    third = as_revision(first, approved(first), approved(second, revision=2))
    assert third.revision == 3
    assert "原为+28.55%，现为+29.55%" in erratum(third)[1]


def test_a_withdrawn_revision_is_never_built_again(first):
    second = as_revision(first, approved(first, is_withdrawn=True))
    assert second.revision == 2
    assert erratum(second) == ["本版替代首次发布的版本，数字与文字没有变化。"]


def test_whether_a_revision_was_withdrawn_is_not_printed(first):
    corrected = with_fact(first, CHANGE, text="+28.55", value=0.2855)
    assert as_revision(corrected, approved(first)) == as_revision(
        corrected, approved(first, is_withdrawn=True)
    )


def test_a_number_in_a_sentence_changes_the_number_and_not_the_wording(first):
    found = differences(taken(first), taken(with_fact(first, MEDIAN, text="51.0", value=51.0)))
    assert [change.id for change in found.facts] == [MEDIAN]
    assert found.texts == ()


def test_changed_wording_is_told_with_old_and_new(first):
    old = with_words(first, "板块整体回暖。")
    second = as_revision(with_words(first, "板块整体走弱。"), approved(old))
    heading = first.sections[-1].title
    assert erratum(second) == [
        "本版替代首次发布的版本，更正文字1处。",
        f"{heading}：“板块整体回暖。”改为“板块整体走弱。”。",
    ]


def test_added_and_removed_sentences_are_told(first):
    longer = with_words(first, "补充一句。")
    assert "新增“补充一句。”" in erratum(as_revision(longer, approved(first)))[1]
    assert "删去“补充一句。”" in erratum(as_revision(first, approved(longer)))[1]


def test_rows_in_another_order_are_told_once(first):
    front = first.front_page
    turned = front.sectors.model_copy(update={"rows": front.sectors.rows[::-1]})
    page = front.model_copy(update={"sectors": turned})
    found = differences(taken(first), taken(first.model_copy(update={"front_page": page})))
    assert [(change.old, change.new) for change in found.texts] == [(None, None)]


def test_another_company_in_a_chart_is_a_changed_text(first):
    other = Document.model_validate_json(
        first.model_dump_json().replace("A&B <script>", "另一公司")
    )
    found = differences(taken(first), taken(other))
    assert found.facts == ()
    assert any("另一公司" in (change.new or "") for change in found.texts)


def test_colours_and_text_alternatives_correct_nothing(first):
    house = first.house.model_copy(update={"accent": "#000000", "up": "#111111"})
    (*others, figure) = first.front_page.overview.figures
    overview = FigureRow(figures=(*others, figure.model_copy(update={"alt": "另一种说法"})))
    page = first.front_page.model_copy(update={"overview": overview})
    other = first.model_copy(update={"house": house, "front_page": page})
    assert not differences(taken(first), taken(other))


@pytest.mark.parametrize(
    "changes",
    [{"value": 0.29551}, {"formula": "另一种算法"}, {"files": ("other.csv",)}],
    ids=["value", "formula", "files"],
)
def test_what_changes_behind_the_same_print_is_a_revision_too(first, changes):
    second = as_revision(with_fact(first, CHANGE, **changes), approved(first))
    assert second.revision == 2
    assert erratum(second) == [
        "本版替代首次发布的版本，数字与文字没有变化。",
        "另有数字1项显示不变，仅舍入前的数值或出处有变化。",
    ]


def test_the_last_bits_of_a_sum_are_no_difference(first):
    value = first.facts[CHANGE].value
    assert not differences(taken(first), taken(with_fact(first, CHANGE, value=value * (1 + 1e-13))))


def test_a_workbook_with_other_rows_is_a_revision(first):
    versions = {**VERSIONS, "company_metrics": "z", "facts": "z"}
    second = revised(first, [approved(first)], NAMES, versions)
    assert erratum(second)[1:] == ["工作簿中有变化的数据表：公司总表。"]


def test_facts_that_came_or_went_stand_behind_those_that_changed(first):
    before = taken(with_fact(first, MEDIAN, text="49.0"))
    facts = dict(taken(first).facts)
    pool = facts.pop(CHANGE).model_copy(update={"id": "new/pool", "text": "153", "unit": "家"})
    labels = {**before.labels, "new/pool": "样本池"}
    found = differences(
        before, replace(taken(first), facts={"new/pool": pool, **facts}, labels=labels)
    )
    assert [(change.was, change.reads) for change in found.facts] == [
        ("49.0X", "50.0X"),
        ("未列示", "153家"),
        ("+29.55%", "未列示"),
    ]


def test_a_long_list_is_cut_and_counted(first):
    changed = {
        name: fact.model_copy(update={"text": f"{fact.text}9"})
        for name, fact in first.facts.items()
        if fact.value is not None
    }
    second = as_revision(
        first.model_copy(update={"facts": {**first.facts, **changed}}), approved(first)
    )
    lines = erratum(second)
    assert lines[0] == f"本版替代首次发布的版本，更正数字{len(changed)}项。"
    assert len(lines) == 1 + LISTED_FACTS + 1
    assert lines[-1] == f"另有数字{len(changed) - LISTED_FACTS}项，未逐一列示。"


def test_no_number_of_the_erratum_is_typed(first):
    second = as_revision(with_fact(first, CHANGE, text="+28.55"), approved(first))
    for block in second.sections[0].blocks:
        for line in block.items if isinstance(block, Bullets) else (block.line,):
            for inline in line:
                if isinstance(inline, Words) and not inline.name:
                    assert not any(character.isdigit() for character in inline.text)


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("上升 12.5%", "上升 13.5%", ("上升 12.5%", "上升 13.5%")),
        ("甲", "乙", ("甲", "乙")),
        ("甲乙", "甲", ("甲乙", "甲")),
        (
            "一二三四五六七八九十甲",
            "一二三四五六七八九十乙",
            ("…三四五六七八九十甲", "…三四五六七八九十乙"),
        ),
        (
            "共 1234567890.25 元",
            "共 1234567890.35 元",
            ("…1234567890.25 元", "…1234567890.35 元"),
        ),
    ],
)
def test_an_excerpt_shows_the_difference_and_never_half_a_number(old, new, shown):
    assert excerpts(old, new) == shown


def test_a_long_text_is_cut_on_both_sides():
    old, new = excerpts("前" * 100 + "甲" + "后" * 100, "前" * 100 + "乙" + "后" * 100)
    assert old == "…" + "前" * 8 + "甲" + "后" * 8 + "…"
    assert new == "…" + "前" * 8 + "乙" + "后" * 8 + "…"


def test_a_snapshot_comes_out_of_the_warehouse_as_it_went_in(first, tmp_path):
    stored = taken(first)
    stored = replace(
        stored, facts={**stored.facts, "x/y": _word_fact()}, labels={**stored.labels, "x/y": "词"}
    )
    approval = pd.DataFrame(
        [
            {
                "revision": 1,
                "state": tables.APPROVED,
                "by": "张三",
                "at": "2026-03-02T04:00:00+00:00",
                "hashes": "{}",
                "data_versions": '{"company_metrics": "a", "sector_metrics": "b"}',
                "note": "",
            }
        ]
    )
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    with warehouse.appending(65, {tables.APPROVALS: approval, **revisions.frames(stored, 1)}):
        pass
    (read,) = revisions.history(*(warehouse.read(name, 65) for name in tables.SIGN_OFF))
    assert read == Approved(1, is_withdrawn=False, snapshot=stored)
    assert succession(stored, [read]) == (1, None)


def _word_fact() -> Fact:
    return Fact(
        id="x/y", value=None, text="", unit="", table="t", row="", column="c", formula="",
        files=("a.csv", "b.csv"),
    )  # fmt: skip


def test_hostile_names_pass_through_every_printed_form_of_a_revision(first):
    facts = {
        name: fact.model_copy(update={"text": "9.99"})
        for name, fact in first.facts.items()
        if name.startswith("company_metrics/") and name.endswith("/change")
    }
    names = {
        f"929{at:03d}.BJ": name for at, name in enumerate(("*ST云创", "A&B <script>", "#let x"))
    }
    other = first.model_copy(update={"facts": {**first.facts, **facts}})
    second = revised(other, [approved(first)], names, VERSIONS)
    drawn = pictures(second)
    page = html.render(second, drawn).decode()
    assert "A&amp;B &lt;script&gt; 本周涨跌幅" in page
    assert "第 65 期（修订 2）" in page
    assert render(second, drawn).startswith(b"%PDF")
