"""The Dagster UI in a real browser, of the program as shipped: what operations sees on a Friday.

``BJ_WRITE_SCREENSHOTS=1`` makes the documentation's pictures, docs/images/dagster-*.png.
"""

import re

import pytest

pytest.importorskip("playwright", reason="needs playwright from the dev dependencies")

from bj_pipeline.definitions import defs
from bj_pipeline.errors import ConfigurationError
from bj_pipeline_tests.command_line import CommandLine
from bj_pipeline_tests.end_to_end.dagster_ui import (
    ISSUE,
    LARGEST_PICTURE,
    QUOTE_CHECKS,
    dev_server,
    keep_picture,
    operator,
)
from bj_pipeline_tests.report.browser import chromium, expect


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Folder of a fresh home."""
    return tmp_path_factory.mktemp("shipped")


@pytest.fixture(scope="module")
def shipped(installation):
    """Address of the UI of that home, without any setting."""
    with dev_server(installation) as address:
        yield address


@pytest.fixture(scope="module")
def built(browser, shipped):
    """How the run ended by which a person built issue 65."""
    with operator(browser, shipped) as person:
        return person.build_issue(ISSUE)


def test_the_code_location_is_loaded_without_an_error(browser, shipped):
    with operator(browser, shipped) as person:
        person.open("/deployment/locations")
        row = person.page.get_by_text("bj_pipeline", exact=True)
        expect(row.first).to_be_visible()
        expect(person.page.get_by_text("1 code location", exact=True)).to_be_visible()
        expect(person.page.get_by_text("Loaded", exact=True)).to_be_visible()
        expect(person.page.get_by_text(re.compile("error|failed", re.IGNORECASE))).to_have_count(0)


@pytest.mark.usefixtures("shipped")
def test_a_second_ui_of_the_same_home_is_refused(installation):
    second = CommandLine(installation / "home", is_installed=True)
    refused = second("dev", "--port", 1)
    assert refused.returncode == ConfigurationError.exit_code
    assert f"{installation / 'home' / 'dagster'} already" in refused.stderr


def test_a_person_builds_issue_65_with_a_few_clicks(built):
    assert built == "Success"


@pytest.mark.usefixtures("built")
def test_the_graph_shows_every_group_and_every_asset(browser, shipped, tmp_path):
    with operator(browser, shipped, width=1500, height=1300) as person:
        person.open_graph()
        for spec in defs.resolve_all_asset_specs():
            for name in (spec.group_name, spec.key.to_user_string()):
                expect(person.shown(name).first).to_be_in_viewport()
        picture = keep_picture(person.page, "dagster-graph.png", tmp_path)
        assert picture.stat().st_size <= LARGEST_PICTURE


@pytest.mark.usefixtures("built")
def test_the_checks_of_the_quotes_are_green_for_issue_65(browser, shipped):
    with operator(browser, shipped) as person:
        person.open_checks("raw_quotes")
        expect(person.page.get_by_text("Succeeded", exact=True)).to_have_count(len(QUOTE_CHECKS))
        for check in QUOTE_CHECKS:
            expect(person.choose_check(check)).to_have_text("Passed")
            expect(person.labelled("Partition")).to_contain_text(str(ISSUE))


@pytest.mark.usefixtures("built")
def test_the_figures_show_a_picture_and_how_many_there_are(browser, shipped):
    with operator(browser, shipped) as person:
        person.open("/assets/report_figures")
        expect(person.labelled("Row count")).to_contain_text(re.compile(r"[1-9]\d"))
        person.page.get_by_text("[Show Markdown]").click()
        picture = person.page.get_by_role("dialog").locator("img")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.complete && image.naturalWidth > 100")
