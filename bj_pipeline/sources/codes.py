"""Company and index codes, however a vendor writes them.

What belongs here: turning ``BJ920493``, ``920493.0`` or ``830799.BJ`` into the canonical code. What
does not: which codes an issue covers, and whether a table wants companies or indices.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from bj_pipeline import given
from bj_pipeline.errors import DataError

MAPPING_FILE = Path(__file__).parents[1] / "reference" / "bse_code_mapping.csv"
_MAPPING_COLUMNS = 3
_PAIRS = 248
"""The switch is over: there will be no more."""
_DIGITS = re.compile(r"[0-9]{6}")
_RESTORE = "Restore the file as it was shipped: no pair ever changes."

_EXCHANGES = {
    "BJ": "BJ",
    "BSE": "BJ",
    "BJSE": "BJ",
    "XBSE": "BJ",
    "SH": "SH",
    "SS": "SH",
    "SSE": "SH",
    "XSHG": "SH",
    "SZ": "SZ",
    "SZSE": "SZ",
    "XSHE": "SZ",
    "CSI": "CSI",
    "NQ": "NQ",
    "HK": "HK",
}
_WRITTEN = re.compile(
    r"(?:(?P<prefix>[A-Z]{2,4})\.?)?(?P<digits>\d{6})(?:\.(?P<suffix>[A-Z]{2,4}))?"
)
_INDEX = re.compile(r"(899\d{3}\.BJ|000\d{3}\.SH|399\d{3}\.SZ|\d{6}\.CSI)")
_UNAMBIGUOUS_INDEX = {"899": "BJ", "399": "SZ"}
_FOREIGN = re.compile(r"[0-35-7]\d{5}\.BJ|92\d{4}\.(SH|SZ)")
_OLD = re.compile(r"(83|87|43)\d{4}")


@dataclass(frozen=True, slots=True)
class Code:
    """One code as this project writes it.

    Attributes:
        text: Canonical code with exchange, such as ``920493.BJ``.
        vendor: The code with exchange as the vendor wrote it: ``830799.BJ`` stays what it was.
    """

    text: str
    vendor: str

    @property
    def exchange(self) -> str:
        """``BJ``, ``SH``, ``SZ``, ``CSI``, ``NQ`` or ``HK``."""
        return self.text.rpartition(".")[2]

    @property
    def is_index(self) -> bool:
        """Whether it names an index."""
        return _INDEX.fullmatch(self.text) is not None

    @property
    def is_company(self) -> bool:
        """Whether it names a company of the Beijing exchange."""
        return self.exchange == "BJ" and not self.is_index


@cache
def mapping(path: Path = MAPPING_FILE) -> Mapping[str, str]:
    """Old six digits → new six digits of the code switch of 2025-10-09 (248 pairs).

    Raises:
        DataError: A line is no pair, or a code stands twice; pairs are missing or too many.
    """
    lines = list(given.rows(path.name, given.read_text(path, _RESTORE)))
    pairs: dict[str, str] = {}
    for line, row in lines[1:]:
        old, new = row[:2] if len(row) == _MAPPING_COLUMNS else ("", "")
        if not (_DIGITS.fullmatch(old) and _DIGITS.fullmatch(new)):
            rule = "a line holds an old code, a new one and whether they end alike"
            raise DataError(path.name, rule, _RESTORE, line, ",".join(row))
        if old in pairs or new in pairs.values():
            rule = "each code stands in one pair"
            raise DataError(path.name, rule, _RESTORE, line, f"{old},{new}")
        pairs[old] = new
    if len(pairs) != _PAIRS:
        raise DataError(path.name, f"there are {_PAIRS} pairs", _RESTORE, found=str(len(pairs)))
    return pairs


@lru_cache(maxsize=65_536, typed=True)
def normalise(written: object, *, index: bool = False) -> Code:
    """The canonical form of a code.

    An old code is looked up, never computed: 26 of the pairs do not keep their last digits. One
    that has no successor (delisted before the switch) stays as it is.

    Args:
        written: Text or number, with or without the exchange before or behind it.
        index: Whether an index is meant; a bare ``000688`` is then refused, since Shanghai's
            科创50 and a company in Shenzhen share these digits.

    Raises:
        ValueError: It is no code, or it needs its exchange; the message says which.
    """
    if isinstance(written, int | float) and not isinstance(written, bool):
        written = f"{written:.0f}" if written == written // 1 else str(written)
    text = str(written).strip("=\"' \t\r\n").upper().removesuffix(".0")
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError("a code has six digits and perhaps its exchange, such as 920493.BJ")
    digits = match["digits"]
    named = {_EXCHANGES.get(part, part) for part in (match["prefix"], match["suffix"]) if part}
    if len(named) > 1 or not named <= set(_EXCHANGES.values()):
        raise ValueError("the exchange beside a code is one of " + ", ".join(sorted(_EXCHANGES)))
    exchange = named.pop() if named else _exchange_of(digits, index=index)
    vendor = f"{digits}.{exchange}"
    if _FOREIGN.fullmatch(vendor):
        raise ValueError("the digits of a code are those of its exchange, such as 920493.BJ")
    is_old = exchange == "BJ" and _OLD.fullmatch(digits) is not None
    return Code(f"{mapping().get(digits, digits)}.BJ" if is_old else vendor, vendor)


def _exchange_of(digits: str, *, index: bool) -> str:
    """The exchange that six bare digits can only mean."""
    if digits[:3] in _UNAMBIGUOUS_INDEX:
        return _UNAMBIGUOUS_INDEX[digits[:3]]
    if index:
        raise ValueError("an index code names its exchange, such as 000688.SH")
    if digits.startswith("92") or _OLD.fullmatch(digits):
        return "BJ"
    if digits[0] in "69":
        return "SH"
    return "SZ" if digits[0] in "0123" else "NQ"
