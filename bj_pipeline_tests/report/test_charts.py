import re
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from PIL import Image

from bj_pipeline.report import chart_pixels, charts
from bj_pipeline.report.document import Chart, Figure, House, Series
from bj_pipeline_tests.report.example import HOSTILE_NAMES, example_document

SVG = "{http://www.w3.org/2000/svg}"
HOUSE = House(
    name="甲",
    series="乙",
    department="丙",
    accent="#1F3A5F",
    up="#C0392B",
    down="#1E8449",
    palette=("#D08A1D", "#4B9CA8", "#8E5C86", "#7C838D"),
)
WEEKS = tuple(f"01-{day:02d}" for day in range(1, 14))


def series(*values, name="本周", role="current"):
    labels = tuple("—" if value is None else f"{value:.1f}" for value in values)
    return Series(name=name, values=values, labels=labels, role=role)


def figure(kind, categories, *parts, unit="家", signed=False, show_labels=True):
    chart = Chart(
        kind=kind,
        categories=tuple(categories),
        series=parts,
        unit=unit,
        signed=signed,
        show_labels=show_labels,
    )
    return Figure(id="图/a", title="标题不画在图里", chart=chart, source="来源", alt="")


def drawn(one, size="half", house=HOUSE):
    return ET.fromstring(charts.svg(one, house, size))  # noqa: S314 - our own picture


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


def marks(root):
    found = {element.get("id"): element for element in root.iter() if "/" in element.get("id", "")}
    return {name: element for name, element in found.items() if element.tag == f"{SVG}g"}


def fill_of(mark):
    style = next(e.get("style") for e in mark.iter() if "fill" in (e.get("style") or ""))
    return re.search(r"fill: (#\w+)", style)[1].upper()


def traces(root):
    return [e.get("d") for e in root.iter(f"{SVG}path") if "stroke: #1f3a5f" in e.get("style", "")]


def test_the_same_chart_gives_the_same_bytes():
    one = example_document().front_page.overview.figures[0]
    assert charts.svg(one, HOUSE, "half") == charts.svg(one, HOUSE, "half")


def test_charts_drawn_at_the_same_time_do_not_disturb_each_other():
    document = example_document()
    alone = charts.pictures(document)
    sizes = charts.sizes(document)
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(
            lambda one: charts.svg(one, document.house, sizes[one.id]), document.figures()
        )
        assert list(together) == list(alone.values())


@pytest.mark.parametrize(("size", "width"), [("half", "238"), ("full", "493")])
def test_a_chart_has_the_width_of_its_place_on_the_page(size, width):
    root = drawn(figure("bars", "甲乙", series(1, 2)), size)
    assert root.get("viewBox").split()[2] == width


def test_figures_that_share_a_row_are_half_as_wide():
    sizes = charts.sizes(example_document())
    assert sizes["overview"] == "half"
    assert sizes["machinery-movers"] == "half"
    assert sizes["distribution"] == "full"


@pytest.mark.parametrize("kind", ["bars", "hbars", "lines"])
def test_every_known_value_can_be_found_by_series_and_category(kind):
    parts = (series(1, None, 3, name="上周", role="previous"), series(4, 5, 6))
    assert set(marks(drawn(figure(kind, "甲乙丙", *parts)))) == {
        "图/a/0/0",
        "图/a/0/2",
        "图/a/1/0",
        "图/a/1/1",
        "图/a/1/2",
    }


def test_no_other_id_could_meet_one_of_another_chart():
    pictures = charts.pictures(example_document())
    ids = [name for picture in pictures.values() for name in re.findall(rb' id="([^"]*)"', picture)]
    assert len(ids) == len(set(ids))


def test_a_picture_can_stand_inside_a_web_page():
    picture = charts.svg(figure("bars", "甲乙", series(1, 2)), HOUSE, "half")
    assert picture.startswith(b"<svg ")
    assert b"<style" not in picture
    assert b"<metadata" not in picture


def test_text_stays_text_in_the_reports_font():
    picture = charts.svg(figure("bars", ["算力", "AIPC"], series(1, 2)), HOUSE, "half").decode()
    assert ">算力</text>" in picture
    assert "font-family: 'Noto Sans SC', 'PingFang SC'" in picture
    assert "sans-serif" in picture
    assert "DejaVu" not in picture


@pytest.mark.parametrize("kind", ["bars", "hbars"])
def test_names_that_look_like_markup_are_drawn_as_they_are(kind):
    names = HOSTILE_NAMES[:5] if kind == "bars" else HOSTILE_NAMES
    root = drawn(figure(kind, names, series(*range(1, len(names) + 1))), "full")
    printed = "".join(text.replace(" ", "") for text in texts(root))
    for name in names:
        assert name.replace(" ", "") in printed


def test_the_title_is_left_to_the_form_and_the_unit_is_named():
    printed = texts(drawn(figure("bars", "甲乙", series(1, 2), unit="亿元")))
    assert "标题不画在图里" not in printed
    assert "单位：亿元" in printed


def test_one_series_needs_no_legend_and_two_have_one():
    one = texts(drawn(figure("bars", "甲乙", series(1, 2))))
    previous = series(3, 4, name="上周", role="previous")
    two = texts(drawn(figure("bars", "甲乙", previous, series(1, 2))))
    assert "本周" not in one
    assert {"上周", "本周"} <= set(two)


def test_this_week_has_the_houses_colour_and_last_week_does_not():
    previous = series(3, 4, name="上周", role="previous")
    found = marks(drawn(figure("bars", "甲乙", previous, series(1, 2))))
    assert fill_of(found["图/a/1/0"]) == HOUSE.accent.upper()
    assert fill_of(found["图/a/0/0"]) != HOUSE.accent.upper()


@pytest.mark.parametrize("kind", ["bars", "hbars"])
def test_a_signed_chart_shows_rises_and_falls_in_the_houses_colours(kind):
    house = HOUSE.model_copy(update={"up": "#AA0000", "down": "#00AA00"})
    one = figure(kind, "甲乙", series(1.5, -2.5), signed=True)
    found = marks(drawn(one, house=house))
    assert fill_of(found["图/a/0/0"]) == "#AA0000"
    assert fill_of(found["图/a/0/1"]) == "#00AA00"


def test_a_gap_stays_a_gap_and_a_lone_point_is_seen():
    values = (1, None, 3, None, 5, 6)
    root = drawn(figure("lines", WEEKS[:6], series(*values)))
    assert set(marks(root)) == {"图/a/0/0", "图/a/0/2", "图/a/0/4", "图/a/0/5"}
    assert sum(path.count("L") for path in traces(root)) == 1


def test_a_line_ends_with_its_printed_value():
    assert "6.0" in texts(drawn(figure("lines", WEEKS[:3], series(1, 2, 6))))


def test_a_small_move_looks_small():
    """A third of a per cent over two issues is no cliff."""
    root = drawn(figure("lines", WEEKS[:2], series(60.4, 60.2)))
    (line,) = traces(root)
    first, last = (float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", line))
    assert abs(last - first) < charts.HEIGHT["half"] / 20


def test_several_lines_are_named_at_their_ends_without_overlap():
    names = ("电子设备", "机械设备", "信息技术", "汽车", "新能源")
    parts = [series(1, 2, 40 + at / 100, name=name) for at, name in enumerate(names)]
    layers = chart_pixels.layers(charts.svg(figure("lines", WEEKS[:3], *parts), HOUSE, "half"))
    ends = sorted(one["y"] for one in layers["texts"] if one["text"].split()[0] in names)
    assert len(ends) == len(names)
    assert min(b - a for a, b in pairwise(ends)) >= 7
    assert ends[0] > 0


def test_values_that_would_overlap_are_left_out():
    wide = [1234.5 + at for at in range(13)]
    assert "1234.5" not in texts(drawn(figure("bars", WEEKS, series(*wide))))
    assert "1234.5" in texts(drawn(figure("bars", WEEKS[:4], series(*wide[:4]))))


def test_many_dates_are_thinned_out_and_the_last_one_stays():
    for kind in ("bars", "lines"):
        printed = texts(drawn(figure(kind, WEEKS, series(*range(1, 14)))))
        shown = [text for text in printed if text in WEEKS]
        assert shown[-1] == WEEKS[-1]
        assert 4 <= len(shown) < len(WEEKS)


def test_a_missing_value_of_a_bar_is_printed_as_missing():
    assert "—" in texts(drawn(figure("bars", "甲乙", series(1, None))))


@pytest.mark.parametrize("kind", ["bars", "hbars", "lines"])
def test_a_chart_without_any_value_says_so(kind):
    root = drawn(figure(kind, "甲乙", series(None, None)))
    assert "暂无数据" in texts(root)
    assert not marks(root)


@pytest.mark.parametrize("kind", ["bars", "hbars", "lines"])
@pytest.mark.parametrize("values", [(0, 0), (-1.5, -0.02), (0.5, 0.5), (3, -120000)])
@pytest.mark.parametrize("show_labels", [True, False])
def test_everything_drawn_lies_on_the_sheet(kind, values, show_labels):
    one = figure(
        kind, ["很长的中文类别名称也要放得下", "乙"], series(*values), show_labels=show_labels
    )
    layers = chart_pixels.layers(charts.svg(one, HOUSE, "half"))
    for text in layers["texts"]:
        width = charts._text_width(text["text"])
        share = {"start": 0, "middle": 0.5, "end": 1}[text["anchor"]]
        assert text["x"] - share * width >= -1
        assert text["x"] + (1 - share) * width <= layers["width"] + 1
        assert 0 < text["y"] <= layers["height"]
    numbers = re.findall(
        r"[ML] ([-\d.]+) ([-\d.]+)",
        re.sub(r"<defs>.*?</defs>", "", layers["drawing"], flags=re.DOTALL),
    )
    assert all(-1 <= float(x) <= layers["width"] + 1 for x, _ in numbers)
    assert all(-1 <= float(y) <= layers["height"] + 1 for _, y in numbers)


def test_many_ranked_names_make_the_chart_higher_not_the_letters_smaller():
    names = [f"公司{at}" for at in range(25)]
    tall = drawn(figure("hbars", names, series(*range(25))))
    assert float(tall.get("viewBox").split()[3]) > charts.HEIGHT["half"]
    assert set(names) <= set(texts(tall))


def test_a_chart_parts_into_a_drawing_without_text_and_its_texts():
    layers = chart_pixels.layers(
        charts.svg(figure("hbars", ["A&B <x>", "乙"], series(1, 2)), HOUSE, "half")
    )
    assert "<text" not in layers["drawing"]
    (name,) = [one for one in layers["texts"] if one["text"] == "A&B <x>"]
    assert name["anchor"] == "end"
    assert name["weight"] == 400


def test_long_names_of_lying_bars_are_broken_and_not_cut():
    names = [
        "国内新发布模型中的开源（2025 年下半年）",
        "全球开源模型中的中国份额与其他国家之和",
        "乙",
    ]
    layers = chart_pixels.layers(charts.svg(figure("hbars", names, series(1, 2, 3)), HOUSE, "half"))
    texts = [one["text"] for one in layers["texts"]]
    assert not any("…" in text or text.endswith("（") for text in texts)
    assert "".join(names).replace(" ", "") in "".join(texts).replace(" ", "")


def test_pixels_show_the_same_drawing_at_the_asked_density(tmp_path):
    path = tmp_path / "chart.png"
    (picture,) = chart_pixels.pixels(
        [charts.svg(figure("bars", "甲乙", series(1, 2)), HOUSE, "half")], 144
    )
    path.write_bytes(picture)
    with Image.open(path) as image:
        assert image.size == (476, 280)
        colours = {colour for _, colour in image.convert("RGB").getcolors(1_000_000)}
    assert (0x1F, 0x3A, 0x5F) in colours


def test_charts_drawn_in_one_go_are_those_drawn_alone():
    one = charts.svg(figure("bars", "甲乙", series(1, 2)), HOUSE, "half")
    other = charts.svg(figure("hbars", "甲乙丙", series(3, -1, 2)), HOUSE, "full")
    together = chart_pixels.pixels([one, other])
    assert together == [*chart_pixels.pixels([one]), *chart_pixels.pixels([other])]
    assert chart_pixels.pixels([]) == []


def test_a_charts_file_is_small():
    assert max(map(len, charts.pictures(example_document()).values())) < 12_000
