"""The house's logo: read, judged, and handed to each form in the way that it can take.

What belongs here: which files are a logo (:func:`load_logo`), and its bytes. What does not: where a
form puts it. An SVG is kept only if it is a drawing and nothing else, because it goes into a web
page and into PDF files that others will open: no script, no style sheet, no text that needs a font,
nothing from outside. Where it says ``currentColor`` it is drawn in the house's accent.
"""

import base64
import re
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree as ET

from bj_pipeline import given
from bj_pipeline.errors import DataError
from bj_pipeline.report.document import Logo
from bj_pipeline.report.reading import read_text
from bj_pipeline.report.typesetting import typeset

MOST_BYTES = 200_000
_MOST_PIXELS = 4_000
_MOST_STRETCHED = 8
_NAME = re.compile(r"[\w-]{1,80}\.(svg|png)")
_SVG = "http://www.w3.org/2000/svg"
# fmt: off
_SHAPES = frozenset({"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"})
_PARTS = frozenset({
    "svg", "g", "defs", "title", "desc", "use", "clipPath", "linearGradient", "radialGradient",
    "stop",
})
# fmt: on
_LOCAL = re.compile(r"#[\w.-]+")
_REFERENCE = re.compile(r"url\(\s*['\"]?([^)'\"]*)", re.IGNORECASE)
_LENGTH = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(?:px|pt|mm)?\s*")
_PNG = b"\x89PNG\r\n\x1a\n"


def load_logo(folder: Path, name: str, accent: str) -> Logo:
    """The logo of that name beside the house file.

    Args:
        folder: Where the house file lies.
        name: The logo's file name.
        accent: Colour ``#RRGGBB`` of what is drawn in ``currentColor``.

    Raises:
        DataError: It is missing, too large, broken, or more than a drawing.
    """
    path = folder / name
    if not _NAME.fullmatch(name):
        rule = "the logo is an .svg or .png file beside house.yaml, named by letters, digits, - _"
        raise DataError("house.yaml", rule, "Put it there, and write its name only.", found=name)
    if path.is_symlink() or not path.is_file():
        rule = "the logo lies beside house.yaml and is a file of its own"
        raise DataError("house.yaml", rule, "Put it there or correct its name.", found=name)
    size = path.stat().st_size
    if size > MOST_BYTES:
        rule = f"a logo has at most {MOST_BYTES // 1000} kB"
        _refuse(name, rule, "Save it simpler or smaller.", f"{size / 1000:.0f} kB")
    logo = _png(path, name) if name.endswith(".png") else _svg(path, name, accent)
    if not 1 / _MOST_STRETCHED <= logo.width / logo.height <= _MOST_STRETCHED:
        rule = f"a logo is at most {_MOST_STRETCHED} times as wide as high, or as high as wide"
        _refuse(name, rule, "Crop it.", f"{logo.width:g} by {logo.height:g}")
    try:
        pixels(logo, 12)
    except RuntimeError as error:
        _refuse(name, "the logo can be drawn", "Export it again.", str(error).splitlines()[0])
    return logo


def content(logo: Logo) -> bytes:
    """The file as it goes into a form."""
    return logo.content.encode() if logo.kind == "svg" else base64.b64decode(logo.content)


def address(logo: Logo) -> str:
    """The file as an address that holds it, for a page without a second file."""
    kind = {"svg": "image/svg+xml", "png": "image/png"}[logo.kind]
    return f"data:{kind};base64,{base64.b64encode(content(logo)).decode()}"


def for_template(logo: Logo) -> dict[str, Any]:
    """The logo as a Typst template takes it: text, or a list of bytes."""
    data = logo.content if logo.kind == "svg" else list(content(logo))
    return {"kind": logo.kind, "content": data}


@lru_cache(maxsize=8)
def pixels(logo: Logo, height: float, dpi: int = 300) -> bytes:
    """The logo as PNG on nothing, for programs that do not show SVG; drawn once a process.

    Args:
        logo: What to draw.
        height: In points.
        dpi: Pixels per inch.
    """
    return typeset("logo_picture.typ", for_template(logo) | {"height": height}, "png", dpi)


def _refuse(name: str, rule: str, remedy: str, found: str | None = None) -> NoReturn:
    raise DataError(name, rule, remedy, found=found)


def _png(path: Path, name: str) -> Logo:
    try:
        data = given.content(path)
    except OSError as error:
        _refuse(name, "the file can be read", "Save it as PNG again.", error.strerror)
    if not data.startswith(_PNG) or data[12:16] != b"IHDR":
        _refuse(name, "a .png file is a PNG picture", "Save it as PNG again.")
    width, height = struct.unpack(">II", data[16:24])
    if not 0 < width <= _MOST_PIXELS or not 0 < height <= _MOST_PIXELS:
        rule = f"a logo has at most {_MOST_PIXELS} pixels a side"
        _refuse(name, rule, "Save it smaller.", f"{width} by {height}")
    return Logo(kind="png", content=base64.b64encode(data).decode(), width=width, height=height)


def _svg(path: Path, name: str, accent: str) -> Logo:
    text = read_text(path, name)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        _refuse(name, "an SVG logo declares no entities", "Remove the line <!DOCTYPE …>.")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without entities nothing in it can grow
    except ET.ParseError as error:
        _refuse(name, "a .svg file is an SVG drawing", "Export it again.", str(error))
    if root.tag != f"{{{_SVG}}}svg":
        _refuse(name, "a .svg file is an SVG drawing", "Export it again.", root.tag)
    for element in root.iter():
        _require_drawing(name, element)
    if not any(_local(str(element.tag)) in _SHAPES for element in root.iter()):
        _refuse(name, "an SVG logo draws something", "Export it with its shapes.")
    width, height = _size(name, root)
    root.set("color", accent)
    ET.register_namespace("", _SVG)
    return Logo(
        kind="svg", content=ET.tostring(root, encoding="unicode"), width=width, height=height
    )


def _require_drawing(name: str, element: ET.Element) -> None:
    """Refuse whatever could run, load something, or look different elsewhere."""
    tag = _local(str(element.tag))
    if tag not in _SHAPES | _PARTS:
        rule = "an SVG logo is made of shapes: no script, no style sheet, no text, no picture"
        _refuse(name, rule, "Turn text into paths and export as plain SVG.", f"<{tag}>")
    for key, value in element.attrib.items():
        attribute = _local(key)
        if attribute.startswith("on"):
            _refuse(name, "an SVG logo runs nothing", "Remove the attribute.", attribute)
        targets = [value] if attribute == "href" else _REFERENCE.findall(value)
        for target in targets:
            if not _LOCAL.fullmatch(target.strip()):
                rule = "an SVG logo refers to nothing outside itself"
                _refuse(name, rule, "Put the shape itself into the file.", target or value)
        if "\\" in value or "@import" in value.lower():
            _refuse(name, "an SVG logo is made of plain shapes", "Export it as plain SVG.", value)


def _size(name: str, root: ET.Element) -> tuple[float, float]:
    box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
    has_box = len(box) == 4  # noqa: PLR2004 - left, top, width, height
    sides = box[2:] if has_box else [root.get("width", ""), root.get("height", "")]
    found = [match and float(match[1]) for match in map(_LENGTH.fullmatch, sides)]
    if not all(found):
        rule = "an SVG logo says how large it is, by viewBox or by width and height"
        _refuse(name, rule, 'Export it with a viewBox such as "0 0 120 40".', " ".join(sides))
    return float(found[0] or 0), float(found[1] or 0)


def _local(name: str) -> str:
    return name.rpartition("}")[2]
