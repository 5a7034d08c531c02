import re

import pymupdf
import pytest

from bj_pipeline.errors import DataError
from bj_pipeline.report import charts, pdf, typesetting
from bj_pipeline.report.document import (
    Document,
    Fact,
    FigureRow,
    Paragraph,
    Section,
    Words,
    numbered,
)
from bj_pipeline_tests.report.example import HOSTILE_NAMES, example_document


@pytest.fixture(scope="module")
def document():
    return example_document()


@pytest.fixture(scope="module")
def pictures(document):
    return charts.pictures(document)


@pytest.fixture(scope="module")
def report(document, pictures):
    return pdf.render(document, pictures)


@pytest.fixture(scope="module")
def pages(report):
    with pymupdf.open(stream=report) as opened:
        yield list(opened)


def text(page):
    """The page's text without blanks: lines may break anywhere in Chinese text."""
    return re.sub(r"\s", "", page.get_text())


def page_of(pages, words):
    return [page.number + 1 for page in pages if words.replace(" ", "") in text(page)]


def opened(document: Document, pictures):
    return pymupdf.open(stream=pdf.render(document, pictures))


def test_the_same_issue_gives_the_same_bytes(document, pictures, report):
    other = document.model_copy(update={"title": "另一期"})
    assert pdf.render(other, pictures) != report  # not merely kept from before
    assert pdf.render(example_document(), charts.pictures(example_document())) == report


def test_an_issue_is_set_alike_after_typst_let_go_of_what_it_keeps(document, pictures, report):
    typesetting.forget()
    assert pdf.render(document, pictures) == report


def test_every_page_is_a4(pages):
    assert {(round(page.rect.width), round(page.rect.height)) for page in pages} == {(595, 842)}


def test_title_author_and_date_are_those_of_the_issue(report, document):
    with pymupdf.open(stream=report) as one:
        assert one.metadata["title"] == document.title
        assert document.house.authors[0] in one.metadata["author"]
        assert one.metadata["creationDate"].startswith("D:20260302")


def test_the_front_page_tells_the_story_alone(pages, document):
    front = text(pages[0])
    for words in (document.title, document.subtitle, "第65期", "2026年3月2日", document.house.name):
        assert words.replace(" ", "") in front
    for point in document.front_page.key_points.items:
        assert document.text(point).replace(" ", "") in front
    for label in document.front_page.key_points.labels:
        assert label in front
    for figure in document.front_page.overview.figures:
        assert figure.title.replace(" ", "") in front
    assert "目录" not in front


def test_notices_stand_on_the_front_page_and_need_no_box_when_there_are_none(
    pages, document, pictures
):
    assert document.text(document.notices[0]) in text(pages[0])
    with opened(document.model_copy(update={"notices": ()}), pictures) as complete:
        assert "数据说明" in text(pages[0])
        assert "数据说明" not in text(complete[0])


def test_bookmarks_lead_to_every_section(report, pages, document):
    with pymupdf.open(stream=report) as one:
        outline = one.get_toc()
    titles = [title for _, title, _ in outline]
    assert titles == ["目录", "图表目录", *(section.title for section in document.sections)]
    for _, title, page in outline[2:]:
        assert page in page_of(pages, title)
    assert [level for level, _, _ in outline[2:]] == [one.level for one in document.sections]


def test_the_list_of_exhibits_gives_each_ones_page(pages, document):
    contents = text(pages[1])
    for exhibit in document.exhibits():
        caption = f"图表{exhibit.number}{exhibit.title}".replace(" ", "")
        (page,) = [number for number in page_of(pages, caption) if number != 2]
        assert f"{caption}{page}" in contents


def test_entries_of_the_contents_are_links(pages, document):
    targets = [link["page"] for link in pages[1].get_links() if link["kind"] == pymupdf.LINK_GOTO]
    count = len(document.sections) + len(list(document.exhibits()))
    assert len(targets) >= count


def test_names_that_look_like_markup_are_printed_as_they_are(pages):
    everything = "".join(map(text, pages))
    for name in HOSTILE_NAMES:
        assert name.replace(" ", "") in everything


def test_a_fact_is_printed_with_its_unit_in_sentences_and_without_in_tables(document, pictures):
    name = "sector_metrics/机械设备/pe_ttm_median"
    changed = Fact(**document.facts[name].model_dump() | {"text": "77.7"})
    facts = document.facts | {name: changed}
    with opened(document.model_copy(update={"facts": facts}), pictures) as one:
        assert "升至77.7X" in text(one[0])
        assert re.search(r"44\.0\n77\.7 ▲", one[0].get_text())


def test_rises_and_falls_have_the_houses_colours(document, pictures):
    house = document.house.model_copy(update={"up": "#AA0011", "down": "#00AA11"})
    with opened(document.model_copy(update={"house": house}), pictures) as one:
        spans = [
            span
            for block in one[0].get_text("dict")["blocks"]
            for line in block.get("lines", ())
            for span in line["spans"]
        ]
    colours = {mark: {s["color"] for s in spans if mark in s["text"]} for mark in "▲▼"}
    assert colours == {"▲": {0xAA0011}, "▼": {0x00AA11}}


def test_every_page_of_a_sample_says_so_and_no_page_of_a_real_issue_does(pages, document, pictures):
    assert all("示例数据·不构成真实行情" in text(page) for page in pages)
    real = document.model_copy(update={"is_sample": False})
    with opened(real, pictures) as one:
        assert not any("不构成真实行情" in text(page) for page in one)


def test_every_page_has_its_number_and_the_number_of_pages(pages):
    for page in pages:
        assert f"第{page.number + 1}页/共{len(pages)}页" in text(page)


def test_pages_after_the_front_name_the_series_and_the_issue(pages, document):
    assert all(f"{document.house.series}第65期" in text(page) for page in pages[1:])


def test_a_long_table_repeats_its_header_on_each_page():
    long = example_document(ai_rows=54)
    with opened(long, charts.pictures(long)) as one:
        codes = [len(re.findall(r"929\d{3}\.BJ", page.get_text())) for page in one]
        heads = ["2024年归母净利润" in text(page) for page in one]
    spread = [at for at, found in enumerate(codes) if found > 10]
    assert len(spread) >= 2
    assert all(heads[at] for at in spread)


@pytest.mark.parametrize("rows", range(18, 24))
def test_the_source_of_a_table_is_never_alone_on_a_page(rows):
    one = example_document(ai_rows=rows)
    with opened(one, charts.pictures(one)) as book:
        (page,) = [page for page in book if "不含风险警示公司" in text(page)]
        last_rows = [f"929{at:03d}.BJ" for at in range(rows - 3, rows)]
        assert all(row in text(page) for row in last_rows)


def pushed_down(document, lines, *sections):
    """The sections, after so many lines of text: somewhere they meet the foot of a page."""
    line = Paragraph(line=(Words(text="一行文字。"),))
    filler = Section(id="filler", title="铺垫", level=1, blocks=(line,) * lines)
    return document.model_copy(update={"sections": numbered((filler, *sections))})


@pytest.mark.parametrize("lines", range(24, 38, 2))
def test_figures_of_a_row_stand_on_one_page_with_titles_and_sources(document, pictures, lines):
    row = next(block for block in document.blocks() if isinstance(block, FigureRow))
    section = Section(id="row", title="一行图", level=2, blocks=(row,))
    with opened(pushed_down(document, lines, section), pictures) as book:
        (page,) = [page for page in book if row.figures[0].note in text(page)]
        printed = text(page)
    for figure in row.figures:
        assert figure.title.replace(" ", "") in printed
        assert figure.source in printed
        assert figure.chart.categories[-1] in printed


@pytest.mark.parametrize("lines", range(38, 44))
def test_no_heading_stands_alone_at_the_foot_of_a_page(document, pictures, lines):
    line = Paragraph(line=(Words(text="小节的第一行。"),))
    section = Section(id="part", title="小节标题", level=2, blocks=(line,))
    chapter = Section(id="chapter", title="部分标题", level=1, blocks=())
    with opened(pushed_down(document, lines, chapter, section), pictures) as book:
        (page,) = [page for page in list(book)[2:] if "小节的第一行" in text(page)]
        assert "部分标题小节标题小节的第一行" in text(page)


@pytest.mark.parametrize("lines", range(16, 32, 3))
def test_one_or_two_sentences_before_an_exhibit_go_with_it(document, pictures, lines):
    row = next(block for block in document.blocks() if isinstance(block, FigureRow))
    line, more = (Paragraph(line=(Words(text=f"小节的第{at}行。"),)) for at in "一二")
    section = Section(id="part", title="小节标题", level=1, blocks=(line, more, row))
    with opened(pushed_down(document, lines, section), pictures) as book:
        (page,) = [page for page in list(book)[2:] if "小节的第一行" in text(page)]
        assert row.figures[0].note in text(page)


@pytest.mark.parametrize("notices", [0, 2, 6])
@pytest.mark.parametrize("charts_in_front", [1, 2])
def test_the_front_page_is_one_page(document, pictures, notices, charts_in_front):
    front = document.front_page
    row = FigureRow(figures=front.overview.figures[:charts_in_front])
    changed = document.model_copy(
        update={
            "front_page": front.model_copy(update={"overview": row}),
            "notices": (document.notices[0],) * notices,
        }
    )
    with opened(changed, pictures) as book:
        assert document.base_date.strftime("%Y年%-m月%-d日") in text(book[0])
        assert text(book[1]).startswith("目录") or "目录" in text(book[1])[:80]


def test_charts_are_described_for_those_who_cannot_see_them(document, pictures):
    alternative = "条形图：甲最高，乙最低。"
    (*others, overview) = document.front_page.overview.figures
    described = overview.model_copy(update={"alt": alternative})
    row = FigureRow(figures=(*others, described))
    front = document.front_page.model_copy(update={"overview": row})
    with opened(document.model_copy(update={"front_page": front}), pictures) as one:
        objects = [one.xref_object(number) for number in range(1, one.xref_length())]
        told = [re.search(r"/Alt ?(<[0-9A-Fa-f]+>|\(.*?\))", entry) for entry in objects]
    encoded = alternative.encode("utf-16-be").hex().upper()
    assert any(found and encoded in found[1].upper() for found in told)
    assert sum(bool(found) for found in told) == len(list(document.figures()))


def test_only_public_addresses_become_links(document, pictures, pages):
    links = [link.get("uri") for page in pages for link in page.get_links()]
    assert "https://www.bse.cn/" in links
    dumped = document.model_dump_json().replace("https://www.bse.cn/", "javascript:alert(1)")
    with opened(Document.model_validate_json(dumped), pictures) as one:
        assert not [link for page in one for link in page.get_links() if link.get("uri")]


def test_the_reports_font_is_embedded_and_no_other(report):
    with pymupdf.open(stream=report) as one:
        names = {font[3] for page in one for font in page.get_fonts()}
    assert names
    assert all("NotoSansSC" in name for name in names)


def test_a_character_without_a_glyph_is_an_error_that_names_it(document, pictures):
    notices = ((Words(text="公司改名为😀云创"),),)
    with pytest.raises(DataError, match=r"😀 \(U\+1F600\)"):
        pdf.render(document.model_copy(update={"notices": notices}), pictures)


def test_an_issue_without_exhibits_sections_or_subtitle_is_still_a_report(document, pictures):
    bare = document.model_copy(update={"sections": (), "subtitle": "", "notices": ()})
    with opened(bare, pictures) as one:
        assert "图表目录" not in "".join(map(text, one))
        assert document.title in text(one[0])
