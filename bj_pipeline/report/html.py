"""The report as one self-contained web page.

What belongs here: the page's parts that are not markup: its charts made fit for a page, its table
of origins, its policy and its font. What does not: markup (``templates/report.html.j2``), looks
(``report.css``), behaviour (``report.js``), and how a chart is drawn (:mod:`.charts`).

The page needs nothing from outside and asks for nothing: font, style, script and charts are inside,
and its content security policy forbids the rest. Text is escaped by Jinja; charts are rebuilt from
the elements that a drawing needs, so that nothing else can come in with them.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bj_pipeline.report import fonts, logo
from bj_pipeline.report.document import (
    Chart,
    Document,
    Fact,
    FactRef,
    Figure,
    Section,
    Series,
)
from bj_pipeline.report.facts import ARROWS
from bj_pipeline.report.labels import Labels

SVG = "http://www.w3.org/2000/svg"
# fmt: off
_DRAWING = frozenset({
    "svg", "g", "defs", "clipPath", "path", "rect", "circle", "ellipse", "line", "polyline",
    "polygon", "text", "tspan", "use",
})
_GEOMETRY = frozenset({
    "clip-path", "clip-rule", "cx", "cy", "d", "fill-rule", "height", "points", "r", "rx", "ry",
    "style", "transform", "viewBox", "width", "x", "x1", "x2", "y", "y1", "y2",
})
# fmt: on
_HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
_UNFIT_FOR_ID = re.compile(r"[^\w-]+")
_LOCAL = re.compile(r"url\(#([^)]+)\)")
_PAINT = re.compile(r"\b(fill|stroke): *(#[0-9a-fA-F]{6})\b")


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart inside the page.

    Attributes:
        markup: The drawing.
        width: Its natural width in points, by which the page keeps its text legible.
    """

    markup: Markup
    width: float


class Part(NamedTuple):
    """A section of level 1 and the sections of level 2 under it."""

    section: Section
    children: list[Section]


def render(document: Document, pictures: Mapping[str, bytes]) -> bytes:
    """The web page; the same document and pictures give the same bytes.

    Args:
        document: The issue.
        pictures: SVG by figure id, drawn by :mod:`bj_pipeline.report.charts`.

    Returns:
        An HTML file in UTF-8.
    """
    css = spoken_style(document.labels) + _asset("report.css")
    script = _asset("report.js")
    page = _environment().get_template("report.html.j2")
    return page.render(
        document=document,
        outline=outline(document),
        exhibits=list(document.exhibits()),
        origins=list(shown_facts(document)),
        pictures={figure.id: picture(pictures[figure.id], figure) for figure in document.figures()},
        css=Markup(css),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=_policy_hash(script),
        labels=document.labels,
        script_labels=script_labels(document.labels),
        logo=logo.address(document.house.logo) if document.house.logo else "",
        font=base64.b64encode(fonts.subset_woff(_characters(document))).decode(),
        font_families=Markup(", ").join(Markup('"{}"').format(name) for name in fonts.FALLBACKS),
        font_family=fonts.FAMILY,
    ).encode()


def script_labels(labels: Labels) -> dict[str, str]:
    """Labels that ``report.js`` writes."""
    return {key: labels[key] for key in ("filter", "rows", "rows_shown", "tip_keys")}


def spoken_style(labels: Labels) -> str:
    """What the style sheet says in words: of arrows for those who hear them, and on paper."""
    words = "".join(f"--{name}: {_css_string(labels[name])}; " for name in ("rise", "fall"))
    mark = _css_string(labels["sample_mark"])
    look = f'font: 8pt "{fonts.FAMILY}", sans-serif; color: #5c4300;'
    return f":root {{ {words}}}\n@page sample {{ @top-center {{ content: {mark}; {look} }} }}\n"


def _css_string(text: str) -> str:
    """A text as a string of a style sheet, whatever it holds."""
    plain = (one if one.isalnum() or one == " " else f"\\{ord(one):X} " for one in text)
    return f'"{"".join(plain)}"'


def outline(document: Document) -> list[Part]:
    """The sections as a tree; what comes before the first part is a part of its own."""
    parts: list[Part] = []
    for section in document.sections:
        if section.level == 1 or not parts:
            parts.append(Part(section, []))
        else:
            parts[-1].children.append(section)
    return parts


def shown_facts(document: Document) -> Iterator[Fact]:
    """The facts that the page shows, each once: those of text and tables, then those of charts."""
    in_lines = (
        part.fact for _, line, _ in document.lines() for part in line if isinstance(part, FactRef)
    )
    in_charts = (
        fact
        for figure in document.figures()
        for series in figure.chart.series
        for fact in series.facts
        if fact
    )
    return (document.facts[name] for name in dict.fromkeys((*in_lines, *in_charts)))


def unrounded(fact: Fact) -> str:
    """The value as stored, with all its digits, grouped by thousands; empty for dates and words."""
    if fact.value is None:
        return ""
    digits = f"{Decimal(repr(fact.value)):,f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def picture(svg: bytes, figure: Figure) -> Picture:
    """A chart's SVG as part of the page.

    Elements that draw are kept and all others dropped. Names are prefixed by the figure, because a
    page has one space of names for all its charts. Colours become properties that the style sheet
    can turn for a dark page. Each value's mark carries its words and its fact.
    """
    # The text comes from our own charts.
    root = ET.fromstring(svg)  # noqa: S314
    marks = {mark.element: mark for mark in _marks(figure)}
    targets = {name for element in root.iter() for name in _references(element)}
    prefix = anchor(figure.id, "chart")
    drawing = _drawing(root, prefix, targets, marks)
    if drawing is None:
        raise ValueError(f"The picture of {figure.id} is no SVG drawing.")
    width = float(root.get("viewBox", "0 0 480 0").split()[2])
    # Widths come from the page; the drawing keeps its proportions.
    drawing.attrib.pop("width", None)
    drawing.attrib.pop("height", None)
    drawing.set("aria-hidden", "true")
    markup = ET.tostring(drawing, encoding="unicode")
    return Picture(Markup(markup), width)  # noqa: S704 - rebuilt above


class Mark(NamedTuple):
    """What a bar or a point of a chart says.

    Attributes:
        element: Its name in the drawing.
        label: Its value in words.
        fact: Its fact, or nothing.
    """

    element: str
    label: str
    fact: str


def _marks(figure: Figure) -> Iterator[Mark]:
    chart = figure.chart
    for series_at, series in enumerate(chart.series):
        for at, category in enumerate(chart.categories):
            if series.values[at] is not None:
                yield Mark(
                    f"{figure.id}/{series_at}/{at}",
                    _spoken(chart, series, category, series.labels[at]),
                    series.facts[at] if series.facts else "",
                )


def _spoken(chart: Chart, series: Series, category: str, label: str) -> str:
    place = category if len(chart.series) == 1 else f"{category}，{series.name}"
    return f"{place}：{label}{chart.unit}"


def _drawing(
    element: ET.Element, prefix: str, targets: set[str], marks: Mapping[str, Mark]
) -> ET.Element | None:
    """The element rebuilt from what a drawing needs, or None if it draws nothing."""
    name = _local(element.tag)
    if name not in _DRAWING:
        return None
    attributes = {
        key: _renamed(value, prefix) for key, value in element.attrib.items() if key in _GEOMETRY
    }
    for reference in _references(element) if name == "use" else ():
        attributes["href"] = f"#{prefix}-{reference}"
    own = element.get("id", "")
    if own in targets:
        attributes["id"] = f"{prefix}-{own}"
    if own in marks:
        attributes["data-label"] = marks[own].label
        attributes["data-origin-of"] = marks[own].fact
    result = ET.Element(name, attributes)
    result.text, result.tail = element.text, element.tail
    children = (_drawing(child, prefix, targets, marks) for child in element)
    result.extend(child for child in children if child is not None)
    return result


def _local(tag: str) -> str:
    return tag.removeprefix(f"{{{SVG}}}")


def _references(element: ET.Element) -> Iterator[str]:
    """Names of elements of the same drawing that this one uses."""
    for key, value in element.attrib.items():
        if key in _HREFS and value.startswith("#"):
            yield value[1:]
        yield from _LOCAL.findall(value)


def _renamed(value: str, prefix: str) -> str:
    local = _LOCAL.sub(lambda match: f"url(#{prefix}-{match[1]})", value)
    return _PAINT.sub(r"--\1: \2", local)


def anchor(name: str, kind: str) -> str:
    """An id of the page: sections, exhibits, captions and charts may share a name."""
    return f"{kind}-{_UNFIT_FOR_ID.sub('-', name)}"


def _is_public_address(url: str) -> bool:
    return urlsplit(url).scheme in {"http", "https"}


def _is_pointing(text: str) -> bool:
    """Whether the text says by itself which way it went, so that its colour needs no arrow."""
    return not set(text).isdisjoint(ARROWS.values())


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=PackageLoader("bj_pipeline.report"),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"anchor": anchor, "unrounded": unrounded}
    environment.tests |= {"public_address": _is_public_address, "pointing": _is_pointing}
    return environment


@cache
def _asset(name: str) -> str:
    return files("bj_pipeline.report").joinpath("templates", name).read_text(encoding="utf-8")


def _policy_hash(script: str) -> str:
    """By this hash, the page's own script is the only one that a browser runs."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _characters(document: Document) -> str:
    """Every character that the page may show: the document's and the page's own words."""
    own = "".join(_asset(name) for name in ("report.html.j2", "report.css", "report.js"))
    return document.model_dump_json() + own
