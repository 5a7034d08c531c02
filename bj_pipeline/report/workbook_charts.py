"""Native charts of the workbook, which analysts can edit.

What belongs here: a :class:`~bj_pipeline.report.document.Chart` as an Excel chart over cells that
hold its numbers. What does not: the cells (:mod:`.xlsx`), colours (:mod:`.palette`), and the
report's own drawings (:mod:`.charts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from xlsxwriter.chart import Chart as NativeChart
from xlsxwriter.workbook import Workbook

from bj_pipeline.report import charts, palette
from bj_pipeline.report.document import Chart, Figure, House, Series
from bj_pipeline.report.palette import GREY, INK, RULE, ZERO

FONT = "Microsoft YaHei"
"""On every Windows machine and every Excel for Mac; a workbook cannot name a second choice."""

_TYPES = {"bars": "column", "hbars": "bar", "lines": "line"}
_WIDTH, _HEIGHT = 720, 380
_ROW = 26
_TEXT: Mapping[str, Any] = {"name": FONT, "size": 9, "color": INK}


@dataclass(frozen=True, slots=True)
class Cells:
    """Where a chart's numbers stand: categories in the first column, a series in each further one.

    Attributes:
        sheet: Name of the sheet.
        title: Row and column of the title.
        header: Row of the series' names, above the first category; counted from 0.
    """

    sheet: str
    title: tuple[int, int]
    header: int


def native_chart(book: Workbook, figure: Figure, house: House, cells: Cells) -> NativeChart:
    """The figure's chart over its cells.

    Args:
        book: The workbook that it will belong to.
        figure: What to show.
        house: Whose colours.
        cells: Where its numbers stand.
    """
    chart = figure.chart
    native: NativeChart = book.add_chart({"type": _TYPES[chart.kind]})
    colours = palette.series_colours(chart, house)
    last = cells.header + len(chart.categories)
    for at, series in enumerate(chart.series):
        column = at + 1
        native.add_series(
            {
                "name": [cells.sheet, cells.header, column],
                "categories": [cells.sheet, cells.header + 1, 0, last, 0],
                "values": [cells.sheet, cells.header + 1, column, last, column],
                "data_labels": _labels(chart, series),
                **_look(chart, series, colours[at], house),
            }
        )
    native.set_title(
        {
            "name": [cells.sheet, *cells.title],
            "name_font": {**_TEXT, "size": 11, "bold": True},
            "overlay": False,
        }
    )
    if len(chart.series) > 1:
        native.set_legend({"position": "top", "font": dict(_TEXT)})
    else:
        native.set_legend({"none": True})
    _set_axes(native, chart, house)
    native.show_blanks_as("gap")
    native.set_chartarea({"border": {"none": True}, "fill": {"color": "#FFFFFF"}})
    native.set_size({"width": _WIDTH, "height": _height(chart)})
    return native


def _height(chart: Chart) -> int:
    bars = len(chart.categories) * max(1, len(chart.series)) if chart.kind == "hbars" else 0
    return max(_HEIGHT, 110 + _ROW * bars)


def _look(chart: Chart, series: Series, colour: str, house: House) -> dict[str, Any]:
    if chart.kind == "lines":
        marker = {"type": "circle", "size": 5, "fill": {"color": colour}, "border": {"none": True}}
        return {"line": {"color": colour, "width": 2.25}, "marker": marker}
    look: dict[str, Any] = {"fill": {"color": colour}, "gap": 60}
    if len(chart.series) > 1:
        look["overlap"] = -5
    if chart.signed:
        look["points"] = [
            {"fill": {"color": palette.bar_colour(chart, series, value or 0, colour, house)}}
            for value in series.values
        ]
    return look


def _labels(chart: Chart, series: Series) -> dict[str, Any]:
    """Values at the bars; of a line only the last one, beside its end."""
    labels: dict[str, Any] = {}
    if chart.show_labels:
        labels = {
            "value": True,
            "font": dict(_TEXT),
            "position": "above" if chart.kind == "lines" else "outside_end",
        }
    if labels and chart.kind == "lines":
        known = [at for at, value in enumerate(series.values) if value is not None]
        labels["custom"] = [
            None if known and at == known[-1] else {"delete": True}
            for at in range(len(series.values))
        ]
    return labels


def _set_axes(native: NativeChart, chart: Chart, house: House) -> None:
    categories: dict[str, Any] = {
        "num_font": dict(_TEXT),
        "line": {"color": ZERO},
        "major_tick_mark": "none",
        # Names stand beside the plot, never under the bars of falling companies.
        "label_position": "low",
        "text_axis": True,
    }
    values: dict[str, Any] = {
        "num_font": {**_TEXT, "color": GREY},
        "num_format": "General",
        "line": {"none": True},
        "major_gridlines": {"visible": True, "line": {"color": RULE, "width": 0.75}},
        "major_tick_mark": "none",
    }
    if chart.unit:
        unit_font = {**_TEXT, "color": GREY, "bold": False}
        values |= {"name": house.labels.fill("unit", unit=chart.unit), "name_font": unit_font}
    if chart.kind == "lines":
        values |= _ends(chart)
    if chart.kind == "hbars":
        # The first category on top; the axis of values then crosses at the last one, at the foot.
        native.set_x_axis(values)
        native.set_y_axis(
            categories | {"reverse": True, "crossing": "max", "major_gridlines": {"visible": False}}
        )
    else:
        native.set_x_axis(categories)
        native.set_y_axis(values)


def _ends(chart: Chart) -> dict[str, float]:
    """Round ends of the axis of a line chart; Excel's own would make a cliff of a small move."""
    known = [value for series in chart.series for value in series.values if value is not None]
    if not known:
        return {}
    low, high = charts.line_span(known)
    step = 10 ** floor(log10(high - low)) / 2
    lowest, highest = floor(low / step) * step, ceil(high / step) * step
    return {"min": round(lowest, 10), "max": round(highest, 10)}
