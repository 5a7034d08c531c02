"""Colours: the house's stand in its file alone, and change in every form at once."""

import io
import re
import zipfile
from pathlib import Path

import pymupdf
import pytest
import yaml

import bj_pipeline
from bj_pipeline.report import charts, docx, html, palette, pdf, xlsx
from bj_pipeline.report.document import Chart, FigureRow, Series
from bj_pipeline.report.house import HOUSE_FILE, load_house
from bj_pipeline.report.palette import READABLE_CONTRAST, contrast_on_white
from bj_pipeline_tests.report.example import example_document
from bj_pipeline_tests.site.series import HOUSE as SITE_HOUSE
from bj_pipeline_tests.site.series import Home, company, write

PACKAGE = Path(bj_pipeline.__file__).parent


def everything(file: bytes) -> str:
    """All texts inside of an Office file."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return "".join(
            archive.read(name).decode() for name in archive.namelist() if name.endswith(".xml")
        )


def pdf_colours(file: bytes) -> set[str]:
    """Colours of shapes and letters, as RRGGBB."""
    with pymupdf.open(stream=file) as pages:
        fills = {
            colour
            for page in pages
            for one in page.get_drawings()
            for colour in (one["fill"], one["color"])
            if colour
        }
        letters = {
            span["color"]
            for page in pages
            for block in page.get_text("dict")["blocks"]
            for line in block.get("lines", ())
            for span in line["spans"]
        }
    shapes = {"".join(f"{round(part * 255):02X}" for part in colour) for colour in fills}
    return shapes | {f"{letter:06X}" for letter in letters}


def forms(accent: str) -> dict[str, str]:
    """What each form says of its colours, for a house with that accent."""
    document = example_document()
    house = document.house.model_copy(update={"accent": accent})
    document = document.model_copy(update={"house": house})
    pictures = charts.pictures(document)
    return {
        "pdf": " ".join(pdf_colours(pdf.render(document, pictures))),
        "docx": everything(docx.render(document, pictures)).upper(),
        "xlsx": everything(xlsx.render(document, {})).upper(),
        "html": html.render(document, pictures).decode().partition("base64,")[0].upper()
        + "".join(picture.decode().upper() for picture in pictures.values()),
    }


def test_a_new_accent_is_in_all_four_forms_and_the_old_one_in_none():
    old = example_document().house.accent.removeprefix("#").upper()
    for name, found in forms("#7A1F5C").items():
        assert "7A1F5C" in found, name
        assert old not in found, name


def test_a_new_accent_is_on_every_page_of_the_site(tmp_path):
    home = Home(tmp_path)
    write(home.warehouse, 65, [company("920001.BJ")])
    home.build(house=SITE_HOUSE.model_copy(update={"accent": "#7A1F5C"}))
    style = (home.site / "assets" / "site.css").read_text(encoding="utf-8")
    assert "--house-accent: #7A1F5C" in style
    pages = "".join(path.read_text(encoding="utf-8") for path in home.site.rglob("*.html"))
    assert SITE_HOUSE.accent.lower() not in (style + pages).lower()


def test_no_colour_of_the_house_stands_in_code():
    given = yaml.safe_load(HOUSE_FILE.read_text(encoding="utf-8"))
    colours = [given["accent"], given["up"], given["down"], *given["palette"]]
    pattern = re.compile("|".join(colour.removeprefix("#") for colour in colours), re.IGNORECASE)
    sources = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("templates/*.*"), *PACKAGE.rglob("*.svg")]
    found = [path.name for path in sources if pattern.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_the_drawing_and_the_workbooks_chart_take_their_colours_from_the_same_place():
    house = load_house()
    parts = tuple(
        Series(name=str(at), values=(1.0,), labels=("1",), role="other") for at in range(5)
    )
    chart = Chart(kind="bars", categories=("甲",), series=parts, unit="家")
    assert palette.series_colours(chart, house) == [house.accent, *house.palette[:4]]
    document = example_document()
    overview = document.front_page.overview.figures[0].model_copy(update={"chart": chart})
    front = document.front_page.model_copy(update={"overview": FigureRow(figures=(overview,))})
    document = document.model_copy(update={"front_page": front, "house": house})
    drawn = charts.svg(overview, house, "half").decode().upper()
    book = everything(xlsx.render(document, {})).upper()
    for colour in palette.series_colours(chart, house):
        assert colour.upper() in drawn
        assert colour.removeprefix("#").upper() in book


@pytest.mark.parametrize("colour", ["#D08A1D", "#4B9CA8", "#FFFFFF", "#1F3A5F"])
def test_small_letters_in_a_series_colour_can_be_read(colour):
    assert contrast_on_white(palette.legible(colour)) >= READABLE_CONTRAST


def test_a_colour_that_can_be_read_is_left_as_it_is():
    assert palette.legible("#1F3A5F") == "#1F3A5F"
