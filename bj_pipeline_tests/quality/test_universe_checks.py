"""Who is covered: each fault of the universe and of the AI chain is found by its check."""

from dataclasses import replace
from datetime import date

import pytest

from bj_pipeline.warehouse import tables
from bj_pipeline_tests.quality.built_issue import cells, codes, failures, twice

CODE, OTHER = "920060.BJ", "920046.BJ"
OUTSIDE_THE_CHAIN = "929003.BJ"


def only(issue, name):
    found = failures(issue, "universe")
    assert set(found) == {name}, {one: outcome.broken for one, outcome in found.items()}
    return found[name]


def drop(*dropped):
    return lambda frame: frame[~frame["code"].isin(dropped)]


def test_a_healthy_issue_passes_every_universe_check(issue_65):
    assert failures(issue_65, "universe") == {}


def test_a_company_that_stands_twice_is_named(issue_65):
    issue = issue_65.plant(tables.COMPANY_UNIVERSE, twice(code=CODE))
    assert codes(only(issue, "universe_is_well_formed")) == {CODE}


@pytest.mark.parametrize(
    ("column", "value"),
    [("sector", "机械设各"), ("name", ""), ("name", None), ("code", "83200.BJ")],
)
def test_a_company_with_a_misspelt_sector_code_or_name_is_named(issue_65, column, value):
    code = OUTSIDE_THE_CHAIN
    issue = issue_65.plant(tables.COMPANY_UNIVERSE, cells(column, value, code=code))
    issue = issue.plant(tables.RAW_QUOTES, drop(code) if column == "code" else lambda frame: frame)
    outcome = failures(issue, "universe")["universe_is_well_formed"]
    assert len(outcome.rows) == 1
    assert outcome.columns == (column,)


def test_an_empty_universe_stops_the_issue(issue_65):
    assert "universe_is_well_formed" in failures(
        issue_65.without(tables.COMPANY_UNIVERSE), "universe"
    )


def test_quotes_cut_by_a_tenth_stop_the_issue_and_name_the_companies(issue_65):
    gone = set(issue_65.table(tables.COMPANY_UNIVERSE)["code"].iloc[::10])
    found = failures(issue_65.plant(tables.RAW_QUOTES, drop(*gone)), "universe")
    assert set(found) == {"pool_is_covered_by_quotes", "pool_has_no_gaps"}
    outcome = found["pool_is_covered_by_quotes"]
    assert outcome.check.blocks
    members = {row.code for row in issue_65.reference.pool(issue_65.issue.close_date)}
    assert codes(outcome) == gone & members


def test_one_member_without_a_price_is_only_warned_of(issue_65):
    issue = issue_65.plant(tables.RAW_QUOTES, drop(CODE))
    outcome = only(issue, "pool_has_no_gaps")
    assert codes(outcome) == {CODE}
    assert not outcome.check.blocks


def test_the_only_company_of_a_sector_whose_name_is_misspelt_is_warned_of(issue_65):
    first, *others = issue_65.reference.memberships
    misspelt = replace(first, sector="機械设备")
    reference = replace(issue_65.reference, memberships=(misspelt, *others))
    outcome = only(replace(issue_65, reference=reference), "pool_has_no_gaps")
    assert list(outcome.rows["sector"]) == ["機械设备"]
    assert codes(outcome) == {first.code}
    assert not outcome.check.blocks


@pytest.mark.parametrize(
    ("column", "day"), [("listed", date(2026, 3, 31)), ("delisted", date(2026, 1, 30))]
)
def test_a_member_that_was_not_listed_needs_no_price(issue_65, column, day):
    issue = issue_65.plant(tables.RAW_LISTINGS, cells(column, day, code=CODE))
    issue = issue.plant(tables.RAW_QUOTES, drop(CODE)).plant(tables.COMPANY_UNIVERSE, drop(CODE))
    assert failures(issue, "universe") == {}


def test_a_member_whose_listing_date_denies_its_price_is_named(issue_65):
    issue = issue_65.plant(tables.RAW_LISTINGS, cells("listed", date(2062, 3, 31), code=CODE))
    issue = issue.plant(tables.COMPANY_UNIVERSE, drop(CODE))
    assert codes(only(issue, "pool_is_covered_by_quotes")) == {CODE}


def test_a_member_that_fell_out_of_the_universe_is_named(issue_65):
    issue = issue_65.plant(tables.COMPANY_UNIVERSE, drop(CODE))
    assert codes(only(issue, "pool_is_covered_by_quotes")) == {CODE}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("segment", "AI电原"),
        ("segment", None),
        ("description", None),
        ("description", "做电"),
        ("code", "920046"),
    ],
)
def test_an_ai_chain_company_without_segment_or_description_is_named(issue_65, column, value):
    issue = issue_65.plant(tables.AI_CHAIN_CLASSIFICATION, cells(column, value, code=OTHER))
    outcome = only(issue, "ai_chain_is_classified")
    assert list(outcome.rows["name"]) == ["亿能电力"]
    assert outcome.columns == (column,)


def test_an_ai_chain_company_that_stands_twice_is_named(issue_65):
    issue = issue_65.plant(tables.AI_CHAIN_CLASSIFICATION, twice(code=OTHER))
    assert codes(only(issue, "ai_chain_is_classified")) == {OTHER}


def test_an_empty_ai_chain_stops_the_issue(issue_65):
    assert only(
        issue_65.without(tables.AI_CHAIN_CLASSIFICATION), "ai_chain_is_classified"
    ).rows.empty
