"""Running checks: every rule is evaluated, and bad data is a failed check, never an error."""

import importlib
import socket
import sys
from dataclasses import dataclass, field, replace

import great_expectations.expectations as gxe
import pandas as pd
import pytest

from bj_pipeline.quality.check import CRITICAL, WARNING, Evidence, check
from bj_pipeline.quality.stages import ALL, STAGES
from bj_pipeline.quality.validate import imported_when_used, run_checks
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.quality.built_issue import BuiltIssue, codes, failures, result


def test_there_are_15_to_25_checks_with_at_least_40_expectations(issue_65):
    assert 15 <= len(ALL) <= 25
    assert len({one.name for one in ALL}) == len(ALL)
    outcomes = run_checks(ALL, issue_65)
    assert all(outcome.expectations for outcome in outcomes)
    assert sum(outcome.expectations for outcome in outcomes) >= 40


def test_every_check_asks_a_question_and_knows_a_remedy():
    for one in ALL:
        assert one.question.endswith("?"), one.name
        assert one.remedy.endswith("."), one.name


def test_which_failures_stop_the_issue_and_which_only_warn():
    assert {one.name for one in ALL if not one.blocks} == {
        "adjustment_factors_are_given",
        "index_closes_are_complete",
        "pool_has_no_gaps",
        "valuations_cover_the_pool",
        "vendors_agree_on_pe_ttm",
        "analysts_numbers_follow_from_the_figures",
    }


def test_every_rule_carries_its_checks_severity_and_name(issue_65, monkeypatch):
    import great_expectations as gx

    suites = []
    make = gx.ExpectationSuite

    def remember(**arguments):
        suites.append(make(**arguments))
        return suites[-1]

    monkeypatch.setattr(gx, "ExpectationSuite", remember)
    run_checks(STAGES["universe"], issue_65)
    severities = {
        rule.meta["check"]: rule.severity for suite in suites for rule in suite.expectations
    }
    assert severities == {one.name: one.severity for one in STAGES["universe"]}


def test_a_validation_leaves_great_expectations_as_it_was(issue_65):
    from great_expectations.expectations.expectation import Expectation

    before = Expectation.configuration
    run_checks(STAGES["universe"], issue_65)
    assert Expectation.configuration is before


@dataclass(frozen=True)
class Recorded(BuiltIssue):
    """An issue that remembers which tables were asked for."""

    asked: set[str] = field(default_factory=set)

    def table(self, name):
        self.asked.add(name)
        return super().table(name)


def tables_of(check):
    """What a check reads but finished files, which are no tables."""
    return set(check.reads) & set(tables.METADATA.tables)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_a_check_lists_every_table_that_it_looks_at(issue_65, one):
    recorded = Recorded(**vars(replace(issue_65)))
    one.frame(recorded)
    one.expect(gxe, recorded)
    assert recorded.asked <= set(one.reads)
    assert tables_of(one) <= recorded.asked | {one.asset}


@pytest.mark.parametrize("name", sorted({table for one in ALL for table in tables_of(one)}))
def test_a_table_that_was_never_built_fails_its_checks_instead_of_raising(issue_65, tmp_path, name):
    issue = issue_65.stored_in(tmp_path)
    with issue.warehouse.writing() as connection:
        partitions = tables.table(tables.PARTITIONS)
        connection.execute(partitions.delete().where(partitions.c.table == name))
    readers = [one for one in ALL if name in one.reads][:1]
    (outcome,) = run_checks(readers, issue)
    assert not outcome.passed
    assert "MissingDataError" in outcome.broken[0]


@pytest.mark.parametrize(
    ("stage", "name", "column"),
    [
        ("raw", tables.RAW_QUOTES, "date"),
        ("raw", tables.RAW_QUOTES, "close"),
        ("raw", tables.RAW_VALUATIONS, "total_shares"),
        ("raw", tables.RAW_INDEX_QUOTES, "close"),
        ("raw", tables.RAW_FINANCIALS, "revenue"),
        ("raw", tables.RAW_ANNOUNCEMENTS, "title"),
        ("universe", tables.COMPANY_UNIVERSE, "sector"),
        ("universe", tables.AI_CHAIN_CLASSIFICATION, "segment"),
        ("metrics", tables.COMPANY_METRICS, "market_cap"),
        ("metrics", tables.SECTOR_METRICS, "sector"),
        ("metrics", tables.MOVERS, "change"),
        ("report", tables.REPORT_DOCUMENT, "document"),
    ],
)
def test_a_missing_column_is_a_broken_rule(issue_65, stage, name, column):
    found = failures(issue_65.plant(name, lambda frame: frame.drop(columns=column)), stage)
    assert any(column in text for outcome in found.values() for text in outcome.broken)


def _frame(_: Evidence) -> pd.DataFrame:
    _CALLS.append(1)
    return pd.DataFrame({"code": ["a", "b", "c"], "value": [1.0, None, -1.0]})


def _impossible(_: Evidence) -> pd.DataFrame:
    raise KeyError("no such thing")


_CALLS: list[int] = []


@check(asset="a", severity=CRITICAL, remedy="", frame=_frame)
def first(gxe, _):
    return [gxe.ExpectColumnValuesToNotBeNull(column="value")]


@check(asset="a", severity=WARNING, remedy="", frame=_frame)
def second(gxe, _):
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="value"),
        gxe.ExpectColumnValuesToBeBetween(column="value", min_value=0),
    ]


@check(asset="a", severity=CRITICAL, remedy="", frame=_impossible)
def impossible(gxe, _):
    return [gxe.ExpectColumnValuesToNotBeNull(column="value")]


@check(asset="a", severity=CRITICAL, remedy="", frame=_frame)
def badly_written(_, evidence):
    return [evidence.no_such_thing]


def test_a_frame_that_cannot_be_made_is_a_failed_check(issue_65):
    outcome = result(issue_65, impossible)
    assert not outcome.passed
    assert outcome.broken == ("cannot be evaluated: KeyError: 'no such thing'",)


def test_rules_that_cannot_be_stated_are_a_failed_check(issue_65):
    outcome = result(issue_65, badly_written)
    assert not outcome.passed
    assert "no_such_thing" in outcome.broken[0]


def test_two_checks_that_state_the_same_rule_of_one_frame_both_have_it_evaluated(issue_65):
    one, other = run_checks([first, second], issue_65)
    assert (one.expectations, other.expectations) == (1, 2)
    assert codes(one) == {"b"}
    assert codes(other) == {"b", "c"}
    assert other.columns == ("value",)


def test_checks_of_one_frame_share_it(issue_65):
    _CALLS.clear()
    run_checks([first, impossible, second], issue_65)
    assert len(_CALLS) == 1


def test_outcomes_come_in_the_order_asked_for_whatever_the_order_of_results(issue_65):
    forwards = run_checks(STAGES["raw"], issue_65)
    backwards = run_checks(STAGES["raw"][::-1], issue_65)
    assert [outcome.check for outcome in forwards] == list(STAGES["raw"])
    assert [outcome.check for outcome in backwards] == list(STAGES["raw"][::-1])
    assert [one.expectations for one in forwards] == [one.expectations for one in backwards[::-1]]


def test_checking_leaves_no_file_calls_nobody_and_prints_nothing(
    issue_65, tmp_path, monkeypatch, capfd
):
    def refuse(*_):
        raise AssertionError("A check called the network.")

    (tmp_path / "temporary").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path / "here")
    capfd.readouterr()
    assert run_checks([first, second], issue_65)
    assert not failures(issue_65, "universe")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert capfd.readouterr() == ("", "")


def test_a_library_that_no_rule_needs_is_imported_when_somebody_looks_into_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with imported_when_used("colorsys"):
        from_inside = importlib.import_module("colorsys")
    assert "colorsys" not in sys.modules
    assert from_inside.rgb_to_hls(1, 1, 1)[1] == 1
    assert importlib.import_module("colorsys").rgb_to_hls is from_inside.rgb_to_hls


def test_a_library_that_was_imported_before_stays_as_it_is():
    import colorsys

    with imported_when_used("colorsys"):
        assert sys.modules["colorsys"] is colorsys
    assert sys.modules["colorsys"] is colorsys
