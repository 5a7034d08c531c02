"""The report's one font: Noto Sans SC with variable weight (OFL), from a package on every machine.

What belongs here: where the font is, which characters it lacks, and the part of it that a web page
carries. What does not: sizes and weights, which belong to the templates and the chart style.
"""

import errno
import io
import os
import unicodedata
from functools import cache
from importlib.resources import files
from pathlib import Path

import uharfbuzz as hb

from bj_pipeline.errors import DataError

FAMILY = "Noto Sans SC"
FALLBACKS = (FAMILY, "PingFang SC", "Microsoft YaHei", "Source Han Sans SC")
"""Families for browsers, most wanted first; ``sans-serif`` follows."""

_NO_GLYPH = "〓"
_PACKAGE = "justmytype_intl_cjk"
_FILE = ("fonts", "ofl", "notosanssc", "NotoSansSC[wght].ttf")
# Vertical setting, kerning and style names: a web page with one horizontal font uses none of them.
_UNUSED_TABLES = ("BASE", "GDEF", "GPOS", "GSUB", "MVAR", "STAT", "VORG", "VVAR", "vhea", "vmtx")
_NAMES_KEPT = (1, 2, 13, 14)
"""Family, style, and the licence with its address."""


def font_file() -> Path:
    """The TrueType file with all weights from 100 to 900.

    Raises:
        DataError: The installed package does not hold it.
    """
    path = Path(str(files(_PACKAGE).joinpath(*_FILE)))
    if not path.is_file():
        raise DataError(
            path.name,
            f"the package {_PACKAGE} holds the report's font",
            "Reinstall the project's dependencies.",
        )
    return path


@cache
def face() -> hb.Face:
    """The font, opened: what its characters are, and how wide.

    Raises:
        OSError: It cannot be read, or there is no memory for it.
    """
    path = font_file()
    path.open("rb").close()
    try:
        return hb.Face(hb.Blob.from_file_path(path))
    except hb.HarfBuzzError as error:  # it could be opened, and found no place
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(path)) from error


@cache
def _covered() -> frozenset[int]:
    """Code points that have a glyph."""
    return frozenset(face().unicodes)


def missing_glyphs(text: str) -> tuple[str, ...]:
    """Characters of the text that the font cannot draw, in code point order.

    Blanks, line ends and invisible format characters need no glyph.
    """
    covered = _covered()
    return tuple(
        character
        for character in sorted(set(text))
        if ord(character) not in covered and not _draws_nothing(character)
    )


def _draws_nothing(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf"


def printable(text: str) -> str:
    """A vendor's text with 〓 (U+3013, the printers' mark) for what the font cannot draw.

    A curated text is refused instead: its author can change it, and nobody can change a title that
    a company published.
    """
    missing = missing_glyphs(text)
    return text.translate(dict.fromkeys(map(ord, missing), _NO_GLYPH)) if missing else text


def require_glyphs(text: str, place: str) -> None:
    """Refuse a text that would print boxes.

    Args:
        text: Everything that is going to be printed.
        place: What the text belongs to, as the user knows it.

    Raises:
        DataError: Characters without a glyph, each by name.
    """
    missing = missing_glyphs(text)
    if missing:
        raise DataError(
            place,
            f"{FAMILY} has a glyph for every character",
            "Replace these characters in the curated names or in the analyst's text.",
            found="、".join(f"{character} (U+{ord(character):04X})" for character in missing),
        )


def subset_woff(text: str) -> bytes:
    """The font with the glyphs of the text only, all weights kept, for embedding in a web page.

    The same characters give the same bytes. An issue's 600 characters take 170 kB and a thirtieth
    of a second. WOFF2 would be a sixth smaller, and take twenty times as long.
    """
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - slow to import

    wanted = hb.SubsetInput()
    wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE
    wanted.unicode_set.update(map(ord, text))
    wanted.drop_table_tag_set.update(int.from_bytes(tag.encode(), "big") for tag in _UNUSED_TABLES)
    wanted.layout_feature_tag_set.clear()
    wanted.name_id_set.clear()
    wanted.name_id_set.update(_NAMES_KEPT)
    cut = io.BytesIO(hb.subset(face(), wanted).blob.data)
    with TTFont(cut, lazy=True, recalcBBoxes=False, recalcTimestamp=False) as font:
        font.flavor = "woff"
        target = io.BytesIO()
        font.save(target)
    return target.getvalue()
