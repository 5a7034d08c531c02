from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from bj_pipeline.report import charts
from bj_pipeline.report.document import (
    Document,
    Fact,
    FactRef,
    Figure,
    FigureRow,
    Link,
    Paragraph,
    Section,
)
from bj_pipeline.report.html import outline, picture, render, shown_facts, unrounded
from bj_pipeline_tests.report import browser as web
from bj_pipeline_tests.report.browser import expect
from bj_pipeline_tests.report.example import HOSTILE_NAMES, example_document

A4 = (595, 842)
LOSS_MAKER = "ai_chain_metrics/929007.BJ/pe_ttm"
"""Its PE is said to be a loss of unknown size."""
WITHOUT_PE = "ai_chain_metrics/929005.BJ/pe_ttm"


def _document() -> Document:
    document = example_document()
    loss = document.facts[LOSS_MAKER].model_copy(update={"value": None, "text": "亏损"})
    return document.model_copy(update={"facts": {**document.facts, LOSS_MAKER: loss}})


def _render(document: Document) -> str:
    return render(document, charts.pictures(document)).decode()


class _Reader(HTMLParser):
    """Reads a page as a program would: its facts, its origins, its ids, scripts and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.facts: list[tuple[str, str]] = []
        self.origins: dict[str, list[str]] = {}
        self.ids: list[str] = []
        self.scripts = 0
        self.text = ""
        self._fact: str | None = None
        self._origin: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.scripts += tag == "script"
        if attributes.get("id"):
            self.ids.append(attributes["id"] or "")
        if "data-fact" in attributes:
            self._fact = attributes["data-fact"] or ""
            self.facts.append((self._fact, ""))
        if tag == "tr":
            self._origin = attributes.get("data-origin")
        if self._origin and tag in {"th", "td"}:
            self.origins.setdefault(self._origin, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "span":
            self._fact = None
        elif tag == "tr":
            self._origin = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._fact:
            name, text = self.facts[-1]
            self.facts[-1] = (name, text + data)
        elif self._origin and data.strip():
            self.origins[self._origin][-1] += data


@pytest.fixture(scope="module")
def document() -> Document:
    return _document()


@pytest.fixture(scope="module")
def page(document: Document) -> str:
    return _render(document)


@pytest.fixture(scope="module")
def read(page: str) -> _Reader:
    return _Reader(page)


# ---------------------------------------------------------------- the file


def test_the_same_document_gives_the_same_bytes(page: str) -> None:
    assert _render(_document()) == page


def test_every_number_in_text_and_tables_names_its_fact(document: Document, read: _Reader) -> None:
    expected = [
        (part.fact, document.text((part,)))
        for _, line, _ in document.lines()
        for part in line
        if isinstance(part, FactRef)
    ]
    assert expected
    for fact in expected:
        assert fact in read.facts


def test_every_value_of_a_chart_names_its_fact(document: Document, read: _Reader) -> None:
    shown = {name for name, _ in read.facts}
    for figure in document.figures():
        for series in figure.chart.series:
            assert set(series.facts) <= shown


def test_every_number_shown_has_its_origin_on_the_page(document: Document, read: _Reader) -> None:
    assert {name for name, _ in read.facts} == set(read.origins)
    for name, cells in read.origins.items():
        fact = document.facts[name]
        wanted = [fact.id, fact.printed, unrounded(fact), fact.table, fact.row, fact.column]
        assert cells == [*wanted, fact.formula, "、".join(fact.files)]


def test_every_id_of_the_page_is_unique(read: _Reader) -> None:
    assert len(read.ids) == len(set(read.ids))


def test_names_that_are_markup_stay_text(read: _Reader) -> None:
    assert read.scripts == 1
    for name in HOSTILE_NAMES:
        assert name in read.text


def test_house_words_that_are_markup_stay_text(document: Document) -> None:
    hostile = '"><script>alert(1)</script>'
    house = document.house.model_copy(update={"name": hostile, "accent": hostile})
    read = _Reader(
        render(
            document.model_copy(update={"house": house}),
            charts.pictures(document),
        ).decode()
    )
    assert read.scripts == 1
    assert hostile in read.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//example.com", ""])
def test_a_link_to_anything_but_a_web_address_is_printed_as_text(url: str) -> None:
    section = Section(
        id="one",
        title="一",
        level=1,
        blocks=(Paragraph(line=(Link(text="此处", url=url),)),),
    )
    page = _render(example_document().model_copy(update={"sections": (section,)}))
    assert "此处" in page
    assert "<a href" not in page.split('id="section-one"')[1].split("</section>")[0]


def test_a_real_issue_carries_no_sample_bar(document: Document, page: str) -> None:
    assert "示例数据</strong>" in page
    assert "示例数据</strong>" not in _render(document.model_copy(update={"is_sample": False}))


def test_missing_data_is_said_before_the_key_points(document: Document, page: str) -> None:
    assert document.notices
    for notice in document.notices:
        assert page.index(document.text(notice)) < page.index('class="key-points"')


def test_a_section_before_the_first_part_is_not_lost(document: Document) -> None:
    second = tuple(one for one in document.sections if one.level == 2)
    parts = outline(document.model_copy(update={"sections": second}))
    assert [parts[0].section, *parts[0].children] == list(second)


def test_facts_that_are_not_printed_are_not_listed(document: Document) -> None:
    unused = next(iter(document.facts.values())).model_copy(update={"id": "unused/fact/value"})
    more = document.model_copy(update={"facts": {**document.facts, unused.id: unused}})
    assert unused not in shown_facts(more)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (149_760_000_000.0, "149,760,000,000"),
        (0.0062745098, "0.0062745098"),
        (-243.1, "-243.1"),
        (1e-7, "0.0000001"),
        (0.0, "0"),
        (100.0, "100"),
        (None, ""),
    ],
)
def test_an_unrounded_value_keeps_all_its_digits(value: float | None, text: str) -> None:
    fact = Fact(id="a", value=value, text="", unit="", table="", row="", column="", formula="")
    assert unrounded(fact) == text


# ---------------------------------------------------------------- charts


def _figure(document: Document, name: str) -> Figure:
    return next(figure for figure in document.figures() if figure.id == name)


def test_every_mark_of_a_chart_tells_its_value(document: Document) -> None:
    pictures = charts.pictures(document)
    for figure in document.figures():
        markup = picture(pictures[figure.id], figure).markup
        known = [value for one in figure.chart.series for value in one.values if value is not None]
        assert markup.count("data-label=") == len(known), figure.id


def test_a_mark_tells_category_series_value_and_unit(document: Document) -> None:
    figure = _figure(document, "machinery-pe-buckets")
    markup = picture(charts.pictures(document)[figure.id], figure).markup
    assert 'data-label="30~50，本周：12家"' in markup


def test_a_picture_brings_in_nothing_but_a_drawing(document: Document) -> None:
    figure = _figure(document, "overview")
    hostile = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" onload="x()">
    <script>x()</script><style>*{color:red}</style><image href="http://example.com/a.png"/>
    <foreignObject><p>x</p></foreignObject><a href="http://example.com"><path d="M0 0"/></a>
    <use href="http://example.com/a.svg#b"/><path onclick="x()" d="M1 1"/></svg>"""
    markup = picture(hostile, figure).markup
    for unwanted in ("script", "style", "image", "foreign", "<a", "example.com", "onload", "x()"):
        assert unwanted not in markup
    assert 'd="M1 1"' in markup


def test_names_inside_a_picture_do_not_meet_those_of_another(document: Document) -> None:
    figure = _figure(document, "overview")
    svg = b"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
    viewBox="0 0 10 10"><defs><clipPath id="c"><path id="m" d="M0 0"/></clipPath></defs>
    <g clip-path="url(#c)"><use xlink:href="#m"/></g></svg>"""
    markup = picture(svg, figure).markup
    assert 'id="chart-overview-c"' in markup
    assert 'clip-path="url(#chart-overview-c)"' in markup
    assert 'href="#chart-overview-m"' in markup


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[web.Browser]:
    with web.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def file(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("html") / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture
def desk(chromium: web.Browser, file: Path) -> Iterator[web.Page]:
    """The page on a wide window."""
    with web.visit(chromium, file) as visit:
        yield visit.page


def test_nothing_is_requested_and_nothing_fails(chromium: web.Browser, file: Path) -> None:
    with web.visit(chromium, file) as visit:
        visit.page.mouse.wheel(0, 100_000)
        visit.page.locator(".key-points .fact").first.hover()
        visit.page.locator(".theme").click()
        assert visit.requests == []
        assert visit.errors == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_axe_finds_nothing(chromium: web.Browser, file: Path, theme: str, width: int) -> None:
    with web.visit(chromium, file, theme=theme, width=width) as visit:  # type: ignore[arg-type]
        visit.page.evaluate(
            "for (const one of document.querySelectorAll('details')) one.open = true"
        )
        visit.page.locator("#exhibit-top-ten th button").last.click()
        visit.page.locator(".key-points .fact").first.focus()
        assert web.violations(visit.page) == []


def test_chinese_is_drawn_with_the_font_inside_the_page(desk: web.Page) -> None:
    desk.evaluate("document.fonts.ready")
    session = desk.context.new_cdp_session(desk)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    for place in ("h1", ".key-points", "#exhibit-ai-chain table", "#exhibit-overview svg"):
        selector = f"{place}, {place} *"
        nodes = session.send("DOM.querySelectorAll", {"nodeId": root, "selector": selector})
        used = {
            font["isCustomFont"]
            for node in nodes["nodeIds"]
            for font in session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        }
        assert used == {True}, place


def _column(page: web.Page, table: str, column: int) -> list[str]:
    return page.locator(f"#exhibit-{table} tbody tr > :nth-child({column})").all_inner_texts()


def test_a_loss_ranks_below_every_number_and_a_missing_value_last(desk: web.Page) -> None:
    button = desk.locator("#exhibit-ai-chain th button", has_text="市盈率")
    header = desk.locator("#exhibit-ai-chain th", has_text="市盈率")
    original = _column(desk, "ai-chain", 5)

    button.click()
    falling = _column(desk, "ai-chain", 5)
    assert header.get_attribute("aria-sort") == "descending"
    assert falling[-2:] == ["亏损", "—"]
    numbers = [float(text) for text in falling[:-2]]
    assert numbers == sorted(numbers, reverse=True)

    button.click()
    rising = _column(desk, "ai-chain", 5)
    assert header.get_attribute("aria-sort") == "ascending"
    assert rising == ["亏损", *reversed(falling[:-2]), "—"]

    button.click()
    assert header.get_attribute("aria-sort") is None
    assert _column(desk, "ai-chain", 5) == original


def test_numbers_with_arrows_sort_as_numbers(desk: web.Page) -> None:
    desk.locator("#exhibit-front-sectors th button", has_text="本周总市值").click()
    shown = [float(text.split()[0]) for text in _column(desk, "front-sectors", 6)]
    assert shown == sorted(shown, reverse=True)


def test_a_coloured_change_carries_one_arrow(desk: web.Page) -> None:
    own = "cells => cells.map(cell => getComputedStyle(cell, '::after').content)"
    top_ten = desk.locator("#exhibit-top-ten td.tone").evaluate_all(own)
    assert [content[1] for content in top_ten] == [*"▲" * 8, "－", "▼"]
    sectors = desk.locator("#exhibit-front-sectors td.tone")
    assert set(sectors.evaluate_all(own)) == {"none"}
    assert all(text[-1] in "▲▼－" for text in sectors.all_inner_texts())


def test_only_one_column_claims_to_be_sorted(desk: web.Page) -> None:
    for column in (1, 3):
        desk.locator("#exhibit-ai-chain th button").nth(column).click()
    assert desk.locator("#exhibit-ai-chain th[aria-sort]").count() == 1


def test_a_long_table_filters_as_one_types(desk: web.Page) -> None:
    box = desk.locator("#exhibit-ai-chain").get_by_role("searchbox")
    box.fill("aipc")
    rows = desk.locator("#exhibit-ai-chain tbody tr:visible")
    shown = rows.count()
    assert 0 < shown < 28
    assert all("AIPC" in text for text in rows.all_inner_texts())
    assert f"{shown} / 28" in desk.locator("#exhibit-ai-chain output").inner_text()
    box.fill("")
    assert rows.count() == 28


def test_a_short_table_has_no_filter(desk: web.Page) -> None:
    assert desk.locator("#exhibit-top-ten").get_by_role("searchbox").count() == 0


def test_the_pointer_on_a_number_shows_where_it_came_from(
    desk: web.Page, document: Document
) -> None:
    name = "sector_metrics/机械设备/total_market_cap"
    desk.locator(f'.front [data-fact="{name}"]').hover()
    tip = desk.get_by_role("tooltip")
    fact = document.facts[name]
    for text in (fact.table, fact.row, fact.column, fact.formula, unrounded(fact)):
        assert text in tip.inner_text()
    assert document.front_page.sectors.source in tip.inner_text()
    desk.keyboard.press("Escape")
    assert tip.count() == 0


def test_a_table_is_one_stop_and_arrows_reach_its_numbers(
    desk: web.Page, document: Document
) -> None:
    table = desk.locator("#exhibit-front-sectors table")
    assert table.locator("[tabindex='0']").count() == 1
    table.locator("[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowRight"):
        desk.keyboard.press(key)
    name = "sector_metrics/机械设备/pe_ttm_median_base"
    focused = desk.locator(":focus")
    assert focused.get_attribute("data-fact") == name
    assert focused.get_attribute("aria-describedby") == "origin"
    assert document.facts[name].formula in desk.get_by_role("tooltip").inner_text()
    assert table.locator("[tabindex='0']").count() == 1
    assert focused.get_attribute("tabindex") == "0"
    desk.keyboard.press("Escape")
    assert desk.get_by_role("tooltip").count() == 0
    assert focused.get_attribute("data-fact") == name


def test_a_paragraph_is_one_stop(desk: web.Page) -> None:
    points = desk.locator(".key-points")
    assert points.locator(".fact").count() > 3
    points.locator("[tabindex='0']").focus()
    desk.keyboard.press("End")
    assert desk.locator(":focus").get_attribute("data-fact") == (
        "sector_metrics/机械设备/pe_ttm_median"
    )
    assert points.locator("[tabindex='0']").count() == 1


def test_enter_on_a_number_goes_to_its_row_among_the_origins(desk: web.Page) -> None:
    desk.locator(".key-points .fact").first.focus()
    desk.keyboard.press("Enter")
    focused = desk.locator(":focus")
    assert focused.get_attribute("data-origin") == "market_metrics/pool_size/value"
    assert focused.is_visible()


def test_a_number_near_the_edge_shows_its_origin_inside_the_window(
    chromium: web.Browser, file: Path
) -> None:
    with web.visit(chromium, file, width=360) as visit:
        visit.page.locator("#exhibit-ai-chain td .fact").last.click()
        box = visit.page.get_by_role("tooltip").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 800


def test_the_pointer_near_a_bar_shows_its_value(desk: web.Page) -> None:
    bar = desk.locator("#exhibit-machinery-pe-buckets [data-label='30~50，本周：12家']")
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box is not None
    desk.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = desk.get_by_role("tooltip").inner_text()
    assert "30~50，本周：12家" in tip
    assert "bucket_counts" in tip


def test_arrows_walk_over_the_values_of_a_chart(desk: web.Page, document: Document) -> None:
    chart = desk.locator("#exhibit-machinery-pe-trend .chart")
    chart.focus()
    desk.keyboard.press("End")
    figure = _figure(document, "machinery-pe-trend")
    last = f"{figure.chart.categories[-1]}：{figure.chart.series[0].labels[-1]}X"
    assert last in desk.get_by_role("tooltip").inner_text()
    assert desk.locator("#announcement").inner_text() == last
    desk.keyboard.press("ArrowLeft")
    assert figure.chart.categories[-2] in desk.get_by_role("tooltip").inner_text()


def test_the_contents_follow_the_reader(desk: web.Page) -> None:
    current = desk.locator(".contents [aria-current]")
    assert current.inner_text() == "本期要点"
    desk.locator("#section-market").evaluate("node => node.scrollIntoView()")
    expect(current).to_have_text("市场表现")
    desk.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(current).to_have_text("数据出处")


def test_contents_and_list_of_exhibits_lead_to_their_places(
    desk: web.Page, document: Document
) -> None:
    desk.locator(".exhibits > summary").click()
    links = desk.locator(".contents a")
    targets = links.evaluate_all("all => all.map(a => decodeURIComponent(a.hash).slice(1))")
    assert len(targets) == len(document.sections) + len(list(document.exhibits())) + 2
    for target in targets:
        assert desk.evaluate("id => document.getElementById(id) !== null", target), target
    for exhibit in document.exhibits():
        assert f"图表 {exhibit.number} {exhibit.title}" in links.all_inner_texts()


def test_a_phone_scrolls_the_page_one_way_only(chromium: web.Browser, file: Path) -> None:
    with web.visit(chromium, file, width=360) as visit:
        page = visit.page
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        wide = page.locator("#exhibit-ai-chain .scroll")
        assert wide.evaluate("box => box.scrollWidth > box.clientWidth")
        assert wide.get_attribute("tabindex") == "0"


def test_on_a_phone_the_contents_fold_and_name_the_present_part(
    chromium: web.Browser, file: Path
) -> None:
    with web.visit(chromium, file, width=360) as visit:
        page = visit.page
        link = page.locator(".parts a", has_text="市场表现")
        assert not link.is_visible()
        page.locator(".panel > summary").click()
        link.click()
        assert not link.is_visible()
        expect(page.locator(".here")).to_have_text("市场表现")


def test_a_chosen_theme_wins_over_the_system_and_is_kept(chromium: web.Browser, file: Path) -> None:
    with web.visit(chromium, file, theme="dark") as visit:
        page = visit.page
        background = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(background)
        button = page.locator(".theme")
        assert button.get_attribute("aria-pressed") == "true"
        button.click()
        light = page.evaluate(background)
        assert light == "rgb(255, 255, 255)" != dark
        page.reload()
        assert page.evaluate(background) == light
        assert button.get_attribute("aria-pressed") == "false"


def test_names_that_are_markup_appear_to_the_letter(desk: web.Page) -> None:
    names = _column(desk, "ai-chain", 2)
    assert names[: len(HOSTILE_NAMES)] == list(HOSTILE_NAMES)
    assert desk.locator("body script").count() == 0


def test_without_javascript_everything_is_there(chromium: web.Browser, file: Path) -> None:
    with web.visit(chromium, file, javascript=False) as visit:
        page = visit.page
        assert page.locator(".key-points .fact").first.is_visible()
        assert page.locator("#exhibit-ai-chain tbody tr").count() == 28
        assert page.locator(".contents a", has_text="市场表现").is_visible()
        page.locator(".origins summary").click()
        assert page.locator(f'[data-origin="{WITHOUT_PE}"]').is_visible()
        assert not page.locator(".theme").is_visible()


@dataclass(frozen=True)
class _Sheet:
    width: int
    height: int
    text: str


def _print(page: web.Page) -> list[_Sheet]:
    pdf: Any = pymupdf.open("pdf", page.pdf(prefer_css_page_size=True, print_background=True))  # type: ignore[no-untyped-call]
    return [
        _Sheet(round(sheet.rect.width), round(sheet.rect.height), sheet.get_text()) for sheet in pdf
    ]


def test_on_paper_every_page_is_a4_and_says_sample(desk: web.Page) -> None:
    for sheet in _print(desk):
        assert (sheet.width, sheet.height) == A4
        assert "示例数据" in sheet.text


def test_on_paper_there_are_no_controls(desk: web.Page) -> None:
    text = "".join(sheet.text for sheet in _print(desk))
    assert "市场表现" in text
    for control in ("图表目录", "筛选", "深色", "全部 "):
        assert control not in text


def test_on_paper_a_long_table_repeats_its_header(chromium: web.Browser, tmp_path: Path) -> None:
    document = example_document(ai_rows=54)
    file = tmp_path / "long.html"
    file.write_text(_render(document), encoding="utf-8")
    with web.visit(chromium, file) as visit:
        sheets = [sheet.text for sheet in _print(visit.page)]
    first, last = (next(text for text in sheets if f"929{at:03d}.BJ" in text) for at in (0, 53))
    assert first != last
    assert "归母净利润" in first
    assert "归母净利润" in last


def test_figures_of_a_row_stand_level(desk: web.Page, document: Document) -> None:
    row = next(block for block in document.blocks() if isinstance(block, FigureRow))
    boxes = [desk.locator(f"#exhibit-{one.id} .chart").bounding_box() for one in row.figures]
    left, right = boxes
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] < right["x"]


def test_dates_are_written_in_chinese(page: str) -> None:
    day = date(2026, 2, 27)
    assert f'<time datetime="{day}">2026年2月27日</time>' in page
