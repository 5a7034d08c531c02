"""Growth that a text claims: rates, multiples and differences in points follow from stated values.

What belongs here: finding such claims, the pairs of values that they may speak of, and what those
give. What does not: which way a value moved (:mod:`.directions`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations
from typing import Literal

from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.quantities import (
    Quantity,
    is_same,
    parts,
    quantities,
    whole_number,
)
from bj_pipeline.report.proofreading.stated import Stated, Text, analysts_finding

_UP = "增长|增加|上升|上涨|提升|提高|扩大|增幅|增速|涨幅|高出|多出|同比增|环比增"
_DOWN = "下降|减少|下滑|下跌|回落|降低|缩减|收缩|降幅|跌幅|降"
_HEDGE = r"(?:了|约|近|将近|接近|超过|超|逾|大约|大概|为|达到|达|仅|\s)*"
_CLAIM = re.compile(rf"(?P<verb>{_UP}|{_DOWN})(?P<hedge>{_HEDGE})$")
_TRAILING = re.compile(rf"\s*的?(?:同比|环比|年均|复合)?(?P<verb>{_UP}|{_DOWN})")
_YEARLY = re.compile("年均|复合|每年|CAGR")
_YEARS = re.compile(r"(\d{4})\s*年?\s*(?:至|到|—|–|-|~)+\s*(\d{4})\s*年?")
_PERIODS = re.compile(
    r"(?P<past>近|过去|连续|最近)?\s*(?P<count>\d{1,2}|[一两二三四五六七八九十])\s*个?"
    r"(?P<unit>周|月|季度|年)(?!\s*\d)(?:来|内|间|里|累计|合计|共)?"
)
_NEAR_CLAIM = 8
_UNLISTED = re.compile("未列示|未列出|未披露|未在|不在图中")
_TURNED = re.compile("较|比|相比|高于|低于")
_NEAR = Decimal("0.9")
_TIMES = {"翻两番": 300, "翻了两番": 300, "减半": -50, "腰斩": -50}
_IN_WORDS = re.compile(
    "(?P<times>翻(?:了)?两番|翻(?:了)?一?[倍番]|减半|腰斩)"
    "|(?P<tenths>[一两二三四五六七八九])成(?P<and_half>半)?(?![本为员])"
    "|(?P<half>过半|超过一半|逾半|超半数)"
)

Kind = Literal["growth", "multiple", "points"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A growth rate, multiple or difference that a text states."""

    kind: Kind
    quantity: Quantity
    sign: int
    hedge: str
    is_yearly: bool
    is_increase: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Two values that a claim may speak of: from the first to the second.

    Attributes:
        steps: Rows of the figure between them.
        years: Years between them, where their categories name years.
        is_series: Whether they stand in one series of a figure.
        distance: 0 if the sentence names both, 1 if it names one.
    """

    first: Decimal
    second: Decimal
    unit: str
    steps: int
    years: int | None
    is_series: bool
    distance: int = 2


def claim_of(sentence: str, quantity: Quantity, values: Sequence[Stated]) -> Claim | None:
    """What a quantity of a sentence claims; None if it is a value like others.

    Args:
        sentence: The sentence around it.
        quantity: The quantity.
        values: Stated ones; what is among them is no multiple.
    """
    before = sentence[: quantity.start]
    unit = parts(quantity.unit)[1]
    match = _CLAIM.search(before)
    trailing = _TRAILING.match(sentence, quantity.end) if unit == "%" else None
    verb = match["verb"] if match else trailing["verb"] if trailing else ""
    sign = -1 if re.fullmatch(_DOWN, verb) else 1
    hedge = match["hedge"] if match else ""
    is_yearly = bool(_YEARLY.search(before[-14:] + (trailing[0] if trailing else "")))
    if unit == "个百分点":
        return Claim("points", quantity, sign, hedge, is_yearly=False, is_increase=False)
    if unit == "倍" and not any(
        is_same(quantity.value, quantity.unit, one.value, one.unit) for one in values
    ):
        return Claim("multiple", quantity, 1, hedge, is_yearly=False, is_increase=bool(verb))
    if unit == "%" and verb:
        return Claim("growth", quantity, sign, hedge, is_yearly=is_yearly, is_increase=True)
    return None


def judged(
    claim: Claim, sentence: str, text: Text, spoken: Sequence[Quantity], notes: Sequence[str]
) -> Iterator[Finding]:
    """Whether a claim follows from two stated values, over as long a time as it says.

    Args:
        claim: Of the sentence.
        sentence: The sentence around it.
        text: The text around that.
        spoken: Quantities of the text up to the end of the sentence.
        notes: Notes of the topic's exhibits, which may give a growth whose values are not shown.
    """
    quantity = claim.quantity
    pairs = _pairs(claim, sentence, text, spoken)
    if claim.is_yearly:
        years = [match for match in _YEARS.finditer(sentence) if match.end() <= quantity.start]
        if years:
            first, last = int(years[-1][1]), int(years[-1][2])
            pairs = [one for one in pairs if one.years == last - first and one.is_series]
            if not pairs and _UNLISTED.search(text.whole):
                yield from _as_noted(claim, sentence, (first, last), notes)
                return
            if not pairs:
                expected = f"the values of {first} and {last}, from which it follows"
                yield analysts_finding(
                    "growth_cannot_be_followed", sentence, quantity.printed, expected
                )
                return
    if not pairs:
        if not any(
            is_same(quantity.value, quantity.unit, one.value, one.unit) for one in text.values
        ):
            expected = "two stated values from which it follows"
            yield analysts_finding(
                "growth_cannot_be_followed", sentence, quantity.printed, expected
            )
        return
    given = [(pair, computed) for pair in pairs if (computed := _computed(claim, pair)) is not None]
    fitting = [pair for pair, computed in given if _fits(claim, computed)]
    if not fitting and given:
        nearest = min(
            given, key=lambda one: (one[0].distance, abs(one[1] - claim.sign * quantity.value))
        )
        yield analysts_finding(
            "growth_does_not_follow", sentence, quantity.printed, _worded(claim, *nearest)
        )
        return
    yield from _periods(claim, sentence, fitting)


def _as_noted(
    claim: Claim, sentence: str, years: tuple[int, int], notes: Sequence[str]
) -> Iterator[Finding]:
    """A growth whose values are not shown reads as in the note that gives it."""
    given = [
        one
        for note in notes
        for span in _YEARS.finditer(note)
        if (int(span[1]), int(span[2])) == years
        for one in quantities(note)
        if one.unit == claim.quantity.unit
    ]
    if given and all(one.value != claim.quantity.value for one in given):
        yield analysts_finding(
            "growth_does_not_follow",
            sentence,
            claim.quantity.printed,
            f"{given[0].printed}, as noted",
        )


def _pairs(claim: Claim, sentence: str, text: Text, spoken: Sequence[Quantity]) -> list[Pair]:
    """Pairs of stated values that a claim may speak of, each in the order of the claim."""
    beside = quantities(sentence)
    named = {one for one in text.values if text.is_exhibits or _is_named(one, spoken)}
    near = {one for one in named if _is_named(one, beside)}
    found = [
        Pair(
            first.value, second.value, first.unit, steps, _years(first, second), is_series, distance
        )
        for first, second, steps, is_series in _stated_pairs(text.values)
        if (first in named or second in named) and (is_series or claim.kind != "growth")
        for distance in (2 - (first in near) - (second in near),)
    ]
    found += _spoken_pairs(claim, sentence, spoken)
    if claim.kind == "multiple":
        found += [replace(one, first=one.second, second=one.first, years=None) for one in found]
    if claim.kind == "points":
        return [one for one in found if parts(one.unit)[1] == "%"]
    return [one for one in found if one.first > 0 or (one.first and claim.kind == "multiple")]


def _is_named(stated: Stated, spoken: Sequence[Quantity]) -> bool:
    return any(is_same(one.value, one.unit, stated.value, stated.unit) for one in spoken)


def _years(first: Stated, second: Stated) -> int | None:
    return second.year - first.year if first.year and second.year else None


def _stated_pairs(values: Sequence[Stated]) -> Iterator[tuple[Stated, Stated, int, bool]]:
    """Values of one series with the rows between them, and values beside each other."""
    series: dict[tuple[str, str], list[Stated]] = {}
    for one in values:
        series.setdefault((one.exhibit, one.series), []).append(one)
    for line in series.values():
        for (low, first), (high, second) in combinations(enumerate(line), 2):
            yield first, second, high - low, True
    for first, second in combinations(values, 2):
        if first.exhibit == second.exhibit and first.category == second.category:
            yield first, second, 0, False


def _spoken_pairs(claim: Claim, sentence: str, spoken: Sequence[Quantity]) -> Iterator[Pair]:
    """Values of the text itself, in its order; turned where it compares one with the other."""
    others = [one for one in spoken if one != claim.quantity and one.unit]
    for one, other in combinations(others, 2):
        (size, noun), (other_size, other_noun) = parts(one.unit), parts(other.unit)
        if noun != other_noun or noun in {"倍", "个百分点"}:
            continue
        first, second = one.value * size, other.value * other_size
        yield Pair(first, second, one.unit, 1, None, is_series=False)
        if other.start > one.end and _TURNED.search(sentence[one.end : other.start]):
            yield Pair(second, first, one.unit, 1, None, is_series=False)


def _computed(claim: Claim, pair: Pair) -> Decimal | None:
    if claim.kind == "points":
        difference = pair.second - pair.first
        return difference if pair.is_series else abs(difference) * claim.sign
    ratio = pair.second / pair.first
    if claim.kind == "multiple":
        return ratio - 1 if claim.is_increase else ratio
    if claim.is_yearly:
        if not pair.years or ratio <= 0:
            return None
        ratio = Decimal(float(ratio) ** (1 / pair.years))
    return (ratio - 1) * 100


def _fits(claim: Claim, computed: Decimal) -> bool:
    stated = claim.quantity.value * claim.sign
    half = Decimal(1).scaleb(-claim.quantity.digits) / 2
    if "超" in claim.hedge or "逾" in claim.hedge:
        return abs(stated) <= abs(computed) < abs(stated) / _NEAR and computed * stated > 0
    if "近" in claim.hedge:
        return abs(stated) * _NEAR <= abs(computed) <= abs(stated) + half and computed * stated > 0
    return abs(computed - stated) <= half


def _worded(claim: Claim, pair: Pair, computed: Decimal) -> str:
    digits = Decimal(1).scaleb(-max(claim.quantity.digits, 1))
    value = abs(computed).quantize(digits, rounding=ROUND_HALF_UP)
    first, second = f"{pair.first:f}", f"{pair.second:f}"
    if claim.kind == "points":
        return f"{value} 个百分点（{second} − {first}）"
    if claim.kind == "multiple":
        return f"{value} 倍（{second} ÷ {first}{' − 1' if claim.is_increase else ''}）"
    word = "增长" if computed >= 0 else "下降"
    root = f"，{pair.years} 年平均" if claim.is_yearly else ""
    return f"{word} {value}%（{second} ÷ {first} − 1{root}）"


def _periods(claim: Claim, sentence: str, pairs: Sequence[Pair]) -> Iterator[Finding]:
    """A growth over three weeks needs the values of three weeks."""
    if claim.is_yearly or not pairs or claim.kind == "points":
        return
    for match in _PERIODS.finditer(sentence[: claim.quantity.start]):
        count, unit = match["count"], match["unit"]
        is_near = match["past"] or claim.quantity.start - match.end() <= _NEAR_CLAIM
        if not is_near or (
            count.isdigit() and not match["past"]
        ):  # 6 月 is a month, 近 6 月 are six
            continue
        periods = whole_number(count)
        spans = [pair.years if unit == "年" and pair.years else pair.steps for pair in pairs]
        if periods > 1 and all(span not in {periods - 1, periods} for span in spans):
            expected = f"the values of {periods} {unit}; those stated span {max(spans) + 1}"
            yield analysts_finding(
                "growth_cannot_be_followed", sentence, claim.quantity.printed, expected
            )


def growth_in_words(sentence: str, found: Sequence[Quantity], text: Text) -> Iterator[Finding]:
    """Growth and shares in words: ``翻倍``, ``增长近三成``, ``过半``."""
    for match in _IN_WORDS.finditer(sentence):
        before = _CLAIM.search(sentence[: match.start()])
        low, high = _span(match, before["verb"] if before else "")
        is_growth = bool(before or match["times"])
        if is_growth:
            stand_in = Quantity("100", "%", match.start(), match.end())
            claim = Claim("growth", stand_in, 1, "", is_yearly=False, is_increase=True)
            pairs = _pairs(claim, sentence, text, found)
            given = [(one.second / one.first - 1) * 100 for one in pairs]
        else:
            beside = [one.value for one in found if one.unit == "%"]
            given = beside or [one.value for one in text.values if one.unit == "%"]
        if given and not any(low <= one <= high for one in given):
            rule = "growth_does_not_follow" if is_growth else "number_stands_in_no_figure"
            middle = (low + high) / 2
            nearest = min(given, key=lambda one: abs(one - middle))
            yield analysts_finding(rule, sentence, match[0], f"{nearest.quantize(Decimal('0.1'))}%")


def _span(match: re.Match[str], verb: str) -> tuple[Decimal, Decimal]:
    """The percentages that a growth or share in words may stand for."""
    if match["half"]:
        return Decimal(50), Decimal(100)
    room = Decimal(5)
    if match["times"]:
        size = Decimal(_TIMES.get(match["times"], 100))
        room = abs(size) / 10
    else:
        size = Decimal(10 * whole_number(match["tenths"]) + (5 if match["and_half"] else 0))
        size = -size if re.fullmatch(_DOWN, verb) else size
    hedge = _hedge(match)
    bounds = [size - room, size + room]
    if hedge == "over":
        bounds = [size, size + 2 * room]
    elif hedge == "nearly":
        bounds = [size - 2 * room, size]
    if size < 0 and hedge:
        bounds = [2 * size - bounds[1], 2 * size - bounds[0]]
    return bounds[0], bounds[1]


def _hedge(match: re.Match[str]) -> str:
    """Whether the words before say ``over`` or ``nearly``."""
    before = match.string[: match.start()]
    if re.search("(?:超过|超|逾)$", before):
        return "over"
    return "nearly" if re.search("(?:接近|将近|近)$", before) else ""
