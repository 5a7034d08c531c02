"""The report's one font: Noto Sans SC with variable weight (OFL), from a package on every machine.

What belongs here: where the font is, which characters it lacks, and the part of it that a web page
carries. What does not: sizes and weights, which belong to the templates and the chart style.
"""

import io
import unicodedata
from functools import cache, lru_cache, partial
from importlib.resources import files
from pathlib import Path

import brotli  # type: ignore[import-untyped]

from bj_pipeline.errors import DataError

FAMILY = "Noto Sans SC"
FALLBACKS = (FAMILY, "PingFang SC", "Microsoft YaHei", "Source Han Sans SC")
"""Families for browsers, most wanted first; ``sans-serif`` follows."""

_NO_GLYPH = "〓"
_PACKAGE = "justmytype_intl_cjk"
_FILE = ("fonts", "ofl", "notosanssc", "NotoSansSC[wght].ttf")
# Vertical setting, kerning and style names: a web page with one horizontal font uses none of them.
_UNUSED_TABLES = ("BASE", "GDEF", "GPOS", "GSUB", "MVAR", "STAT", "VORG", "VVAR", "vhea", "vmtx")


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
def _covered() -> frozenset[int]:
    """Code points that have a glyph."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - slow to import

    with TTFont(font_file(), lazy=True) as font:
        return frozenset(font.getBestCmap())


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


def subset_woff2(text: str) -> bytes:
    """The font with the glyphs of the text only, all weights kept, for embedding in a web page.

    The same characters give the same bytes, whatever was asked for before. An issue's 800
    characters take 160 kB, and half a second the first time in a process; later ones are cut from
    the font of the earlier ones as far as it has their characters.
    """
    return _subset_woff2(frozenset(text))


@lru_cache(maxsize=2)
def _subset_woff2(characters: frozenset[str]) -> bytes:
    from fontTools.ttLib import woff2  # noqa: PLC0415 - slow to import

    woff2.brotli = _Brotli
    return _cut(io.BytesIO(_LARGER.holding(characters)), characters, "woff2")


class _Brotli:
    """Compresses as fontTools asks, but not as hard: a fifteenth of the time, 8 % larger."""

    MODE_FONT, MODE_TEXT = brotli.MODE_FONT, brotli.MODE_TEXT
    compress = staticmethod(partial(brotli.compress, quality=9))
    decompress = staticmethod(brotli.decompress)


class _Larger:
    """The font with every character that was asked for so far, uncompressed.

    The whole font takes a third of a second to cut; this one takes a tenth of that, and gives the
    same glyphs.
    """

    def __init__(self) -> None:
        self._characters: frozenset[str] = frozenset()
        self._font = b""

    def holding(self, characters: frozenset[str]) -> bytes:
        """The font, cut anew from the whole one if it lacks some of the characters."""
        if not self._font:
            self._cut_to(characters)
        elif not characters <= self._characters:
            # Who asks twice will ask again: with the common characters this is the last time.
            self._cut_to(characters | self._characters | _common_characters())
        return self._font

    def _cut_to(self, characters: frozenset[str]) -> None:
        self._font = _cut(font_file(), characters, None)
        self._characters = characters


def _common_characters() -> frozenset[str]:
    """The 3,755 characters of level 1 of GB 2312, which nearly every text gets by with."""
    places = ((row, column) for row in range(0xB0, 0xD8) for column in range(0xA1, 0xFF))
    return frozenset("".join(bytes(place).decode("gb2312", "ignore") for place in places))


_LARGER = _Larger()


def _cut(font: Path | io.BytesIO, characters: frozenset[str], flavor: str | None) -> bytes:
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415 - slow to import
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    options = Options()
    options.layout_features = []
    options.hinting = False
    options.notdef_outline = True
    options.name_IDs = [1, 2, 13, 14]  # family, style, and the licence with its address
    options.drop_tables += _UNUSED_TABLES
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(sorted(characters)))
    with TTFont(font, lazy=True, recalcTimestamp=False) as opened:
        subsetter.subset(opened)
        opened.flavor = flavor
        target = io.BytesIO()
        opened.save(target)
    return target.getvalue()
