"""The house's logo: what is refused, and where it is shown."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import docx as python_docx
import openpyxl
import pymupdf
import pytest
from PIL import Image

from bj_pipeline.errors import DataError
from bj_pipeline.report import charts, docx, html, logo, pdf, xlsx
from bj_pipeline.report.document import Document
from bj_pipeline.report.house import HOUSE_FILE, load_house
from bj_pipeline.report.logo import load_logo
from bj_pipeline_tests.report.example import example_document

ACCENT = "#204080"
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"'
SHAPE = '<path fill="currentColor" d="M0 0h40v20H0z"/>'
SVG = f"{HEAD}>{SHAPE}</svg>"


def png(width: int, height: int) -> bytes:
    """A red PNG picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xcc\x00\x00" * width) * height)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def load(folder: Path, content: str | bytes, name: str = "logo.svg"):
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    return load_logo(folder, name, ACCENT)


@pytest.fixture(scope="module")
def document(tmp_path_factory) -> Document:
    plain = example_document()
    mark = load(tmp_path_factory.mktemp("logo"), SVG)
    return plain.model_copy(
        update={"house": plain.house.model_copy(update={"logo": mark, "name": "甲&乙 <b>"})}
    )


@pytest.fixture(scope="module")
def pictures(document):
    return charts.pictures(document)


# --- What is refused


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<script>alert(1)</script>", "no script"),
        ("<style>@import url(https://example.com/a.css)</style>", "no style sheet"),
        ("<text>甲</text>", "no text"),
        ('<image href="https://example.com/a.png"/>', "no picture"),
        ("<foreignObject/>", "made of shapes"),
        ("<animate attributeName='href' to='javascript:alert(1)'/>", "made of shapes"),
        ('<g onload="alert(1)"/>', "runs nothing"),
        ('<a href="https://example.com"><path d="M0 0h1"/></a>', "made of shapes"),
        ('<use href="https://example.com/a.svg#b"/>', "nothing outside itself"),
        ('<use href="a.svg#b"/>', "nothing outside itself"),
        (
            '<use xmlns:x="http://www.w3.org/1999/xlink" x:href="//example.com/a#b"/>',
            "nothing outside itself",
        ),
        ('<path d="M0 0h1" fill="url(https://example.com/a#b)"/>', "nothing outside itself"),
        ('<path d="M0 0h1" style="fill:URL( \'data:a,b\' )"/>', "nothing outside itself"),
        ('<path d="M0 0h1" style="fill:u\\72l(https://example.com)"/>', "plain shapes"),
    ],
)
def test_an_svg_that_is_more_than_a_drawing_is_refused_with_the_rule(tmp_path, inside, said):
    with pytest.raises(DataError, match=said) as caught:
        load(tmp_path, f"{HEAD}>{SHAPE}{inside}</svg>")
    assert caught.value.file == "logo.svg"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "no entities"),
        ("<svg", "SVG drawing"),
        ("<html/>", "SVG drawing"),
        (f"{HEAD}/>", "draws something"),
        (SVG.replace('viewBox="0 0 40 20"', ""), "how large"),
        (SVG.replace("0 0 40 20", "0 0 0 20"), "how large"),
        (SVG.replace("0 0 40 20", "0 0 4000 20"), "as wide as high"),
        (SVG.replace("M0", "M" + "0 " * 120_000), "at most 200 kB"),
        (b"\xff\xfe<svg/>", "UTF-8"),
    ],
)
def test_a_broken_empty_stretched_or_large_svg_is_refused_with_the_rule(tmp_path, content, said):
    with pytest.raises(DataError, match=said) as caught:
        load(tmp_path, content)
    assert caught.value.file == "logo.svg"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (SVG.encode(), "PNG picture"),
        (png(4, 2)[:12], "PNG picture"),
        (png(5000, 1), "4000 pixels"),
        (png(40, 20)[:60], "can be drawn"),
    ],
)
def test_a_png_that_is_none_or_too_large_or_broken_is_refused(tmp_path, content, said):
    with pytest.raises(DataError, match=said) as caught:
        load(tmp_path, content, "logo.png")
    assert caught.value.file == "logo.png"


@pytest.mark.parametrize("name", ["absent.svg", "../logo.svg", "logo.gif", "logo.svg/"])
def test_a_logo_that_is_not_beside_the_house_file_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"beside house\.yaml") as caught:
        load_logo(tmp_path, name, ACCENT)
    assert caught.value.file == "house.yaml"


def test_a_link_to_a_file_elsewhere_is_no_logo(tmp_path):
    (tmp_path / "other.svg").write_text(SVG, encoding="utf-8")
    (tmp_path / "logo.svg").symlink_to(tmp_path / "other.svg")
    with pytest.raises(DataError, match="a file of its own"):
        load_logo(tmp_path, "logo.svg", ACCENT)


# --- What is drawn


def test_the_shipped_house_has_a_logo_of_a_few_hundred_bytes():
    house = load_house()
    assert house.logo is not None
    assert house.logo.kind == "svg"
    assert len(house.logo.content) < 1000
    assert (HOUSE_FILE.parent / "logo.svg").is_file()


def test_current_colour_is_the_houses_accent(tmp_path):
    drawn = Image.open(io.BytesIO(logo.pixels(load(tmp_path, SVG), 10, 72))).convert("RGB")
    assert drawn.size == (20, 10)
    assert drawn.getpixel((10, 5)) == (0x20, 0x40, 0x80)


def test_a_png_logo_keeps_its_colours_and_proportions(tmp_path):
    mark = load(tmp_path, png(80, 40), "logo.png")
    assert (mark.width, mark.height) == (80, 40)
    drawn = Image.open(io.BytesIO(logo.pixels(mark, 10, 72))).convert("RGB")
    assert drawn.size == (20, 10)
    assert drawn.getpixel((10, 5)) == (0xCC, 0, 0)


def test_the_web_page_holds_the_logo_as_a_picture_that_can_run_nothing(document, pictures):
    page = html.render(document, pictures).decode()
    assert page.count('<img class="logo" src="data:image/svg+xml;base64,') == 1
    assert 'alt="甲&amp;乙 &lt;b&gt;标志"' in page
    assert "img-src data:;" in page


def test_the_word_file_has_the_logo_in_both_headers_with_words_for_it(document, pictures):
    word = python_docx.Document(io.BytesIO(docx.render(document, pictures)))
    section = word.sections[0]
    for header in (section.first_page_header, section.header):
        (properties,) = header._element.iter(
            "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"
        )
        assert properties.get("descr") == "甲&乙 <b>标志"
        assert len(header.part.rels) == 1


def test_the_workbook_has_the_logo_on_its_contents_sheet(document):
    file = xlsx.render(document, {})
    sheet = openpyxl.load_workbook(io.BytesIO(file))["目录"]
    (image,) = sheet._images
    assert (image.anchor._from.row, image.anchor._from.col) == (3, 3)
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert (
            'descr="甲&amp;乙 &lt;b&gt;标志"' in archive.read("xl/drawings/drawing1.xml").decode()
        )


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_every_page_of_the_pdf_bears_the_logo_at_its_head(document, pictures, tmp_path, kind):
    mark = load(tmp_path, SVG if kind == "svg" else png(40, 20), f"logo.{kind}")
    house = document.house.model_copy(update={"logo": mark})
    file = pdf.render(document.model_copy(update={"house": house}), pictures)
    with pymupdf.open(stream=file) as pages:
        for page in pages:
            shapes = [one["rect"] for one in page.get_drawings() if one["fill"]]
            images = [pymupdf.Rect(one["bbox"]) for one in page.get_image_info()]
            left, edge = 51, 65
            assert any(
                abs(rect.x0 - left) < 2 and rect.y1 < edge and rect.width > 20
                for rect in (images if kind == "png" else shapes)
            )


def test_a_house_without_a_logo_has_none_in_any_form():
    document = example_document()
    pictures = charts.pictures(document)
    assert b'class="logo"' not in html.render(document, pictures)
    word = python_docx.Document(io.BytesIO(docx.render(document, pictures)))
    assert not word.sections[0].first_page_header.part.rels
    assert not openpyxl.load_workbook(io.BytesIO(xlsx.render(document, {})))["目录"]._images
