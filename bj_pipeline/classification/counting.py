"""Weights by counting, and how well they do on companies that they have not seen.

What belongs here: the one formula, leave-one-out, precision and recall. What does not: thresholds
and vocabulary, which are data and are not fitted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TypeVar

import pandas as pd

from bj_pipeline.classification.curated import COUNTED, JUDGED
from bj_pipeline.classification.rules import Rule, Rules, mentioned, normalised, propose

SMOOTHING = 0.5
ANY_SEGMENT = "AI chain, any segment"
RIGHT_SEGMENT = "AI chain, right segment"
OUTCOME_COLUMNS = ("code", "name", "segment", "proposed", "score")
ACCURACY_COLUMNS = ("group", "companies", "proposed", "right", "precision", "recall")


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Example:
    """A company whose place is known.

    Attributes:
        segment: Its segment; None for a company outside the AI chain.
    """

    code: str
    name: str
    segment: str | None
    description: str


def count_rules(
    vocabulary: Sequence[str], segments: Sequence[str], examples: Sequence[Example]
) -> tuple[Rule, ...]:
    """Weigh each keyword by how much oftener it stands in a segment than chance would have it.

    With ``a`` of the segment's ``n`` descriptions holding the keyword, and ``p`` the share of all
    descriptions that hold it, the weight is ``ln((a + ½) / (n·p + ½))``, rounded to one decimal.
    The halves keep a single sighting small. Only positive weights become rules.

    Args:
        vocabulary: Keywords to weigh.
        segments: Segments in the order wanted.
        examples: Companies to count over, those outside the AI chain included.
    """
    parts = [example.segment for example in examples]
    return _weigh(vocabulary, segments, parts, _sightings(vocabulary, examples))


def _sightings(vocabulary: Sequence[str], examples: Sequence[Example]) -> list[frozenset[str]]:
    texts = [normalised(example.description) for example in examples]
    return [
        frozenset(keyword for keyword in vocabulary if mentioned(text, keyword) is not None)
        for text in texts
    ]


def _weigh(
    vocabulary: Sequence[str],
    segments: Sequence[str],
    parts: Sequence[str | None],
    sightings: Sequence[frozenset[str]],
) -> tuple[Rule, ...]:
    rules = []
    for segment in segments:
        size = sum(part == segment for part in parts)
        for keyword in vocabulary:
            holders = [part for part, seen in zip(parts, sightings, strict=True) if keyword in seen]
            inside = holders.count(segment)
            expected = size * len(holders) / max(len(parts), 1)
            weight = round(log((inside + SMOOTHING) / (expected + SMOOTHING)), 1)
            if weight > 0:
                rules.append(Rule(segment, keyword, weight, COUNTED))
    return tuple(rules)


def recount(rules: Rules, examples: Sequence[Example]) -> tuple[Rule, ...]:
    """The rules with their counted weights counted anew; judged ones stay as they are.

    Returns:
        Rules by segment, counted ones first, the heaviest first; a keyword that no longer speaks
        for a segment is gone.
    """
    judged = [rule for rule in rules.rules if rule.basis == JUDGED]
    settled = {(rule.segment, rule.keyword) for rule in judged}
    counted = count_rules(vocabulary_of(rules), tuple(rules.thresholds), examples)
    kept = [rule for rule in counted if (rule.segment, rule.keyword) not in settled]
    order = list(rules.thresholds)

    def place(rule: Rule) -> tuple[int, str, float, str]:
        return order.index(rule.segment), rule.basis, -rule.weight, rule.keyword

    return tuple(sorted([*kept, *judged], key=place))


def vocabulary_of(rules: Rules) -> tuple[str, ...]:
    """Every keyword of the rules, once, in their order."""
    return tuple(dict.fromkeys(rule.keyword for rule in rules.rules))


def leave_one_out(rules: Rules, examples: Sequence[Example]) -> pd.DataFrame:
    """What would be proposed for each company by weights counted over all the others.

    Only the keywords and the thresholds of the rules are taken, none of their weights.

    Returns:
        ``code``, ``name``, ``segment`` (as known), ``proposed`` (None: nothing) and ``score``.
    """
    vocabulary, segments = vocabulary_of(rules), tuple(rules.thresholds)
    parts = [example.segment for example in examples]
    sightings = _sightings(vocabulary, examples)
    outcomes = []
    for position, example in enumerate(examples):
        learnt = _weigh(
            vocabulary, segments, _without(parts, position), _without(sightings, position)
        )
        outcomes.append(_outcome(example, Rules(learnt, rules.thresholds)))
    return pd.DataFrame(outcomes, columns=list(OUTCOME_COLUMNS))


def _without(items: Sequence[T], position: int) -> list[T]:
    return [*items[:position], *items[position + 1 :]]


def in_sample(rules: Rules, examples: Sequence[Example]) -> pd.DataFrame:
    """What the given rules propose for companies that they were written with; flattering.

    Returns:
        The columns of :func:`leave_one_out`.
    """
    outcomes = [_outcome(example, rules) for example in examples]
    return pd.DataFrame(outcomes, columns=list(OUTCOME_COLUMNS))


def accuracy(outcomes: pd.DataFrame, segments: Sequence[str]) -> pd.DataFrame:
    """Precision and recall of each segment and of the AI chain as a whole.

    Args:
        outcomes: As :func:`leave_one_out` returns them.
        segments: Segments in the order wanted.

    Returns:
        ``group``, ``companies`` (known), ``proposed``, ``right``, ``precision`` (right ÷ proposed)
        and ``recall`` (right ÷ companies); NaN where nothing was proposed, or nothing is known.
        The last rows are the AI chain, with and without regard to the segment.
    """
    known, proposed = outcomes["segment"], outcomes["proposed"]
    rows = []
    for segment in segments:
        right = (known == segment) & (proposed == segment)
        rows.append((segment, (known == segment).sum(), (proposed == segment).sum(), right.sum()))
    inside, named = known.notna(), proposed.notna()
    matching = inside & named & (known == proposed)
    rows.append((RIGHT_SEGMENT, inside.sum(), named.sum(), matching.sum()))
    rows.append((ANY_SEGMENT, inside.sum(), named.sum(), (inside & named).sum()))
    frame = pd.DataFrame(rows, columns=list(ACCURACY_COLUMNS[:4]))
    frame["precision"] = frame["right"] / frame["proposed"]
    frame["recall"] = frame["right"] / frame["companies"]
    return frame


def _outcome(example: Example, rules: Rules) -> tuple[str, str, str | None, str | None, float]:
    proposal = propose(example.description, rules)
    segment, score = (proposal.segment, proposal.score) if proposal else (None, 0.0)
    return example.code, example.name, example.segment, segment, score
