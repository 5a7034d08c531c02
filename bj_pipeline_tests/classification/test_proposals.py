"""Proposals for the AI chain: transparent, repeatable, and never in a report by themselves."""

import csv
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bj_pipeline.classification.curated import load_rules
from bj_pipeline.classification.review import how_to_accept, open_proposals
from bj_pipeline.classification.rules import Rule, Rules, proposals, propose
from bj_pipeline.errors import DataError
from bj_pipeline.metrics import universe
from bj_pipeline.reference import load_reference
from bj_pipeline.settings import PACKAGE
from bj_pipeline.warehouse import tables

SHIPPED = PACKAGE / "reference"
DAY = date(2026, 2, 27)
COOLING, COMPUTERS = "算力基建", "AIPC"
NEWCOMER = "920999.BJ"


def rule(keyword, weight, segment=COOLING):
    return Rule(segment, keyword, weight, "judged")


def rules(*given_rules, **thresholds):
    return Rules(given_rules, thresholds or {COOLING: 1.5, COMPUTERS: 1.5})


@pytest.fixture
def folder(tmp_path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "reference"))


@pytest.fixture(scope="module")
def shipped() -> Rules:
    return load_rules(SHIPPED, load_reference(SHIPPED).segments)


def describe(folder, *rows):
    path = folder / "business_descriptions.csv"
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_reasons_add_up_to_the_score():
    scored = rules(rule("液冷", 1.8), rule("机柜", 1.0), rule("家电", -0.7), rule("轴承", 3.0))
    proposal = propose("为机柜提供液冷部件，也供应家电", scored)
    assert proposal is not None
    assert [str(reason) for reason in proposal.reasons] == ["液冷 +1.8", "机柜 +1", "家电 -0.7"]
    assert proposal.score == pytest.approx(1.8 + 1.0 - 0.7)
    assert (proposal.segment, proposal.threshold) == (COOLING, 1.5)


@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.floats(-3, 3).filter(bool), min_size=3, max_size=3),
    held=st.sets(st.sampled_from(["液冷", "机柜", "散热"])),
)
def test_a_proposal_is_made_exactly_where_the_weights_of_the_words_reach_the_threshold(
    weights, held
):
    words = dict(zip(["液冷", "机柜", "散热"], weights, strict=True))
    proposal = propose(
        "，".join(sorted(held)), rules(*(rule(word, w) for word, w in words.items()))
    )
    score = sum(words[word] for word in held)
    if proposal is None:
        assert score < 1.5 + 1e-9
    else:
        assert proposal.score == pytest.approx(score)
        assert proposal.score >= 1.5
        assert {reason.word for reason in proposal.reasons} == held


def test_decimal_weights_reach_a_decimal_threshold_as_on_paper():
    scored = rules(rule("液冷", 0.2), rule("机柜", 1.4), **{COOLING: 1.6})
    proposal = propose("液冷机柜", scored)
    assert proposal is not None
    assert proposal.score == 1.6


def test_a_rule_speaks_once_however_often_its_words_stand_there():
    scored = rules(rule("液冷|风冷", 1.0))
    assert propose("液冷、液冷、风冷，还是风冷", scored) is None


def test_the_word_that_stands_in_the_description_is_the_reason():
    proposal = propose("制造风冷系统", rules(rule("液冷|风冷", 2.0)))
    assert proposal is not None
    assert [reason.word for reason in proposal.reasons] == ["风冷"]


def test_the_segment_with_more_points_is_proposed_and_of_equals_the_first():
    text = "液冷笔记本"
    more = propose(text, rules(rule("液冷", 1.6), rule("笔记本", 1.7, COMPUTERS)))
    equal = propose(text, rules(rule("笔记本", 1.6, COMPUTERS), rule("液冷", 1.6)))
    assert (more and more.segment, equal and equal.segment) == (COMPUTERS, COOLING)


def test_a_segment_below_its_own_threshold_does_not_win_by_points():
    scored = rules(
        rule("液冷", 2.0), rule("笔记本", 1.0, COMPUTERS), **{COOLING: 3.0, COMPUTERS: 1.0}
    )
    proposal = propose("液冷笔记本", scored)
    assert proposal is not None
    assert proposal.segment == COMPUTERS


@pytest.mark.parametrize(
    ("description", "speaks"),
    [
        ("提供 AI 应用", True),
        ("提供AI应用", True),
        ("提供ＡＩ应用", True),
        ("提供 ai 应用", True),
        ("为 MAIN 品牌代工", False),
        ("AI2 与 RAID 存储", False),
        ("RAID 卡和AI卡", True),
    ],
)
def test_a_latin_keyword_is_a_word_of_its_own(description, speaks):
    assert (propose(description, rules(rule("AI", 2.0))) is not None) is speaks


@pytest.mark.parametrize(
    "torn", ["液\n冷", "液 冷", "液\u3000冷", "液\u200b冷", "\ufeff液冷", "液\r\n冷"]
)
def test_a_word_torn_by_a_vendor_s_layout_is_found(torn):
    assert propose(f"提供{torn}设备", rules(rule("液冷", 2.0))) is not None


@pytest.mark.parametrize("blank", ["", " ", "\u3000\n\t", "\u200b", "-", "暂无", "nan"])
def test_a_blank_description_leads_to_no_proposal(blank, shipped):
    assert propose(blank, shipped) is None


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_is_read_without_an_error_and_twice_the_same(text):
    scored = rules(rule("a|.*", 2.0), rule("液冷", 2.0, COMPUTERS))
    assert propose(text, scored) == propose(text, scored)


def test_a_keyword_is_text_and_not_a_pattern():
    scored = rules(rule(".*", 2.0), rule("[液冷]", 2.0, COMPUTERS))
    assert propose("液冷", scored) is None
    assert propose("记作 .* 的型号", scored) is not None


def test_a_description_of_a_million_characters_is_read():
    proposal = propose("AIA" * 300_000 + "液冷", rules(rule("AI", 9.0), rule("液冷", 2.0)))
    assert proposal is not None
    assert proposal.score == 2.0


def test_companies_already_classified_and_missing_descriptions_are_passed_over(shipped):
    text = "为服务器机柜提供液冷散热设备"
    frame = pd.DataFrame(
        {
            "code": ["920001.BJ", "920002.BJ", "920003.BJ", "920004.BJ"],
            "name": ["甲", "乙", "丙", "丁"],
            "description": [text, None, np.nan, text],
        }
    )
    found = proposals(frame, {"920001.BJ"}, shipped)
    assert list(found.columns) == ["code", "name", "segment", "score", "reasons"]
    assert list(found["code"]) == ["920004.BJ"]
    assert proposals(frame, set(frame["code"]), shipped).empty


def test_the_order_of_rows_and_rules_changes_nothing(shipped):
    texts = ["提供液冷服务器", "开发大模型软件", "生产变压器", "设计笔记本电脑", "养猪"]
    frame = pd.DataFrame({"code": list("abcde"), "name": list("abcde"), "description": texts})
    backwards = replace(shipped, rules=shipped.rules[::-1])
    expected = proposals(frame, (), shipped)
    assert len(expected) == 4
    pd.testing.assert_frame_equal(proposals(frame[::-1], (), backwards), expected)


def test_a_new_listing_is_proposed_with_its_reasons_and_the_line_to_move(folder):
    text = "为数据中心提供液冷机柜, 以及散热部件"
    describe(folder, (NEWCOMER, "新股", "proposed", "", text))
    found = open_proposals(folder).set_index("code")
    assert found.loc[NEWCOMER, "segment"] == COOLING
    assert "液冷" in found.loc[NEWCOMER, "reasons"]
    advice = how_to_accept(folder, open_proposals(folder))
    assert f'{NEWCOMER},新股,算力基建,YYYY-MM-DD,,"{text}"' in advice


def test_the_line_to_move_is_accepted_by_the_ai_chain_and_ends_the_proposal(folder):
    describe(folder, (NEWCOMER, "新股", "proposed", "", "为数据中心提供液冷机柜, 以及散热部件"))
    advice = how_to_accept(folder, open_proposals(folder))
    line = next(line for line in advice.splitlines() if line.startswith(NEWCOMER))
    with (folder / "ai_chain.csv").open("a", encoding="utf-8") as file:
        file.write(line.replace("YYYY-MM-DD", "2026-02-27") + "\n")
    links = {link.code: link.segment for link in load_reference(folder).ai_chain(DAY)}
    assert links[NEWCOMER] == COOLING
    assert NEWCOMER not in set(open_proposals(folder)["code"])


def test_a_declined_company_is_not_proposed_again(folder):
    describe(folder, (NEWCOMER, "新股", "proposed", "2026-03-02", "为数据中心提供液冷机柜"))
    assert NEWCOMER not in set(open_proposals(folder)["code"])


def test_an_edit_of_the_rules_changes_the_proposals(folder):
    describe(folder, (NEWCOMER, "新股", "proposed", "", "养殖石斑鱼"))
    assert NEWCOMER not in set(open_proposals(folder)["code"])
    with (folder / "ai_chain_rules.csv").open("a", encoding="utf-8") as file:
        file.write("AIPC,石斑鱼,2.5,judged\n")
    row = open_proposals(folder).set_index("code").loc[NEWCOMER]
    assert (row["segment"], row["score"], row["reasons"]) == ("AIPC", 2.5, "石斑鱼 +2.5")
    edit(folder / "ai_chain_thresholds.csv", "AIPC,1.5", "AIPC,2.6")
    assert NEWCOMER not in set(open_proposals(folder)["code"])


def test_a_proposal_enters_neither_the_ai_chain_nor_the_universe(folder):
    def classified():
        reference = load_reference(folder)
        codes = [row.code for row in reference.pool(DAY)]
        codes += [link.code for link in reference.ai_chain(DAY)]
        codes.append(NEWCOMER)
        listings = pd.DataFrame({"code": codes, "listed": DAY, "delisted": None})
        listings = listings.drop_duplicates("code")
        quotes = pd.DataFrame({"code": codes, "close": 10.0})
        covered = universe.company_universe(reference, listings, quotes, DAY)
        chain = universe.ai_chain_classification(reference, covered, DAY)
        return reference.ai_chain(DAY), covered, chain

    links, covered, chain = classified()
    describe(folder, (NEWCOMER, "新股", "proposed", "", "为数据中心提供液冷机柜和服务器"))
    assert NEWCOMER in set(open_proposals(folder)["code"])
    links_after, covered_after, chain_after = classified()
    assert links_after == links
    assert len(chain) == 28
    assert list(chain.columns) == list(tables.columns(tables.AI_CHAIN_CLASSIFICATION))
    pd.testing.assert_frame_equal(covered_after, covered)
    pd.testing.assert_frame_equal(chain_after, chain)


def test_showing_proposals_writes_nothing(folder):
    before = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
    how_to_accept(folder, open_proposals(folder))
    assert {path.name: path.read_bytes() for path in folder.glob("*.csv")} == before
    assert how_to_accept(folder, open_proposals(folder).head(0)) == "Nothing is proposed."


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("ai_chain_rules.csv", "AI农业,大棚,1,judged", "segment is one of"),
        ("ai_chain_rules.csv", "AIPC,,1,judged", "keyword is filled"),
        ("ai_chain_rules.csv", "AIPC,鼠标|,1,judged", "words split by |"),
        ("ai_chain_rules.csv", "AIPC,\u200b,1,judged", "can be seen"),
        ("ai_chain_rules.csv", "AIPC,鼠标,,judged", "weight is filled"),
        ("ai_chain_rules.csv", "AIPC,鼠标,heavy,judged", "weight is a number"),
        ("ai_chain_rules.csv", "AIPC,鼠标,nan,judged", "weight is a number"),
        ("ai_chain_rules.csv", "AIPC,鼠标,inf,judged", "weight is a number"),
        ("ai_chain_rules.csv", "AIPC,鼠标,0,judged", "weight is not 0"),
        ("ai_chain_rules.csv", "AIPC,鼠标,1,guessed", "basis is one of counted, judged"),
        ("ai_chain_rules.csv", "AIPC,笔记本电脑,1,judged", "inside a word of another rule"),
        ("ai_chain_rules.csv", "AIPC,鼠标,1", "a row has 4 cells"),
        ("ai_chain_thresholds.csv", "AIPC,2", "a segment stands once"),
        ("ai_chain_thresholds.csv", "AI农业,2", "segment is one of"),
        ("business_descriptions.csv", "920001.BJ,纬达光电,proposed,,重复", "a company stands once"),
        ("business_descriptions.csv", "920999,新股,proposed,,养鱼", "code is six digits"),
        ("business_descriptions.csv", "920999.BJ,新股,heard,,养鱼", "basis is one of"),
        ("business_descriptions.csv", "920999.BJ,新股,proposed,soon,养鱼", "declined is a date"),
        ("business_descriptions.csv", "920999.BJ,新股,proposed,,", "description is filled"),
    ],
)
def test_a_wrong_line_is_refused_by_file_line_and_rule(folder, file, line, message):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}{line}\n", encoding="utf-8")
    with pytest.raises(DataError) as refused:
        open_proposals(folder)
    number = len(text.splitlines()) + 1
    assert str(refused.value).startswith(f"{file}, line {number}: ")
    assert message in str(refused.value)


def test_a_threshold_of_nothing_is_refused(folder):
    edit(folder / "ai_chain_thresholds.csv", "AIPC,1.5", "AIPC,0")
    with pytest.raises(DataError, match="line 4: threshold is above 0"):
        open_proposals(folder)
