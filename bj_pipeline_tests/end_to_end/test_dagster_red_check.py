"""A vendor's wrong close in the Dagster UI: the right check is red, and shows the row and a remedy.

``BJ_WRITE_SCREENSHOTS=1`` makes the documentation's picture, docs/images/dagster-red-check.png.
"""

import re
import shutil

import pytest

pytest.importorskip("playwright", reason="needs playwright from the dev dependencies")

from bj_pipeline.settings import PACKAGE
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline_tests.automation.home import quotes
from bj_pipeline_tests.end_to_end.dagster_ui import (
    ISSUE,
    LARGEST_PICTURE,
    QUOTE_CHECKS,
    dev_server,
    keep_picture,
    operator,
)
from bj_pipeline_tests.report.browser import chromium, expect

(RIGHT_CHECK,) = (one for one in QUOTE_CHECKS if one.name == "daily_moves_respect_the_limit")


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def corrupted(tmp_path_factory):
    """Address of the UI of a home whose vendor file holds one wrong close."""
    folder = tmp_path_factory.mktemp("corrupted")
    reference, vendor = folder / "reference", folder / "input"
    shutil.copytree(PACKAGE / "reference", reference)
    shutil.copy(SampleSource.pool_file, reference / "pool.csv")
    vendor.mkdir()
    week, wrong = re.subn(r"(920060\.BJ,20260226),[^,]+", r"\1,90.00", quotes(ISSUE))
    assert wrong == 1
    (vendor / "daily.csv").write_text(week, encoding="utf-8")
    settings = {"BJ_SOURCE": "files", "BJ_INPUT": str(vendor), "BJ_REFERENCE": str(reference)}
    with dev_server(folder, **settings) as address:
        yield address


@pytest.fixture(scope="module")
def refused(browser, corrupted):
    """How the run ended that met the wrong close."""
    with operator(browser, corrupted) as person:
        return person.build_issue(ISSUE)


def test_one_wrong_close_fails_the_run(refused):
    assert refused == "Failure"


@pytest.mark.usefixtures("refused")
def test_the_right_check_is_red_and_shows_the_row_and_what_to_do(browser, corrupted, tmp_path):
    with operator(browser, corrupted, height=810) as person:
        person.open_checks("raw_quotes")
        expect(person.choose_check(RIGHT_CHECK)).to_have_text("Failed")
        row = person.page.get_by_role("row").filter(has_text="2026-02-26").last
        for cell in ("920060.BJ", "90", "daily.csv"):
            expect(row).to_contain_text(cell)
        remedy = person.page.get_by_role("row").filter(has_text="remedy").last
        expect(remedy).to_contain_text(RIGHT_CHECK.remedy)
        path = person.page.get_by_text("data_docs/issue-065").locator("..")
        picture = keep_picture(person.page, "dagster-red-check.png", tmp_path, without=[path])
        assert picture.stat().st_size <= LARGEST_PICTURE


@pytest.mark.usefixtures("refused")
def test_no_other_blocking_check_of_the_quotes_is_red(browser, corrupted):
    with operator(browser, corrupted) as person:
        person.open_checks("raw_quotes")
        for check in QUOTE_CHECKS:
            if check.blocks and check != RIGHT_CHECK:
                expect(person.choose_check(check)).to_have_text("Passed")


@pytest.mark.usefixtures("refused")
def test_what_the_red_check_blocks_is_not_built(browser, corrupted):
    with operator(browser, corrupted) as person:
        person.open("/assets/company_universe")
        expect(person.labelled("Latest materialization")).to_contain_text("Failed in")
        expect(person.page.get_by_text("No metadata entries")).to_be_visible()
