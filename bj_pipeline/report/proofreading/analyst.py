"""The analyst's text: its numbers stand in the topic's figures, and its growth follows from them.

What belongs here: growth rates, multiples and differences in points, compared with what the stated
values give; units and directions. What does not: the house's own sentences (:mod:`.arithmetic`).
Values count as stated, to the last printed digit.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations, pairwise
from typing import Literal

from bj_pipeline.report.document import (
    Bullets,
    Chart,
    Document,
    Fact,
    FactRef,
    Figure,
    FigureRow,
    Line,
    Paragraph,
    Table,
    Words,
)
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.form import sentences
from bj_pipeline.report.proofreading.quantities import (
    Quantity,
    in_digits,
    is_same,
    parts,
    quantities,
)
from bj_pipeline.report.topic import TOPIC_TABLE

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
_CHINESE = {one: at for at, one in enumerate("一二三四五六七八九十", start=1)} | {"两": 2}
_UNLISTED = re.compile("未列示|未列出|未披露|未在|不在图中")
_RISES = re.compile(
    "升至|升到|增至|增长至|增长到|提高至|提高到|上升至|上升到|扩大至|扩大到|提升至|提升到|涨至"
)
_FALLS = re.compile("降至|降到|减至|减少至|减少到|下降至|下降到|回落至|回落到|跌至|缩减至|收窄至")
_MOVED = re.compile(rf"(?:{_RISES.pattern}|{_FALLS.pattern})(?:了|约|近|逾|超|\s)*$")
_TIME = re.compile(r"\d")
_TIMES_OF = re.compile(r"\d+|[上下]半年")
_APART = re.compile(r"(?:相隔|相距|时隔)\s*(\d{1,2}|[一两二三四五六七八九十])\s*年")
_FROM = re.compile(r"[由从自]")
_TURNED = re.compile("较|比|相比|高于|低于")
_NEAR = Decimal("0.9")
_EXHIBIT = re.compile(r"图表\s*(\d+)")
_CLAUSE_END = re.compile("[，。；]")
_YEAR = re.compile(r"(?<!\d)(20\d\d)\s*(?:年|E)")
_ASIDE = re.compile("[较比由从自]|高于|低于|相当于")
_TIMES = {"翻两番": 300, "翻了两番": 300, "减半": -50, "腰斩": -50}
_IN_WORDS = re.compile(
    "(?P<times>翻(?:了)?两番|翻(?:了)?一?[倍番]|减半|腰斩)"
    "|(?P<tenths>[一两二三四五六七八九])成(?P<and_half>半)?(?![本为员])"
    "|(?P<half>过半|超过一半|逾半|超半数)"
)
_MORE = re.compile("高于|大于|多于|超过")
_LESS = re.compile("低于|小于|少于|不及")

Kind = Literal["growth", "multiple", "points"]


@dataclass(frozen=True, slots=True)
class Stated:
    """A value of a figure of the topic."""

    value: Decimal
    unit: str
    category: str
    series: str
    exhibit: str

    @property
    def year(self) -> int | None:
        """The year that its category names."""
        match = re.match(r"(\d{4})(?!\d)", self.category)
        return int(match[1]) if match else None


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


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, title or note of the analyst's, and the exhibits that it speaks of."""

    whole: str
    values: tuple[Stated, ...]
    is_exhibits: bool = False


def topic_texts(document: Document) -> list[Text]:
    """All texts of the topic, and its key point."""
    values = _values(document)
    texts = []
    for section in document.sections:
        for block in section.blocks:
            lines: tuple[Line, ...] = (
                (block.line,)
                if isinstance(block, Paragraph)
                else block.items
                if isinstance(block, Bullets)
                else ()
            )
            if getattr(block, "analyst", False):
                texts += [Text(document.text(line), values) for line in lines]
    if texts:
        point = document.front_page.key_points.items[0]
        if all(isinstance(part, Words) for part in point):
            texts.insert(0, Text(document.text(point), values))
    for exhibit in _exhibits(document):
        own = tuple(one for one in values if one.exhibit == exhibit.id)
        texts += [
            Text(text, own, is_exhibits=True) for text in (exhibit.title, exhibit.note) if text
        ]
    return texts


def _exhibits(document: Document) -> list[Figure | Table]:
    return [
        one
        for block in document.blocks()
        for one in (block.figures if isinstance(block, FigureRow) else (block,))
        if isinstance(one, Figure | Table) and _facts(document, one)
    ]


def _facts(document: Document, exhibit: Figure | Table) -> list[tuple[Fact, str, str]]:
    """The analyst's facts of an exhibit, with series and category, series by series."""
    if isinstance(exhibit, Figure):
        chart: Chart = exhibit.chart
        cells = [
            (name, series.name, category)
            for series in chart.series
            for name, category in zip(series.facts, chart.categories, strict=False)
        ]
    else:
        cells = [
            (part.fact, exhibit.columns[at].label, document.text(row[0].line))
            for at in range(len(exhibit.columns))
            for row in exhibit.rows
            for part in row[at].line
            if isinstance(part, FactRef)
        ]
    facts = [
        (document.facts[name], series, category)
        for name, series, category in cells
        if name in document.facts
    ]
    return [one for one in facts if one[0].table == TOPIC_TABLE and one[0].value is not None]


def _values(document: Document) -> tuple[Stated, ...]:
    return tuple(
        Stated(Decimal(fact.text), fact.unit, category, series, exhibit.id)
        for exhibit in _exhibits(document)
        for fact, series, category in _facts(document, exhibit)
    )


def analysts_numbers(document: Document) -> Iterator[Finding]:
    """Everything that is wrong with the analyst's numbers."""
    notes = [one.note for one in _exhibits(document) if one.note]
    numbers = {one.number for one in document.exhibits()}
    for text in topic_texts(document):
        begin = 0
        for written in sentences(text.whole):
            sentence = in_digits(written)
            earlier = quantities(in_digits(text.whole[:begin]))
            for one in (
                *_numbers(sentence, text, earlier, notes),
                *_in_words(sentence, quantities(sentence), text),
                *directions(sentence, is_analysts=True),
                *_moves(sentence, text),
                *_years_apart(sentence, text),
            ):
                yield replace(one, sentence=written)
            for match in _EXHIBIT.finditer(sentence):
                if int(match[1]) not in numbers:
                    expected = f"a number up to {max(numbers, default=0)}"
                    yield _finding("exhibit_does_not_exist", written, match[0], expected)
            begin += len(written)
        if text.is_exhibits:
            yield from _title_direction(text)


def _numbers(
    sentence: str, text: Text, earlier: Sequence[Quantity], notes: Sequence[str]
) -> Iterator[Finding]:
    """Growth that follows from stated values, and values as stated."""
    found = quantities(sentence)
    claims = [claim for one in found if (claim := _claim(sentence, one, text.values))]
    for claim in claims:
        yield from _judged(claim, sentence, text, [*earlier, *found], notes)
    claimed = {claim.quantity for claim in claims}
    rest = [one for one in found if one not in claimed]
    yield from _units(sentence, rest, text, [one for note in notes for one in quantities(note)])
    yield from _owners(sentence, rest, text.values)


def _claim(sentence: str, quantity: Quantity, values: Sequence[Stated]) -> Claim | None:
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


def _judged(
    claim: Claim, sentence: str, text: Text, spoken: Sequence[Quantity], notes: Sequence[str]
) -> Iterator[Finding]:
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
                yield _finding("growth_cannot_be_followed", sentence, quantity.printed, expected)
                return
    if not pairs:
        if not any(
            is_same(quantity.value, quantity.unit, one.value, one.unit) for one in text.values
        ):
            expected = "two stated values from which it follows"
            yield _finding("growth_cannot_be_followed", sentence, quantity.printed, expected)
        return
    given = [(pair, computed) for pair in pairs if (computed := _computed(claim, pair)) is not None]
    fitting = [pair for pair, computed in given if _fits(claim, computed)]
    if not fitting and given:
        nearest = min(
            given, key=lambda one: (one[0].distance, abs(one[1] - claim.sign * quantity.value))
        )
        yield _finding(
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
        yield _finding(
            "growth_does_not_follow",
            sentence,
            claim.quantity.printed,
            f"{given[0].printed}, as noted",
        )


def _finding(rule: str, sentence: str, found: str, expected: str) -> Finding:
    return Finding(rule, "", "", sentence, found, expected, is_analysts=True)


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
        periods = _CHINESE.get(count) or int(count)
        spans = [pair.years if unit == "年" and pair.years else pair.steps for pair in pairs]
        if periods > 1 and all(span not in {periods - 1, periods} for span in spans):
            expected = f"the values of {periods} {unit}; those stated span {max(spans) + 1}"
            yield _finding("growth_cannot_be_followed", sentence, claim.quantity.printed, expected)


def _units(
    sentence: str, found: Sequence[Quantity], text: Text, notes: Sequence[Quantity]
) -> Iterator[Finding]:
    for quantity in found:
        if any(is_same(quantity.value, quantity.unit, one.value, one.unit) for one in text.values):
            continue
        if any(quantity.printed == one.printed for one in notes):
            continue
        equal = [one for one in text.values if str(one.value) == quantity.number.replace(",", "")]
        if equal:
            rule = "unit_differs"
            expected = (
                f"{quantity.number} {equal[0].unit}（{equal[0].series}，{equal[0].category}）"
            )
        else:
            rule, expected = "number_stands_in_no_figure", "a value of the topic's figures"
            lost = [one for one in text.values if one.value == -quantity.value]
            if lost:
                rule, expected = "sign_is_lost", f"{lost[0].value} {lost[0].unit}"
        yield _finding(rule, sentence, quantity.printed, expected)


def _owners(
    sentence: str, found: Sequence[Quantity], values: Sequence[Stated]
) -> Iterator[Finding]:
    """A value is told of the year and the series that it stands at in its figure."""
    for quantity in found:
        same = [
            one
            for one in values
            if quantity.unit and is_same(quantity.value, quantity.unit, one.value, one.unit)
        ]
        clause = _CLAUSE_END.split(sentence[: quantity.start])[-1]
        year = next(iter(reversed(list(_YEAR.finditer(clause)))), None)
        if year and not _ASIDE.search(clause, year.end()):
            years = [set(re.findall(r"(?<!\d)20\d\d(?!\d)", one.category)) for one in same]
            if years and all(one and year[1] not in one for one in years):
                yield _of_another(sentence, quantity, same[0])
                continue
        exhibits = {one.exhibit for one in same}
        series = {one.series for one in values if one.exhibit in exhibits}
        named = max(series, key=clause.rfind, default="")
        at = clause.rfind(named) if named else -1
        if at >= 0 and not _ASIDE.search(clause, at) and all(one.series != named for one in same):
            yield _of_another(sentence, quantity, same[0])


def _of_another(sentence: str, quantity: Quantity, stated: Stated) -> Finding:
    expected = f"{stated.series}，{stated.category}"
    return _finding("value_is_anothers", sentence, quantity.printed, expected)


def _in_words(sentence: str, found: Sequence[Quantity], text: Text) -> Iterator[Finding]:
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
            yield _finding(rule, sentence, match[0], f"{nearest.quantize(Decimal('0.1'))}%")


def _span(match: re.Match[str], verb: str) -> tuple[Decimal, Decimal]:
    """The percentages that a growth or share in words may stand for."""
    if match["half"]:
        return Decimal(50), Decimal(100)
    room = Decimal(5)
    if match["times"]:
        size = Decimal(_TIMES.get(match["times"], 100))
        room = abs(size) / 10
    else:
        size = Decimal(10 * _CHINESE[match["tenths"]] + (5 if match["and_half"] else 0))
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


def directions(sentence: str, *, is_analysts: bool) -> Iterator[Finding]:
    """``由 A 升至 B`` rises, ``由 A 降至 B`` falls."""
    for first, second in pairwise(quantities(sentence)):
        between = sentence[first.end : second.start]
        before = re.split("[，。；、]", sentence[: first.start])[-1]
        (size, noun), (other_size, other_noun) = parts(first.unit), parts(second.unit)
        change = second.value * other_size - first.value * size
        if noun != other_noun or _CLAUSE_END.search(between):
            continue
        for words, is_wrong, word in ((_MORE, change > 0, "低于"), (_LESS, change < 0, "高于")):
            match = words.search(between)
            if match and is_wrong and first.unit:
                yield Finding(
                    "direction_is_wrong",
                    "",
                    "",
                    sentence,
                    f"{first.printed}{match[0]}{second.printed}",
                    f"{first.printed}{word}{second.printed}",
                    is_analysts,
                )
        if not _FROM.search(before):
            continue
        for verbs, is_wrong, word in ((_RISES, change < 0, "降至"), (_FALLS, change > 0, "升至")):
            match = verbs.search(between)
            if match and is_wrong:
                yield Finding(
                    "direction_is_wrong",
                    "",
                    "",
                    sentence,
                    f"{first.printed}{match[0]}{second.printed}",
                    f"{first.printed}{word}{second.printed}",
                    is_analysts,
                )


def _moves(sentence: str, text: Text) -> Iterator[Finding]:
    """What a value rises or falls to stands after what it comes from, or is told with its time."""
    found = quantities(sentence)
    for quantity in found:
        before = sentence[: quantity.start]
        clause = _CLAUSE_END.split(before)[-1]
        lines = _lines_with(text.values, quantity) if _MOVED.search(before) else []
        origin = next(
            (one for one in found if len(before) - len(clause) <= one.start < quantity.start), None
        )
        if origin and _FROM.search(clause):
            comes_after = any(_is_stated(origin, line[at + 1 :]) for line, at in lines)
            if comes_after and not any(_is_stated(origin, line[:at]) for line, at in lines):
                expected = f"{quantity.printed} before {origin.printed}"
                yield _finding("value_is_earlier", sentence, quantity.printed, expected)
        elif lines and all(at == 0 and len(line) > 1 for line, at in lines):
            line = lines[0][0]
            if not _ASIDE.search(clause) and not _tells(before, clause, line[0].category):
                last = line[-1]
                expected = f"{last.value} {last.unit}（{last.series}，{last.category}）"
                yield _finding("value_is_earlier", sentence, quantity.printed, expected)


def _lines_with(values: Sequence[Stated], quantity: Quantity) -> list[tuple[list[Stated], int]]:
    """Series over time that hold a value, and where in them."""
    lines: dict[tuple[str, str], list[Stated]] = {}
    for one in values:
        lines.setdefault((one.exhibit, one.series), []).append(one)
    return [
        (line, at)
        for line in lines.values()
        if all(_TIME.match(one.category) for one in line)
        for at in range(len(line))
        if quantity.unit and _is_stated(quantity, line[at : at + 1])
    ]


def _is_stated(quantity: Quantity, values: Sequence[Stated]) -> bool:
    return any(is_same(quantity.value, quantity.unit, one.value, one.unit) for one in values)


def _tells(before: str, clause: str, category: str) -> bool:
    """Whether a value's clause names the time of its category or, where it names none, the text."""
    times, named = _TIMES_OF.findall(category), _TIMES_OF.findall(clause)
    return any(one in times for one in named) if named else all(one in before for one in times)


def _years_apart(sentence: str, text: Text) -> Iterator[Finding]:
    """``相隔三年`` is said of two years that are three apart."""
    named = {int(one) for one in re.findall(r"(?<!\d)20\d\d(?!\d)", sentence)}
    years = named or {one.year for one in text.values if text.is_exhibits and one.year}
    for match in _APART.finditer(sentence):
        count = _CHINESE.get(match[1]) or int(match[1])
        if len(years) == 2 and count != max(years) - min(years):  # noqa: PLR2004 - two ends
            expected = f"{max(years) - min(years)} 年（{min(years)}、{max(years)}）"
            yield _finding("years_do_not_follow", sentence, match[0], expected)


def _title_direction(text: Text) -> Iterator[Finding]:
    """A title that says ``升至 5.16`` shows a series that rises to it."""
    for quantity in quantities(text.whole):
        before = text.whole[: quantity.start].rstrip()
        for verbs, sign, word in ((_RISES, 1, "降至"), (_FALLS, -1, "升至")):
            match = next((one for one in verbs.finditer(before) if one.end() == len(before)), None)
            ends = [
                (earlier, later)
                for earlier, later in pairwise(text.values)
                if later.value == quantity.value and earlier.series == later.series
            ]
            if (
                match
                and ends
                and all((later.value - earlier.value) * sign < 0 for earlier, later in ends)
            ):
                expected = f"{word} {quantity.printed}（由 {ends[0][0].value}）"
                yield _finding(
                    "direction_is_wrong", text.whole, f"{match[0]} {quantity.printed}", expected
                )
