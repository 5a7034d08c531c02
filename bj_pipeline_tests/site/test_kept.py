"""An approved issue is shown with the figures that were approved, whatever was built since."""

import pytest

from bj_pipeline.issues import by_number
from bj_pipeline.site import kept
from bj_pipeline.site.build import build_site
from bj_pipeline.site.page import AI_CHAIN, COMPANIES, company_path, sector_path
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.report.example import example_document
from bj_pipeline_tests.site.series import HOUSE, SECTORS, Home, company, write

ISSUE = 65
CODE = "920001.BJ"


def approve(home: Home, revision: int) -> None:
    """Keep what the warehouse holds now as an approved revision of the issue."""
    document = example_document().model_copy(update={"revision": revision})
    with home.warehouse.appending(
        ISSUE, {tables.APPROVED_FIGURES: kept.frame(home.warehouse, document)}
    ):
        pass


def built(home: Home, revisions: dict[int, int] | None) -> Home:
    build_site(
        home.warehouse,
        home.settings,
        HOUSE,
        home.site,
        issues=list(revisions) if revisions else None,
        revisions=revisions,
    )
    return home


@pytest.fixture
def home(tmp_path) -> Home:
    """Issue 65, approved once with a change of 3 % and again with 4 %, then built with 5 %."""
    home = Home(tmp_path)
    for revision, change, close in ((1, 0.03, 33.0), (2, 0.04, 44.0), (None, 0.05, 55.0)):
        one = company(CODE, change=change, close=close, market_cap=close * 1e8, segment="AIPC")
        write(home.warehouse, ISSUE, [one, company("920002.BJ", change=0.001)])
        if revision:
            approve(home, revision)
    return home


@pytest.mark.parametrize(
    ("revision", "change", "cap"), [(1, "+3.00", "33.00"), (2, "+4.00", "44.00")]
)
def test_every_page_shows_the_figures_of_the_approved_revision(home, revision, change, cap):
    built(home, {ISSUE: revision})
    for path in (company_path(CODE), COMPANIES, sector_path(SECTORS[0])):
        page = home.page(path)
        assert change in page
        assert cap in page
        assert "+5.00" not in page
        assert "55.00" not in page
    assert cap in home.page(AI_CHAIN)
    assert change in home.page("index.html")
    assert "+5.00" not in home.page("index.html")


def test_drafts_are_shown_as_they_were_built_last(home):
    built(home, None)
    assert "+5.00" in home.page(company_path(CODE))
    assert "+4.00" not in home.page(company_path(CODE))


def test_an_approved_issue_keeps_its_key_points_without_the_rest_of_its_document(home):
    history_page = built(home, {ISSUE: 2}).page("index.html")
    points = example_document().front_page.key_points
    assert example_document().text(points.items[0]) in history_page
    stored = kept.read(home.warehouse, {ISSUE: 2}, tables.REPORT_DOCUMENT)[ISSUE]
    assert '"sections":[]' in stored[0]["document"]


def test_an_issue_next_to_an_approved_one_is_read_from_the_warehouse(home):
    write(home.warehouse, ISSUE - 1, [company(CODE, change=-0.0777)])
    built(home, {ISSUE: 1, ISSUE - 1: 1})
    page = home.page(company_path(CODE))
    assert "+3.00" in page
    assert "-7.77" in page
    assert str(by_number(ISSUE - 1).close_date) in page
