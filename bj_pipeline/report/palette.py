"""Colours: those of the house as charts, tables and words use them, and the greys beside them.

What belongs here: every colour that is not the house's own, once, and which colour says what. What
does not: the house's colours (``content/house.yaml``) and where a form puts them. The web page has
greys of its own, because it has a night (``report.css``).
"""

from collections.abc import Iterable

from bj_pipeline.report.document import Chart, House, Series

INK = "#1F2329"
GREY = "#5B6470"
RULE = "#D9DDE3"
ZERO = "#9AA1AB"
"""Axes through zero, and bars of what did not move."""
LAST_WEEK = "#B9C2CE"

READABLE_CONTRAST = 4.5
"""Least contrast of small text on its ground, by WCAG 2.2, success criterion 1.4.3."""

_DARKER = 0.94


def series_colours(chart: Chart, house: House) -> list[str]:
    """Muted for last week; the accent, then the palette over and over, for the rest in order."""
    further = house.palette or (house.accent,)
    rest = iter((house.accent, *further * (1 + len(chart.series))))
    return [LAST_WEEK if one.role == "previous" else next(rest) for one in chart.series]


def sign_colour(value: float, house: House) -> str:
    """Colour of a rise, a fall, or neither."""
    return house.up if value > 0 else house.down if value < 0 else ZERO


def bar_colour(chart: Chart, series: Series, value: float, own: str, house: House) -> str:
    """The series' own colour or, where the sign is coloured, the sign's: paler for last week."""
    if not chart.signed:
        return own
    colour = sign_colour(value, house)
    return pale(colour) if series.role == "previous" else colour


def pale(colour: str, share: float = 0.55) -> str:
    """Mix a colour ``#RRGGBB`` with that share of white."""
    return _hex(round(one + (255 - one) * share) for one in _channels(colour))


def legible(colour: str) -> str:
    """The colour, darkened as far as small letters on white need."""
    while contrast_on_white(colour) < READABLE_CONTRAST:
        colour = _hex(int(one * _DARKER) for one in _channels(colour))
    return colour


def contrast_on_white(colour: str) -> float:
    """Contrast of a colour ``#RRGGBB`` against white paper, from 1 (none) to 21 (WCAG)."""
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - the sRGB curve
        for channel in (one / 255 for one in _channels(colour))
    ]
    luminance = sum(
        part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True)
    )
    return 1.05 / (luminance + 0.05)


def _channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _hex(channels: Iterable[int]) -> str:
    return "#" + "".join(f"{one:02X}" for one in channels)
