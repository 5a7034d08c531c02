import io
import re
import zipfile
from datetime import datetime

import docx as reader
import pymupdf
import pytest
from docx.oxml.ns import qn

from bj_pipeline.report import charts, docx
from bj_pipeline.report.document import (
    FactRef,
    Figure,
    FigureRow,
    Paragraph,
    Section,
    Table,
    Words,
    numbered,
)
from bj_pipeline.report.word_pages import page_numbers
from bj_pipeline_tests.report.example import HOSTILE_NAMES, example_document
from bj_pipeline_tests.report.libreoffice import needs_libreoffice, to_pdf


@pytest.fixture(scope="module")
def document():
    return example_document()


@pytest.fixture(scope="module")
def pictures(document):
    return charts.pictures(document)


@pytest.fixture(scope="module")
def file(document, pictures):
    return docx.render(document, pictures)


@pytest.fixture(scope="module")
def word(file):
    return opened(file)


def opened(file):
    return reader.Document(io.BytesIO(file))


def part(file, name):
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return archive.read(name).decode()


def text(element):
    return "".join(one.text or "" for one in element.iter(qn("w:t")))


def paragraphs(word, style):
    """Texts of all paragraphs of a style, also those in tables."""
    return [
        text(one)
        for one in word.element.body.iter(qn("w:p"))
        if one.pPr is not None and one.pPr.style == style
    ]


def ruled_tables(word):
    return [table for table in word.tables if table.style.style_id == "HouseTable"]


def instructions(word):
    return [one.text.strip() for one in word.element.body.iter(qn("w:instrText"))]


def captions(document):
    return [f"图表 {one.number}　{one.title}" for one in document.exhibits()]


def tables_of(document):
    numbered = (block for block in document.blocks() if isinstance(block, Table))
    return [document.front_page.sectors, *numbered]


def test_the_same_issue_gives_the_same_bytes(document, pictures, file):
    other = document.model_copy(update={"title": "另一期"})
    assert docx.render(other, pictures) != file
    assert docx.render(example_document(), pictures) == file


def test_properties_are_those_of_the_issue(word, document):
    properties = word.core_properties
    assert (properties.title, properties.author) == (document.title, document.house.name)
    assert properties.created.replace(tzinfo=None) == datetime(2026, 3, 2)  # noqa: DTZ001


def test_pages_are_a4(word):
    assert {(round(one.page_width.mm), round(one.page_height.mm)) for one in word.sections} == {
        (210, 297)
    }


def test_every_section_has_a_real_heading(word, document):
    for level in (1, 2):
        titles = [one.title for one in document.sections if one.level == level]
        assert paragraphs(word, f"Heading{level}") == titles
    assert word.styles["Heading 1"].element.pPr.find(qn("w:outlineLvl")) is not None


def test_one_or_two_sentences_before_an_exhibit_go_with_it(document, pictures):
    row = next(block for block in document.blocks() if isinstance(block, FigureRow))
    one, two = (Paragraph(line=(Words(text=f"{name}的第一行。"),)) for name in ("甲", "乙"))
    led = Section(id="led", title="甲", level=1, blocks=(one, one, row))
    told = Section(id="told", title="乙", level=1, blocks=(two, two, two, row))
    changed = document.model_copy(update={"sections": numbered((led, told))})
    written = opened(docx.render(changed, pictures))
    held = {each.text: each.paragraph_format.keep_with_next for each in written.paragraphs}
    assert held["甲的第一行。"] is True
    assert held["乙的第一行。"] is None


def test_captions_are_numbered_by_word_and_already_show_their_number(word, document):
    page = document.front_page
    front = [page.sectors.title, *(figure.title for figure in page.overview.figures)]
    assert paragraphs(word, "Caption") == [*front, *captions(document)]
    fields = [one for one in instructions(word) if one.startswith("SEQ")]
    assert fields == ["SEQ 图表 \\* ARABIC"] * len(captions(document))


def test_the_list_of_figures_agrees_with_the_captions(word, document):
    pages, _ = page_numbers(word.element.body)
    entries = paragraphs(word, "TableofFigures")
    exhibits = list(document.exhibits())
    assert entries == [
        f"图表 {one.number}{one.title}{pages[f'_Toc2{one.number:06d}']}" for one in exhibits
    ]
    assert 'TOC \\h \\z \\c "图表"' in instructions(word)


def test_the_contents_list_is_filled_in_and_can_be_updated(word, document):
    entries = paragraphs(word, "TOC1") + paragraphs(word, "TOC2")
    titles = {re.sub(r"\d+$", "", entry) for entry in entries}
    assert titles == {section.title for section in document.sections}
    assert all(re.search(r"\d$", entry) for entry in entries)
    assert 'TOC \\o "1-2" \\h \\z \\u' in instructions(word)


def test_word_does_not_ask_before_it_opens_the_file(file):
    assert "updateFields" not in part(file, "word/settings.xml")
    assert "w:dirty" not in part(file, "word/document.xml")


def test_every_field_that_begins_also_ends(word):
    kinds = [one.get(qn("w:fldCharType")) for one in word.element.body.iter(qn("w:fldChar"))]
    assert kinds.count("begin") == kinds.count("separate") == kinds.count("end") > 0


def test_entries_lead_to_bookmarks_that_exist(word):
    marks = [one.get(qn("w:name")) for one in word.element.body.iter(qn("w:bookmarkStart"))]
    targets = {one.get(qn("w:anchor")) for one in word.element.body.iter(qn("w:hyperlink"))}
    assert len(marks) == len(set(marks))
    assert targets - {None} == set(marks)


def test_tables_repeat_their_header_and_never_split_a_row(word, document):
    tables = ruled_tables(word)
    assert len(tables) == len(tables_of(document))
    for table in tables:
        headers = [row._tr.find(f".//{qn('w:tblHeader')}") is not None for row in table.rows]
        assert headers == [True] + [False] * (len(headers) - 1)
        assert all(row._tr.find(f".//{qn('w:cantSplit')}") is not None for row in table.rows)


def test_tables_print_every_cell_and_the_unit_in_the_header(word, document):
    for table, shown in zip(tables_of(document), ruled_tables(word), strict=True):
        rows = [[text(cell._tc) for cell in row.cells] for row in shown.rows]
        assert rows[0] == [
            f"{one.label}（{one.unit}）" if one.unit else one.label for one in table.columns
        ]
        assert rows[1:] == [[document.text(cell.line) for cell in row] for row in table.rows]


def test_numbers_stand_on_the_right(word):
    (table,) = (one for one in ruled_tables(word) if text(one.rows[0]._tr).startswith("排名"))
    sides = [cell.paragraphs[0].alignment for cell in table.rows[1].cells]
    assert [str(one).split()[0] for one in sides] == [
        "CENTER",
        "LEFT",
        "LEFT",
        "LEFT",
        "RIGHT",
        "RIGHT",
    ]


def test_rises_and_falls_have_the_houses_colours(document, pictures):
    house = document.house.model_copy(update={"up": "#AA0011", "down": "#00AA11"})
    word = opened(docx.render(document.model_copy(update={"house": house}), pictures))
    colours = {name: str(word.styles[name].font.color.rgb) for name in ("上涨", "下跌")}
    assert colours == {"上涨": "AA0011", "下跌": "00AA11"}
    marks = {
        text(run): run.find(f".//{qn('w:rStyle')}").get(qn("w:val"))
        for run in word.element.body.iter(qn("w:r"))
        if text(run) in {" ▲", " ▼"}
    }
    assert marks == {" ▲": "Up", " ▼": "Down"}


def test_every_chart_is_a_picture_in_print_resolution_with_a_text_alternative(word, document):
    pictures = {
        one.find(qn("wp:docPr")).get("descr"): one
        for one in word.element.body.iter(qn("wp:inline"))
    }
    assert set(pictures) == {figure.alt for figure in document.figures()}
    for inline in pictures.values():
        (blip,) = inline.iter(qn("a:blip"))
        image = word.part.related_parts[blip.get(qn("r:embed"))].image
        inches = int(inline.find(qn("wp:extent")).get("cx")) / 914_400
        assert image.px_width / inches == pytest.approx(220, rel=0.01)


def test_figures_of_a_row_stand_side_by_side(word, document):
    rows = [block for block in document.blocks() if isinstance(block, FigureRow)]
    for row in rows:
        (table,) = (
            one for one in word.tables if row.figures[0].title in text(one.rows[0].cells[0]._tc)
        )
        for at, figure in zip((0, 2), row.figures, strict=True):
            assert figure.title in text(table.rows[0].cells[at]._tc)
            assert table.rows[1].cells[at]._tc.find(f".//{qn('w:drawing')}") is not None
            assert figure.source in text(table.rows[2].cells[at]._tc)


def test_what_belongs_together_stays_on_one_page(word):
    for style in ("Heading 1", "Heading 2", "Caption"):
        name = {"Caption": "caption"}.get(style, style)
        assert word.styles[name].paragraph_format.keep_with_next
    assert word.styles["图片"].paragraph_format.keep_with_next


def test_chinese_text_has_a_chinese_font_and_names_others(file):
    styles, table = part(file, "word/styles.xml"), part(file, "word/fontTable.xml")
    assert 'w:eastAsia="Noto Sans SC"' in styles
    assert re.search(r'w:name="Noto Sans SC"><w:altName w:val="Microsoft YaHei,[^"]*SimHei"', table)


def test_names_that_look_like_markup_are_printed_as_they_are(word):
    everything = text(word.element.body)
    for name in HOSTILE_NAMES:
        assert name in everything


def test_characters_that_a_file_cannot_hold_are_shown_as_replaced(document, pictures):
    line = (Words(text="甲\x00乙\x0b丙\x1f丁\ud800戊\uffff", name=True),)
    section = document.sections[0].model_copy(update={"blocks": (Paragraph(line=line),)})
    changed = document.model_copy(update={"sections": (section, *document.sections[1:])})
    assert "甲\ufffd乙\ufffd丙\ufffd丁\ufffd戊\ufffd" in text(
        opened(docx.render(changed, pictures)).element.body
    )


def test_only_public_addresses_become_links(document, pictures, word):
    addresses = {one.target_ref for one in word.part.rels.values() if one.is_external}
    assert addresses == {"https://www.bse.cn/"}
    raw = document.model_dump_json().replace("https://www.bse.cn/", "file:///etc/passwd")
    changed = opened(docx.render(type(document).model_validate_json(raw), pictures))
    assert not any(one.is_external for one in changed.part.rels.values())
    assert "北交所官网" in text(changed.element.body)


def test_every_fact_of_text_and_tables_is_printed(word, document):
    everything = text(word.element.body)
    for _, line, _ in document.lines():
        assert document.text(line) in everything
        for one in line:
            if isinstance(one, FactRef):
                assert document.facts[one.fact].text in everything


def test_every_page_of_a_sample_says_so_and_no_page_of_a_real_issue_does(document, pictures, word):
    def heads(one):
        section = one.sections[0]
        return [text(header._element) for header in (section.header, section.first_page_header)]

    assert all(document.labels["sample_mark"] in head for head in heads(word))
    real = opened(docx.render(document.model_copy(update={"is_sample": False}), pictures))
    assert not any(document.labels["sample_mark"] in head for head in heads(real))
    assert document.house.series in heads(real)[0]
    assert "第 65 期" in heads(real)[0]


def test_the_foot_counts_pages(word):
    section = word.sections[0]
    for footer in (section.footer, section.first_page_footer):
        codes = [one.text.strip() for one in footer._element.iter(qn("w:instrText"))]
        assert codes == ["PAGE", "NUMPAGES"]


def test_the_front_page_tells_the_story_and_its_notices(word, document):
    everything = text(word.element.body)
    front = everything[: everything.index("目录")]
    for point in document.front_page.key_points.items:
        assert document.text(point) in front
    for notice in document.notices:
        assert document.text(notice) in front
    for figure in document.front_page.overview.figures:
        assert figure.title in front


def test_a_lone_chart_of_the_front_page_stands_beside_what_there_is_to_know(document, pictures):
    front = document.front_page
    lone = FigureRow(figures=front.overview.figures[:1])
    page = front.model_copy(update={"overview": lone})
    written = opened(docx.render(document.model_copy(update={"front_page": page}), pictures))
    (panel,) = (one for one in written.tables if "比较基准" in text(one._tbl))
    assert lone.figures[0].title in text(panel._tbl)


def test_an_issue_without_exhibits_has_no_list_of_figures(document, pictures):
    sections = tuple(
        one.model_copy(
            update={
                "blocks": tuple(
                    block
                    for block in one.blocks
                    if not isinstance(block, Figure | FigureRow | Table)
                )
            }
        )
        for one in document.sections
    )
    word = opened(docx.render(document.model_copy(update={"sections": sections}), pictures))
    assert "图表目录" not in text(word.element.body)


@needs_libreoffice
def test_page_numbers_in_the_contents_are_those_that_libreoffice_prints(file, document, tmp_path):
    with pymupdf.open(stream=to_pdf(file, "report.docx", tmp_path)) as pdf:
        pages = [re.sub(r"\s", "", page.get_text()) for page in pdf]
    marks, count = page_numbers(opened(file).element.body)
    assert count == len(pages)
    assert f"共{count}页" in pages[0]
    for exhibit in document.exhibits():
        printed = re.sub(r"\s", "", f"图表{exhibit.number}{exhibit.title}")
        found = [at for at, page in enumerate(pages, start=1) if printed in page]
        assert found == [2, marks[f"_Toc2{exhibit.number:06d}"]]
