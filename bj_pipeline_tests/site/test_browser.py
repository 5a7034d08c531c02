"""The site in Chromium, opened from a disk as a reader may."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bj_pipeline.site.page import AI_CHAIN, COMPANIES, INDEX, company_path, sector_path
from bj_pipeline_tests.report import browser as web
from bj_pipeline_tests.report.browser import expect
from bj_pipeline_tests.report.example import HOSTILE_NAMES
from bj_pipeline_tests.site.series import SECTORS, Home, company, from_sample, write

RENAMED, SWITCHED, HOSTILE = "920001.BJ", "920493.BJ", "920003.BJ"
PAGES = (INDEX, COMPANIES, AI_CHAIN, sector_path(SECTORS[0]), company_path(SWITCHED))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    home = Home(tmp_path_factory.mktemp("site"))
    for number in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13):
        others = [company(f"92010{at}.BJ", name=f"智能{at}") for at in range(10)]
        more = [company(f"92011{at}.BJ", name=f"智能乙{at}") for at in range(5)]
        write(
            home.warehouse,
            number,
            [
                company(RENAMED, name="旧名科技" if number < 5 else "新名股份"),
                company(SWITCHED, name="并行", segment="算力基建", change=number / 100 - 0.05),
                company(HOSTILE, name=HOSTILE_NAMES[1], sector=SECTORS[1], segment="AIPC"),
                *others,
                *more,
            ],
        )
        from_sample(home.warehouse, number)
    home.finish(13, {"report.html": "<!DOCTYPE html><title>报告</title>".encode()})
    home.build()
    return home.site


@pytest.fixture(scope="module")
def chromium() -> Iterator[web.Browser]:
    with web.chromium() as browser:
        yield browser


@pytest.fixture
def index(chromium, site) -> Iterator[web.Page]:
    with web.visit(chromium, site / INDEX) as visit:
        yield visit.page


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_only_for_files_of_the_site_and_nothing_fails(chromium, site, path) -> None:
    with web.visit(chromium, site / path) as visit:
        visit.page.evaluate("document.fonts.ready")
        visit.page.locator("#search").fill("智能")
        visit.page.locator(".theme").click()
        own = (site / "assets").as_uri()
        assert visit.requests
        assert [one for one in visit.requests if not one.startswith(own)] == []
        assert visit.errors == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(chromium, site, path, theme, width) -> None:
    with web.visit(chromium, site / path, theme=theme, width=width) as visit:
        visit.page.locator("#search").fill("智能")
        visit.page.evaluate("document.fonts.ready")
        assert web.violations(visit.page) == []


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("920493", SWITCHED),
        ("920493.bj", SWITCHED),
        ("９２０４９３", SWITCHED),
        ("839493", SWITCHED),
        ("并行", SWITCHED),
        ("新名", RENAMED),
        ("旧名科技", RENAMED),
        ("<SCRIPT>", HOSTILE),
    ],
)
def test_a_company_is_found_by_code_old_code_and_any_of_its_names(index, typed, code) -> None:
    index.locator("#search").fill(typed)
    expect(index.locator(".hits a")).to_have_count(1)
    index.locator("#search").press("Enter")
    index.wait_for_url(f"**/{company_path(code)}")
    expect(index.locator(".masthead .issue")).to_have_text(code)


def test_search_works_from_pages_in_folders_too(chromium, site) -> None:
    with web.visit(chromium, site / company_path(SWITCHED)) as visit:
        visit.page.locator("#search").fill("新名")
        visit.page.locator(".hits a").click()
        expect(visit.page.locator("h1")).to_have_text("新名股份")


def test_search_is_used_by_keyboard(index) -> None:
    index.locator("#search").fill("智能")
    index.keyboard.press("ArrowDown")
    expect(index.locator(".hits a").nth(0)).to_be_focused()
    index.keyboard.press("ArrowDown")
    expect(index.locator(".hits a").nth(1)).to_be_focused()
    index.keyboard.press("ArrowUp")
    index.keyboard.press("ArrowUp")
    expect(index.locator("#search")).to_be_focused()
    index.keyboard.press("Escape")
    assert not index.locator(".hits").is_visible()


def test_search_says_how_many_it_found_and_when_it_found_none(index) -> None:
    index.locator("#search").fill("智能")
    expect(index.locator("#search-status")).to_have_text("找到 15 家公司")
    expect(index.locator(".hits .none")).to_have_text("另有 3 家，请多输入几个字")
    index.locator("#search").fill("没有")
    expect(index.locator(".hits")).to_have_text("没有这样的公司")
    index.locator("#search").fill(" ")
    assert not index.locator(".hits").is_visible()


def test_a_chart_tells_its_values_by_keyboard_and_by_pointer(chromium, site) -> None:
    with web.visit(chromium, site / company_path(SWITCHED)) as visit:
        page = visit.page
        chart = page.locator(".trend").first
        chart.focus()
        page.keyboard.press("End")
        expect(page.locator("#origin")).to_contain_text("第 13 期 2025-02-21：+8.00%")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#announcement")).to_have_text("第 12 期 2025-02-14：+7.00%")
        page.keyboard.press("Escape")
        chart.locator("[data-label]").first.hover()
        expect(page.locator("#origin")).to_contain_text("第 1 期 2024-11-29：-4.00%")


def test_names_that_are_markup_appear_to_the_letter(index, site) -> None:
    index.locator("#search").fill("script")
    expect(index.locator(".hits strong")).to_have_text(HOSTILE_NAMES[1])
    index.goto((site / company_path(HOSTILE)).as_uri())
    expect(index.locator("h1")).to_have_text(HOSTILE_NAMES[1])
    assert index.locator("body script").count() == 0


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_scrolls_a_page_one_way_only(chromium, site, path) -> None:
    with web.visit(chromium, site / path, width=360) as visit:
        visit.page.locator("#search").fill("智能")
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_chosen_theme_holds_on_the_next_page(chromium, site) -> None:
    with web.visit(chromium, site / INDEX) as visit:
        page = visit.page
        background = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(background) == "rgb(255, 255, 255)"
        page.locator(".theme").click()
        dark = page.evaluate(background)
        page.locator(".site nav a", has_text="AI 产业链").click()
        expect(page.locator("h1")).to_have_text("AI 产业链")
        assert page.evaluate(background) == dark != "rgb(255, 255, 255)"


def test_chinese_is_drawn_with_the_font_of_the_site(index) -> None:
    index.evaluate("document.fonts.ready")
    session = index.context.new_cdp_session(index)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    for place in ("h1", ".tiles dt", "#exhibit-movers td", ".trend .unit"):
        node = session.send("DOM.querySelector", {"nodeId": root, "selector": place})["nodeId"]
        used = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        assert {font["isCustomFont"] for font in used} == {True}, place


def test_without_javascript_everything_but_search_is_there(chromium, site) -> None:
    with web.visit(chromium, site / INDEX, javascript=False) as visit:
        page = visit.page
        assert not page.locator("#search").is_visible()
        page.locator(".site nav a", has_text="全部公司").click()
        page.locator("#exhibit-list a", has_text="并行").click()
        expect(page.locator("h1")).to_have_text("并行")
        assert page.locator(".trend svg").count() == 4


def test_an_issue_leads_to_its_report(index) -> None:
    index.locator("#exhibit-all-issues tbody th a").first.click()
    expect(index).to_have_title("报告")


def test_on_paper_every_sheet_says_sample_and_has_no_controls(index) -> None:
    pymupdf = pytest.importorskip("pymupdf")
    printed = pymupdf.open("pdf", index.pdf(prefer_css_page_size=True, print_background=True))
    texts = [sheet.get_text() for sheet in printed]
    assert texts
    for text in texts:
        assert "示例数据" in text
        assert "全部公司" not in text
