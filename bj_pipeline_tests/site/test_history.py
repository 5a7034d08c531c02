"""A page reads what it shows: a company's page alone is the one of the whole site."""

import pytest

from bj_pipeline.errors import MissingDataError
from bj_pipeline.reference import load_reference
from bj_pipeline.site import history, views
from bj_pipeline.site.page import company_path, whole_company_path
from bj_pipeline.site.render import Renderer
from bj_pipeline_tests.site.series import HOUSE, SECTORS, Home, company, from_sample, write

FIRST, OTHER, LEFT = "920001.BJ", "920002.BJ", "920003.BJ"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    """Five issues whose companies' pages show two; one company leaves after the second."""
    monkeypatch.setattr(history, "RECENT", 2)
    home = Home(tmp_path)
    for number in range(1, 6):
        rows = [company(FIRST, segment="AIPC", close=10.0 + number)]
        rows += [company(OTHER, sector=SECTORS[1])] if number > 3 else []
        rows += [company(LEFT)] if number < 3 else []
        write(home.warehouse, number, rows)
    from_sample(home.warehouse, 1)
    return home


@pytest.mark.parametrize("code", [FIRST, OTHER, LEFT])
def test_a_company_read_by_itself_has_the_page_that_it_has_in_the_site(home, code) -> None:
    home.build()
    reference = load_reference(home.settings.reference)
    alone = history.read_company(home.warehouse, reference, HOUSE.labels, code)
    page = Renderer(HOUSE).page(views.company_page(alone, HOUSE))
    assert page.decode() == home.page(company_path(code))


def test_a_long_past_stands_on_a_page_of_its_own(home) -> None:
    home.build()
    page, whole = home.page(company_path(FIRST)), home.page(whole_company_path(FIRST))
    assert f'href="../{whole_company_path(FIRST)}"' in page
    assert "第 1～5 期" in page
    for number in range(1, 6):
        price = f'<td class="right">{10 + number}.00</td>'
        assert (price in page) == (number > 3)
        assert price in whole


def test_a_company_whose_page_shows_all_of_it_has_no_second_page(home) -> None:
    home.build()
    assert not (home.site / whole_company_path(OTHER)).exists()


def test_a_company_that_left_shows_the_last_issues_that_cover_it(home) -> None:
    home.build()
    page = home.page(company_path(LEFT))
    assert "第 1～2 期，此后未覆盖" in page
    assert '<td class="right">10.10</td>' in page


def test_a_page_names_the_issues_of_sample_data_that_it_shows(home) -> None:
    home.build()
    assert 'class="sample"' in home.page("index.html")
    assert 'class="sample"' in home.page(company_path(LEFT))
    assert 'class="sample"' not in home.page(company_path(OTHER))


def test_a_company_that_no_issue_covers_is_refused(home) -> None:
    reference = load_reference(home.settings.reference)
    with pytest.raises(MissingDataError, match=r"920009\.BJ"):
        history.read_company(home.warehouse, reference, HOUSE.labels, "920009.BJ")
