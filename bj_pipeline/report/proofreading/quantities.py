"""Numbers with their units, as they stand in Chinese running text.

What belongs here: telling a quantity (``5.16 万亿 Token``) from a date, a year or a name that holds
digits, and comparing quantities across magnitudes. What does not: judging them.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

_MAGNITUDES = {
    "万亿": 10**12,
    "千亿": 10**11,
    "百亿": 10**10,
    "十亿": 10**9,
    "亿": 10**8,
    "千万": 10**7,
    "百万": 10**6,
    "十万": 10**5,
    "万": 10**4,
    "千": 10**3,
    "百": 10**2,
}
_DIGITS = {one: at for at, one in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100}
_DECIMAL = "[零〇一二两三四五六七八九十百]+点[零〇一二三四五六七八九]+"
_IN_CHINESE = re.compile(
    rf"百分之(?P<share>{_DECIMAL})"
    rf"|(?P<number>{_DECIMAL})(?=\s*(?:[十百千]?[万亿]|倍|个?百分点|[%％]))"
)
_DATES = "年|月|日|号|周|季度|季|期|时|分"
_NOUNS = "个百分点|百分点|美元|港元|欧元|日元|人民币|元|%|％|‰|倍|家|条|只|款|项|人|次|台|套|股|天"
_QUANTITY = re.compile(
    r"(?<![A-Za-z\d.])(?<![A-Za-z]-)"
    r"(?P<number>(?:(?<![\d~—–至])[+-])?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)"
    r"(?P<space>\s*)"
    rf"(?:(?P<magnitude>{'|'.join(_MAGNITUDES)})\s*)?"
    rf"(?P<noun>{_DATES}|{_NOUNS}|[A-Za-z]+)?(?P<per>\s*/\s*[一-鿿A-Za-z])?"
)
_RANGE = re.compile(r"\s*[—–~至-]+\s*(?=\d)")
_DATE = re.compile(_DATES)
_LABEL = re.compile(r"(?:图表|[图表])\s*$")
_CODE = re.compile(r"\d{6}(?:\.[A-Z]{2}|(?=[）)]))")
_ESTIMATE = {"E", "e", "F", "A"}
_SAME = {"X": "倍", "％": "%", "百分点": "个百分点"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit.

    Attributes:
        number: As written.
        unit: Magnitude and noun without blanks: ``万亿Token``; empty if none follows.
        start: Where it begins in the text.
        end: Where its unit ends.
    """

    number: str
    unit: str
    start: int
    end: int

    @property
    def value(self) -> Decimal:
        """The number without its unit's magnitude."""
        return Decimal(self.number.replace(",", ""))

    @property
    def digits(self) -> int:
        """Decimals as written."""
        return len(self.number.partition(".")[2])

    @property
    def printed(self) -> str:
        """Number and unit."""
        return f"{self.number}{self.unit}"


def in_digits(text: str) -> str:
    """The text with its decimals in Chinese digits as figures: ``五点六一万亿`` is 5.61万亿.

    Only before a magnitude or in a share: ``三点一刻`` is a time of the day.
    """
    return _IN_CHINESE.sub(
        lambda found: (
            _figures(found["number"]) if found["number"] else f"{_figures(found['share'])}%"
        ),
        text,
    )


def _figures(number: str) -> str:
    whole, _, decimals = number.partition("点")
    total = digit = 0
    for one in whole:
        if one in _TENS:
            total, digit = total + (digit or 1) * _TENS[one], 0
        else:
            digit = 10 * digit + _DIGITS[one]
    return f"{total + digit}.{''.join(str(_DIGITS[one]) for one in decimals)}"


def whole_number(text: str) -> int:
    """A count up to ten in Chinese, or of any size in figures: ``三``, ``两``, ``十``, ``12``."""
    return int(text) if text.isdecimal() else {**_DIGITS, **_TENS}[text]


def quantities(text: str) -> list[Quantity]:
    """The quantities of a text; dates, years and names such as ``H100`` or ``5G`` are none.

    Nor are codes of companies and numbers of exhibits.
    """
    found: list[Quantity] = []
    for match in _QUANTITY.finditer(text):
        noun = match["noun"] or ""
        if _CODE.match(text, match.start()) or _LABEL.search(text, 0, match.start()):
            continue
        if _DATE.fullmatch(noun) and not match["magnitude"]:
            continue
        if not noun and not match["magnitude"] and _begins_range(text, match.end("number")):
            continue
        if noun in _ESTIMATE and not match["space"]:
            continue
        if len(noun) == 1 and noun.isascii() and noun.isalpha() and noun != "X":
            continue
        unit = "".join((match["magnitude"] or "", noun, match["per"] or ""))
        found.append(Quantity(match["number"], unit.replace(" ", ""), match.start(), match.end()))
    return found


def _begins_range(text: str, end: int) -> bool:
    """Whether the number is the first of a range such as ``9—15 日``; the last one has the unit."""
    return _RANGE.match(text, end) is not None


def parts(unit: str) -> tuple[int, str]:
    """Magnitude and noun of a unit: ``亿美元`` is (100000000, 美元); ``/日`` is left out."""
    plain = "".join(unit.split()).partition("/")[0]
    for name, size in _MAGNITUDES.items():
        if plain.startswith(name):
            noun = plain.removeprefix(name)
            return size, _SAME.get(noun, noun)
    return 1, _SAME.get(plain, plain)


def is_same(one: Decimal, one_unit: str, other: Decimal, other_unit: str) -> bool:
    """Whether two quantities are equal; a unit that is left out (``5.16 万亿``) is understood."""
    (size, noun), (other_size, other_noun) = parts(one_unit), parts(other_unit)
    if not one_unit:
        return one == other
    return one * size == other * other_size and noun in {other_noun, ""}
