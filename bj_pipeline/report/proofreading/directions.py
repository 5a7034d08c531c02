"""Which way a value moved: ``由 A 升至 B`` rises, and B stands after A in its series.

What belongs here: words for rising, falling, more and less, and how far apart in time. What does
not: by how much a value moved (:mod:`.growth`).
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.quantities import parts, quantities, whole_number
from bj_pipeline.report.proofreading.stated import (
    Text,
    analysts_finding,
    is_stated,
    series_with,
)

_RISES = re.compile(
    "升至|升到|增至|增长至|增长到|提高至|提高到|上升至|上升到|扩大至|扩大到|提升至|提升到|涨至"
)
_FALLS = re.compile("降至|降到|减至|减少至|减少到|下降至|下降到|回落至|回落到|跌至|缩减至|收窄至")
_MOVED = re.compile(rf"(?:{_RISES.pattern}|{_FALLS.pattern})(?:了|约|近|逾|超|\s)*$")
_TIMES_OF = re.compile(r"\d+|[上下]半年")
_APART = re.compile(r"(?:相隔|相距|时隔)\s*(\d{1,2}|[一两二三四五六七八九十])\s*年")
_FROM = re.compile(r"[由从自]")
CLAUSE_END = re.compile("[，。；]")
ASIDE = re.compile("[较比由从自]|高于|低于|相当于")
_MORE = re.compile("高于|大于|多于|超过")
_LESS = re.compile("低于|小于|少于|不及")


def directions(sentence: str, *, is_analysts: bool) -> Iterator[Finding]:
    """``由 A 升至 B`` rises, ``由 A 降至 B`` falls."""
    for first, second in pairwise(quantities(sentence)):
        between = sentence[first.end : second.start]
        before = re.split("[，。；、]", sentence[: first.start])[-1]
        (size, noun), (other_size, other_noun) = parts(first.unit), parts(second.unit)
        change = second.value * other_size - first.value * size
        if noun != other_noun or CLAUSE_END.search(between):
            continue
        rules = [(_MORE, change > 0, "低于"), (_LESS, change < 0, "高于")] if first.unit else []
        if _FROM.search(before):
            rules += [(_RISES, change < 0, "降至"), (_FALLS, change > 0, "升至")]
        for words, is_wrong, word in rules:
            match = words.search(between)
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


def moves(sentence: str, text: Text) -> Iterator[Finding]:
    """What a value rises or falls to stands after what it comes from, or is told with its time."""
    found = quantities(sentence)
    for quantity in found:
        before = sentence[: quantity.start]
        clause = CLAUSE_END.split(before)[-1]
        lines = series_with(text.values, quantity) if _MOVED.search(before) else []
        origin = next(
            (one for one in found if len(before) - len(clause) <= one.start < quantity.start), None
        )
        if origin and _FROM.search(clause):
            comes_after = any(is_stated(origin, line[at + 1 :]) for line, at in lines)
            if comes_after and not any(is_stated(origin, line[:at]) for line, at in lines):
                expected = f"{quantity.printed} before {origin.printed}"
                yield analysts_finding("value_is_earlier", sentence, quantity.printed, expected)
        elif lines and all(at == 0 and len(line) > 1 for line, at in lines):
            line = lines[0][0]
            if not ASIDE.search(clause) and not _tells(before, clause, line[0].category):
                last = line[-1]
                expected = f"{last.value} {last.unit}（{last.series}，{last.category}）"
                yield analysts_finding("value_is_earlier", sentence, quantity.printed, expected)


def _tells(before: str, clause: str, category: str) -> bool:
    """Whether a value's clause names the time of its category or, where it names none, the text."""
    times, named = _TIMES_OF.findall(category), _TIMES_OF.findall(clause)
    return any(one in times for one in named) if named else all(one in before for one in times)


def years_apart(sentence: str, text: Text) -> Iterator[Finding]:
    """``相隔三年`` is said of two years that are three apart."""
    named = {int(one) for one in re.findall(r"(?<!\d)20\d\d(?!\d)", sentence)}
    years = named or {one.year for one in text.values if text.is_exhibits and one.year}
    for match in _APART.finditer(sentence):
        count = whole_number(match[1])
        if len(years) == 2 and count != max(years) - min(years):  # noqa: PLR2004 - two ends
            expected = f"{max(years) - min(years)} 年（{min(years)}、{max(years)}）"
            yield analysts_finding("years_do_not_follow", sentence, match[0], expected)


def title_directions(text: Text) -> Iterator[Finding]:
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
                yield analysts_finding(
                    "direction_is_wrong", text.whole, f"{match[0]} {quantity.printed}", expected
                )
