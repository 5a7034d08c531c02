"""Weighted keywords, and the proposal that they add up to.

What belongs here: pure functions from a description to a proposal. What does not: files
(``curated``), and where weights come from (``counting``).
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

import pandas as pd

PROPOSAL_COLUMNS = ("code", "name", "segment", "score", "reasons")
ALTERNATIVE = "|"
_BLANK_INSIDE_CHINESE = re.compile(r"(?<=[^\x00-\x7f])\s+(?=[^\x00-\x7f])")
_INVISIBLE = ("Cc", "Cf")


@dataclass(frozen=True, slots=True)
class Rule:
    """A keyword that speaks for a segment, or against it.

    Attributes:
        keyword: A word, or several that mean much the same: ``液冷|风冷|散热``.
        weight: Points; negative where the keyword speaks against the segment.
        basis: ``counted`` over the known companies, or ``judged`` by an analyst.
    """

    segment: str
    keyword: str
    weight: float
    basis: str

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the keyword, any of which makes the rule speak."""
        return words_of(self.keyword)


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, and the points from which a segment is proposed.

    Attributes:
        thresholds: Points by segment; their order decides between equal scores.
    """

    rules: tuple[Rule, ...]
    thresholds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that spoke, and the word of the description that made it speak.

    A rule counts once, however often and in however many of its words it is mentioned.
    """

    word: str
    rule: Rule

    def __str__(self) -> str:
        """The word and the points: ``液冷 +1.3``."""
        return f"{self.word} {self.rule.weight:+g}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A segment for a company, with the reasons whose weights add up to the score."""

    segment: str
    score: float
    reasons: tuple[Reason, ...]
    threshold: float


def words_of(keyword: str) -> tuple[str, ...]:
    """The words of a keyword: ``液冷|风冷`` has two."""
    return tuple(keyword.split(ALTERNATIVE))


def normalised(text: str) -> str:
    """A text as keywords are looked up in it: half-width, lower case, without torn words.

    Vendors' texts have full-width letters, invisible characters, and line breaks inside words.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    spaced = "".join(" " if character.isspace() else character for character in folded)
    visible = "".join(
        character for character in spaced if unicodedata.category(character) not in _INVISIBLE
    )
    return _BLANK_INSIDE_CHINESE.sub("", visible).strip()


def mentioned(text: str, keyword: str) -> str | None:
    """The first word of a keyword that a normalised text holds; None if it holds none.

    A word that begins or ends with a Latin letter or a digit must be a word of its own there:
    ``AI`` is not in ``MAIN``.
    """
    return next((word for word in words_of(keyword) if _holds(text, normalised(word))), None)


def _holds(text: str, word: str) -> bool:
    start = text.find(word) if word else -1
    while start >= 0:
        if not (_same_word(text, start) or _same_word(text, start + len(word))):
            return True
        start = text.find(word, start + 1)
    return False


def _same_word(text: str, position: int) -> bool:
    pair = text[max(position - 1, 0) : position + 1]
    return 0 < position < len(text) and pair.isascii() and pair.isalnum()


def propose(description: str, rules: Rules) -> Proposal | None:
    """The segment that a description points to.

    Args:
        description: What the company does, in Chinese; may be blank.
        rules: Keywords with weights, and thresholds.

    Returns:
        The segment with the highest score among those that reach their threshold; None where none
        does. Of equal scores the segment that the thresholds name first wins.
    """
    text = normalised(description)
    best: Proposal | None = None
    for segment, threshold in rules.thresholds.items():
        reasons = _reasons(text, [rule for rule in rules.rules if rule.segment == segment])
        # Rounded, so that 0.2 + 1.4 reaches a threshold of 1.6 as it does on paper.
        score = round(fsum(reason.rule.weight for reason in reasons), 9)
        if reasons and score >= threshold and (best is None or score > best.score):
            best = Proposal(segment, score, reasons, threshold)
    return best


def _reasons(text: str, rules: Sequence[Rule]) -> tuple[Reason, ...]:
    spoken = [(mentioned(text, rule.keyword), rule) for rule in rules]
    found = [Reason(word, rule) for word, rule in spoken if word is not None]
    return tuple(sorted(found, key=lambda reason: (-reason.rule.weight, reason.word)))


def proposals(
    descriptions: pd.DataFrame, known_codes: Collection[str], rules: Rules
) -> pd.DataFrame:
    """Proposals for the companies that nobody has classified yet, the strongest first.

    Args:
        descriptions: ``code``, ``name`` and ``description``; a missing description is blank.
        known_codes: Companies whose place is settled, inside the AI chain or outside it.
        rules: Keywords with weights, and thresholds.

    Returns:
        ``code``, ``name``, ``segment``, ``score`` (points) and ``reasons``, such as
        ``液冷 +1.3, 数据中心 +1.1``; companies without a proposal are not in it.
    """
    rows = []
    for code, name, description in descriptions[["code", "name", "description"]].itertuples(
        index=False
    ):
        if code in known_codes or not isinstance(description, str):
            continue
        proposal = propose(description, rules)
        if proposal is not None:
            reasons = ", ".join(map(str, proposal.reasons))
            rows.append((code, name, proposal.segment, proposal.score, reasons))
    frame = pd.DataFrame(rows, columns=list(PROPOSAL_COLUMNS))
    return frame.sort_values(["score", "code"], ascending=[False, True], ignore_index=True)
