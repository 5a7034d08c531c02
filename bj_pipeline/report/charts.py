"""Charts as pictures: the one drawing style of the house, for every form of the report.

What belongs here: how a :class:`~bj_pipeline.report.document.Chart` is drawn. What does not: what
it shows (the document says), and its title, number and source (the form prints them around it).

The SVG is the drawing; PNG is made from it (:mod:`.chart_pixels`). Text stays text, so that a
form's own font draws it and readers can search it. Every bar and every point of a line is a group
whose id is ``<figure id>/<series index>/<category index>``, both counted from 0: a web page finds
there the fact ``figure.chart.series[s].facts[c]``. No other element has an id that two charts could
share.

Sizes are in points: ``half`` is 238 wide (two side by side on A4), ``full`` is 493 wide. A chart of
many lying bars grows in height.
"""

import io
import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

from bj_pipeline.report import fonts, palette
from bj_pipeline.report.document import Chart, Document, Figure, FigureRow, House, Series
from bj_pipeline.report.palette import GREY, INK, LAST_WEEK, RULE, ZERO
from bj_pipeline.report.rounding import display

if TYPE_CHECKING:
    from matplotlib.backend_bases import GraphicsContextBase
    from matplotlib.font_manager import FontProperties
    from matplotlib.path import Path

_Align = Literal["left", "center", "right"]
Size = Literal["half", "full"]
WIDTH: Mapping[Size, float] = {"half": 238.0, "full": 493.0}
HEIGHT: Mapping[Size, float] = {"half": 140.0, "full": 172.0}

_TEXT = 7.0
_LINE = 8.6
_HEADER = 15.0
_FOOT = 4.5
_ROW = 11.5
_LOWEST = 60.0
_EDGE = 3.0
_GAP = 3.0
_MIDDLE = -2.5  # from the middle of a line of text down to its baseline
_MOST_LINES = 3
_NAMES_SHARE = 0.4
_GROUP_SHARE = 0.74
_WIDEST_BAR = 36.0
_THICKEST_BAR = 17.0
_TICKS = 5
_LEAST_SPAN = 0.1  # of the largest value: on a shorter axis a third of a per cent looks a cliff
_MOST_NAMES = 8  # more labels than these are thinned out rather than cut
# Where a label may break: after a Chinese character, after ~ between two numbers, at a blank; never
# behind an opening mark or before a closing one.
_PIECES = re.compile(r"[（《“‘]*(?:[⺀-￯]|[^⺀-￯“”‘’\s~]+[~\s]?|[~\s])[，。、；：！？）》”’]*")
_METADATA = ("Date", "Creator", "Format", "Type")  # left out: they differ between versions
_DRAWING = threading.Lock()
"""Held while drawing: matplotlib keeps its settings in one place for all threads."""


def sizes(document: Document) -> dict[str, Size]:
    """The size in which each figure of the document is drawn, by figure id.

    Figures that share a row, and those of the front page, are half as wide as the page.
    """
    result: dict[str, Size] = dict.fromkeys(
        (figure.id for figure in document.front_page.overview.figures), "half"
    )
    for block in document.blocks():
        if isinstance(block, Figure):
            result[block.id] = "full"
        elif isinstance(block, FigureRow):
            size: Size = "half" if len(block.figures) > 1 else "full"
            result.update({figure.id: size for figure in block.figures})
    return result


def pictures(document: Document) -> dict[str, bytes]:
    """Every chart of the document as SVG, by figure id."""
    size = sizes(document)
    return {
        figure.id: svg(figure, document.house, size[figure.id]) for figure in document.figures()
    }


def svg(figure: Figure, house: House, size: Size) -> bytes:
    """Draw a chart; the same figure gives the same bytes.

    Args:
        figure: What to show; title, source and note are left to the form.
        house: Whose colours.
        size: How wide it will be printed.
    """
    import matplotlib as mpl  # noqa: PLC0415 - heavy, and an issue without charts needs none
    from matplotlib.backends.backend_svg import RendererSVG  # noqa: PLC0415

    settings: Any = {
        "svg.fonttype": "none",
        "font.sans-serif": list(fonts.FALLBACKS),
    }
    width, height = WIDTH[size], _height(figure.chart, size)
    with _DRAWING, mpl.rc_context(settings):
        target = io.StringIO()
        canvas: Any = RendererSVG(width, height, target, metadata=dict.fromkeys(_METADATA))  # type: ignore[no-untyped-call]
        _draw(_Pen(figure, house, width, height, canvas))
        canvas.finalize()
    return _portable(target.getvalue())


def _portable(drawing: str) -> bytes:
    """Make it fit to stand in a web page beside others: no prolog, no style, no common ids."""
    text = drawing[drawing.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' id="[a-z0-9.]+_\d+"', "", text)
    text = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", text)
    text = re.sub(r"\n\s*", "\n", text).replace("<svg ", '<svg stroke-linejoin="round" ', 1)
    return text.encode()


def _height(chart: Chart, size: Size) -> float:
    if chart.kind != "hbars":
        return HEIGHT[size]
    bars = len(chart.categories) * max(1, len(chart.series))
    needed = _HEADER + _FOOT + _ROW * max(len(chart.categories), 0.7 * bars)
    # A row of figures has one height; a lone figure of two bars needs less.
    return max(HEIGHT[size] if size == "half" else _LOWEST + _ROW * bars, needed)


@dataclass(frozen=True)
class _Scale:
    """Where values lie on the sheet, in points: the lowest at ``start``."""

    start: float
    length: float
    low: float
    high: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * self.length

    @property
    def end(self) -> float:
        return self.start + self.length


@dataclass(frozen=True)
class _Pen:
    """A figure, the colours of its house, and the sheet that it is drawn on, in points.

    It draws with matplotlib's renderer: the place of everything is known, and figures, axes and
    their artists would work it out anew, in nine tenths of the time that a chart takes.
    """

    figure: Figure
    house: House
    width: float
    height: float
    canvas: Any

    @property
    def chart(self) -> Chart:
        return self.figure.chart

    def gid(self, series: int, category: int) -> str:
        return f"{self.figure.id}/{series}/{category}"

    def series_colours(self) -> list[str]:
        return palette.series_colours(self.chart, self.house)

    def bar_colour(self, series: Series, value: float, own: str) -> str:
        return palette.bar_colour(self.chart, series, value, own, self.house)

    def write(
        self,
        text: str,
        x: float,
        y: float,
        align: _Align = "center",
        colour: str = INK,
        *,
        bold: bool = False,
    ) -> None:
        """Write one line, its baseline at a point."""
        from matplotlib.text import Text  # noqa: PLC0415 - see svg

        if text:
            # Not drawn by itself: it tells the renderer where and how the line is anchored.
            anchor = Text(x, y, ha=align)
            ink, font = self._ink(colour), _font(bold=bold)
            self.canvas.draw_text(ink, x, self.height - y, text, font, 0, mtext=anchor)

    def bar(self, bar: "_Bar", xs: tuple[float, float], ys: tuple[float, float]) -> None:
        """Fill a bar between two opposite corners."""
        from matplotlib.path import Path  # noqa: PLC0415 - see svg

        corners = [(xs[0], ys[0]), (xs[1], ys[0]), (xs[1], ys[1]), (xs[0], ys[1]), (xs[0], ys[0])]
        self._fill(Path(corners, closed=True), bar.colour, bar.gid)

    def dot(self, x: float, y: float, size: float, colour: str, gid: str) -> None:
        """Fill a circle."""
        from matplotlib.path import Path  # noqa: PLC0415 - see svg

        self._fill(Path.circle((x, y), size / 2), colour, gid)

    def line(self, xs: Sequence[float], ys: Sequence[float], colour: str, width: float) -> None:
        """Draw a line through points; one that is not a number breaks it."""
        from matplotlib.path import Path  # noqa: PLC0415 - see svg
        from matplotlib.transforms import IdentityTransform  # noqa: PLC0415

        path = Path([*zip(xs, ys, strict=True)])
        self.canvas.draw_path(self._ink(colour, width), path, IdentityTransform())

    def _fill(self, path: "Path", colour: str, gid: str) -> None:
        from matplotlib.colors import to_rgb  # noqa: PLC0415 - see svg
        from matplotlib.transforms import IdentityTransform  # noqa: PLC0415

        self.canvas.open_group("mark", gid)
        self.canvas.draw_path(self._ink(colour), path, IdentityTransform(), to_rgb(colour))
        self.canvas.close_group("mark")

    def _ink(self, colour: str, width: float = 0) -> "GraphicsContextBase":
        ink: GraphicsContextBase = self.canvas.new_gc()
        ink.set_foreground(colour)
        ink.set_linewidth(width)
        ink.set_capstyle("projecting")
        return ink


def _draw(pen: _Pen) -> None:
    values = [value for one in pen.chart.series for value in one.values if value is not None]
    _header(pen)
    if not values:
        pen.write(pen.house.labels["no_data"], pen.width / 2, pen.height / 2, colour=GREY)
        return
    draw = {"bars": _bars, "hbars": _lying_bars, "lines": _lines}[pen.chart.kind]
    draw(pen, values)


def _header(pen: _Pen) -> None:
    """The unit on the left; on the right the legend, if there is more than one series of bars."""
    y = pen.height - 9
    if pen.chart.unit:
        unit = pen.house.labels.fill("unit", unit=pen.chart.unit)
        pen.write(unit, _EDGE, y, "left", GREY)
    if pen.chart.kind == "lines" or len(pen.chart.series) == 1:
        return
    x = pen.width - _EDGE
    for one, colour in reversed([*zip(pen.chart.series, pen.series_colours(), strict=True)]):
        pen.write(one.name, x, y, "right")
        x -= _text_width(one.name) + 2
        # Bars coloured by sign have no colour of their own; grey stands for the full tone.
        swatch = ZERO if pen.chart.signed and one.role != "previous" else colour
        pen.write("■", x, y, "right", swatch)
        x -= _TEXT + 8


def _bars(pen: _Pen, values: list[float]) -> None:
    chart = pen.chart
    low, high = min(0.0, *values), max(0.0, *values)
    high = 1.0 if low == high else high
    ticks = _ticks(low, high, whole=_all_whole(values))
    left = _EDGE + max(map(_text_width, _tick_labels(ticks))) + _GAP
    pitch = (pen.width - left - _EDGE) / len(chart.categories)
    names = _category_names(chart.categories, pitch)
    bottom = _FOOT + _LINE * max(map(len, names))
    height = pen.height - _HEADER - bottom
    share = min(_GROUP_SHARE / len(chart.series), _WIDEST_BAR / pitch)
    labelled = chart.show_labels and _labels_fit(
        chart, pitch * (share if len(chart.series) > 1 else 1)
    )
    room = (high - low) * _LINE / height if labelled else 0.0
    x = _Scale(left, pen.width - left - _EDGE, -0.5, len(chart.categories) - 0.5)
    y = _Scale(bottom, height, low - room * (low < 0), high + room)
    _value_axis(pen, ticks, x, y)
    for bar in _each_bar(pen, share):
        if bar.value is not None:
            half = share * 0.94 / 2
            pen.bar(bar, (x(bar.place - half), x(bar.place + half)), (y(0), y(bar.value)))
        if labelled:
            top = y(bar.value or 0) + (-6.5 if (bar.value or 0) < 0 else 2)
            pen.write(bar.label, x(bar.place), top, colour=bar.label_colour)
    pen.line((x.start, x.end), (y(0), y(0)), ZERO, 0.6)
    for category, lines in enumerate(names):
        for at, line in enumerate(lines):
            pen.write(line, x(category), bottom - _LINE * (at + 1))


def _lying_bars(pen: _Pen, values: list[float]) -> None:
    chart = pen.chart
    low, high = min(0.0, *values), max(0.0, *values)
    high = 1.0 if low == high else high
    foot = _FOOT if chart.show_labels else _FOOT + _LINE
    height = pen.height - _HEADER - foot
    most = max(1, min(_MOST_LINES, int(height / len(chart.categories) / _LINE)))
    names = [_wrapped(name, _NAMES_SHARE * pen.width, most) for name in chart.categories]
    left = _EDGE + max(_text_width(line) for lines in names for line in lines) + 2 * _GAP
    before, after = _label_room(chart) if chart.show_labels else (0.0, 4 * _GAP)
    width = pen.width - left - _EDGE
    by_point = (high - low) / (width - before - after)
    x = _Scale(left, width, low - before * by_point, high + after * by_point)
    y = _Scale(foot, height, len(names) - 0.5, -0.5)
    if not chart.show_labels:
        ticks = _ticks(low, high, whole=_all_whole(values))
        for tick, label in zip(ticks, _tick_labels(ticks), strict=True):
            pen.line((x(tick), x(tick)), (y.start, y.end), RULE, 0.5)
            pen.write(label, x(tick), foot - _LINE, colour=GREY)
    share = min(_GROUP_SHARE / len(chart.series), _THICKEST_BAR * len(names) / height)
    for bar in _each_bar(pen, share):
        if bar.value is not None:
            half = share * 0.9 / 2
            pen.bar(bar, (x(0), x(bar.value)), (y(bar.place - half), y(bar.place + half)))
        if chart.show_labels:
            left_of_bar = (bar.value or 0) < 0
            end = x(bar.value or 0) + (-_GAP if left_of_bar else _GAP)
            side: _Align = "right" if left_of_bar else "left"
            pen.write(bar.label, end, y(bar.place) + _MIDDLE, side, bar.label_colour)
    pen.line((x(0), x(0)), (y.start, y.end), ZERO, 0.6)
    for category, lines in enumerate(names):
        for at, line in enumerate(lines):
            down = _MIDDLE + _LINE * ((len(lines) - 1) / 2 - at)
            pen.write(line, left - 2 * _GAP, y(category) + down, "right")


@dataclass(frozen=True)
class _Bar:
    """One bar: where it stands on the axis of categories, what it shows and how."""

    place: float
    value: float | None
    label: str
    colour: str
    label_colour: str
    gid: str


def _each_bar(pen: _Pen, share: float) -> Iterator[_Bar]:
    """Every bar of every series; ``share`` is a bar's width, as a fraction of a category's."""
    series = pen.chart.series
    for at, (one, own) in enumerate(zip(series, pen.series_colours(), strict=True)):
        offset = (at - (len(series) - 1) / 2) * share
        for category, (value, label) in enumerate(zip(one.values, one.labels, strict=True)):
            yield _Bar(
                place=category + offset,
                value=value,
                label=label,
                colour=pen.bar_colour(one, value or 0, own),
                label_colour=GREY if value is None or one.role == "previous" else INK,
                gid=pen.gid(at, category),
            )


def _labels_fit(chart: Chart, slot: float) -> bool:
    """Whether every printed value is narrower than the place of its bar, in points."""
    return all(_text_width(label) <= slot for one in chart.series for label in one.labels)


def _label_room(chart: Chart) -> tuple[float, float]:
    """Points that labels need left of the most negative and right of the most positive bar."""
    before, after = 0.0, 0.0
    for one in chart.series:
        for value, label in zip(one.values, one.labels, strict=True):
            width = _text_width(label) + 2 * _GAP
            if (value or 0) < 0:
                before = max(before, width)
            else:
                after = max(after, width)
    return before, after


def _lines(pen: _Pen, values: list[float]) -> None:
    chart = pen.chart
    low, high = line_span(values)
    margin = 0.08 * (high - low)
    low, high = low - margin, high + margin
    ticks = _ticks(low + margin / 3, high, whole=False)
    names = [_cut(name, _NAMES_SHARE * pen.width) for name in chart.categories]
    ends = [_end_label(pen, one) for one in chart.series]
    left = _EDGE + max(
        _text_width(names[0]) / 2, *(_text_width(tick) + 2 * _GAP for tick in _tick_labels(ticks))
    )
    right = _EDGE + max(_text_width(names[-1]) / 2, *(_text_width(end) + 2 * _GAP for end in ends))
    bottom = _FOOT + _LINE
    last = len(names) - 1
    x = _Scale(left, pen.width - left - right, -0.15, last + 0.15)
    y = _Scale(bottom, pen.height - _HEADER - bottom, low, high)
    _value_axis(pen, ticks, x, y)
    if low < 0 < high:
        pen.line((x.start, x.end), (y(0), y(0)), ZERO, 0.6)
    for at, (one, colour) in enumerate(zip(chart.series, pen.series_colours(), strict=True)):
        _trace(pen, at, one, colour, x, y)
    _end_labels(pen, ends, x, y)
    for category in _readable(names, (pen.width - left - right) / max(last, 1)):
        pen.write(names[category], x(category), bottom - _LINE)


def line_span(values: list[float]) -> tuple[float, float]:
    """What the axis of a line chart must span, so that a small move looks small in every form."""
    low, high = min(values), max(values)
    missing = (_LEAST_SPAN * max(abs(low), abs(high)) or 1.0) - (high - low)
    return (low - missing / 2, high + missing / 2) if missing > 0 else (low, high)


def _trace(pen: _Pen, at: int, series: Series, colour: str, x: _Scale, y: _Scale) -> None:
    """One line, broken at its gaps, with a dot at every known value: a lone one is seen, too."""
    gapped = [float("nan") if value is None else y(value) for value in series.values]
    pen.line([x(category) for category in range(len(gapped))], gapped, colour, 1.4)
    for category, value in enumerate(series.values):
        if value is not None:
            size = 4.2 if category == len(gapped) - 1 else 2.6
            pen.dot(x(category), y(value), size, colour, pen.gid(at, category))


def _end_label(pen: _Pen, series: Series) -> str:
    """Name (if there are several lines) and last value of a line."""
    name = _cut(series.name, _NAMES_SHARE * pen.width) if len(pen.chart.series) > 1 else ""
    value = series.labels[-1] if pen.chart.show_labels else ""
    return f"{name} {value}".strip()


def _end_labels(pen: _Pen, ends: Sequence[str], x: _Scale, y: _Scale) -> None:
    """Write each line's label beside its last known value, moved apart where they would touch."""
    wanted = []
    for at, one in enumerate(pen.chart.series):
        known = [value for value in one.values if value is not None]
        if known and ends[at]:
            wanted.append((y(known[-1]), at))
    wanted.sort()
    colours = pen.series_colours()
    for place, (_, at) in zip(_spread([y for y, _ in wanted], _LINE, y.end), wanted, strict=True):
        colour = GREY if colours[at] == LAST_WEEK else palette.legible(colours[at])
        beside = x.end + 2 * _GAP - 1
        pen.write(ends[at], beside, place + _MIDDLE, "left", colour, bold=True)


def _spread(wanted: Sequence[float], distance: float, ceiling: float) -> list[float]:
    """Move ascending positions apart to at least ``distance``, below a ceiling if it can be."""
    places = list(wanted)
    for upper in range(1, len(places)):
        places[upper] = max(places[upper], places[upper - 1] + distance)
    for at in reversed(range(len(places))):
        places[at] = min(places[at], ceiling)
        ceiling = places[at] - distance
    return places


def _readable(categories: Sequence[str], pitch: float) -> list[int]:
    """Positions of the labels that fit beside each other; the last one is always among them."""
    widest = max(map(_text_width, categories)) + 2 * _GAP
    step = max(1, ceil(widest / pitch))
    return list(range(len(categories) - 1, -1, -step))[::-1]


def _value_axis(pen: _Pen, ticks: Sequence[float], x: _Scale, y: _Scale) -> None:
    for tick, label in zip(ticks, _tick_labels(ticks), strict=True):
        pen.line((x.start, x.end), (y(tick), y(tick)), RULE, 0.5)
        pen.write(label, x.start - _GAP, y(tick) + _MIDDLE, "right", GREY)


def _ticks(low: float, high: float, *, whole: bool) -> list[float]:
    """Round numbers between the ends, at least one."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - see svg

    locator = MaxNLocator(nbins=_TICKS, integer=whole, steps=[1, 2, 2.5, 5, 10])
    inside = [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]
    return inside or [low]


def _tick_labels(ticks: Sequence[float]) -> list[str]:
    """Ticks with as many decimals as their step has."""
    step = Decimal(repr(round(ticks[1] - ticks[0], 10))) if len(ticks) > 1 else Decimal(1)
    digits = max(0, -int(step.normalize().as_tuple().exponent))
    return [display(tick, digits) for tick in ticks]


def _all_whole(values: Sequence[float]) -> bool:
    return all(value == int(value) for value in values)


@cache
def _font(*, bold: bool = False) -> "FontProperties":
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415 - see svg

    return FontProperties(
        family="sans-serif",
        weight="semibold" if bold else "normal",
        size=_TEXT,
        fname=str(fonts.font_file()),
    )


def _text_width(text: str) -> float:
    """Width in points, close enough for layout: Chinese characters are square, others narrower."""
    wide = sum(unicodedata.east_asian_width(character) in "WFA" for character in text)
    return _TEXT * (wide + 0.57 * (len(text) - wide))


def _category_names(categories: Sequence[str], pitch: float) -> list[list[str]]:
    """The lines of each label under upright bars; many unbreakable ones are thinned out."""
    width = pitch - 2
    pieces = [piece for name in categories for piece in _PIECES.findall(name)]
    if len(categories) > _MOST_NAMES and max(map(_text_width, pieces)) > width:
        shown = set(_readable(categories, pitch))
        return [[name] if at in shown else [""] for at, name in enumerate(categories)]
    return [_wrapped(name, width) for name in categories]


def _cut(text: str, width: float) -> str:
    """The text, or its beginning and an ellipsis if it is wider than that many points."""
    if _text_width(text) <= width:
        return text
    kept = text
    while kept and _text_width(f"{kept}…") > width:
        kept = kept[:-1]
    return f"{kept}…"


def _wrapped(text: str, width: float, most: int = _MOST_LINES) -> list[str]:
    """The text on a few lines of at most that many points, cut if it needs more."""
    lines = [""]
    for piece in _PIECES.findall(text):
        if lines[-1] and _text_width(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    if len(lines) > most:
        lines = [*lines[: most - 1], "".join(lines[most - 1 :])]
    return [_cut(line.strip(), max(width, 2 * _TEXT)) for line in lines]
