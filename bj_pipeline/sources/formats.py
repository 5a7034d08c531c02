"""Cells whose stored number is not what a reader of the workbook sees.

What belongs here: number formats that scale a figure or write a unit behind it, and formulas that
found nothing. What does not: what a cell means, and whether anybody needs it.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape, unescape

PREFIX = rb"""(?:[^\s<>/="']+:)?"""
"""Of an element's name in markup, as some programs write it before each."""

NOT_AVAILABLE = "#N/A"
NO_RESULT = "#N/A as the result of a formula"
"""Stands for a formula that found nothing: a blank would hide that a figure was not fetched."""

# Each of these stands for itself in a number format: "万", \., !., _), *- and [Red].
_LITERAL = re.compile(r'"([^"]*)"|[\\!](.)|_.|\*.|\[[^\]]*\]')
_SHIFTED_POINT = re.compile(r'[0#?](?:"\."|[\\!]\.)[0#?]')
_SCALED = re.compile(r"[0#?],+(?![0#?,])|%")
_WITH_UNIT = re.compile(r"[十百千万亿]")

_STYLE = re.compile(rb"""\ss\s*=\s*["'](\d+)["']""")
KIND = re.compile(rb"""\st\s*=\s*["'](\w+)["']""")
FORMULA = re.compile(rb"<" + PREFIX + rb"f[\s/>]")
_VALUE = re.compile(rb"(<" + PREFIX + rb"v(?:\s[^>]*)?>)([^<]*)<")
_CELL = re.compile(
    rb"<" + PREFIX + rb"c(?=\s)([^<>]*[^<>/])>((?:(?!</" + PREFIX + rb"c\s*>).)*)", re.DOTALL
)
_CELL_FORMAT = re.compile(rb"<" + PREFIX + rb"xf\s([^<>]*)>")
_FORMAT_OF_CELL = re.compile(rb"""numFmtId\s*=\s*["'](\d+)["']""")
_FORMAT = re.compile(rb"<" + PREFIX + rb"numFmt\s([^<>]*)>")
_FORMAT_CODE = re.compile(rb"""formatCode\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_LONGEST = 255
"""Characters of a number format, as Excel allows."""
_BUILT_IN = {9: "0%", 10: "0.00%"}


def shown(value: str, code: str) -> str | None:
    """What is to be read in place of a number; None where the number itself is shown.

    ``12345`` in the format ``0!.0000`` is seen as 1.2345, and in ``0"万"`` as 12345万.

    Args:
        value: The number as stored.
        code: The number format.
    """
    is_scaled, unit = _looked_at(code)
    if is_scaled:
        return f"{value}, which the number format {code} shows as another figure"
    return f"{value}{unit}" if unit else None


@lru_cache(maxsize=1024)
def _looked_at(code: str) -> tuple[bool, str]:
    """Whether a number format shows another figure, and the unit that it writes behind."""
    bare = _LITERAL.sub("", code)
    is_scaled = bool(_SHIFTED_POINT.search(code) or _SCALED.search(bare))
    positive = code.split(";", 1)[0]
    unit = "".join(quoted or single for quoted, single in _LITERAL.findall(positive))
    unit += "".join(_WITH_UNIT.findall(_LITERAL.sub("", positive)))
    return is_scaled, unit.strip() if _WITH_UNIT.search(unit) else ""


def misleading(styles: bytes) -> Mapping[int, str]:
    """Style number → format, for the styles of an .xlsx workbook that do not show the number.

    Args:
        styles: The part ``xl/styles.xml``.
    """
    codes = dict(_BUILT_IN)
    for attributes in _FORMAT.findall(styles):
        number, written = _FORMAT_OF_CELL.search(attributes), _FORMAT_CODE.search(attributes)
        if number and written:
            text = (written[1] or written[2] or b"").decode(errors="replace")
            codes[int(number[1])] = unescape(text)[:_LONGEST]
    _, _, behind = styles.partition(b"cellXfs")
    cells, _, _ = behind.partition(b"cellXfs")
    found: dict[int, str] = {}
    for style, attributes in enumerate(_CELL_FORMAT.findall(cells)):
        number = _FORMAT_OF_CELL.search(attributes)
        code = codes.get(int(number[1])) if number else None
        if code is not None and shown("1", code) is not None:
            found[style] = code
    return found


def told(sheet: bytes, styles: Mapping[int, str]) -> bytes:
    """A sheet's markup in which such cells hold text that says what is wrong with them.

    Whoever needs such a cell as a number refuses it by file, line and column.

    Args:
        sheet: The markup.
        styles: As :func:`misleading` found them.
    """
    if not styles and not (NOT_AVAILABLE.encode() in sheet and FORMULA.search(sheet)):
        return sheet

    def tell(cell: re.Match[bytes]) -> bytes:
        text = _instead(cell[1], cell[2], styles)
        if text is None:
            return cell[0]
        attributes = KIND.sub(b"", cell[1])
        inside = _VALUE.sub(lambda value: value[1] + escape(text).encode() + b"<", cell[2], 1)
        begin = cell[0][: cell.start(1) - cell.start()]
        return begin + attributes + b' t="str">' + inside

    return _CELL.sub(tell, sheet)


def _instead(attributes: bytes, inside: bytes, styles: Mapping[int, str]) -> str | None:
    """The text that a cell is to hold instead of its value, if any."""
    value = _VALUE.search(inside)
    if value is None:
        return None
    stored = value[2].strip().decode(errors="replace")
    kind = KIND.search(attributes)
    if kind is not None and kind[1] == b"e":
        return NO_RESULT if stored == NOT_AVAILABLE and FORMULA.search(inside) else None
    style = _STYLE.search(attributes)
    code = styles.get(int(style[1])) if style and (kind is None or kind[1] == b"n") else None
    return None if code is None or not stored else shown(stored, code)
