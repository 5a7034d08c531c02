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


def pixels(pictures: Sequence[bytes], dpi: int = 220) -> list[bytes]:
    """SVGs of :func:`svg` as PNG on white, all drawn in one go; each tells its SVG."""
    pngs = rasters("pictures.typ", [layers(picture) for picture in pictures], dpi)
    return [_telling(png, fingerprint(svg)) for png, svg in zip(pngs, pictures, strict=True)]


def fingerprint(picture: bytes) -> str:
    """What tells a chart's SVG from every other one."""
    return hashlib.sha256(picture).hexdigest()


def drawn_from(png: bytes) -> str:
    """The fingerprint of the SVG from which :func:`pixels` drew a PNG; empty if it tells none."""
    _, is_told, rest = png[:_PNG_BEGINS].partition(_DRAWN_FROM)
    return rest[: hashlib.sha256().digest_size * 2].decode("ascii", "replace") if is_told else ""


def _telling(png: bytes, text: str) -> bytes:
    """The PNG with a text chunk behind its header."""
    chunk = _DRAWN_FROM + text.encode()
    length, check = (len(chunk) - 4).to_bytes(4), zlib.crc32(chunk).to_bytes(4)
    return png[:_PNG_HEADER] + length + chunk + check + png[_PNG_HEADER:]


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
