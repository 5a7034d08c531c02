"""Charts as pixels, for forms that take no SVG, and the mark that tells from which SVG they came.

What belongs here: parting an SVG of :mod:`.charts` into what Typst draws and the texts that it
sets, and PNGs in print resolution. What does not: the drawing itself.
"""

import hashlib
import re
import zlib
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import unescape

from bj_pipeline.report.typesetting import rasters

_SVG_TEXT = re.compile(r"<text ([^>]*)>([^<]*)</text>\n?")
_SVG_ATTRIBUTE = re.compile(r'([a-z]+)="([^"]*)"')
_DRAWN_FROM = b"tEXtDrawn from\0"
_PNG_HEADER = 33  # bytes of its signature and first chunk
_PNG_BEGINS = 256
_DIGITS = hashlib.sha256().digest_size * 2
OTHER_PIXELS = "other pixels"
"""Of a picture that was put under the mark of another one, or damaged."""


def pixels(pictures: Sequence[bytes], dpi: int = 220) -> list[bytes]:
    """SVGs of :func:`svg` as PNG on white, all drawn in one go; each tells its SVG."""
    pngs = rasters("pictures.typ", [layers(picture) for picture in pictures], dpi)
    return [_telling(png, fingerprint(svg)) for png, svg in zip(pngs, pictures, strict=True)]


def fingerprint(picture: bytes) -> str:
    """What tells a chart's SVG from every other one."""
    return hashlib.sha256(picture).hexdigest()


def drawn_from(png: bytes) -> str:
    """What a PNG tells of the SVG from which :func:`pixels` drew it.

    Returns:
        The SVG's fingerprint; empty if it tells none, :data:`OTHER_PIXELS` if it does not hold what
        was drawn.
    """
    _, is_told, rest = png[:_PNG_BEGINS].partition(_DRAWN_FROM)
    if not is_told:
        return ""
    svg = rest[:_DIGITS].decode("ascii", "replace")
    drawn = png[:_PNG_HEADER] + png[_PNG_HEADER + len(_mark("0" * _DIGITS, b"")) :]
    return svg if _telling(drawn, svg) == png else OTHER_PIXELS


def _telling(png: bytes, svg: str) -> bytes:
    """The PNG with a mark behind its header."""
    return png[:_PNG_HEADER] + _mark(svg, png) + png[_PNG_HEADER:]


def _mark(svg: str, png: bytes) -> bytes:
    """A text chunk that tells the fingerprint of an SVG, and which PNG was drawn from it."""
    chunk = _DRAWN_FROM + svg.encode() + hashlib.sha256(png).hexdigest().encode()
    return (len(chunk) - 4).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)


def layers(picture: bytes) -> dict[str, Any]:
    """Part a chart into its drawing and its texts, for ``chart.typ``, which sets the texts itself.

    Typst draws the texts inside an SVG in a variable font's default weight, which is hair-thin.

    Args:
        picture: An SVG as :func:`svg` makes it.

    Returns:
        ``width`` and ``height`` in points, ``drawing`` (SVG without text) and ``texts``, each with
        its anchor point ``x``, ``y`` on the baseline, ``anchor``, ``size``, ``weight``, ``fill``.
    """
    drawing = picture.decode()
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing)[0]
    return {
        "width": float(width),
        "height": float(height),
        "drawing": _SVG_TEXT.sub("", drawing),
        "texts": [_text_layer(found) for found in _SVG_TEXT.finditer(drawing)],
    }


def _text_layer(found: re.Match[str]) -> dict[str, Any]:
    attributes, text = dict(_SVG_ATTRIBUTE.findall(found[1])), unescape(found[2])
    style = dict(part.split(": ", 1) for part in attributes["style"].split("; "))
    return {
        "text": text,
        "x": float(attributes["x"]),
        "y": float(attributes["y"]),
        "anchor": style.get("text-anchor", "start"),
        "size": float(style["font-size"].removesuffix("px")),
        "weight": int(style.get("font-weight", "400")),
        "fill": style.get("fill", "#000000"),
    }
