"""How figures read on the site: as printed, with their marks, and over the issues.

What belongs here: one figure, or one figure's history with what it finds. What does not: pages
(``views``) and drawing (``charts``). Numbers are printed by the report's own styles, so that site
and report cannot round differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bj_pipeline.metrics import market
from bj_pipeline.report.document import Tone
from bj_pipeline.report.facts import (
    CHANGE,
    COUNT,
    MULTIPLE,
    MULTIPLE_MEDIAN,
    SHARE,
    YI,
    YI_TOTAL,
    Style,
)
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.rounding import LOSS, display, rounded
from bj_pipeline.site.charts import Point, Trend
from bj_pipeline.site.history import Row, Series, Weeks
from bj_pipeline.warehouse import tables

YUAN = Style("元", 2)


def printed(value: float | None, style: Style) -> str:
    """A number without unit, as the report prints it."""
    return display(value, style.digits, style.scale, signed=style.signed)


def with_unit(text: str, style: Style) -> str:
    """The unit behind a number; words (亏损, —) have none."""
    return f"{text}{style.unit}" if any(sign.isdigit() for sign in text) else text


def tone_of(change: float | None) -> Tone | None:
    """Colour of a change, judged on the figure as printed."""
    if change is None:
        return None
    way = market.direction(change)
    return "up" if way > 0 else "down" if way < 0 else "flat"


def moved(before: float | None, after: float | None, style: Style) -> Tone | None:
    """Which way a figure went; what prints the same is unchanged."""
    if before is None or after is None:
        return None
    old, new = (rounded(value, style.digits, style.scale) for value in (before, after))
    return "up" if new > old else "down" if new < old else "flat"


def pe_text(row: Row, column: str = "pe_ttm", style: Style = MULTIPLE) -> str:
    """PE as printed; a loss of unknown size is a word."""
    return LOSS if row[f"{column}_is_loss"] else printed(row[column], style)


def issue_label(labels: Labels, number: int) -> str:
    """``第 65 期``."""
    return labels.fill("edition", issue=number)


def issue_span(labels: Labels, numbers: Sequence[int]) -> str:
    """``第 1～65 期`` of ascending numbers."""
    first, last = numbers[0], numbers[-1]
    if first == last:
        return issue_label(labels, first)
    return labels.fill("site.issue_span", first=first, last=last)


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure that has a history: column, label, style, table, and a label for its chart's note.

    ``of`` is whose figure it is, where a page has the same of several.
    """

    column: str
    label: str
    style: Style
    table: str
    note: str = ""
    bars: bool = False
    bounds: tuple[float, float] | None = None
    of: str = ""

    def name(self, labels: Labels) -> str:
        """As its chart, column or tile is called."""
        return labels.fill(self.label, name=self.of)


def trend_of(series: Series, weeks: Weeks, measure: Measure) -> Trend:
    """The chart of a figure over the calendar of some issues."""
    labels, style = series.labels, measure.style
    points = tuple(_point(weeks.get(issue.number), measure) for issue in series.calendar)
    name, finding = measure.name(labels), _finding(labels, points, measure)
    first, last = series.calendar[0], series.calendar[-1]
    return Trend(
        title=f"{name}{finding}",
        alt=labels.fill(
            "site.alt",
            kind=labels["site.bars" if measure.bars else "site.line"],
            measure=name,
            span=issue_span(labels, (first.number, last.number)),
            finding=finding,
        ),
        kind="bars" if measure.bars else "line",
        unit=style.unit,
        points=points,
        source=measure.table,
        note=labels[measure.note] if measure.note else "",
        bounds=measure.bounds,
    )


def _point(row: Row | None, measure: Measure) -> Point | None:
    value = None if row is None else row.get(measure.column)
    if value is None:
        return None
    style = measure.style
    shown = rounded(value, style.digits, style.scale)
    return Point(float(shown), with_unit(printed(value, style), style))


def _finding(labels: Labels, points: Sequence[Point | None], measure: Measure) -> str:
    """The last figure, and how it stands among the others."""
    known = [point for point in points if point]
    if not known:
        return labels["site.without_values"]
    low, high = min(known, key=_height), max(known, key=_height)
    now = known[-1]
    if len(known) == 1 or low.value == high.value:
        return f" {now.text}"
    if now.value == high.value:
        return labels.fill("site.highest", value=now.text)
    if now.value == low.value:
        return labels.fill("site.lowest", value=now.text)
    bare = low.text.removesuffix(measure.style.unit)
    return labels.fill("site.between", value=now.text, low=bare, high=high.text)


def _height(point: Point) -> float:
    return point.value


MARKET = (
    Measure(market.MEDIAN_CHANGE, "median_change", CHANGE, tables.MARKET_METRICS, bars=True),
    Measure(
        market.RISING_SHARE, "site.rising_share", SHARE, tables.MARKET_METRICS, bounds=(0.0, 100.0)
    ),
)
SECTOR = (
    Measure("pe_ttm_median", "pe_ttm_median", MULTIPLE_MEDIAN, tables.SECTOR_METRICS),
    Measure("total_market_cap", "market_cap", YI_TOTAL, tables.SECTOR_METRICS),
    Measure("market_cap_median", "market_cap_median", YI_TOTAL, tables.SECTOR_METRICS),
    Measure("companies", "companies", COUNT, tables.SECTOR_METRICS),
)
COMPANY = (
    Measure("change", "site.change", CHANGE, tables.COMPANY_METRICS, bars=True),
    Measure("market_cap", "market_cap", YI, tables.COMPANY_METRICS),
    Measure("pe_ttm", "pe_ttm", MULTIPLE, tables.COMPANY_METRICS),
    Measure("close", "site.close", YUAN, tables.COMPANY_METRICS, note="site.unadjusted"),
)
CHAIN_COMPANIES = Measure("companies", "companies", COUNT, tables.AI_CHAIN_METRICS)


def chain_cap(name: str) -> Measure:
    """Total market cap of a segment of the AI chain; of the whole without a name."""
    return Measure("market_cap", "site.market_cap_of", YI_TOTAL, tables.AI_CHAIN_METRICS, of=name)
