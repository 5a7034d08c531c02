"""A chart that stands at another's place, or draws another value than it tells, is found."""

import re
import zipfile

import pytest

from bj_pipeline.report import charts, docx, html, pdf, xlsx
from bj_pipeline.report.chart_pixels import drawn_from
from bj_pipeline.report.proofreading import form_findings, read_form, text_findings
from bj_pipeline_tests.report.proofreading.planting import LABELS, only, with_exhibit

TREND, BUCKETS, NEIGHBOUR = "trend-机械设备", "pe_ttm-机械设备", "market_cap-机械设备"
OTHER_TREND = "trend-信息技术"


def exchanged(pictures, one, other):
    return pictures | {one: pictures[other], other: pictures[one]}


def findings_of(document, pictures, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    form = read_form(tmp_path / name, LABELS)
    return list(form_findings(document, {name: form}, pictures))


def test_a_healthy_issue_draws_every_chart_at_its_place(document, known, forms, pictures):
    assert list(form_findings(document, forms, pictures)) == []
    assert text_findings(document, known, forms, pictures) == []
    assert len(set(forms["report.docx"].pictures) - {""}) == len(pictures)
    assert [len(own) for own in forms["report.html"].marks] == [
        sum(value is not None for series in figure.chart.series for value in series.values)
        for figure in document.figures()
    ]


def test_two_pictures_of_the_word_file_that_changed_places_are_found(
    document, folder, pictures, tmp_path
):
    with zipfile.ZipFile(folder / "report.docx") as word:
        parts = {name: word.read(name) for name in word.namelist()}
    one, other = [name for name, content in parts.items() if drawn_from(content)][:2]
    with zipfile.ZipFile(tmp_path / "swapped.docx", "w") as word:
        for name, content in exchanged(parts, one, other).items():
            word.writestr(name, content)
    form = read_form(tmp_path / "swapped.docx", LABELS)
    found = list(form_findings(document, {"swapped.docx": form}, pictures))
    assert [one.rule for one in found] == ["chart_is_anothers"] * 2
    assert {one.found for one in found} == {one.expected for one in found}


def test_another_picture_of_the_word_file_under_the_mark_of_the_right_one_is_found(
    document, folder, pictures, tmp_path
):
    with zipfile.ZipFile(folder / "report.docx") as word:
        parts = {name: word.read(name) for name in word.namelist()}
    one, other = [name for name, content in parts.items() if drawn_from(content)][:2]
    begin, width, end = parts[other].partition(b"IDAT")
    own, _, _ = parts[one].partition(b"IDAT")
    assert len(own) == len(begin)
    with zipfile.ZipFile(tmp_path / "forged.docx", "w") as word:
        for name, content in (parts | {one: own + width + end}).items():
            word.writestr(name, content)
    form = read_form(tmp_path / "forged.docx", LABELS)
    found = only(form_findings(document, {"forged.docx": form}, pictures))
    assert found.rule == "chart_is_anothers"
    assert found.found == "the picture of no chart of this issue"


def test_a_picture_of_the_word_file_from_another_drawing_is_found(document, pictures, tmp_path):
    other = pictures | {TREND: pictures[TREND].replace(b"#1f3a5f", b"#3a1f5f")}
    assert other != pictures
    found = findings_of(document, pictures, tmp_path, "report.docx", docx.render(document, other))
    assert (only(found).rule, only(found).expected) == ("chart_is_anothers", TREND)
    assert only(found).page == "机械设备"


@pytest.mark.parametrize("form", ["report.html", "report.pdf", "report.docx", "report.xlsx"])
def test_a_chart_that_says_that_nothing_is_known_is_no_fault(document, tmp_path, form):
    def unknown(figure):
        series = [
            one.model_copy(update={"values": (None,) * len(one.values)})
            for one in figure.chart.series
        ]
        return figure.model_copy(
            update={"chart": figure.chart.model_copy(update={"series": tuple(series)})}
        )

    bare = with_exhibit(document, TREND, unknown)
    drawn = charts.pictures(bare)
    assert LABELS["no_data"].encode() in drawn[TREND]
    render = {
        "report.html": html.render,
        "report.pdf": pdf.render,
        "report.docx": docx.render,
        "report.xlsx": lambda document, _: xlsx.render(document, {}),
    }[form]
    found = findings_of(bare, drawn, tmp_path, form, render(bare, drawn))
    assert [one for one in found if one.rule.startswith("chart_")] == []


def test_charts_that_are_alike_are_no_fault(document, pictures, tmp_path):
    """As those of two sectors of which no figure is known."""
    alike = pictures | {OTHER_TREND: pictures[TREND]}
    found = findings_of(document, alike, tmp_path, "report.docx", docx.render(document, alike))
    assert "chart_is_anothers" not in {one.rule for one in found}


@pytest.mark.parametrize(
    ("one", "other"), [(BUCKETS, NEIGHBOUR), (TREND, OTHER_TREND), (BUCKETS, "distribution")]
)
@pytest.mark.parametrize("form", ["report.pdf", "report.docx"])
def test_two_charts_that_changed_places_are_found(document, pictures, tmp_path, form, one, other):
    render = {"report.pdf": pdf.render, "report.docx": docx.render}[form]
    content = render(document, exchanged(pictures, one, other))
    assert findings_of(document, pictures, tmp_path, form, content)


def test_two_charts_of_the_page_that_changed_places_are_found(document, folder, pictures, tmp_path):
    page = (folder / "report.html").read_text(encoding="utf-8")
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    names = [figure.id for figure in document.figures()]
    one, other = drawings[names.index(TREND)], drawings[names.index(OTHER_TREND)]
    swapped = page.replace(one, "\0").replace(other, one).replace("\0", other)
    found = findings_of(document, pictures, tmp_path, "report.html", swapped.encode())
    assert sum(one.rule == "chart_is_anothers" for one in found) == 2


BAR = "overview/0/1"
POINT = f"{TREND}/0/0"


def moved(svg: bytes, mark: str, old: str, new) -> bytes:
    """The drawing with the coordinates of one mark changed by a function of them."""
    start = svg.index(f'<g id="{mark}">'.encode())
    end = svg.index(b"</g>", start)
    path, seen = re.subn(old, new, svg[start:end].decode())
    assert seen
    return svg[:start] + path.encode() + svg[end:]


def longer(match):
    return f"{match[1]}{float(match[2]) + 9:.6f}"


def lower(match):
    return f"{match[1]}{float(match[2]) + 3:.6f}"


def test_a_bar_of_a_wrong_length_is_found(document, known, pictures):
    svg = moved(pictures["overview"], BAR, r"(L )(1\d\d\.\d+)", longer)
    found = only(text_findings(document, known, None, pictures | {"overview": svg}))
    assert (found.rule, found.expected) == ("chart_shape_differs", "机械设备 +0.85%")
    assert found.found == "机械设备 0.98"


def test_a_bar_that_is_not_drawn_is_found(document, known, pictures):
    svg = pictures["overview"].replace(BAR.encode(), b"nothing")
    found = only(text_findings(document, known, None, pictures | {"overview": svg}))
    assert (found.rule, found.expected) == ("chart_shape_differs", "机械设备 +0.85%")


def test_bars_that_grow_the_wrong_way_are_found(document, known, pictures):
    width = re.search(rb'viewBox="0 0 ([\d.]+)', pictures["overview"])[1]
    svg = re.sub(
        rb"([ML] )([\d.]+)",
        lambda match: match[1] + f"{float(width) - float(match[2]):.6f}".encode(),
        pictures["overview"],
    )
    found = only(text_findings(document, known, None, pictures | {"overview": svg}))
    assert found.rule == "chart_shape_differs"


def test_a_rise_in_the_colour_of_a_fall_is_found(document, known, pictures):
    house = document.house
    svg = moved(pictures["overview"], BAR, f"()({house.up.lower()})", lambda _: house.down.lower())
    found = only(text_findings(document, known, None, pictures | {"overview": svg}))
    assert (found.rule, found.expected) == ("chart_colour_differs", house.up.lower())
    assert found.found.startswith("机械设备 +0.85% ")


def test_a_point_at_a_wrong_height_is_found(document, known, pictures):
    svg = moved(pictures[TREND], POINT, r"([\d.]+ )([\d.]+)", lower)
    found = only(text_findings(document, known, None, pictures | {TREND: svg}))
    assert (found.rule, found.expected) == ("chart_shape_differs", "02-13 44.0X")


def test_a_bar_of_the_page_of_a_wrong_length_is_found(document, pictures, tmp_path):
    svg = moved(pictures["overview"], BAR, r"(L )(1\d\d\.\d+)", longer)
    content = html.render(document, pictures | {"overview": svg})
    found = only(findings_of(document, pictures, tmp_path, "report.html", content))
    assert (found.rule, found.page) == ("chart_shape_differs", "本期要点")


def test_a_cell_of_the_page_in_the_colour_of_a_fall_is_found(document, folder, pictures, tmp_path):
    page = (folder / "report.html").read_text(encoding="utf-8")
    fact = "sector_metrics/电子设备/pe_ttm_median"
    old = f'<td class="right tone up"><span class="fact" data-fact="{fact}">'
    assert old in page
    for new in (old.replace(" up", " down"), old.replace(" tone up", "")):
        content = page.replace(old, new, 1).encode()
        found = only(findings_of(document, pictures, tmp_path, "report.html", content))
        assert (found.rule, found.expected) == ("tone_differs", "61.0▲ up")


def test_a_cell_of_the_page_that_should_have_no_colour_is_found(
    document, folder, pictures, tmp_path
):
    page = (folder / "report.html").read_text(encoding="utf-8")
    old = '<td class="right"><span class="fact" data-fact="sector_metrics/电子设备/companies">'
    assert old in page
    content = page.replace(old, old.replace("right", "right tone up"), 1).encode()
    found = only(findings_of(document, pictures, tmp_path, "report.html", content))
    assert (found.rule, found.found, found.expected) == ("tone_differs", "46 up", "46")
