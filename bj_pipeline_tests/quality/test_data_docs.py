"""Data Docs: what the checks found, as pages that anybody can open from the disk."""

import json
import re
from pathlib import Path
from time import perf_counter

import dagster as dg
import pytest

from bj_pipeline.definitions import build
from bj_pipeline.issues import by_number
from bj_pipeline.quality.check import Rule
from bj_pipeline.quality.data_docs import DataDocs, words
from bj_pipeline.quality.raw import closes_are_positive, quotes_are_whole_and_unique
from bj_pipeline.quality.stages import ALL, STAGES
from bj_pipeline.quality.validate import run_checks
from bj_pipeline.settings import Settings
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.quality.built_issue import cells

ISSUE = by_number(65)


def publish(folder, issue, stage="raw", checks=None) -> str:
    """Check, publish, and return the page of the stage."""
    docs = DataDocs(folder)
    docs.publish(issue.warehouse, ISSUE, stage, run_checks(checks or STAGES[stage], issue))
    return docs.page(ISSUE, stage).read_text(encoding="utf-8")


def section(page, check) -> str:
    """What a page says of one check."""
    (found,) = re.findall(rf'<h3 id="{check}">.*?</section>', page, flags=re.DOTALL)
    return found


@pytest.fixture(scope="module")
def published(issue_65, tmp_path_factory):
    """Pages of every stage, with the seconds that checks and pages took."""
    folder = tmp_path_factory.mktemp("data_docs")
    docs, checking, writing = DataDocs(folder), 0.0, 0.0
    for stage, checks in STAGES.items():
        started = perf_counter()
        outcomes = run_checks(checks, issue_65)
        checked = perf_counter()
        docs.publish(issue_65.warehouse, ISSUE, stage, outcomes)
        checking, writing = checking + checked - started, writing + perf_counter() - checked
    return folder, checking, writing


def test_writing_the_pages_takes_less_time_than_the_checks(published):
    _, checking, writing = published
    assert writing < checking


def test_every_check_has_a_section_with_each_of_its_rules(published, issue_65):
    folder, _, _ = published
    for stage, checks in STAGES.items():
        page = (folder / "issue-065" / f"{stage}.html").read_text(encoding="utf-8")
        for outcome in run_checks(checks, issue_65):
            found = section(page, outcome.check.name)
            assert found.count("<code>expect_") == outcome.expectations
            assert f"suite <code>{outcome.suite}</code>" in found
            assert f"severity {outcome.check.severity}" in found


def test_every_link_of_every_page_leads_somewhere(published):
    folder, _, _ = published
    pages = list(folder.rglob("*.html"))
    assert len(pages) == 2 + len(STAGES)
    for page in pages:
        for target in re.findall(r'href="([^"]+)"', page.read_text(encoding="utf-8")):
            path, _, anchor = target.partition("#")
            linked = page.parent / path
            assert linked.is_file(), target
            assert f'id="{anchor}"' in linked.read_text(encoding="utf-8") or not anchor


def test_the_overview_counts_by_stage_and_the_issue_lists_every_check(published):
    folder, _, _ = published
    overview = (folder / "index.html").read_text(encoding="utf-8")
    assert '<a href="issue-065/index.html">Issue 65</a>' in overview
    assert f"✓ {len(STAGES['raw'])} passed" in overview
    issue = (folder / "issue-065" / "index.html").read_text(encoding="utf-8")
    assert all(f"#{one.name}" in issue for one in ALL)


def test_every_rule_that_ships_is_told_in_words(issue_65):
    for outcome in run_checks(ALL, issue_65):
        for rule in outcome.rules:
            assert not words(rule).startswith("expect"), rule.expectation


@pytest.mark.parametrize(
    ("expectation", "arguments", "text"),
    [
        (
            "expect_column_values_to_be_between",
            {"column": "close", "min_value": 0, "strict_min": True, "max_value": 5},
            "close is above 0 and at most 5",
        ),
        (
            "expect_column_values_to_not_be_null",
            {"column": "close", "mostly": 0.95},
            "close is given, in at least 95% of the rows",
        ),
        (
            "expect_column_values_to_be_in_set",
            {"column": "n", "value_set": list(range(15))},
            "n is one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more",
        ),
        (
            "expect_something_new",
            {"column": "close", "depth": 2},
            "expect something new: column close, depth 2",
        ),
    ],
)
def test_a_rule_reads_as_a_sentence(issue_65, expectation, arguments, text):
    nothing = issue_65.table(tables.RAW_QUOTES).head(0)
    assert words(Rule(expectation, arguments, True, "", 0, nothing)) == text  # noqa: FBT003


def test_a_failed_check_shows_its_remedy_what_was_found_and_the_first_rows(issue_65, tmp_path):
    broken = issue_65.plant(tables.RAW_QUOTES, cells("volume", -7.0))
    found = section(publish(tmp_path, broken), "closes_are_positive")
    count = len(issue_65.table(tables.RAW_QUOTES))
    assert "✗ failed" in found
    assert closes_are_positive.remedy in found
    assert "volume is at least 0" in found
    assert f"{count} of {count} rows" in found
    assert f"The first 20 of {count} rows" in found
    assert found.count("<td>-7.0</td>") == 20


def test_a_check_that_cannot_be_evaluated_says_why(issue_65, tmp_path):
    broken = issue_65.plant(tables.RAW_QUOTES, lambda frame: frame.drop(columns="close"))
    assert "close" in section(publish(tmp_path, broken), "closes_are_positive")


def test_nothing_that_a_vendor_wrote_becomes_markup(issue_65, tmp_path):
    script = "<script>alert(1)</script>"
    broken = issue_65.plant(tables.RAW_QUOTES, cells("close", -1.0, code="920060.BJ"))
    broken = broken.plant(tables.RAW_QUOTES, cells("source_file", script, code="920060.BJ"))
    page = publish(tmp_path, broken)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_run_of_one_check_leaves_its_neighbours_as_they_were(issue_65, tmp_path):
    publish(tmp_path, issue_65)
    broken = issue_65.plant(tables.RAW_QUOTES, cells("close", -1.0))
    page = publish(tmp_path, broken, checks=[closes_are_positive])
    assert "✗ failed" in section(page, closes_are_positive.name)
    assert "✗ failed" not in section(page, quotes_are_whole_and_unique.name)
    order = re.findall(r'<h3 id="(\w+)">', page)
    assert order == [one.name for one in STAGES["raw"]]


def test_a_record_that_was_damaged_is_written_anew(issue_65, tmp_path):
    publish(tmp_path, issue_65)
    record = tmp_path / "issue-065" / "raw.json"
    record.write_text("[{", encoding="utf-8")
    publish(tmp_path, issue_65)
    assert len(json.loads(record.read_bytes())) == len(STAGES["raw"])


def test_the_same_results_give_the_same_bytes(issue_65, tmp_path):
    broken = issue_65.plant(tables.RAW_QUOTES, cells("close", -1.0, code="920060.BJ"))
    for name in ("one", "other"):
        publish(tmp_path / name, broken)
    files = sorted(path for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 5
    for path in files:
        other = tmp_path / "other" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes(), path.name


def test_a_check_is_linked_where_a_web_server_shows_the_pages():
    docs = DataDocs(Path("docs"), "https://example.com/checks/")
    assert docs.link(ISSUE, "closes_are_positive") == (
        "https://example.com/checks/issue-065/raw.html#closes_are_positive"
    )
    assert DataDocs(Path("docs")).link(ISSUE, "closes_are_positive") == ""


@pytest.mark.parametrize("can_be_written", [True, False])
def test_the_ui_leads_from_a_check_to_its_page_and_a_page_that_fails_stops_nothing(
    issue_65, tmp_path, monkeypatch, *, can_be_written
):
    issue_65.stored_in(tmp_path)
    if not can_be_written:
        (tmp_path / "data_docs").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("BJ_HOME", str(tmp_path))
    monkeypatch.setenv("BJ_DATA_DOCS_URL", "https://example.com")
    key = dg.AssetCheckKey(dg.AssetKey(tables.RAW_QUOTES), closes_are_positive.name)
    job = dg.define_asset_job("one_check", dg.AssetSelection.checks(key))
    definitions = dg.Definitions.merge(build(Settings(home=tmp_path)), dg.Definitions(jobs=[job]))
    # A job of checks alone takes no partition key, but its tag.
    done = definitions.resolve_job_def("one_check").execute_in_process(
        tags={"dagster/partition": "65"}
    )
    (evaluation,) = done.get_asset_check_evaluations()
    assert evaluation.passed
    assert ("data docs" in evaluation.metadata) is can_be_written
    if can_be_written:
        assert Path(evaluation.metadata["data docs"].value).is_file()
        address = evaluation.metadata["data docs page"].value
        assert address == "https://example.com/issue-065/raw.html#closes_are_positive"
