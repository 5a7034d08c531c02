"""Weights by counting, and the measurement of what they are worth."""

from math import log
from pathlib import Path

import pandas as pd
import pytest

from bj_pipeline.classification.counting import (
    Example,
    accuracy,
    count_rules,
    leave_one_out,
    recount,
)
from bj_pipeline.classification.review import measurement, recounted_rules
from bj_pipeline.classification.rules import Rule, Rules
from bj_pipeline.settings import PACKAGE

SHIPPED = PACKAGE / "reference"
DOCS = Path(__file__).parents[2] / "docs" / "ai_chain.md"
COOLING, COMPUTERS = "算力基建", "AIPC"


def company(number, segment, description):
    return Example(f"{920000 + number}.BJ", f"公司{number}", segment, description)


EXAMPLES = [
    company(1, COOLING, "液冷设备"),
    company(2, COOLING, "液冷机柜"),
    company(3, COMPUTERS, "笔记本"),
    *(company(number, None, "轴承") for number in range(4, 10)),
    company(10, None, "汽车液冷板"),
]


def test_a_weight_compares_sightings_with_what_chance_would_give():
    (rule,) = count_rules(["液冷"], [COOLING, COMPUTERS], EXAMPLES)
    expected = 2 * 3 / 10
    assert rule == Rule(COOLING, "液冷", round(log((2 + 0.5) / (expected + 0.5)), 1), "counted")


def test_a_word_that_no_company_of_the_segment_has_gets_no_rule():
    assert count_rules(["轴承", "光模块"], [COOLING, COMPUTERS], EXAMPLES) == ()


def test_a_company_does_not_help_to_find_itself():
    vocabulary = (Rule(COMPUTERS, "笔记本", 9.0, "judged"), Rule(COOLING, "液冷", 9.0, "judged"))
    rules = Rules(vocabulary, {COOLING: 0.3, COMPUTERS: 0.3})
    outcomes = leave_one_out(rules, EXAMPLES).set_index("name")["proposed"]
    assert outcomes["公司1"] == COOLING
    assert pd.isna(outcomes["公司3"])
    assert outcomes["公司10"] == COOLING


def test_leave_one_out_is_counting_over_the_others():
    rules = Rules((Rule(COOLING, "液冷", 9.0, "judged"),), {COOLING: 0.3})
    by_hand = [
        sum(r.weight for r in count_rules(["液冷"], [COOLING], EXAMPLES[:i] + EXAMPLES[i + 1 :]))
        if "液冷" in example.description
        else 0.0
        for i, example in enumerate(EXAMPLES)
    ]
    assert list(leave_one_out(rules, EXAMPLES)["score"]) == by_hand


def test_counting_anew_leaves_what_an_analyst_judged():
    judged = Rule(COOLING, "机柜", 3.0, "judged")
    rules = Rules((judged, Rule(COOLING, "液冷", 7.0, "counted")), {COOLING: 1.5})
    found = {rule.keyword: rule for rule in recount(rules, EXAMPLES)}
    assert found["机柜"] == judged
    assert found["液冷"].weight == pytest.approx(0.8)


def test_precision_and_recall_count_wrong_segments_as_wrong():
    outcomes = pd.DataFrame(
        {
            "segment": [COOLING, COOLING, COMPUTERS, None, None],
            "proposed": [COOLING, COMPUTERS, None, COMPUTERS, None],
        }
    )
    table = accuracy(outcomes, [COOLING, COMPUTERS]).set_index("group")
    assert table.loc[COOLING, ["precision", "recall"]].tolist() == [1.0, 0.5]
    assert table.loc[COMPUTERS, ["precision", "recall"]].tolist() == [0.0, 0.0]
    right = table.loc["AI chain, right segment", ["companies", "proposed", "right"]]
    assert right.tolist() == [3, 3, 1]
    assert table.loc["AI chain, any segment", "right"] == 2


def test_the_shipped_weights_are_what_the_shipped_companies_count_to():
    text = (SHIPPED / "ai_chain_rules.csv").read_text(encoding="utf-8")
    assert recounted_rules(SHIPPED) == text


def test_the_docs_state_the_measured_precision_and_recall():
    unseen, _, outcomes = measurement(SHIPPED)
    assert outcomes["segment"].notna().sum() == 28
    text = DOCS.read_text(encoding="utf-8")
    for row in unseen.itertuples():
        counts = f"{row.companies} | {row.proposed} | {row.right}"
        assert f"| {row.group} | {counts} | {row.precision:.0%} | {row.recall:.0%} |" in text
