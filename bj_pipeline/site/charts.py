"""Histories drawn as small SVG charts, in the colours of the style sheet.

What belongs here: how one figure over the issues becomes a line or bars. What does not: which
figures (``views``), and the report's own charts, which matplotlib draws too slowly for the hundreds
that a site has. Every value is a mark with its words (``data-label``), which the page shows on
hover and by keyboard; an issue without a value is a gap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor, log10
from typing import Literal

from markupsafe import Markup

from bj_pipeline.issues import Issue
from bj_pipeline.report.labels import Labels

WIDTH = 260.0
HEIGHT = 132.0
"""Size of the drawing in points; the page scales it."""
_TOP, _RIGHT, _FOOT = 7.0, 6.0, 16.0
_DIGIT = 4.4
"""Width of a digit of the axis labels."""
_DATES = 4
_TICKS = 5.5
_WIDEST_BAR = 9.0


@dataclass(frozen=True, slots=True)
class Point:
    """One value: where it lies in the printed unit, and how it is printed with that unit."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure over the issues.

    Attributes:
        title: What it says.
        alt: The same for those who do not see it.
        kind: A line, or bars coloured by sign.
        unit: Of the axis, as printed.
        points: One an issue of the calendar; None is a gap.
        source: Table that the figures come from.
        note: What a reader must know about it, or nothing.
        bounds: Ends of the axis; None to fit the values.
    """

    title: str
    alt: str
    kind: Literal["line", "bars"]
    unit: str
    points: tuple[Point | None, ...]
    source: str
    note: str = ""
    bounds: tuple[float, float] | None = None

    @property
    def known(self) -> list[float]:
        """The values that are there."""
        return [point.value for point in self.points if point]


def draw(trend: Trend, calendar: Sequence[Issue], labels: Labels) -> Markup:
    """The drawing, without title and source; the same trend gives the same text.

    Args:
        trend: What to show.
        calendar: The issues of the axis, as many as the trend has points.
        labels: The words that frame it.
    """
    frame = _frame(trend)
    draw_marks = _bars if trend.kind == "bars" else _line
    marks = draw_marks(
        trend, [_spoken(labels, *one) for one in zip(calendar, trend.points, strict=True)], frame
    )
    parts = [*_value_axis(frame), *_dates(calendar, frame), *marks]
    if not trend.known:
        parts.append(_text(WIDTH / 2, HEIGHT / 2, labels["no_data"], "middle"))
    return Markup('<svg viewBox="0 0 {} {}" aria-hidden="true">{}</svg>').format(
        _short(WIDTH), _short(HEIGHT), Markup("").join(parts)
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values and issues lie on the drawing."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    left: float
    pitch: float

    def x(self, at: int) -> float:
        return self.left + (at + 0.5) * self.pitch

    def y(self, value: float) -> float:
        return _TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - _TOP - _FOOT)


def _frame(trend: Trend) -> _Frame:
    low, high = trend.bounds or _fitted(trend)
    step = _step(high - low)
    if all(value.is_integer() for value in trend.known):
        step = max(step, 1.0)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    ticks = tuple(at * step for at in range(first, last + 1))
    decimals = max(0, -floor(log10(step) + 1e-9))
    labels = tuple(f"{tick + 0.0:.{decimals}f}" for tick in ticks)
    left = 4 + _DIGIT * max((len(label) for label in labels), default=0)
    return _Frame(low, high, ticks, labels, left, (WIDTH - left - _RIGHT) / len(trend.points))


def _fitted(trend: Trend) -> tuple[float, float]:
    """Ends of the axis that leave room around the values; bars stand on zero."""
    values = [*trend.known, *([0.0] if trend.kind == "bars" else [])] or [0.0]
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or abs(high) * 0.1 or 1.0
    return low - room * (trend.kind == "line" or low < 0), high + room


def _step(span: float) -> float:
    """The round distance (1, 2 or 5 times a power of ten) that gives three to five ticks."""
    rough = span / _TICKS
    power = 10.0 ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))


def _value_axis(frame: _Frame) -> Iterator[Markup]:
    for tick, label in zip(frame.ticks, frame.labels, strict=True):
        y = _short(frame.y(tick))
        style = "zero" if tick == 0 else "grid"
        yield Markup('<path class="{}" d="M{} {}H{}"/>').format(
            style, _short(frame.left), y, _short(WIDTH - _RIGHT)
        )
        yield _text(frame.left - 3, frame.y(tick) + 2.6, label, "end")


def _dates(calendar: Sequence[Issue], frame: _Frame) -> Iterator[Markup]:
    """Close dates of a few issues, the first and the last among them."""
    last = len(calendar) - 1
    count = min(_DATES, len(calendar))
    for tick in range(count):
        at = round(tick * last / max(count - 1, 1))
        anchor = "middle"
        if len(calendar) > _DATES:
            anchor = "start" if tick == 0 else "end" if tick == count - 1 else "middle"
        x = frame.x(at) + frame.pitch / 2 * {"start": -1, "middle": 0, "end": 1}[anchor]
        yield _text(x, HEIGHT - 4, calendar[at].close_date.isoformat(), anchor)


def _line(trend: Trend, spoken: Sequence[str], frame: _Frame) -> Iterator[Markup]:
    known = [(at, point) for at, point in enumerate(trend.points) if point]
    # Neighbours have the same distance between their place in the calendar and their rank.
    runs = groupby(enumerate(known), key=lambda pair: pair[1][0] - pair[0])
    path = "".join(
        "M" + "L".join(f"{_short(frame.x(at))} {_short(frame.y(p.value))}" for _, (at, p) in run)
        for _, run in runs
    )
    yield Markup('<path class="line" d="{}"/>').format(path)
    for at, point in known:
        yield Markup('<circle cx="{}" cy="{}" r="{}" data-label="{}"/>').format(
            _short(frame.x(at)),
            _short(frame.y(point.value)),
            "2.4" if at == known[-1][0] else "1.2",
            spoken[at],
        )


def _bars(trend: Trend, spoken: Sequence[str], frame: _Frame) -> Iterator[Markup]:
    width = min(frame.pitch * 0.74, _WIDEST_BAR)
    for at, point in enumerate(trend.points):
        if point is None:
            continue
        y, zero = frame.y(point.value), frame.y(0)
        yield Markup(
            '<rect class="{}" x="{}" y="{}" width="{}" height="{}" data-label="{}"/>'
        ).format(
            "rise" if point.value > 0 else "fall" if point.value < 0 else "level",
            _short(frame.x(at) - width / 2),
            _short(min(y, zero)),
            _short(width),
            _short(max(abs(zero - y), 0.6)),
            spoken[at],
        )


def _spoken(labels: Labels, issue: Issue, point: Point | None) -> str:
    """A value in words; nothing for a gap."""
    if point is None:
        return ""
    return labels.fill("site.at_issue", issue=issue.number, date=issue.close_date, value=point.text)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
        _short(x), _short(y), anchor, text
    )


def _short(value: float) -> str:
    """A coordinate to a tenth of a point."""
    return f"{round(value, 1) + 0.0:g}"
