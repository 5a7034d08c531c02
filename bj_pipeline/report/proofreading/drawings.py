"""Charts as drawings: shapes and colours as their values have them; each at its own figure.

What belongs here: the shape and colour of a chart's marks, and whose drawing a file holds. What
does not: the words in a chart (:mod:`.comparison`).

A drawing is judged by itself: bars and points of one chart share one scale, which most of them
and the rules of the axis tell, and a mark that lies elsewhere is wrong.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import unescape
from statistics import median

from bj_pipeline.report import palette
from bj_pipeline.report.chart_pixels import fingerprint
from bj_pipeline.report.document import Chart, Document, Figure, House
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.form import Form, squeezed
from bj_pipeline.report.proofreading.printed import caption
from bj_pipeline.report.rounding import MISSING

_MARK = re.compile(r'<g id="([^"]+)">\s*<path d="([^"]*)"')
_COLOURED = re.compile(r'<g id="([^"]+)">\s*<path [^>]*style="fill: (#[0-9a-f]{6})')
_TICK = re.compile(
    rf'<path d="M ([\d.]+) ([\d.]+)[^"]*" style="fill: none; stroke: {palette.RULE.lower()};'
    r"[^>]*>\s*<text [^>]*>(-?\d+(?:\.\d+)?)</text>"
)
_POINT = re.compile(r"(-?\d+(?:\.\d+)?) (-?\d+(?:\.\d+)?)")
_VISIBLE = 0.25
"""Points by which a mark must lie off before it is wrong: less than half the width of an axis."""
_OPPOSITE = 2  # the corner of a bar across from the one that its path begins at

Drawings = Mapping[str, bytes]
"""Charts as SVG by figure id, as the warehouse keeps them and every form shows them."""
_Reading = tuple[float, float]


def drawn_values(document: Document, drawings: Drawings) -> Iterator[Finding]:
    """Bars and points of the stored drawings that do not show their values."""
    for figure in document.figures():
        if figure.id in drawings:
            svg = drawings[figure.id].decode()
            place = Finding("", "", "", figure.title, "", "")
            yield from _shapes(figure, _paths(figure, svg), place, _ticks(figure.chart, svg))
            yield from _colours(figure, svg, document.house, place)


def _paths(figure: Figure, svg: str) -> list[str]:
    """The path of each value's mark; empty for one that is not drawn."""
    there = {unescape(name): path for name, path in _MARK.findall(svg)}
    return [there.get(f"{figure.id}/{at}/{category}", "") for at, category in _known(figure.chart)]


def _ticks(chart: Chart, svg: str) -> list[_Reading]:
    """The rules across a drawing, with the values written beside them."""
    return [
        (float(value), float(x if chart.kind == "hbars" else y))
        for x, y, value in _TICK.findall(svg)
    ]


def _colours(figure: Figure, svg: str, house: House, place: Finding) -> Iterator[Finding]:
    """The first mark in another colour than its series, or a rise or a fall, has."""
    chart = figure.chart
    there = {unescape(name): colour for name, colour in _COLOURED.findall(svg)}
    series_colours = palette.series_colours(chart, house)
    for at, category in _known(chart):
        series, own = chart.series[at], series_colours[at]
        if chart.kind != "lines":
            own = palette.bar_colour(chart, series, series.values[category] or 0.0, own, house)
        # What is black says nothing of its colour.
        found = there.get(f"{figure.id}/{at}/{category}", own)
        if found.lower() != own.lower():
            name = f"{chart.categories[category]} {series.labels[category]}{chart.unit}"
            yield replace(
                place, rule="chart_colour_differs", found=f"{name} {found}", expected=own.lower()
            )
            return


def marks(document: Document, form: Form) -> Iterator[Finding]:
    """Drawings inside of a form: of the figure that they stand at, and with its values."""
    for figure, own in zip(document.figures(), form.marks, strict=False):
        name = caption(document.labels, figure)
        place = Finding("", form.name, form.page_of(name), name, "", "")
        chart = figure.chart
        facts = [
            chart.series[at].facts[category] if chart.series[at].facts else ""
            for at, category in _known(chart)
        ]
        if [mark.fact for mark in own] == facts:
            yield from _shapes(figure, [mark.path for mark in own], place)
        else:
            found = next((mark.label for mark in own if mark.fact not in facts), MISSING)
            yield replace(place, rule="chart_is_anothers", found=found, expected=figure.title)


def pictures(document: Document, form: Form, drawings: Drawings) -> Iterator[Finding]:
    """Pictures that were drawn from another chart than the text beside them tells.

    A file of before they told what they were drawn from is not judged.
    """
    if not any(form.pictures):
        return
    told: defaultdict[str, list[Figure]] = defaultdict(list)
    for figure in document.figures():
        told[squeezed(figure.alt or figure.title)].append(figure)
    # Charts that show nothing are alike.
    drawn: defaultdict[str, list[str]] = defaultdict(list)
    for name, svg in drawings.items():
        drawn[fingerprint(svg)].append(name)
    for text, origin in zip(map(squeezed, form.alternatives), form.pictures, strict=False):
        wanted = [figure.id for figure in told[text] if figure.id in drawings]
        if wanted and not set(wanted) & set(drawn[origin]):
            name = caption(document.labels, told[text][0])
            found = " / ".join(drawn[origin]) or "the picture of no chart of this issue"
            page = form.page_of(name)
            yield Finding("chart_is_anothers", form.name, page, name, found, " / ".join(wanted))


def _known(chart: Chart) -> list[tuple[int, int]]:
    """Series and category of each value, in the order in which they are drawn."""
    return [
        (at, category)
        for at, series in enumerate(chart.series)
        for category, value in enumerate(series.values)
        if value is not None
    ]


def _shapes(
    figure: Figure, paths: Sequence[str], place: Finding, ticks: Sequence[_Reading] = ()
) -> Iterator[Finding]:
    """The first mark of a chart that does not lie where the others' scale puts it."""
    chart = figure.chart
    known = _known(chart)
    readings = [
        _readings(chart, chart.series[at].values[category] or 0.0, path)
        for (at, category), path in zip(known, paths, strict=True)
    ]
    start, slope = _scale([*ticks, *(one for mark in readings for one in mark)])
    is_turned = slope < 0 if chart.kind == "hbars" else slope > 0
    for (at, category), mark in zip(known, readings, strict=True):
        off = [drawn for value, drawn in mark if abs(start + slope * value - drawn) > _VISIBLE]
        if off or not mark or is_turned:
            shown = f"{(off[-1] - start) / slope:.2f}" if off and slope else MISSING
            name = chart.categories[category]
            label = f"{name} {chart.series[at].labels[category]}{chart.unit}"
            yield replace(
                place, rule="chart_shape_differs", found=f"{name} {shown}", expected=label
            )
            return


def _readings(chart: Chart, value: float, path: str) -> list[_Reading]:
    """Values and where they lie on the axis of values: a bar's foot and end, a point's centre."""
    axis = 0 if chart.kind == "hbars" else 1
    places = [float(point[axis]) for point in _POINT.findall(path)]
    if not places:
        return []
    if chart.kind == "lines":
        return [(value, (min(places) + max(places)) / 2)]
    return [(0.0, places[0]), (value, places[_OPPOSITE])]


def _scale(readings: Sequence[_Reading]) -> tuple[float, float]:
    """Where 0 lies and how far 1 is from it, as most of the readings tell."""
    ordered = sorted(readings)
    slopes = [
        (far - near) / (high - low)
        for (low, near), (high, far) in zip(ordered, ordered[len(ordered) // 2 :], strict=False)
        if high > low
    ]
    slope = median(slopes) if slopes else 0.0
    return median([place - slope * value for value, place in ordered] or [0.0]), slope
