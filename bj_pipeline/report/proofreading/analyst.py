"""The analyst's text: its numbers stand in the topic's figures, and its growth follows from them.

What belongs here: every rule for the analyst's sentences in one place, and those for values as
stated. What does not: the house's own sentences (:mod:`.arithmetic`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bj_pipeline.report.document import Document
from bj_pipeline.report.proofreading.directions import (
    ASIDE,
    CLAUSE_END,
    directions,
    moves,
    title_directions,
    years_apart,
)
from bj_pipeline.report.proofreading.finding import Finding
from bj_pipeline.report.proofreading.form import sentences
from bj_pipeline.report.proofreading.growth import claim_of, growth_in_words, judged
from bj_pipeline.report.proofreading.quantities import Quantity, in_digits, is_same, quantities
from bj_pipeline.report.proofreading.stated import (
    Stated,
    Text,
    analysts_finding,
    topic_exhibits,
    topic_texts,
)

_EXHIBIT = re.compile(r"图表\s*(\d+)")
_YEAR = re.compile(r"(?<!\d)(20\d\d)\s*(?:年|E)")


def analysts_numbers(document: Document) -> Iterator[Finding]:
    """Everything that is wrong with the analyst's numbers."""
    notes = [one.note for one in topic_exhibits(document) if one.note]
    numbers = {one.number for one in document.exhibits()}
    for text in topic_texts(document):
        begin = 0
        for written in sentences(text.whole):
            sentence = in_digits(written)
            earlier = quantities(in_digits(text.whole[:begin]))
            for one in (
                *_numbers(sentence, text, earlier, notes),
                *growth_in_words(sentence, quantities(sentence), text),
                *directions(sentence, is_analysts=True),
                *moves(sentence, text),
                *years_apart(sentence, text),
            ):
                yield replace(one, sentence=written)
            for match in _EXHIBIT.finditer(sentence):
                if int(match[1]) not in numbers:
                    expected = f"a number up to {max(numbers, default=0)}"
                    yield analysts_finding("exhibit_does_not_exist", written, match[0], expected)
            begin += len(written)
        if text.is_exhibits:
            yield from title_directions(text)


def _numbers(
    sentence: str, text: Text, earlier: Sequence[Quantity], notes: Sequence[str]
) -> Iterator[Finding]:
    """Growth that follows from stated values, and values as stated."""
    found = quantities(sentence)
    claims = [claim for one in found if (claim := claim_of(sentence, one, text.values))]
    for claim in claims:
        yield from judged(claim, sentence, text, [*earlier, *found], notes)
    claimed = {claim.quantity for claim in claims}
    rest = [one for one in found if one not in claimed]
    yield from _units(sentence, rest, text, [one for note in notes for one in quantities(note)])
    yield from _owners(sentence, rest, text.values)


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
        yield analysts_finding(rule, sentence, quantity.printed, expected)


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
        clause = CLAUSE_END.split(sentence[: quantity.start])[-1]
        year = next(iter(reversed(list(_YEAR.finditer(clause)))), None)
        if year and not ASIDE.search(clause, year.end()):
            years = [set(re.findall(r"(?<!\d)20\d\d(?!\d)", one.category)) for one in same]
            if years and all(one and year[1] not in one for one in years):
                yield _of_another(sentence, quantity, same[0])
                continue
        exhibits = {one.exhibit for one in same}
        series = {one.series for one in values if one.exhibit in exhibits}
        named = max(series, key=clause.rfind, default="")
        at = clause.rfind(named) if named else -1
        if at >= 0 and not ASIDE.search(clause, at) and all(one.series != named for one in same):
            yield _of_another(sentence, quantity, same[0])


def _of_another(sentence: str, quantity: Quantity, stated: Stated) -> Finding:
    expected = f"{stated.series}，{stated.category}"
    return analysts_finding("value_is_anothers", sentence, quantity.printed, expected)
