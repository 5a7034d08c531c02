"""The curated files behind the proposals: rules, thresholds and business descriptions.

What belongs here: reading and validating them; an error names file, line and rule. What does not:
the scoring (``rules``).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from math import isfinite
from pathlib import Path

import pandas as pd

from bj_pipeline.classification.rules import Rule, Rules, normalised, words_of
from bj_pipeline.errors import DataError
from bj_pipeline.reference import BASES, CODE, Line, read_rows

RULES_FILE = "ai_chain_rules.csv"
THRESHOLDS_FILE = "ai_chain_thresholds.csv"
DESCRIPTIONS_FILE = "business_descriptions.csv"
COUNTED = "counted"
JUDGED = "judged"
_RULE_COLUMNS = ("segment", "keyword", "weight", "basis")
_DESCRIPTION_COLUMNS = ("code", "name", "basis", "declined", "description")


@dataclass(frozen=True, slots=True)
class BusinessDescription:
    """What a company outside the AI chain does.

    Attributes:
        basis: Where the text stands; ``proposed`` is our own wording.
        declined: Day on which an analyst decided that the company is not of the AI chain; None
            while nobody has.
    """

    code: str
    name: str
    basis: str
    declined: date | None
    description: str


def load_rules(folder: Path, segments: Sequence[str]) -> Rules:
    """Load and validate rules and thresholds.

    Args:
        folder: Holds ``ai_chain_rules.csv`` and ``ai_chain_thresholds.csv``.
        segments: Segments that the AI chain has, in its order.

    Raises:
        DataError: Names file, line, rule and remedy.
    """

    def threshold(line: Line) -> tuple[str, float]:
        points = _number(line, "threshold")
        if points <= 0:
            raise line.refuse("threshold is above 0", line.cells["threshold"])
        return line.one_of("segment", segments), points

    thresholds = read_rows(folder / THRESHOLDS_FILE, ("segment", "threshold"), threshold)
    _refuse_repeats(THRESHOLDS_FILE, "a segment", [(n, segment) for n, (segment, _) in thresholds])
    points = dict(row for _, row in thresholds)
    rules = read_rows(folder / RULES_FILE, _RULE_COLUMNS, lambda line: _rule(line, tuple(points)))
    _refuse_shared_words(rules)
    return Rules(tuple(rule for _, rule in rules), points)


def load_descriptions(path: Path) -> tuple[BusinessDescription, ...]:
    """Load and validate business descriptions.

    Raises:
        DataError: Names file, line, rule and remedy.
    """
    rows = read_rows(path, _DESCRIPTION_COLUMNS, _description)
    _refuse_repeats(path.name, "a company", [(number, row.code) for number, row in rows])
    return tuple(row for _, row in rows)


def as_frame(descriptions: Iterable[BusinessDescription]) -> pd.DataFrame:
    """Descriptions as :func:`bj_pipeline.classification.rules.proposals` takes them."""
    rows = [(row.code, row.name, row.description) for row in descriptions]
    return pd.DataFrame(rows, columns=["code", "name", "description"])


def _rule(line: Line, segments: Sequence[str]) -> Rule:
    weight = _number(line, "weight")
    if weight == 0:
        raise line.refuse("weight is not 0", line.cells["weight"], "Delete the line.")
    if not all(normalised(word) for word in words_of(line.text("keyword"))):
        rule = "keyword is a word, or words split by |"
        raise line.refuse(rule, repr(line.cells["keyword"]))
    return Rule(
        segment=line.one_of("segment", segments),
        keyword=line.text("keyword"),
        weight=weight,
        basis=line.one_of("basis", (COUNTED, JUDGED)),
    )


def _description(line: Line) -> BusinessDescription:
    return BusinessDescription(
        code=line.code(CODE, "920493.BJ"),
        name=line.text("name"),
        basis=line.one_of("basis", BASES),
        declined=line.day("declined") if line.cells["declined"] else None,
        description=line.text("description"),
    )


def _number(line: Line, column: str) -> float:
    line.text(column)
    number = line.optional_number(column)
    if number is None or not isfinite(number):
        raise line.refuse(f"{column} is a number", line.cells[column])
    return number


def _refuse_repeats(file: str, what: str, rows: Collection[tuple[int, str]]) -> None:
    first: dict[str, int] = {}
    for number, key in rows:
        if key in first:
            rule = f"{what} stands once (it also stands on {first[key]})"
            raise DataError(file, rule, "Delete one of the lines.", number, key)
        first[key] = number


def _refuse_shared_words(rules: Sequence[tuple[int, Rule]]) -> None:
    # A word inside a word of another rule of its segment would count the same text twice.
    for position, (number, rule) in enumerate(rules):
        for earlier_number, earlier in rules[:position]:
            if rule.segment != earlier.segment:
                continue
            for word, other in product(rule.words, earlier.words):
                if normalised(word) in normalised(other) or normalised(other) in normalised(word):
                    problem = (
                        "no word of a segment's rule lies inside a word of another rule "
                        f"(line {earlier_number} has {other})"
                    )
                    raise DataError(RULES_FILE, problem, "Keep one of them.", number, word)
